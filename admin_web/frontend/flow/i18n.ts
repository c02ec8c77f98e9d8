// The editor's words in the page's language; labels of fields come translated from the server.
import { en } from "./words_en";
import { zh } from "./words_zh";

export type TextKey = keyof typeof en;
export type Language = "zh" | "en";

export const dictionaries: Record<Language, Record<TextKey, string>> = { en, zh };

/** The page's language, from `<html lang>`. */
export function pageLanguage(): Language {
  return typeof document !== "undefined" && document.documentElement.lang.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** The sentence of `key` in the page's language, with {placeholders} filled in. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  return dictionaries[pageLanguage()][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

const locale = (): string => (pageLanguage() === "zh" ? "zh-CN" : "en-GB");

/** The name of a day of the week, 1 (Monday) to 7. 1 January 2024 was a Monday. */
export function weekdayName(day: number, width: "long" | "short" | "narrow"): string {
  return new Intl.DateTimeFormat(locale(), { weekday: width, timeZone: "UTC" }).format(Date.UTC(2024, 0, day));
}

/** Days of the week in a few words, runs of three and more as a span. */
export function weekdayRange(days: readonly number[]): string {
  if (!days.length || days.length === 7) return "";
  const sorted = [...days].sort((one, other) => one - other);
  const name = (day: number): string => weekdayName(day, "short");
  const first = sorted[0] ?? 1;
  const last = sorted[sorted.length - 1] ?? 1;
  const isRun = sorted.length > 2 && last - first === sorted.length - 1;
  return isRun ? `${name(first)}–${name(last)}` : sorted.map(name).join(pageLanguage() === "zh" ? "、" : ", ");
}

/** A moment as people write it, in this browser's time zone; an unreadable one as it came. */
export function moment(iso: string): string {
  const at = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(iso) ? iso : `${iso}Z`);
  return Number.isNaN(at.getTime()) ? iso : new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(at);
}
