// Nothing is lost by leaving: inside the shell the draft is saved first; where it cannot be saved the person is asked.
import { onBeforeUnmount, onMounted } from "vue";
import type { Draft } from "./drafts";
import { t } from "./i18n";

interface Leaving extends Event {
  detail: { target?: Element; elt?: Element; issueRequest?: (skip: boolean) => void };
}

/** Guard the page while `draft` is not saved. */
export function useLeaving(draft: Draft): void {
  function beforeUnload(event: BeforeUnloadEvent): void {
    if (draft.saver.isSaved) return;
    event.preventDefault();
    void draft.saver.flush();
  }

  /** A link of the shell: htmx asks before it replaces the page's main part. */
  function beforeSwap(event: Event): void {
    const { target, issueRequest } = (event as Leaving).detail;
    if (target?.id !== "zj-main" || draft.saver.isSaved) return;
    event.preventDefault();
    void draft.saver.flush().then((saved) => {
      if (saved || window.confirm(t("leave.unsaved"))) issueRequest?.(true);
    });
  }

  onMounted(() => {
    addEventListener("beforeunload", beforeUnload);
    document.addEventListener("htmx:confirm", beforeSwap);
  });
  onBeforeUnmount(() => {
    removeEventListener("beforeunload", beforeUnload);
    document.removeEventListener("htmx:confirm", beforeSwap);
  });
}
