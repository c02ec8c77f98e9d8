import { describe, expect, it } from "vitest";
import { readLevels, writeLevels } from "../../../../admin_web/frontend/levels";

describe("skill levels as text (CTI-Q2)", () => {
  it("are read as people write them, and what is no level is left out", () => {
    expect([...readLevels("801=9， 802＝3,803=,804=ten,805=0,=4, 806=10")]).toEqual([
      ["801", 9],
      ["802", 3],
    ]);
    expect(readLevels("").size).toBe(0);
  });

  it("name members only, and no usual level", () => {
    const levels = new Map([
      ["801", 9],
      ["802", 5],
      ["803", 1],
    ]);
    expect(writeLevels(levels, ["801", "802", "804"])).toBe("801=9");
    expect(writeLevels(levels, [])).toBe("");
  });

  it("come back as they were written", () => {
    const numbers = ["801", "802", "803"];
    const text = writeLevels(new Map([["803", 1], ["801", 7]]), numbers);
    expect(writeLevels(readLevels(text), numbers)).toBe(text);
  });
});
