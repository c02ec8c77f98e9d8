import { expect, test } from "vitest";
import { dictionaries, weekdayRange } from "../../../../../admin_web/frontend/flow/i18n";
import { modifiersOf, onKeys, type KeyActions } from "../../../../../admin_web/frontend/flow/keys";

test("both languages have the same places in every sentence", () => {
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort();
  for (const [key, english] of Object.entries(dictionaries.en)) {
    expect([key, places(dictionaries.zh[key as keyof typeof dictionaries.en])]).toEqual([key, places(english)]);
  }
});

test("weekdays are read as a span where they are one", () => {
  expect(weekdayRange([1, 2, 3, 4, 5])).toBe("Mon–Fri");
  expect(weekdayRange([6, 7])).toBe("Sat, Sun");
  expect(weekdayRange([5, 1])).toBe("Mon, Fri");
  expect(weekdayRange([1, 2, 3, 4, 5, 6, 7])).toBe("");
});

test("shortcuts go by the key's place and leave typing alone", () => {
  const done: string[] = [];
  let typing = false;
  const actions = new Proxy({}, {
    get: (_, name) => (name === "isHere" ? () => true : name === "meansNodes" ? () => !typing : (argument: unknown) => done.push(`${String(name)}${argument === undefined ? "" : `:${String(argument)}`}`)),
  }) as KeyActions;
  const press = (code: string, held: Partial<KeyboardEvent> = {}): void =>
    onKeys(actions)({ code, key: held.key ?? "", ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, defaultPrevented: false, isComposing: false, preventDefault: () => undefined, ...held } as KeyboardEvent);
  press("KeyZ", { ctrlKey: true });
  press("KeyZ", { metaKey: true, shiftKey: true });
  press("Digit3", { altKey: true });
  press("KeyA", { ctrlKey: true });
  press("Slash", { key: "?", shiftKey: true });
  typing = true;
  press("KeyA", { ctrlKey: true });
  press("Slash", { key: "?", shiftKey: true });
  press("KeyS", { ctrlKey: true });
  press("KeyS", { ctrlKey: true, isComposing: true });
  expect(done).toEqual(["undo", "redo", "view:2", "all", "help", "save"]);
  expect(modifiersOf({ ctrlKey: false, metaKey: true, altKey: true, shiftKey: false })).toBe("ctrl+alt");
});
