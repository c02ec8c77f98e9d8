// Sending sounds to the voice library, with progress.

/** What the server says when it refuses. */
export interface Refusal {
  message?: string;
}

/** Headers of every request that changes something. */
export function csrf(): Record<string, string> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
  return { "X-CSRFToken": token, Accept: "application/json" };
}

/** What the server says of a sound it took. */
export interface Taken {
  id: number;
  name: string;
  text: string;
}

/** Sends a sound and returns what became of it; an `Error` has the server's sentence, or nothing when it was not reached. */
export function sendSound(
  address: string,
  sound: Blob,
  name: string,
  source: "upload" | "recorded",
  progress: (part: number) => void,
): Promise<Taken> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${address}?${new URLSearchParams({ name, source }).toString()}`);
    for (const [header, value] of Object.entries(csrf())) request.setRequestHeader(header, value);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => progress(event.lengthComputable ? event.loaded / event.total : 0));
    request.upload.addEventListener("load", () => progress(1));
    request.addEventListener("error", () => reject(new Error("")));
    request.addEventListener("load", () => {
      let answer: Taken & Refusal;
      try {
        answer = JSON.parse(request.responseText) as Taken & Refusal;
      } catch {
        reject(new Error(""));
        return;
      }
      if (request.status < 300) resolve(answer);
      else reject(new Error(answer.message ?? ""));
    });
    request.send(sound);
  });
}
