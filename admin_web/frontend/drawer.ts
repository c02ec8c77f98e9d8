// The drawer: a form or a detail beside the list it belongs to. A native dialog keeps focus inside and closes on Escape.

/** Opens a drawer the server sent; closing removes it. */
export function openDrawer(dialog: HTMLDialogElement): void {
  dialog.showModal();
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("mousedown", (event) => {
    if (event.target === dialog && !changed(dialog)) dialog.close();
  });
}

/** Whether the person typed something into the drawer that closing would lose. */
function changed(dialog: HTMLDialogElement): boolean {
  return [...dialog.querySelectorAll<HTMLInputElement>("input, textarea")].some((field) =>
    field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue,
  );
}

document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest("[data-close-drawer]");
  if (button) {
    event.preventDefault();
    button.closest("dialog")?.close();
  }
});

// Sent by the server after a save (HX-Trigger) or when a drawer's work is done.
document.addEventListener("zj:close-drawer", () => {
  for (const dialog of document.querySelectorAll<HTMLDialogElement>("dialog.zj-drawer")) dialog.close();
});
