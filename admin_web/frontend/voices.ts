// The voice library: play buttons of lists, files sent with progress, texts heard before they are kept.
import htmx from "htmx.org";
import "./voices.css";
import { openMicrophones } from "./voices-record";
import { csrf, type Refusal, sendSound } from "./voices-send";

/** Mounts what is below `root`. */
export function mountVoices(root: ParentNode): void {
  for (const box of fresh(root, "[data-voice-upload]")) mountUpload(box);
  for (const box of fresh(root, "[data-voice-text]")) mountText(box);
  for (const box of fresh(root, "[data-voice-try]")) mountTry(box);
  openMicrophones(fresh(root, "[data-voice-record]"));
  // The server sends them disabled: a click before this script is there would be lost.
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-sound]")) button.disabled = false;
}

function fresh(root: ParentNode, selector: string): HTMLElement[] {
  const found = [...root.querySelectorAll<HTMLElement>(`${selector}:not([data-mounted])`)];
  for (const box of found) box.dataset["mounted"] = "yes";
  return found;
}

// --- play buttons: one sound at a time in the whole page -------------------------------------------------------------

const shared = new Audio();
let playing: HTMLButtonElement | null = null;

function settle(): void {
  playing?.classList.remove("playing");
  playing = null;
}

for (const name of ["ended", "error", "pause"]) shared.addEventListener(name, settle);

// One listener for all buttons: a list that is refreshed keeps its buttons and forgets what was mounted on them.
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLButtonElement>("button[data-sound]");
  if (!button) return;
  const mine = playing === button;
  shared.pause();
  settle();
  if (mine) return;
  shared.src = button.dataset["sound"] ?? "";
  playing = button;
  button.classList.add("playing");
  shared.play().catch(settle);
});

// --- a list with something that waits for its review looks for news --------------------------------------------------

setInterval(() => {
  const waits = document.querySelector("#zj-list [data-sound][data-waiting]");
  if (!waits || playing || document.hidden || document.querySelector("dialog[open]")) return;
  if (document.querySelector("#zj-list input[name='ids']:checked")) return;
  htmx.trigger(document.documentElement, "zj:changed");
}, 15_000);

// --- files -----------------------------------------------------------------------------------------------------------

function mountUpload(box: HTMLElement): void {
  const drop = box.querySelector<HTMLElement>("[data-drop]");
  const input = box.querySelector<HTMLInputElement>("input[type=file]");
  if (!drop || !input) return;
  const take = (files: Iterable<File>): void => void sendAll(box, [...files].slice(0, "one" in box.dataset ? 1 : 50));
  const chosen = (): void => {
    if (!input.files?.length) return;
    take(input.files);
    input.value = "";
  };
  input.addEventListener("change", chosen);
  chosen(); // somebody was quicker than this script
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("zj-over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("zj-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files ?? []);
  });
}

async function sendAll(box: HTMLElement, files: File[]): Promise<void> {
  const rows = files.map((file) => new UploadRow(box, file));
  for (const row of rows) await row.send();
}

/** One file's line: its name, how far it is, and what came of it; a refused one can be given another name. */
class UploadRow {
  private readonly item = document.createElement("li");
  private readonly name = document.createElement("input");
  private readonly state = document.createElement("span");
  private readonly bar = document.createElement("progress");
  private readonly again = document.createElement("button");

  constructor(
    private readonly box: HTMLElement,
    private readonly file: File,
  ) {
    this.name.className = "form-control";
    this.name.maxLength = 100;
    this.name.value = file.name.replace(/\.[^.]*$/, "");
    this.name.setAttribute("aria-label", box.dataset["wordName"] ?? "");
    this.name.readOnly = true;
    this.name.hidden = "one" in box.dataset;
    this.bar.max = 1;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", this.name.value);
    this.again.type = "button";
    this.again.className = "btn btn-sm";
    this.again.textContent = box.dataset["wordAgain"] ?? "";
    this.again.hidden = true;
    this.again.addEventListener("click", () => void this.send());
    this.state.textContent = box.dataset["wordWaits"] ?? "";
    this.item.append(this.name, this.bar, this.state, this.again);
    box.querySelector(".zj-uploads")?.append(this.item);
  }

  async send(): Promise<void> {
    if (this.file.size > Number(this.box.dataset["maxBytes"])) {
      this.refused(this.box.dataset["wordLarge"] ?? "");
      this.again.hidden = true;
      return;
    }
    this.item.className = "";
    this.name.readOnly = true;
    this.again.hidden = true;
    this.bar.hidden = false;
    this.state.textContent = this.box.dataset["wordSending"] ?? "";
    try {
      const made = await sendSound(this.box.dataset["voiceUpload"] ?? "", this.file, this.name.value, "upload", (part) => {
        this.bar.value = part;
        if (part >= 1) this.state.textContent = this.box.dataset["wordWorking"] ?? "";
      });
      this.bar.hidden = true;
      this.state.textContent = made.text;
      this.item.className = "zj-done";
      htmx.trigger(document.documentElement, "zj:changed");
    } catch (error) {
      this.refused(error instanceof Error && error.message ? error.message : (this.box.dataset["wordLost"] ?? ""));
    }
  }

  private refused(text: string): void {
    this.item.className = "zj-refused";
    this.bar.hidden = true;
    this.name.readOnly = false;
    this.again.hidden = false;
    this.state.textContent = text;
  }
}

// --- texts and the speech service ------------------------------------------------------------------------------------

/** Asks for a sound and lets it be heard, or says why there is none. */
async function hear(box: HTMLElement, button: HTMLButtonElement, address: string, form: FormData): Promise<void> {
  const audio = box.querySelector<HTMLAudioElement>("audio");
  const problem = box.querySelector<HTMLElement>("[data-problem]");
  if (!audio || !problem) return;
  button.disabled = true;
  problem.hidden = true;
  try {
    const answer = await fetch(address, { method: "POST", headers: csrf(), body: form });
    if (!answer.ok) throw new Error(((await answer.json()) as Refusal).message ?? String(answer.status));
    if (audio.src) URL.revokeObjectURL(audio.src);
    audio.src = URL.createObjectURL(await answer.blob());
    audio.hidden = false;
    await audio.play().catch(() => undefined);
  } catch (error) {
    audio.hidden = true;
    problem.textContent = error instanceof Error ? error.message : "";
    problem.hidden = false;
  } finally {
    button.disabled = false;
  }
}

function mountText(form: HTMLElement): void {
  const button = form.querySelector<HTMLButtonElement>("[data-listen]");
  if (!(form instanceof HTMLFormElement) || !button) return;
  button.disabled = false;
  button.addEventListener("click", () => void hear(form, button, form.dataset["voiceText"] ?? "", new FormData(form)));
}

function mountTry(box: HTMLElement): void {
  for (const button of box.querySelectorAll<HTMLButtonElement>("[data-language]")) {
    const form = new FormData();
    form.set("language", button.dataset["language"] ?? "");
    button.disabled = false;
    button.addEventListener("click", () => void hear(box, button, box.dataset["voiceTry"] ?? "", form));
  }
}
