// The editor's requests. A refusal keeps the server's sentence; no answer at all is `null`.

export interface Answer<T> {
  ok: boolean;
  status: number;
  body: (T & { message?: string; error?: string }) | null;
}

const TIMEOUT_MS = 20_000;

/** Ask `address`; null when the server cannot be reached in time. */
export async function ask<T>(address: string, method = "GET", body?: unknown, keepalive = false): Promise<Answer<T> | null> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
  try {
    const answer = await fetch(address, {
      method,
      credentials: "same-origin",
      redirect: "manual",
      keepalive,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        Accept: "application/json",
        ...(method === "GET" ? {} : { "X-CSRFToken": token }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const signedOut = answer.type === "opaqueredirect";
    return { ok: answer.ok, status: signedOut ? 401 : answer.status, body: signedOut ? null : await answer.json().catch(() => null) };
  } catch {
    return null;
  }
}
