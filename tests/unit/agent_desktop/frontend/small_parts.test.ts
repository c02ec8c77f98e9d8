import { describe, expect, it } from "vitest";
import { clock, isMasked, isWithheld, phoneNumber, secondsUntil } from "../../../../agent_desktop/frontend/format";
import { dictionaries, type TextKey, translate } from "../../../../agent_desktop/frontend/i18n";
import { Backoff } from "../../../../agent_desktop/frontend/phone/backoff";
import { problemOf } from "../../../../agent_desktop/frontend/phone/microphone";

describe("the dictionary", () => {
  it("has the same keys in both languages, none empty", () => {
    expect(Object.keys(dictionaries.zh).sort()).toEqual(Object.keys(dictionaries.en).sort());
    for (const texts of Object.values(dictionaries)) for (const text of Object.values(texts)) expect(text.trim()).not.toBe("");
  });

  it("has the same placeholders in both languages", () => {
    const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();
    for (const key of Object.keys(dictionaries.en) as TextKey[]) {
      expect([key, holes(dictionaries.zh[key])]).toEqual([key, holes(dictionaries.en[key])]);
    }
  });

  it("fills placeholders in, and nothing else", () => {
    expect(translate("en", "phone.retry_in", { seconds: 3 })).toBe("Next try in 3 s");
    expect(translate("zh", "sign.held", { extension: "8001", holder: "{extension}" })).toBe("8001（{extension} 正在使用）");
  });
});

describe("what is shown", () => {
  it("durations", () => {
    expect([0, 999, 61_000, 3_600_000, -5].map(clock)).toEqual(["0:00", "0:00", "1:01", "1:00:00", "0:00"]);
  });

  it("numbers", () => {
    expect(phoneNumber("+8613800138000")).toBe("138 0013 8000");
    expect(phoneNumber("+861065551212")).toBe("010-65551212");
    expect(phoneNumber("+8675583765566")).toBe("0755-83765566");
    expect(phoneNumber("+864008001000")).toBe("400 800 1000");
    expect(phoneNumber("10086")).toBe("10086");
    expect(phoneNumber("+442071838750")).toBe("+442071838750");
  });

  it("no number where none is known or it is withheld", () => {
    expect(["anonymous", "", undefined, "10086"].map(isWithheld)).toEqual([true, true, true, false]);
  });

  it("masked numbers as the server masks them", () => {
    expect(["138****8000", "010-****5678", "+8613800138000", "10086", ""].map(isMasked)).toEqual([true, true, false, false, false]);
    expect(phoneNumber("138****8000")).toBe("138****8000");
  });

  it("countdowns never fall below zero", () => {
    expect(secondsUntil(10_500, 10_000)).toBe(1);
    expect(secondsUntil(9_000, 10_000)).toBe(0);
  });
});

describe("waiting between tries", () => {
  it("doubles up to the longest and starts over after a success", () => {
    const backoff = new Backoff(1000, 5000, () => 0.5);
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([1000, 2000, 4000, 5000, 5000]);
    backoff.reset();
    expect(backoff.next()).toBe(1000);
  });

  it("spreads by a quarter either way", () => {
    expect(new Backoff(1000, 5000, () => 0).next()).toBe(750);
    expect(new Backoff(1000, 5000, () => 0.999).next()).toBe(1250);
  });
});

it("tells device errors apart by their names", () => {
  const named = (name: string): unknown => Object.assign(new Error(), { name });
  expect(problemOf(named("NotAllowedError"))).toBe("microphone-denied");
  expect(problemOf(named("NotFoundError"))).toBe("microphone-missing");
  expect(problemOf(named("NotReadableError"))).toBe("microphone-busy");
  expect(problemOf("nothing")).toBe("microphone-busy");
});
