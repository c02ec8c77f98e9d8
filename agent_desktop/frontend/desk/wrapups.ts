// Wrap-up forms (DSK-9): what is typed is with the server at once, so that a reload, another tab or another machine goes on
// with it. One request for a form at a time; what was typed meanwhile goes with the next. What stands at the server is
// never overwritten by a page that does not know it: the two texts are put together.
import type { WrapUp } from "../wire";

/** While a form is `saving` for good nothing in it changes. */
export type Saving = "kept" | "waiting" | "sending" | "saving" | "failed";

export interface WrapUpForm {
  callId: string;
  number: string;
  queue: string;
  queueId: number;
  dispositionId: number;
  note: string;
  nextCallMs: number;
  revision: number;
  saving: Saving;
  /** What the server refused, as a sentence. */
  refused: string;
  atMs: number;
}

export type FormChange = Partial<Pick<WrapUpForm, "dispositionId" | "note" | "nextCallMs">>;

/** What the forms ask of the outside. */
export interface WrapUpPorts {
  drafts(): Promise<WrapUp[]>;
  write(what: "keep" | "save", form: Record<string, unknown>): Promise<WrapUp>;
  discard(callId: string): Promise<unknown>;
  /** The row that stands at the server, when an error says that another page wrote it; "saved" when it is done with. */
  standing(error: unknown): WrapUp | "saved" | null;
  /** The sentence of a refusal the person has to do something about; empty: try again. */
  sentence(error: unknown): string;
  /** Tell the other tabs that a form changed. */
  tell(): void;
}

const DEBOUNCE_MS = 400;
const AGAIN_MS = 3000;

/** Both texts, when neither has the other in it. */
export function together(standing: string, typed: string): string {
  if (standing.includes(typed)) return standing;
  return typed.includes(standing) ? typed : `${standing}\n${typed}`;
}

export function fromServer(row: WrapUp): WrapUpForm {
  return {
    callId: row.call_id,
    number: row.number,
    queue: "",
    queueId: row.queue_id,
    dispositionId: row.disposition_id,
    note: row.note,
    nextCallMs: row.next_call_ms,
    revision: row.revision,
    saving: "kept",
    refused: "",
    atMs: row.at_ms,
  };
}

/** The call of the newest form: the one whose wrap-up runs, if one does. */
export function newest(forms: readonly WrapUpForm[]): string {
  return forms.reduce<WrapUpForm | null>((last, each) => (last && last.atMs > each.atMs ? last : each), null)?.callId ?? "";
}

interface Talk {
  callId: string;
  stage: string;
  askedBy: string;
}

/** Whether a conversation of one's own begins, which has a form; who is only asked has none (DSK-9). */
export function conversationBegins(before: Talk | null | undefined, now: Talk): boolean {
  if (now.stage !== "talking" || now.askedBy) return false;
  return before?.callId !== now.callId || before.stage !== "talking" || Boolean(before.askedBy);
}

export class WrapUps {
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly sending = new Map<string, Promise<void>>();
  private readonly dirty = new Set<string>();

  /** `state` holds what is shown: the forms, and the call of the one in front. */
  constructor(
    private readonly state: { forms: WrapUpForm[]; shownForm: string },
    private readonly ports: WrapUpPorts,
  ) {}

  form(callId: string): WrapUpForm | undefined {
    return this.state.forms.find((each) => each.callId === callId);
  }

  /** The drafts at the server; what is typed here and not sent yet stays. */
  async load(): Promise<void> {
    const rows = await this.ports.drafts();
    const known = new Map(this.state.forms.map((each) => [each.callId, each]));
    const busy = (callId: string): boolean => this.dirty.has(callId) || this.sending.has(callId);
    const found = [...rows].reverse().map((row) => {
      const here = known.get(row.call_id);
      if (here && (busy(row.call_id) || here.revision >= row.revision)) return here;
      return { ...fromServer(row), queue: here?.queue ?? "" };
    });
    const listed = new Set(rows.map((row) => row.call_id));
    const unsent = this.state.forms.filter((each) => !listed.has(each.callId) && busy(each.callId));
    this.state.forms = [...found, ...unsent];
    this.show(this.state.shownForm);
  }

