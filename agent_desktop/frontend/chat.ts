// One thread between a supervisor and an agent (SUP-9), as either end shows it: what was loaded, and what is pushed.
import { csrfToken } from "./api";
import type { ChatLine } from "./wire";

export interface Lines {
  lines: ChatLine[];
  more: boolean;
}

/** What both ends do; `base` is the thread's address, and the two differ in it and in how writing is spelt. */
export class ChatThread {
  constructor(
    private readonly base: string,
    private readonly writeTo: string,
  ) {}

  /** The last lines, or those before the line `before`. Rejects when they cannot be had. */
  load(before = 0): Promise<Lines> {
    return this.ask<Lines>(before ? `${this.base}?before=${before}` : this.base);
  }

  /** Sends a line; rejects with the server's sentence, or an empty one, when it was not taken. */
  write(text: string): Promise<ChatLine> {
    return this.ask<ChatLine>(this.writeTo, { text });
  }

  /** Tells that lines up to `upTo` were seen; next time will do as well. */
  async read(upTo: number): Promise<void> {
    await this.ask(`${this.base}/read`, { up_to: upTo }).catch(() => undefined);
  }

  private async ask<T>(path: string, body?: Record<string, unknown>): Promise<T> {
    const init: RequestInit = body
      ? {
          method: "POST",
          headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
          body: JSON.stringify(body),
        }
      : { headers: { Accept: "application/json" } };
    const answer = await fetch(path, { ...init, redirect: "manual", signal: AbortSignal.timeout(8000) }).catch(() => null);
    if (answer?.ok) return (await answer.json()) as T;
    const refusal = (await answer?.json().catch(() => null)) as { message?: string } | null | undefined;
    throw new Error(refusal?.message ?? "");
  }
}

export function agentsThread(supervisorId: number): ChatThread {
  return new ChatThread(`/desk/api/chat/${supervisorId}`, `/desk/api/chat/${supervisorId}/write`);
}

export function supervisorsThread(agentId: number): ChatThread {
  return new ChatThread(`/supervision/api/chat/${agentId}`, `/supervision/api/chat/${agentId}`);
}

/** `lines` with `line` at its place; what is there already stays as it is. */
export function withLine(lines: readonly ChatLine[], line: ChatLine): ChatLine[] {
  if (lines.some((each) => each.id === line.id)) return [...lines];
  return [...lines, line].sort((a, b) => a.id - b.id);
}
