// Publishing, going back and throwing away say which draft is shown; a draft of somebody else's stops them all.
import { beforeEach, describe, expect, test, vi } from "vitest";
import { effectScope, ref, type EffectScope } from "vue";
import { ask, type Answer } from "../../../../../admin_web/frontend/flow/api";
import { conflictOf, useDraft } from "../../../../../admin_web/frontend/flow/drafts";
import type { Editor } from "../../../../../admin_web/frontend/flow/store";
import type { FlowDocument } from "../../../../../admin_web/frontend/flow/types";
import { flow, node } from "./fixture";

vi.mock("../../../../../admin_web/frontend/flow/api", () => ({ ask: vi.fn() }));
vi.mock("vue", async (original) => ({ ...(await original<typeof import("vue")>()), onMounted: () => {}, onBeforeUnmount: () => {} }));

const MEANWHILE = { ok: false, status: 409, body: { error: "edited-meanwhile", message: "Somebody else", by: "Li", at: "2026-01-01T00:00:00" } };
const NOTHING = { ok: false, status: 409, body: { error: "nothing-to-publish", message: "Nothing was changed" } };

const asked = vi.mocked(ask);

function answers(...all: (Answer<unknown> | null)[]): void {
  asked.mockReset();
  asked.mockResolvedValue(null);
  for (const each of all) asked.mockResolvedValueOnce(each as Answer<never> | null);
}

/** A draft shown as revision 4, in an editor with nothing but what the draft reads and writes. */
function bench() {
  const document = ref<FlowDocument>(flow([node("hangup", "bye")]));
  const boot = { revision: 4, flow: { published_version: 1 }, rights: { edit: true }, urls: { save: "/f", publish: "/f/publish", check: "/f/check" } };
  const replace = (next: FlowDocument): void => void (document.value = next);
  const editor = { boot, draft: document, problems: ref([]), looking: ref<unknown>({ version: 1 }), replace } as unknown as Editor;
  const scope: EffectScope = effectScope();
  const draft = scope.run(() => useDraft(editor));
  if (!draft) throw new Error("no draft");
  return { draft, editor };
}

beforeEach(() => {
  vi.stubGlobal("window", globalThis);
  answers();
});

describe("what is done with the draft that is shown", () => {
  test("publishing sends its revision with the note", async () => {
    const { draft } = bench();
    answers({ ok: true, status: 200, body: { version: 2, revision: 4 } });
    expect(await draft.publish("new")).toEqual({ version: 2 });
    expect(asked).toHaveBeenCalledWith("/f/publish", "POST", { note: "new", revision: 4 });
    expect([draft.published.value, draft.conflict.value]).toEqual([2, null]);
  });

  test("going back and throwing away send it, and show what came", async () => {
    const { draft, editor } = bench();
    const older = flow([node("hangup", "older")]);
    answers({ ok: true, status: 200, body: { document: older, revision: 5 } });
    expect(await draft.takeOver("/f/versions/1/restore", "POST", "back")).toBe("");
    expect(asked.mock.calls[0]).toEqual(["/f/versions/1/restore", "POST", { revision: 4 }]);
    expect([draft.saver.revision, editor.draft.value.nodes[0]?.code, editor.looking.value]).toEqual([5, "older", null]);
    answers({ ok: true, status: 200, body: { document: older, revision: 6 } });
    await draft.takeOver("/f/draft", "DELETE", "away");
    expect(asked.mock.calls[0]).toEqual(["/f/draft", "DELETE", { revision: 5 }]);
  });

  test("somebody else's draft is told of, and nothing is taken for saved", async () => {
    for (const how of ["publish", "restore"]) {
      const { draft, editor } = bench();
      const mine = editor.draft.value;
      answers(MEANWHILE);
      if (how === "publish") expect(await draft.publish("")).toEqual({ message: "Somebody else" });
      else expect(await draft.takeOver("/f/versions/1/restore", "POST", "back")).toBe("Somebody else");
      expect(draft.conflict.value).toEqual({ by: "Li", at: "2026-01-01T00:00:00" });
      expect([draft.state.value, draft.saver.isSaved]).toEqual(["conflict", false]);
      expect(editor.draft.value).toBe(mine);
    }
  });

  test("keeping mine after it sends mine, though nothing was typed since it was saved", async () => {
    const { draft, editor } = bench();
    answers(MEANWHILE, { ok: true, status: 200, body: { revision: 8, problems: [] } });
    await draft.publish("");
    expect(await draft.saver.overwrite(7)).toBe(true);
    expect(asked.mock.calls[1]).toEqual(["/f", "PUT", { document: editor.draft.value, revision: 7 }]);
    expect([draft.state.value, draft.saver.revision]).toEqual(["saved", 8]);
  });

  test("nothing to publish is no conflict", async () => {
    const { draft } = bench();
    answers(NOTHING);
    expect(await draft.publish("")).toEqual({ message: "Nothing was changed" });
    expect([draft.conflict.value, draft.state.value]).toEqual([null, "saved"]);
    expect([conflictOf(NOTHING), conflictOf(null), conflictOf(MEANWHILE)?.by]).toEqual([null, null, "Li"]);
  });
});