  /** A conversation began: its form is there, and at the server. */
  begin(call: { callId: string; caller: string; queue: string; queueId: number }, nowMs: number): void {
    if (!this.form(call.callId)) {
      const blank: WrapUp = {
        call_id: call.callId,
        number: call.caller,
        queue_id: call.queueId,
        disposition_id: 0,
        note: "",
        next_call_ms: 0,
        revision: 0,
        saved: false,
        at_ms: nowMs,
      };
      this.state.forms = [...this.state.forms, { ...fromServer(blank), queue: call.queue }];
      this.send(call.callId);
    }
    this.state.shownForm = call.callId;
  }

  show(callId: string): void {
    this.state.shownForm = this.form(callId) ? callId : (this.state.forms.at(-1)?.callId ?? "");
  }

  change(callId: string, change: FormChange): void {
    const form = this.form(callId);
    if (!form || form.saving === "saving") return;
    Object.assign(form, change, { saving: "waiting", refused: "" });
    this.dirty.add(callId);
    this.later(callId, DEBOUNCE_MS);
  }

  /** Whether it was saved. */
  async save(callId: string): Promise<boolean> {
    const begun = this.form(callId);
    if (begun) begun.saving = "saving";
    await this.sending.get(callId);
    this.stopTimer(callId); // what the draft's answer began is part of what is saved now
    const form = this.form(callId);
    if (!form) return false;
    form.saving = "saving";
    form.refused = "";
    try {
      await this.ports.write("save", body(form));
    } catch (error) {
      // Also when another page's text was put together with this one: whoever pressed the button has to look again.
      if (!this.adopt(callId, error)) {
        form.saving = "failed";
        this.dirty.add(callId);
        this.later(callId, 0); // a draft it is still, and what was typed last is not at the server yet
      }
      form.refused = this.ports.sentence(error);
      return this.form(callId) === undefined;
    }
    this.drop(callId);
    return true;
  }

  async discard(callId: string): Promise<void> {
    this.stopTimer(callId);
    await this.sending.get(callId);
    await this.ports.discard(callId);
    this.drop(callId);
  }

  private drop(callId: string): void {
    this.dirty.delete(callId);
    this.stopTimer(callId);
    this.state.forms = this.state.forms.filter((each) => each.callId !== callId);
    this.show(this.state.shownForm);
    this.ports.tell();
  }

  private later(callId: string, ms: number): void {
    this.stopTimer(callId);
    this.timers.set(
      callId,
      setTimeout(() => {
        this.timers.delete(callId);
        this.send(callId);
      }, ms),
    );
  }

  private stopTimer(callId: string): void {
    clearTimeout(this.timers.get(callId));
    this.timers.delete(callId);
  }

  private send(callId: string): void {
    if (this.sending.has(callId)) return; // what was typed meanwhile goes when the answer is there
    const work = this.keep(callId).finally(() => {
      this.sending.delete(callId);
      if (this.dirty.has(callId) && !this.timers.has(callId)) this.later(callId, 0);
    });
    this.sending.set(callId, work);
  }

  private async keep(callId: string): Promise<void> {
    const form = this.form(callId);
    if (!form) return;
    this.stopTimer(callId);
    this.dirty.delete(callId);
    if (form.saving !== "saving") form.saving = "sending";
    try {
      const row = await this.ports.write("keep", body(form));
      form.revision = row.revision;
      if (form.saving !== "saving") form.saving = this.dirty.has(callId) ? "waiting" : "kept";
      this.ports.tell();
    } catch (error) {
      if (this.adopt(callId, error)) return;
      form.saving = "failed";
      form.refused = this.ports.sentence(error);
      this.dirty.add(callId);
      if (!form.refused) this.later(callId, AGAIN_MS);
      else this.dirty.delete(callId);
    }
  }

  /** Take over what another page wrote; whether there was any. */
  private adopt(callId: string, error: unknown): boolean {
    const standing = this.ports.standing(error);
    const form = this.form(callId);
    if (!standing || !form) return false;
    if (standing === "saved") {
      this.drop(callId);
      return true;
    }
    const note = together(standing.note, form.note);
    form.revision = standing.revision;
    form.dispositionId ||= standing.disposition_id;
    form.nextCallMs ||= standing.next_call_ms;
    const more = note !== standing.note || form.dispositionId !== standing.disposition_id;
    form.note = note;
    form.saving = more ? "waiting" : "kept";
    if (more) {
      this.dirty.add(callId);
      this.later(callId, 0);
    }
    return true;
  }
}

function body(form: WrapUpForm): Record<string, unknown> {
  return {
    call_id: form.callId,
    revision: form.revision,
    disposition_id: form.dispositionId,
    note: form.note,
    next_call_ms: form.nextCallMs,
    queue_id: form.queueId,
  };
}
