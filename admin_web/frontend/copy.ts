// Buttons that copy a field's text: `data-copy` names the field, `data-copied` is what the button says afterwards.

/** Mounts every `[data-copy]` below `root`. */
export function mountCopyButtons(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-copy]:not([data-mounted])")) {
    button.dataset["mounted"] = "yes";
    button.addEventListener("click", () => void copy(button));
  }
}

async function copy(button: HTMLButtonElement): Promise<void> {
  const field = document.getElementById(button.dataset["copy"] ?? "");
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return;
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    return; // a page without TLS may not use the clipboard; the text is selected, a key press copies it
  }
  const words = button.querySelector("span");
  if (words) words.textContent = button.dataset["copied"] ?? "";
}
