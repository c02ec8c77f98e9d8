// Selects one can search in, and date fields: enhanced where a page asks for it, usable without.
import "tom-select/dist/css/tom-select.bootstrap5.min.css";
import "flatpickr/dist/flatpickr.min.css";
import flatpickr from "flatpickr";
import { Mandarin } from "flatpickr/dist/l10n/zh.js";
import { word } from "./content";
import TomSelect from "tom-select/base";
import removeButton from "tom-select/dist/esm/plugins/remove_button/plugin.js";

TomSelect.define("remove_button", removeButton);

function nothingFound(): HTMLElement {
  const note = document.createElement("div");
  note.className = "no-results";
  note.textContent = word("nothing-found");
  return note;
}

type Offer = { value: string; text: string };

/** What a chooser asks the server for: options that fit the typed text. */
function found(address: string): (text: string, done: (offers: Offer[]) => void) => void {
  return (text, done) => {
    fetch(`${address}?${new URLSearchParams({ q: text })}`, { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? (answer.json() as Promise<Offer[]>) : []))
      .then(done, () => done([]));
  };
}

/** Enhances `select[data-search]` and `input[data-date]` (value `datetime` asks for a time too) below `root`. */
export function mountWidgets(root: ParentNode): void {
  for (const select of root.querySelectorAll<HTMLSelectElement>("select[data-search]:not(.tomselected)")) {
    const address = select.dataset["load"];
    const chooser = new TomSelect(select, {
      plugins: select.multiple ? ["remove_button"] : [],
      maxOptions: 500,
      hidePlaceholder: true,
      render: { no_results: () => nothingFound() },
      onItemAdd: () => {
        chooser.setTextboxValue("");
        if (select.multiple) chooser.close();
      },
      ...(address ? { load: found(address), preload: "focus" as const } : {}),
    });
    const label = document.querySelector(`label[for="${select.id}-ts-control"], label[for="${select.id}"]`)?.textContent?.trim();
    if (label) {
      select.setAttribute("aria-label", label);
      chooser.control_input.setAttribute("aria-label", label);
      chooser.dropdown_content.setAttribute("aria-label", label);
    }
  }
  const chinese = document.documentElement.lang.startsWith("zh");
  for (const input of root.querySelectorAll<HTMLInputElement>("input[data-date]:not(.flatpickr-input)")) {
    const withTime = input.dataset["date"] === "datetime";
    flatpickr(input, {
      locale: chinese ? Mandarin : "default",
      enableTime: withTime,
      time_24hr: true,
      dateFormat: withTime ? "Y-m-d H:i" : "Y-m-d",
      allowInput: true,
    });
  }
}
