// Mounts the outline editor of an IVR flow where a page has one.
import { createApp } from "vue";
import FlowEditor from "./FlowEditor.vue";
import type { FlowDocument, FlowProblem, Targets } from "./model";

/** Mounts every `[data-flow-editor]` below `root`; an editor ends with the page it stands on. */
export function mountFlowEditors(root: ParentNode): void {
  for (const box of root.querySelectorAll<HTMLElement>("[data-flow-editor]:not([data-mounted])")) {
    box.dataset["mounted"] = "";
    const app = createApp(FlowEditor, {
      address: box.dataset["address"] ?? "",
      publishAddress: box.dataset["publish"] ?? "",
      editable: box.dataset["editable"] === "yes",
      initial: JSON.parse(box.dataset["document"] ?? "{}") as FlowDocument,
      targets: JSON.parse(box.dataset["targets"] ?? "{}") as Targets,
      initialProblems: JSON.parse(box.dataset["problems"] ?? "[]") as FlowProblem[],
      words: JSON.parse(box.dataset["words"] ?? "{}") as Record<string, string>,
    });
    app.mount(box);
    const observer = new MutationObserver(() => {
      if (box.isConnected) return;
      app.unmount();
      observer.disconnect();
    });
    observer.observe(document.getElementById("zj-main") ?? document.body, { childList: true });
  }
}
