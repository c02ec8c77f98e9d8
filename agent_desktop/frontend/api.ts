// Requests to /desk/api. Every change carries the page's CSRF token; a refusal becomes an error with the server's sentence.
import { isMasked } from "./format";
import { t } from "./i18n";
import type {
  ChosenState,
  Credentials,
  CustomerCard,
  DeskSnapshot,
  Endpoint,
  OwnExtension,
  Pop,
  Refusal,
  Today,
  TransferTargets,
  TransferTo,
  WorkEntry,
  WorkKind,
  WrapUp,
} from "./wire";

const TIMEOUT_MS = 8000;

/** The server refused, or could not be asked. `message` is a sentence for the person. */
export class ApiError extends Error {
  constructor(
    readonly id: string,
    message: string,
    readonly status: number,
    readonly detail: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export type LegAction = "answer" | "hangup" | "hold" | "unhold" | "mute" | "unmute" | "dtmf" | "consult_cancel" | "transfer_complete" | "conference";
export type SimulatorAction = "register" | "unregister" | "answer" | "hangup" | "dtmf";

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`/desk/api/${path}`, {
      ...init,
      headers: { Accept: "application/json", ...init.headers },
      credentials: "same-origin",
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new ApiError("network", t("error.network"), 0);
  }
  if (answer.type === "opaqueredirect" || answer.status === 401) {
    throw new ApiError("signed-out", t("live.signed_out"), 401);
  }
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok && body !== null) return body as T;
  const refusal = body as Partial<Refusal> | null;
  throw new ApiError(
    refusal?.error ?? "unexpected",
    refusal?.message ?? t("error.unexpected", { status: answer.status }),
    answer.status,
    refusal?.detail ?? {},
  );
}

/** The page's CSRF token. */
export function csrfToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

function post(path: string, body: Record<string, unknown> = {}): Promise<unknown> {
  return ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
  });
}

export const api = {
  snapshot: (): Promise<DeskSnapshot> => ask("state"),
  signIn: (extension_id: number, endpoint: Endpoint): Promise<unknown> => post("sign-in", { extension_id, endpoint }),
  signOut: (): Promise<unknown> => post("sign-out"),
  setState: (state: ChosenState, reason = ""): Promise<unknown> => post("set-state", { state, reason }),
  wrapUp: (what: "end" | "extend"): Promise<unknown> => post("wrap-up", { do: what }),
  drafts: async (): Promise<WrapUp[]> => (await ask<{ drafts: WrapUp[] }>("wrap-ups")).drafts,
  writeWrapUp: (what: "keep" | "save", form: Record<string, unknown>): Promise<WrapUp> =>
    post(`wrap-ups/${what}`, form) as Promise<WrapUp>,
  discardWrapUp: (call_id: string): Promise<unknown> => post("wrap-ups/discard", { call_id }),
  work: async (): Promise<WorkEntry[]> => (await ask<{ entries: WorkEntry[] }>("work")).entries,
  markWork: (kind: WorkKind, id: number, done: boolean): Promise<unknown> =>
    post(`work/${kind}/${id}/${done ? "done" : "open"}`),
  callWork: (kind: WorkKind, id: number, key: string): Promise<unknown> => post(`work/${kind}/${id}/call`, { key }),
  pop: (callId: string): Promise<Pop> => ask(`pop?call=${encodeURIComponent(callId)}`),
  ownExtension: (): Promise<OwnExtension> => ask("extension"),
  setOwnExtension: (form: Omit<OwnExtension, "number">): Promise<OwnExtension> =>
    post("extension", { ...form }) as Promise<OwnExtension>,
  credentials: (): Promise<Credentials> => ask("credentials"),
  /** The card of a number or, where numbers are masked, of the other party of a call. */
  customer: (number: string, callId: string): Promise<CustomerCard> =>
    ask(isMasked(number) ? `customer?call=${encodeURIComponent(callId)}` : `customer?number=${encodeURIComponent(number)}`),
  today: (): Promise<Today> => ask("today"),
  leg: (legId: string, action: LegAction, digits = ""): Promise<unknown> =>
    post(`legs/${encodeURIComponent(legId)}/${action}`, action === "dtmf" ? { digits } : {}),
  transferTargets: (query: string): Promise<TransferTargets> => ask(`transfer-targets?q=${encodeURIComponent(query)}`),
  transfer: (legId: string, to: TransferTo): Promise<unknown> => post(`legs/${encodeURIComponent(legId)}/transfer`, { ...to }),
  consult: (legId: string, to: TransferTo): Promise<unknown> => post(`legs/${encodeURIComponent(legId)}/consult`, { ...to }),
  dial: (to: string, key: string): Promise<unknown> => post("dial", { to, key }),
  /** Call the other party of a call, whose number this page may not know. */
  dialAgain: (call: string, key: string): Promise<unknown> => post("dial", { call, key }),
  simulator: (action: SimulatorAction, legId = "", digits = ""): Promise<unknown> =>
    post(`simulator/${action}`, { leg_id: legId, digits }),
};
