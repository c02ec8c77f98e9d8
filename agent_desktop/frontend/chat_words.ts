// Words of the chat between supervisors and agents (SUP-9), of both its ends.
import { pageLanguage } from "./i18n";

const en = {
  "open": "Messages from supervisors",
  "unread": "{n} new",
  "with": "Messages with {name}",
  "thread": "Supervisor",
  "write": "Message",
  "hint": "Enter sends, Shift+Enter begins a new line.",
  "send": "Send",
  "close": "Close",
  "earlier": "Earlier messages",
  "none": "Nothing was written yet. {name} sees it at once on the desk.",
  "you": "You",
  "failed": "It was not sent. Please try again.",
  "not_loaded": "The messages cannot be loaded at the moment.",
  "retry": "Try again",
  "news": "{name} wrote: {text}",
};

const zh: Record<keyof typeof en, string> = {
  "open": "班长消息",
  "unread": "{n} 条新消息",
  "with": "与 {name} 的消息",
  "thread": "班长",
  "write": "消息",
  "hint": "Enter 发送，Shift+Enter 换行。",
  "send": "发送",
  "close": "关闭",
  "earlier": "更早的消息",
  "none": "还没有消息。发送后 {name} 会立即在坐席桌面上看到。",
  "you": "我",
  "failed": "未能发送，请重试。",
  "not_loaded": "暂时无法加载消息。",
  "retry": "重试",
  "news": "{name} 发来消息：{text}",
};

export type ChatWord = keyof typeof en;

/** The word of `key` in the page's language, with {placeholders} filled in. */
export function c(key: ChatWord, values: Record<string, string | number> = {}): string {
  const text = (pageLanguage() === "zh" ? zh : en)[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
