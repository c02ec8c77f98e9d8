// What a session that ends or changes does to the page, at once. The desk's push connection says so by `zj:session-over`
// and `zj:rights`; where there is no desk, one tab of the browser listens for all of them. A page whose phone has a call
// (`data-call` on the body) is never reloaded: the call goes first.
import htmx from "htmx.org";
import { word } from "./content";
import { markCurrent } from "./menus";

type News = { kind: "over"; why: string } | { kind: "rights" } | { kind: "announcements" };

const RETRY_MS = 3000;

const inCall = (): boolean => document.body.hasAttribute("data-call");

/** Runs `action` now, or when the call this page carries is over. */
function afterCall(action: () => void): void {
  if (inCall()) document.addEventListener("zj:call-over", () => afterCall(action), { once: true });
  else action();
}

function signInPage(why: string): string {
  const here = location.pathname + location.search;
  return `/sign-in?${new URLSearchParams({ why, next: here })}`;
}

/** Shows why one is signed out: the sign-in page, or with a call up an empty page until it ends. */
function sessionOver(why: string): void {
  if (inCall()) {
    document.getElementById("zj-menu")?.replaceChildren();
    for (const dialog of document.querySelectorAll<HTMLDialogElement>("dialog[open]")) dialog.close();
    const note = document.createElement("p");
    note.className = "zj-empty";
    note.setAttribute("role", "alert");
    note.textContent = word("signed-out-in-call");
    document.getElementById("zj-main")?.replaceChildren(note);
  }
  afterCall(() => location.assign(signInPage(why)));
}

const scriptsOf = (page: Document): string =>
  [...page.querySelectorAll<HTMLScriptElement>("script[type=module][src]")].map((script) => script.src).sort().join();

/** Renews the menu; the main part too unless a call is up or a form is open in a drawer. */
async function rightsChanged(): Promise<void> {
  const headers = { Accept: "text/html", "X-Zongji-Background": "1" };
  const answer = await fetch(location.href, { headers }).catch(() => null);
  if (!answer) return;
  if (new URL(answer.url).pathname === "/sign-in") {
    sessionOver("session-over");
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const menu = document.getElementById("zj-menu");
  const renewed = fresh.getElementById("zj-menu");
  if (menu && renewed) {
    menu.replaceChildren(...renewed.childNodes);
    htmx.process(menu);
    markCurrent();
  }
  if (answer.ok && scriptsOf(fresh) !== scriptsOf(document)) {
    afterCall(() => location.reload()); // the account got a desk, or has none any more
    return;
  }
  // A page one may not see any more goes, whatever else is going on: the shell, and with it the call, stays.
  if (!answer.ok || !(inCall() || document.querySelector("dialog[open]"))) {
    await htmx.ajax("get", location.pathname + location.search, { target: "#zj-main", swap: "innerHTML show:none" });
  }
}

function receive(news: News): void {
  if (news.kind === "over") sessionOver(news.why);
  else if (news.kind === "announcements") document.dispatchEvent(new CustomEvent("zj:announced"));
  else void rightsChanged();
}

document.addEventListener("zj:session-over", (event) => sessionOver((event as CustomEvent<{ why: string }>).detail.why));
document.addEventListener("zj:rights", () => void rightsChanged());

const SPREAD_MS = 3000;

// All pages of a company hear of an announcement at once; they ask for it spread over some seconds.
document.addEventListener("zj:announced", () => {
  setTimeout(() => document.dispatchEvent(new CustomEvent("zj:announcements")), Math.random() * SPREAD_MS);
});

/** Listens in one tab for all: browsers allow few connections to a site. Ends with the tab; another takes over. */
function listen(): void {
  const others = new BroadcastChannel("zj-session");
  others.onmessage = (message: MessageEvent<News>) => receive(message.data);
  const tell = (news: News): void => {
    others.postMessage(news);
    receive(news);
  };
  const open = (): void => {
    const source = new EventSource("/live/stream");
    source.addEventListener("rights", () => tell({ kind: "rights" }));
    source.addEventListener("announcements", () => tell({ kind: "announcements" }));
    source.addEventListener("over", (event) => {
      source.close();
      tell({ kind: "over", why: (JSON.parse((event as MessageEvent<string>).data) as { why: string }).why });
    });
    source.onerror = () => {
      source.close();
      void reopen();
    };
  };
  const reopen = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    const answer = await fetch("/live/snapshot", { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.status === 401) tell({ kind: "over", why: ((await answer.json()) as { error: string }).error });
    else open();
  };
  void navigator.locks.request("zj-session", () => {
    open();
    return new Promise<never>(() => undefined);
  });
}

const hasDesk = document.getElementById("zj-light") !== null;
if (document.getElementById("zj-menu") && !hasDesk) listen();
