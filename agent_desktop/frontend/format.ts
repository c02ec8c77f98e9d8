// How times and numbers are shown. Pure.

/** A duration as m:ss or h:mm:ss. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(seconds / 3600);
  const m = Math.floor(seconds / 60) % 60;
  const s = String(seconds % 60).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** A telephone number as people read it: Chinese numbers without +86 and in groups, others as they are stored. */
export function phoneNumber(stored: string): string {
  const mobile = /^\+86(1[3-9]\d)(\d{4})(\d{4})$/.exec(stored);
  if (mobile) return mobile.slice(1).join(" ");
  const service = /^\+86([48]00)(\d{3})(\d{4})$/.exec(stored);
  if (service) return service.slice(1).join(" ");
  const area = /^\+86(10|2\d|[3-9]\d{2})(\d{7,8})$/.exec(stored);
  if (area) return `0${area[1]}-${area[2]}`;
  return stored;
}

/** What is stored of a caller who hides their number. */
const WITHHELD = "anonymous";

/** Whether there is no number to show: none came, or it is withheld. */
export function isWithheld(stored: string | undefined): boolean {
  return !stored || stored === WITHHELD;
}

/** Whether the server hid digits of a number: it then names nobody by itself. */
export function isMasked(number: string): boolean {
  return number.includes("*");
}

/** Whole seconds until `atMs`, never below zero. */
export function secondsUntil(atMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

/** The time of day of an instant in the browser's zone, as 14:05. */
export function timeOfDay(ms: number): string {
  const date = new Date(ms);
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}

/** The day and time of an instant in the browser's zone: 14:05 today, else 11-22 14:05. */
export function dayTime(ms: number, nowMs: number): string {
  const date = new Date(ms);
  const today = new Date(nowMs).toDateString() === date.toDateString();
  return today ? timeOfDay(ms) : `${date.getMonth() + 1}-${date.getDate()} ${timeOfDay(ms)}`;
}

/** An instant as a `datetime-local` field wants it, in the browser's zone; 0 is empty. */
export function toLocalField(ms: number): string {
  if (!ms) return "";
  const date = new Date(ms);
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${timeOfDay(ms)}`;
}

/** The instant a `datetime-local` field holds, in the browser's zone; 0 for an empty or half one. */
export function fromLocalField(text: string): number {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text) ? new Date(text).getTime() || 0 : 0;
}
