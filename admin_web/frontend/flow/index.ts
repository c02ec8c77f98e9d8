// Mounts the editor of an IVR flow where a page has one.
import { createApp } from "vue";
import FlowEditor from "./FlowEditor.vue";
import "./flow.css";
import type { Boot } from "./types";

/** Mounts every `[data-flow-editor]` below `root`; an editor ends with the page it stands on. */
export function mountFlowEditors(root: ParentNode): void {
  for (const box of root.querySelectorAll<HTMLElement>("[data-flow-editor]:not([data-mounted])")) {
    box.dataset["mounted"] = "";
    const app = createApp(FlowEditor, { boot: JSON.parse(box.dataset["boot"] ?? "{}") as Boot });
    app.mount(box);
    const observer = new MutationObserver(() => {
      if (box.isConnected) return;
      app.unmount();
      observer.disconnect();
    });
    observer.observe(document.getElementById("zj-main") ?? document.body, { childList: true });
  }
}
