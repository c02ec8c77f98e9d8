import { expect, it } from "vitest";
import { chosen, counts } from "../../../../agent_desktop/frontend/desk/worklist";
import { dayTime, fromLocalField, toLocalField } from "../../../../agent_desktop/frontend/format";
import { levelOf, parseDevices } from "../../../../agent_desktop/frontend/phone/devices";
import type { WorkEntry } from "../../../../agent_desktop/frontend/wire";

const entry = (kind: WorkEntry["kind"], id: number, done_ms = 0): WorkEntry => ({ kind, id, done_ms }) as WorkEntry;
const ENTRIES = [entry("missed", 1), entry("missed", 2, 9), entry("reminder", 1)];

it("shows one kind or all, what is dealt with only when asked, and counts what is open", () => {
  expect(chosen(ENTRIES, "all", false).map((each) => [each.kind, each.id])).toEqual([["missed", 1], ["reminder", 1]]);
  expect(chosen(ENTRIES, "missed", true)).toHaveLength(2);
  expect(chosen(ENTRIES, "voicemail", true)).toEqual([]);
  expect(counts(ENTRIES)).toMatchObject({ all: 2, missed: 1, reminder: 1, abandoned: 0 });
});

it("writes days and fields in the browser's zone", () => {
  const at = new Date(2026, 10, 22, 14, 5).getTime();
  expect(dayTime(at, at + 1000)).toBe("14:05");
  expect(dayTime(at, at + 86_400_000)).toBe("11-22 14:05");
  expect(toLocalField(at)).toBe("2026-11-22T14:05");
  expect([fromLocalField("2026-11-22T14:05"), fromLocalField(""), fromLocalField("2026-11")]).toEqual([at, 0, 0]);
});

it("remembers devices, and takes what it cannot read for none", () => {
  const none = { microphone: "", speaker: "", ringer: "" };
  expect(parseDevices('{"microphone":"a","ringer":3}')).toEqual({ ...none, microphone: "a" });
  for (const stored of [null, "{", "7", "null"]) expect(parseDevices(stored)).toEqual(none);
});

it("measures silence as nothing and loud speech as all", () => {
  expect(levelOf(new Float32Array(100))).toBe(0);
  expect(levelOf(new Float32Array(100).fill(0.7))).toBe(1);
  expect(levelOf(new Float32Array(100).fill(0.05))).toBeGreaterThan(0.4);
});
