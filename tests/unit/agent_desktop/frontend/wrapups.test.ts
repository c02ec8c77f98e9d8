import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isPage, Pops, sandbox, withPop } from "../../../../agent_desktop/frontend/desk/pops";
import { conversationBegins, newest, together, type WrapUpForm, type WrapUpPorts, WrapUps } from "../../../../agent_desktop/frontend/desk/wrapups";
import type { DeskCall } from "../../../../agent_desktop/frontend/desk/reduce";
import type { Pop, WrapUp } from "../../../../agent_desktop/frontend/wire";

const CALL = { callId: "c1", caller: "+8613800138000", queue: "Sales", queueId: 3 };

function row(changes: Partial<WrapUp> = {}): WrapUp {
  return {
    call_id: "c1",
    number: CALL.caller,
    queue_id: 3,
    disposition_id: 0,
    note: "",
    next_call_ms: 0,
    revision: 1,
    saved: false,
    at_ms: 5,
    ...changes,
  };
}

/** A server that holds rows as the real one does, and refuses revisions it does not expect. */
class Server implements WrapUpPorts {
  readonly rows = new Map<string, WrapUp>();
  readonly written: string[] = [];
  told = 0;
  down = false;
  /** What a form lacks to be saved. */
  lacks = "";

  drafts = async (): Promise<WrapUp[]> => [...this.rows.values()].filter((each) => !each.saved);

  async write(what: "keep" | "save", form: Record<string, unknown>): Promise<WrapUp> {
    await Promise.resolve();
    if (this.down) throw new Error("network");
    if (this.lacks && what === "save") throw new Error(this.lacks);
    const before = this.rows.get(String(form["call_id"]));
    if (before?.saved) throw { standing: "saved" };
    if ((before?.revision ?? 0) !== form["revision"]) throw { standing: before };
    const made = row({ ...(form as Partial<WrapUp>), revision: (before?.revision ?? 0) + 1, saved: what === "save" });
    this.rows.set(made.call_id, made);
    this.written.push(`${what}:${made.note}`);
    return made;
  }

  discard = async (callId: string): Promise<unknown> => this.rows.delete(callId);
  standing = (error: unknown): WrapUp | "saved" | null => (error as { standing?: WrapUp | "saved" }).standing ?? null;
  sentence = (error: unknown): string => (this.standing(error) ? "look again" : this.lacks);
  tell = (): void => void (this.told += 1);
}

