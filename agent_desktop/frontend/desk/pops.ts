// Pages of other systems that open for calls (DSK-6), each in a tab of its own: a call never takes the place of an
// earlier call's page, which may hold what nobody saved yet. Pure but for the question to the server.
import type { Pop } from "../wire";
import type { DeskCall } from "./reduce";

export interface PopTab {
  callId: string;
  url: string;
  title: string;
}

/** Whether it is time for a call's page. */
export function isTime(pop: Pop, call: DeskCall): boolean {
  return pop.at === "ring" || call.stage === "talking";
}

/** Only pages of the web are opened, whatever the server said. */
export function isPage(url: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

/** What a page in a frame may do. One from our own address may not be both a script and of our origin: it would not be
 * in a sandbox at all. */
export function sandbox(url: string, origin: string): string {
  const own = new URL(url).origin === origin;
  const allowed = ["allow-scripts", "allow-forms", "allow-popups", "allow-modals", "allow-downloads"];
  return (own ? allowed : [...allowed, "allow-same-origin"]).join(" ");
}

/** The tabs with a call's page added; the page of a call that has one stays as it is. */
export function withPop(tabs: readonly PopTab[], tab: PopTab): PopTab[] {
  return tabs.some((each) => each.callId === tab.callId) ? [...tabs] : [...tabs, tab];
}

/** Asks once for each call what opens, and says when it is time. */
export class Pops {
  private readonly asked = new Map<string, Pop | null>();
  private readonly settled = new Set<string>();
  private call: DeskCall | null = null;

  constructor(
    private readonly ask: (callId: string) => Promise<Pop>,
    private readonly open: (call: DeskCall, url: string) => void,
  ) {}

  /** The pushed state's call is this one now. */
  follow(call: DeskCall | null): void {
    this.call = call;
    if (!call || this.settled.has(call.callId)) return;
    const pop = this.asked.get(call.callId);
    if (pop === undefined) this.question(call.callId);
    if (!pop || !isTime(pop, call)) return;
    this.settled.add(call.callId);
    this.asked.delete(call.callId);
    if (pop.url && isPage(pop.url)) this.open(call, pop.url);
  }

  private question(callId: string): void {
    this.asked.set(callId, null);
    this.ask(callId).then(
      (pop) => {
        this.asked.set(callId, pop);
        this.follow(this.call);
      },
      () => this.asked.delete(callId), // the next event of the call asks again
    );
  }
}
