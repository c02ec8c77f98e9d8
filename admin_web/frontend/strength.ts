// The rule for a new password, ticked off while one types. The server decides (`core/passwords.py`, the same rule).

export interface PasswordRule {
  min: number;
  long: number;
  max: number;
  distinct: number;
  /** Characters a password needs besides a word of `words`. */
  rest: number;
  kinds: number;
  words: string[];
}

export type Condition = "length" | "kinds" | "distinct" | "words";

const KINDS = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/];

/** Returns what `password` does not meet yet. Lengths count characters, not UTF-16 units. */
export function unmet(password: string, rule: PasswordRule): Condition[] {
  const length = [...password].length;
  const lowered = password.toLowerCase();
  const found: Condition[] = [];
  if (length < rule.min || length > rule.max) found.push("length");
  if (length < rule.long && KINDS.filter((kind) => kind.test(password)).length < rule.kinds) found.push("kinds");
  if (new Set(lowered).size < rule.distinct) found.push("distinct");
  const isWord = (word: string): boolean => lowered.includes(word) && [...lowered.replaceAll(word, "")].length < rule.rest;
  if (rule.words.some(isWord)) found.push("words");
  return found;
}

/** Mounts every list with `data-password-rule` below `root` on the field it names. */
export function mountPasswordRules(root: ParentNode): void {
  for (const list of root.querySelectorAll<HTMLElement>("[data-password-rule]:not([data-mounted])")) {
    list.dataset["mounted"] = "";
    const rule = JSON.parse(list.dataset["passwordRule"] ?? "") as PasswordRule;
    const field = document.getElementById(list.dataset["passwordField"] ?? "") as HTMLInputElement | null;
    if (!field) continue;
    const show = (): void => {
      const missing = new Set<string>(unmet(field.value, rule));
      for (const item of list.querySelectorAll<HTMLElement>("[data-rule]")) {
        const met = field.value !== "" && !missing.has(item.dataset["rule"] ?? "");
        item.classList.toggle("zj-met", met);
        item.title = (met ? list.dataset["met"] : list.dataset["unmet"]) ?? "";
      }
    };
    field.addEventListener("input", show);
    show();
  }
}
