// The length shown while one types is the server's: both are tried on tests/unit/core/sms_cases.json.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lengthOf } from "../../../../../admin_web/frontend/flow/shortMessage";

interface Case {
  text?: string;
  repeat?: [string, number];
  characters: number;
  parts: number;
}
const cases = JSON.parse(readFileSync(new URL("../../../core/sms_cases.json", import.meta.url), "utf8")) as Case[];

test.each(cases)("%j", ({ text, repeat, characters, parts }) => {
  expect(lengthOf(text ?? (repeat ? repeat[0].repeat(repeat[1]) : ""))).toEqual({ characters, parts });
});

test("places of variables count as nothing, other braces as they are", () => {
  expect(lengthOf("Code {code}")).toEqual({ characters: 4, parts: 1 });
  expect(lengthOf("{not a place}")).toEqual({ characters: 13, parts: 1 });
});
