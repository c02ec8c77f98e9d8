// Lists and their forms: ticked rows and what is done to them, a row's "More", trees to tick, fields that wait for another.

// An attribute would not do: morphing takes away what the server did not send, and keeps the element.
const mounted = new WeakSet<Element>();

function first(element: Element): boolean {
  if (mounted.has(element)) return false;
  mounted.add(element);
  return true;
}

/** Mounts the ticks and menus of lists, trees and waiting fields below `root`; whatever is mounted already is skipped. */
export function mountLists(root: ParentNode): void {
  for (const menu of root.querySelectorAll<HTMLElement>("[data-more]")) if (first(menu)) mountMore(menu);
  for (const list of root.querySelectorAll<HTMLElement>("#zj-list")) if (list.querySelector("[data-batch]")) mountTicks(list);
  for (const group of root.querySelectorAll<HTMLElement>("[data-tree-group]")) if (first(group)) mountTree(group);
  for (const field of root.querySelectorAll<HTMLInputElement>("[data-needs]")) if (first(field)) mountWaiting(field);
}

/** A popover is drawn above everything, so it is put beside its button when it opens. */
function mountMore(menu: HTMLElement): void {
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState !== "open") return;
    const button = document.querySelector(`[popovertarget="${menu.id}"]`)?.getBoundingClientRect();
    if (!button) return;
    const above = button.bottom + menu.offsetHeight + 8 > window.innerHeight;
    menu.style.left = `${Math.max(8, button.right - menu.offsetWidth)}px`;
    menu.style.top = `${above ? Math.max(8, button.top - menu.offsetHeight - 4) : button.bottom + 4}px`;
    menu.querySelector<HTMLElement>("button")?.focus();
  });
  menu.addEventListener("click", (event) => {
    if ((event.target as Element).closest("button")) menu.hidePopover();
  });
}

function ticks(list: HTMLElement): HTMLInputElement[] {
  return [...list.querySelectorAll<HTMLInputElement>("input[name='ids']")];
}

function mountTicks(list: HTMLElement): void {
  showTicks(list);
  if (!first(list)) return;
  list.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.matches("[data-tick-all]")) for (const each of ticks(list)) each.checked = box.checked;
    if (box.matches("[data-tick-all], input[name='ids']")) showTicks(list);
  });
}

function showTicks(list: HTMLElement): void {
  const all = ticks(list);
  const ticked = all.filter((each) => each.checked).length;
  const count = list.querySelector("[data-batch-count]");
  if (count) count.textContent = String(ticked);
  for (const button of list.querySelectorAll<HTMLButtonElement>("[data-batch] button")) button.disabled = ticked === 0;
  const head = list.querySelector<HTMLInputElement>("[data-tick-all]");
  if (head) {
    head.checked = ticked > 0 && ticked === all.length;
    head.indeterminate = ticked > 0 && ticked < all.length;
  }
}

function mountTree(group: HTMLElement): void {
  const head = group.querySelector<HTMLInputElement>("[data-tree-all]");
  const boxes = [...group.querySelectorAll<HTMLInputElement>("input[name]")];
  if (!head) return;
  const show = (): void => {
    const ticked = boxes.filter((box) => box.checked).length;
    head.checked = ticked > 0 && ticked === boxes.length;
    head.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  head.addEventListener("change", () => {
    for (const box of boxes) if (!box.disabled) box.checked = head.checked;
    show();
  });
  group.addEventListener("change", (event) => {
    if (event.target !== head) show();
  });
  show();
}

/** A field is greyed while the one it needs is empty; the server refuses it then, too. */
function mountWaiting(field: HTMLInputElement): void {
  const needed = field.form?.elements.namedItem(field.dataset["needs"] ?? "");
  if (!(needed instanceof HTMLSelectElement || needed instanceof HTMLInputElement)) return;
  const show = (): void => {
    field.disabled = needed.value === "";
    if (field.disabled && field.type === "checkbox") field.checked = false;
  };
  needed.addEventListener("change", show);
  show();
}
