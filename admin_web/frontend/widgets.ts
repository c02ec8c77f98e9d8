// Selects one can search in, and date fields: enhanced where a page asks for it, usable without.
import "tom-select/dist/css/tom-select.bootstrap5.min.css";
import "flatpickr/dist/flatpickr.min.css";
import flatpickr from "flatpickr";
import { Mandarin } from "flatpickr/dist/l10n/zh.js";
import TomSelect from "tom-select/base";
import removeButton from "tom-select/dist/esm/plugins/remove_button/plugin.js";

TomSelect.define("remove_button", removeButton);

/** Enhances `select[data-search]` and `input[data-date]` (value `datetime` asks for a time too) below `root`. */
export function mountWidgets(root: ParentNode): void {
  for (const select of root.querySelectorAll<HTMLSelectElement>("select[data-search]:not(.tomselected)")) {
    const chooser = new TomSelect(select, { plugins: select.multiple ? ["remove_button"] : [], maxOptions: 500, hidePlaceholder: true });
    const label = document.querySelector(`label[for="${select.id}-ts-control"], label[for="${select.id}"]`)?.textContent?.trim();
    if (label) {
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
