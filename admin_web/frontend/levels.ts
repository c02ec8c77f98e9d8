// Skill levels of a queue: a row with a chooser for each extension that is ticked, in place of the text they are stored
// as (801=9, 802=3; who is not named has the usual level). Without scripts, or with an error in it, the text stays.

export const USUAL = 5;
export const HIGHEST = 9;

/** The levels a text names; what is none is left out. */
export function readLevels(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const part of text.replaceAll("，", ",").replaceAll("＝", "=").split(",")) {
    const [number, level] = part.split("=").map((each) => each.trim());
    if (number && level && /^[1-9]$/.test(level)) found.set(number, Number(level));
  }
  return found;
}

/** The text for those of `numbers` whose level is not the usual one. */
export function writeLevels(levels: ReadonlyMap<string, number>, numbers: readonly string[]): string {
  return numbers
    .filter((number) => (levels.get(number) ?? USUAL) !== USUAL)
    .map((number) => `${number}=${levels.get(number)}`)
    .join(", ");
}

function chooser(number: string, level: number, onChange: (level: number) => void): HTMLElement {
  const label = document.createElement("label");
  const select = document.createElement("select");
  label.className = "zj-level";
  select.className = "form-select form-select-sm";
  for (let each = 1; each <= HIGHEST; each += 1) select.append(new Option(String(each), String(each), each === USUAL, each === level));
  select.addEventListener("change", () => onChange(Number(select.value)));
  const name = document.createElement("span");
  name.textContent = number;
  label.append(name, select);
  return label;
}

/** Puts rows in the place of `input[data-levels]`; the attribute names the field that says whose levels they are. */
export function mountLevels(root: ParentNode): void {
  for (const input of root.querySelectorAll<HTMLInputElement>("input[data-levels]:not([hidden], [aria-invalid])")) {
    const members = input.form?.querySelector<HTMLSelectElement>(`select[name="${input.dataset["levels"]}"]`);
    if (!members) continue;
    const levels = readLevels(input.value);
    const rows = document.createElement("div");
    rows.className = "zj-levels";
    rows.setAttribute("role", "group");
    rows.setAttribute("aria-label", input.labels?.[0]?.textContent?.trim() ?? "");
    const numbers = (): string[] => [...members.selectedOptions].map((option) => option.text.trim());
    const store = (): void => void (input.value = writeLevels(levels, numbers()));
    const draw = (): void => {
      rows.replaceChildren(
        ...numbers().map((number) =>
          chooser(number, levels.get(number) ?? USUAL, (level) => {
            levels.set(number, level);
            store();
          }),
        ),
      );
      if (!rows.childElementCount) rows.append(input.dataset["empty"] ?? "");
      store();
    };
    draw();
    members.addEventListener("change", draw);
    input.hidden = true;
    input.after(rows);
  }
}
