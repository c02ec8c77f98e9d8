// Short messages in the corner. Errors stay until closed; the region is announced to screen readers.
import { word } from "./content";

/** Shows `text`; `kind` is one of Tabler's colours: success, info, warning, danger. */
export function toast(text: string, kind = "info"): void {
  const region = document.getElementById("zj-toasts");
  if (!region) return;
  const item = document.createElement("div");
  item.className = `zj-toast zj-toast-${kind}`;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-close";
  close.setAttribute("aria-label", word("close"));
  item.append(words, close);
  region.append(item);
  if (kind !== "danger") setTimeout(() => item.remove(), 6000);
}

document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest(".zj-toast .btn-close");
  button?.closest(".zj-toast")?.remove();
});
