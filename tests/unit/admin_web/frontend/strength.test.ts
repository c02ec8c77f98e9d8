// The rule shown while one types is the server's: both are tried on tests/unit/core/password_cases.json.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { unmet, type PasswordRule } from "../../../../admin_web/frontend/strength";

const file = new URL("../../core/password_cases.json", import.meta.url);
const { rule, cases } = JSON.parse(readFileSync(file, "utf8")) as {
  rule: { login: string; company: string };
  cases: { password: string; unmet: string[] }[];
};
const common = ["password", "passw0rd", "qwerty", "abc123", "admin", "letmein", "zongji", "woaini", "123456", "111111"];
const numbers: PasswordRule = { min: 8, long: 16, max: 128, distinct: 5, rest: 6, kinds: 3, words: [rule.login, rule.company, ...common] };

describe("the password rule (ACC-2)", () => {
  for (const each of cases) {
    it(`finds ${each.unmet.join(", ") || "nothing"} in ${JSON.stringify(each.password)}`, () => {
      expect(unmet(each.password, numbers)).toEqual(each.unmet);
    });
  }
});
