// Requests to /desk/api. Every change carries the page's CSRF token; a refusal becomes an error with the server's sentence.
import { t } from "./i18n";
import type { ChosenState, Credentials, CustomerCard, DeskSnapshot, Endpoint, Refusal, Today } from "./wire";

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

export type LegAction = "answer" | "hangup" | "hold" | "unhold" | "mute" | "unmute" | "dtmf";
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
  credentials: (): Promise<Credentials> => ask("credentials"),
  customer: (number: string): Promise<CustomerCard> => ask(`customer?number=${encodeURIComponent(number)}`),
  today: (): Promise<Today> => ask("today"),
  leg: (legId: string, action: LegAction, digits = ""): Promise<unknown> =>
    post(`legs/${encodeURIComponent(legId)}/${action}`, action === "dtmf" ? { digits } : {}),
  simulator: (action: SimulatorAction, legId = "", digits = ""): Promise<unknown> =>
    post(`simulator/${action}`, { leg_id: legId, digits }),
};
