// What comes with a page's main part: a hook runs on the first page and on every part htmx swaps in.
import htmx from "htmx.org";

type Hook = (root: ParentNode) => void | Promise<void>;

/** Runs `hook` on the content of the page, now and for every later part. Elements already mounted are the hook's to skip. */
export function onContent(hook: Hook): void {
  htmx.onLoad((element) => void hook((element.parentElement ?? document) as ParentNode));
}

/** Translated words the server put into the page for scripts: `<meta name="zj-words" content="{…}">`. */
export function word(key: string): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="zj-words"]');
  const words = JSON.parse(meta?.content ?? "{}") as Record<string, string>;
  return words[key] ?? key;
}
