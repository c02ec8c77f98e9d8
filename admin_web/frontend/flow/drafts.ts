// The draft and the server: saving by itself, checking while one types, publishing, callers counted.
import { onBeforeUnmount, onMounted, ref, watch } from "vue";
import { ask, type Answer } from "./api";
import { completed } from "./document";
import { t } from "./i18n";
import { Saver, type SaveAnswer, type SaveState } from "./saver";
import type { Editor } from "./store";
import type { Boot, FlowDocument, LiveCounts, Problem } from "./types";

const CHECK_AFTER_MS = 500;
const LIVE_EVERY_MS = 3000;

type Revision = Boot["revision"];

export interface Conflict {
  by: string;
  at: string;
}

export type PublishResult = { version: number } | { problems: Problem[] } | { message: string };

/** Who changed the draft meanwhile, and when, if `answer` refuses for that; else null. */
export function conflictOf(answer: Answer<unknown> | null): Conflict | null {
  const body = answer?.body as (Partial<Conflict> & { error?: string }) | null | undefined;
  if (answer?.status !== 409 || body?.error !== "edited-meanwhile") return null;
  return { by: body.by ?? "", at: body.at ?? "" };
}

/** Everything about the draft on the server. To be called in the set-up of the editor's component. */
export function useDraft(editor: Editor) {
  const { boot } = editor;
  const state = ref<SaveState>("saved");
  const message = ref("");
  const conflict = ref<Conflict | null>(null);
  const published = ref(boot.flow.published_version);

  async function send(document: FlowDocument, revision: Revision): Promise<SaveAnswer<Revision>> {
    const answer = await ask<{ revision: Revision; problems: Problem[] }>(boot.urls.save, "PUT", { document, revision });
    if (!answer) return { kind: "unreachable" };
    if (answer.ok && answer.body) {
      if (editor.draft.value === document) editor.problems.value = answer.body.problems;
      return { kind: "saved", revision: answer.body.revision };
    }
    const other = conflictOf(answer);
    if (other) {
      conflict.value = other;
      return { kind: "conflict" };
    }
    if (answer.status >= 500) return { kind: "unreachable" };
    return { kind: "refused", message: answer.status === 401 ? t("save.signed_out") : (answer.body?.message ?? t("save.refused")) };
  }

  const saver = new Saver<FlowDocument, Revision>(editor.draft.value, boot.revision, {
    send,
    later(job, ms) {
      const timer = setTimeout(job, ms);
      return () => clearTimeout(timer);
    },
    changed(next, text) {
      state.value = next;
      message.value = text;
    },
  });

  let checkTimer = 0;
  let checks = 0;
  async function check(): Promise<void> {
    const mine = (checks += 1);
    const document = editor.draft.value;
    const answer = await ask<{ problems: Problem[] }>(boot.urls.check, "POST", { document });
    if (answer?.ok && answer.body && mine === checks && editor.draft.value === document) editor.problems.value = answer.body.problems;
  }

  watch(editor.draft, (document) => {
    if (!boot.rights.edit) return;
    saver.want(document);
    clearTimeout(checkTimer);
    checkTimer = window.setTimeout(() => void check(), CHECK_AFTER_MS);
  });

  /** Read from the server what is there now. */
  async function fetchLatest(): Promise<Boot | null> {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const text = page.querySelector<HTMLElement>("[data-flow-editor]")?.dataset["boot"];
      return answer.ok && text ? (JSON.parse(text) as Boot) : null;
    } catch {
      return null;
    }
  }

  async function keepMine(): Promise<boolean> {
    const latest = await fetchLatest();
    if (!latest) return false;
    conflict.value = null;
    return saver.overwrite(latest.revision);
  }

  async function takeTheirs(): Promise<boolean> {
    const latest = await fetchLatest();
    if (!latest) return false;
    conflict.value = null;
    adopt(latest.document, latest.revision, t("step.theirs"));
    return true;
  }

  /** The server has `document` as the draft now: show it, as a step that can be undone. */
  function adopt(document: Partial<FlowDocument>, revision: Revision, label: string): void {
    editor.replace(completed(document), label);
    saver.reset(editor.draft.value, revision);
    void check();
  }

  /** Ask for something to be done with the draft that is shown; a conflict stops saving and is shown. */
  async function decide<T>(address: string, method: string, body: object = {}): Promise<Answer<T> | null> {
    const answer = await ask<T>(address, method, { ...body, revision: saver.revision });
    const other = conflictOf(answer);
    if (other) {
      conflict.value = other;
      saver.collide();
    }
    return answer;
  }

  /** Have the server make something else the draft, which is then shown. Resolves to why not; empty: done. */
  async function takeOver(address: string, method: string, label: string): Promise<string> {
    await saver.flush();
    const answer = await decide<{ document: FlowDocument; revision: Revision }>(address, method);
    if (!answer) return t("error.network");
    if (!answer.ok || !answer.body) return answer.body?.message ?? t("error.unexpected", { status: answer.status });
    editor.looking.value = null;
    adopt(answer.body.document, answer.body.revision, label);
    return "";
  }

  async function publish(note: string): Promise<PublishResult> {
    if (!(await saver.flush())) return { message: t("publish.not_saved") };
    const answer = await decide<{ version: number; problems?: Problem[]; revision?: Revision }>(boot.urls.publish, "POST", { note });
    if (!answer) return { message: t("error.network") };
    if (answer.ok && answer.body) {
      published.value = answer.body.version;
      if (answer.body.revision !== undefined) saver.reset(editor.draft.value, answer.body.revision);
      return { version: answer.body.version };
    }
    if (answer.body?.problems?.length) {
      editor.problems.value = answer.body.problems;
      return { problems: answer.body.problems };
    }
    return { message: answer.body?.message ?? t("error.unexpected", { status: answer.status }) };
  }

  const retry = (): void => saver.retry();
  onMounted(() => window.addEventListener("online", retry));
  onBeforeUnmount(() => {
    window.removeEventListener("online", retry);
    clearTimeout(checkTimer);
    saver.stop();
  });

  return { state, message, conflict, published, saver, keepMine, takeTheirs, takeOver, publish, check };
}

export type Draft = ReturnType<typeof useDraft>;

/** Ask every three seconds, while the page is seen, how many callers are at which node. */
export function useLiveCounts(editor: Editor): void {
  let timer = 0;
  let stopped = false;
  let asking = false;
  async function look(): Promise<void> {
    clearTimeout(timer);
    if (stopped || asking || document.hidden) return;
    asking = true;
    const answer = await ask<LiveCounts>(editor.boot.urls.live);
    asking = false;
    if (answer?.ok && answer.body) editor.live.value = answer.body;
    if (!stopped && !document.hidden) timer = window.setTimeout(() => void look(), LIVE_EVERY_MS);
  }
  const seen = (): void => void look();
  onMounted(() => {
    document.addEventListener("visibilitychange", seen);
    void look();
  });
  onBeforeUnmount(() => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  });
}