describe("wrap-up forms (DSK-9)", () => {
  let server: Server;
  let state: { forms: WrapUpForm[]; shownForm: string };
  let forms: WrapUps;

  afterEach(() => void vi.useRealTimers());

  beforeEach(() => {
    vi.useFakeTimers();
    server = new Server();
    state = { forms: [], shownForm: "" };
    forms = new WrapUps(state, server);
  });

  it("are at the server from the first second, and after a pause in typing", async () => {
    forms.begin(CALL, 5);
    await vi.advanceTimersByTimeAsync(0);
    expect(server.rows.get("c1")?.revision).toBe(1);
    forms.change("c1", { note: "a" });
    await vi.advanceTimersByTimeAsync(200);
    forms.change("c1", { note: "ab" });
    await vi.advanceTimersByTimeAsync(399);
    expect(server.written).toEqual(["keep:"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(server.written).toEqual(["keep:", "keep:ab"]);
    expect(state.forms[0]).toMatchObject({ saving: "kept", revision: 2 });
    expect(server.told).toBe(2);
  });

  it("a second page shows what the first one wrote, and a third one's text is not lost", async () => {
    forms.begin(CALL, 5);
    forms.change("c1", { note: "first" });
    await vi.advanceTimersByTimeAsync(500);
    const other = { forms: [] as WrapUpForm[], shownForm: "" };
    const second = new WrapUps(other, server);
    await second.load();
    expect(other.forms[0]?.note).toBe("first");
    second.change("c1", { note: "first and more" });
    await vi.advanceTimersByTimeAsync(500);
    forms.change("c1", { note: "first, else", dispositionId: 4 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.rows.get("c1")).toMatchObject({ note: "first and more\nfirst, else", disposition_id: 4 });
    await second.load();
    expect(other.forms[0]).toMatchObject({ note: "first and more\nfirst, else", dispositionId: 4 });
  });

  it("what is typed while the list is loaded stays", async () => {
    forms.begin(CALL, 5);
    await vi.advanceTimersByTimeAsync(0);
    forms.change("c1", { note: "typing" });
    await forms.load();
    expect(state.forms[0]?.note).toBe("typing");
  });

  it("goes on trying while the server cannot be reached", async () => {
    forms.begin(CALL, 5);
    await vi.advanceTimersByTimeAsync(0);
    server.down = true;
    forms.change("c1", { note: "kept in the end" });
    await vi.advanceTimersByTimeAsync(5000);
    expect(state.forms[0]?.saving).toBe("failed");
    server.down = false;
    await vi.advanceTimersByTimeAsync(3000);
    expect(server.rows.get("c1")?.note).toBe("kept in the end");
  });

  it("nothing in one changes while it is saved, and it can be changed again when that failed", async () => {
    forms.begin(CALL, 5);
    await vi.advanceTimersByTimeAsync(0);
    forms.change("c1", { note: "a" });
    server.down = true;
    const saved = forms.save("c1");
    expect(forms.form("c1")?.saving).toBe("saving");
    forms.change("c1", { note: "typed meanwhile" });
    expect(await saved).toBe(false);
    expect(forms.form("c1")).toMatchObject({ saving: "failed", note: "a" });
    server.down = false;
    forms.change("c1", { note: "ab" });
    expect(await forms.save("c1")).toBe(true);
    await vi.advanceTimersByTimeAsync(5000);
    expect(server.written).toEqual(["keep:", "save:ab"]);
  });

  it("a saved one leaves the list, here and in a page that still had it", async () => {
    forms.begin(CALL, 5);
    forms.change("c1", { note: "done" });
    const other = { forms: [] as WrapUpForm[], shownForm: "" };
    const second = new WrapUps(other, server);
    await vi.advanceTimersByTimeAsync(500);
    await second.load();
    forms.change("c1", { note: "done!" });
    expect(await forms.save("c1")).toBe(true);
    expect(server.written.at(-1)).toBe("save:done!");
    expect(state.forms).toEqual([]);
    second.change("c1", { note: "late" });
    await vi.advanceTimersByTimeAsync(500);
    expect(other.forms).toEqual([]);
    expect(server.rows.get("c1")?.note).toBe("done!");
  });

  it("what was typed just before a save that is refused is kept as a draft", async () => {
    forms.begin(CALL, 5);
    await vi.advanceTimersByTimeAsync(0);
    server.lacks = "no disposition";
    forms.change("c1", { note: "typed at once" });
    expect(await forms.save("c1")).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.rows.get("c1")?.note).toBe("typed at once");
    expect(forms.form("c1")).toMatchObject({ saving: "kept", refused: "no disposition" });
  });

  it("saving what another page changed says so, and saves both texts when asked again", async () => {
    forms.begin(CALL, 5);
    await vi.advanceTimersByTimeAsync(0);
    server.rows.set("c1", row({ note: "theirs", revision: 2 }));
    forms.change("c1", { note: "mine" });
    expect(await forms.save("c1")).toBe(false);
    expect(forms.form("c1")).toMatchObject({ refused: "look again", note: "theirs\nmine" });
    await vi.advanceTimersByTimeAsync(1000);
    expect(await forms.save("c1")).toBe(true);
    expect(server.written.at(-1)).toBe("save:theirs\nmine");
  });

  it("the newest is that of the last call, whichever was written in last", () => {
    forms.begin({ ...CALL, callId: "c2" }, 6);
    forms.begin(CALL, 5);
    expect(newest(state.forms)).toBe("c2");
    expect(newest([])).toBe("");
  });

  it("the next call's form is a tab beside the one that is not saved yet", () => {
    forms.begin(CALL, 5);
    forms.change("c1", { note: "unsaved" });
    forms.begin({ ...CALL, callId: "c2" }, 6);
    expect(state.forms.map((each) => [each.callId, each.note])).toEqual([["c1", "unsaved"], ["c2", ""]]);
    expect(state.shownForm).toBe("c2");
  });
});

it("puts two texts together without repeating what one has of the other", () => {
  expect(together("a b", "a")).toBe("a b");
  expect(together("a", "a b")).toBe("a b");
  expect(together("a", "c")).toBe("a\nc");
});

describe("pages of other systems (DSK-6)", () => {
  const call = (callId: string, stage: DeskCall["stage"]): DeskCall => ({ callId, stage }) as DeskCall;

  it("open at the time that is set, once", async () => {
    const answers: Record<string, Pop> = {
      ring: { at: "ring", url: "https://a.example/" },
      talk: { at: "answer", url: "https://b.example/" },
      card: { at: "ring", url: "" },
      bad: { at: "ring", url: "javascript:alert(1)" },
    };
    const opened: string[] = [];
    const pops = new Pops(async (id) => answers[id]!, (each, url) => void opened.push(`${each.callId} ${each.stage} ${url}`));
    for (const id of ["ring", "talk", "card", "bad"]) {
      for (const stage of ["ringing", "ringing", "talking", "talking"] as const) {
        pops.follow(call(id, stage));
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
    expect(opened).toEqual(["ring ringing https://a.example/", "talk talking https://b.example/"]);
  });

  it("is asked for again when the first question was not answered", async () => {
    let asked = 0;
    const pops = new Pops(
      () => (++asked === 1 ? Promise.reject(new Error()) : Promise.resolve({ at: "ring", url: "" })),
      () => undefined,
    );
    for (const _ of [1, 2, 3, 4]) {
      pops.follow(call("c", "ringing"));
      await new Promise((resolve) => setTimeout(resolve));
    }
    expect(asked).toBe(2);
  });

  it("never take the place of an earlier call's page", () => {
    const first = { callId: "a", url: "https://x.example/1", title: "A" };
    const tabs = withPop([first], { callId: "b", url: "https://x.example/2", title: "B" });
    expect(tabs.map((each) => each.callId)).toEqual(["a", "b"]);
    expect(withPop(tabs, { callId: "a", url: "https://x.example/3", title: "A" })[0]).toEqual(first);
  });

  it("are of the web, and in a sandbox one of our own is not let out of", () => {
    expect(["https://a.example", "http://a", "file:///etc", "javascript:1", "x"].map(isPage)).toEqual([true, true, false, false, false]);
    expect(sandbox("https://a.example/x", "https://desk.example")).toContain("allow-same-origin");
    expect(sandbox("https://desk.example/x", "https://desk.example")).not.toContain("allow-same-origin");
    expect(sandbox("https://a.example/x", "https://desk.example")).not.toContain("allow-top-navigation");
  });
});

it("who is only asked about a customer has no form, until the customer is theirs", () => {
  const asked = { callId: "c", stage: "talking", askedBy: "Anna" };
  const own = { ...asked, askedBy: "" };
  expect(conversationBegins(null, asked)).toBe(false);
  expect(conversationBegins(asked, own)).toBe(true);
  expect(conversationBegins(own, own)).toBe(false);
  expect(conversationBegins({ ...own, stage: "ringing" }, own)).toBe(true);
});
