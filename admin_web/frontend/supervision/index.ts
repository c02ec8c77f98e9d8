// Mounts the supervisor's page where a page has it.
import { createApp } from "vue";
import SupervisionPage from "./SupervisionPage.vue";
import "./supervision.css";

/** Mounts every `[data-supervision]` below `root`; it ends with the page it stands on. */
export function mountSupervision(root: ParentNode): void {
  for (const box of root.querySelectorAll<HTMLElement>("[data-supervision]:not([data-mounted])")) {
    box.dataset["mounted"] = "";
    const app = createApp(SupervisionPage, { account: box.dataset["account"] ?? "", wall: box.dataset["wall"] === "true" });
    app.mount(box);
    const observer = new MutationObserver(() => {
      if (box.isConnected) return;
      app.unmount();
      observer.disconnect();
    });
    observer.observe(document.getElementById("zj-main") ?? document.body, { childList: true });
  }
}
