// Who wrote to this agent, and what came last. The lines themselves are the panel's, while it is open.
import { reactive } from "vue";
import { c } from "../chat_words";
import type { ChatLine, ChatThreadShown, LiveEvent } from "../wire";

/** A line with the name of who wrote it. */
export type ToldLine = Extract<LiveEvent, { type: "chat.line" }>["data"];

const TOLD_LETTERS = 120;

export const chats = reactive({
  threads: [] as ChatThreadShown[],
  heard: null as ChatLine | null,
  /** What a screen reader says when a line came. */
  news: "",

  /** Load who wrote; without an answer what is shown stays. */
  async load(): Promise<void> {
    const answer = await fetch("/desk/api/chat", { headers: { Accept: "application/json" }, redirect: "manual" }).catch(() => null);
    if (answer?.ok) chats.threads = ((await answer.json()) as { threads: ChatThreadShown[] }).threads;
  },

  /** A pushed event came, for the account `me`. Return the supervisor's line, where it is one. */
  onEvent(event: LiveEvent, me: number): ToldLine | null {
    if (event.type !== "chat.line" && event.type !== "chat.read") return null;
    if (event.data.agent_id !== me) return null; // this account's own thread as a supervisor
    let line: ToldLine | null = null;
    if (event.type === "chat.line") {
      chats.heard = event.data;
      if (!event.data.by_agent) line = event.data;
      if (line) chats.news = c("news", { name: line.name, text: line.text.slice(0, TOLD_LETTERS) });
    }
    void chats.load();
    return line;
  },
});
