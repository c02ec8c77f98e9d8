// A table whose rows form a tree (WAI-ARIA treegrid): rows fold, arrow keys walk them. The server draws all rows, in order.

/** Ids of folded rows; outlives the table, which the server draws anew after a change. */
const folded = new Set<string>();
const mounted = new WeakSet<Element>();

/** Mounts every `[data-treegrid]` below `root` and folds again what was folded. */
export function mountTreegrids(root: ParentNode): void {
  for (const table of root.querySelectorAll<HTMLTableElement>("[data-treegrid]")) {
    show(table);
    if (mounted.has(table)) continue;
    mounted.add(table);
    table.addEventListener("click", (event) => {
      const row = (event.target as Element).closest<HTMLElement>(".zj-twig")?.closest<HTMLElement>("tr");
      if (row) fold(table, row, !folded.has(row.id));
    });
    table.addEventListener("keydown", (event) => onKey(table, event));
  }
}

function rowsOf(table: HTMLTableElement): HTMLElement[] {
  return [...(table.tBodies[0]?.rows ?? [])];
}

function level(row: HTMLElement): number {
  return Number(row.getAttribute("aria-level"));
}

/** Hides what is below folded rows; one row stays reachable by Tab. */
function show(table: HTMLTableElement): void {
  let hiddenBelow = Infinity;
  for (const row of rowsOf(table)) {
    if (level(row) <= hiddenBelow) hiddenBelow = Infinity;
    row.hidden = hiddenBelow !== Infinity;
    if (row.hasAttribute("aria-expanded")) {
      row.setAttribute("aria-expanded", String(!folded.has(row.id)));
      if (!row.hidden && folded.has(row.id)) hiddenBelow = level(row);
    }
  }
  const seen = rowsOf(table).filter((row) => !row.hidden);
  if (!seen.some((row) => row.tabIndex === 0) && seen[0]) seen[0].tabIndex = 0;
}

function fold(table: HTMLTableElement, row: HTMLElement, shut: boolean): void {
  if (!row.hasAttribute("aria-expanded")) return;
  if (shut) folded.add(row.id);
  else folded.delete(row.id);
  show(table);
}

function onKey(table: HTMLTableElement, event: KeyboardEvent): void {
  const row = event.target as HTMLElement;
  if (row.tagName !== "TR" || event.altKey || event.ctrlKey || event.metaKey) return;
  const seen = rowsOf(table).filter((each) => !each.hidden);
  const at = seen.indexOf(row);
  const opens = row.hasAttribute("aria-expanded");
  let next: HTMLElement | undefined;
  switch (event.key) {
    case "ArrowDown": next = seen[at + 1]; break;
    case "ArrowUp": next = seen[at - 1]; break;
    case "Home": next = seen[0]; break;
    case "End": next = seen[seen.length - 1]; break;
    case "ArrowRight":
      if (opens && folded.has(row.id)) fold(table, row, false);
      else if (opens) next = seen[at + 1];
      break;
    case "ArrowLeft":
      if (opens && !folded.has(row.id)) fold(table, row, true);
      else next = seen.slice(0, at).reverse().find((each) => level(each) < level(row));
      break;
    default: return;
  }
  event.preventDefault();
  if (!next) return;
  row.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
