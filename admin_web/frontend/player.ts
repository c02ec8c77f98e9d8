// The recording player: a waveform from peaks the server made, sound by byte ranges, customer left and agent right.
import WaveSurfer from "wavesurfer.js";
import { word } from "./content";

interface Peaks {
  length_ms: number;
  channels: number[][];
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/**
 * Mounts a player in every `[data-player]` below `root`; `data-audio` and `data-peaks` are addresses.
 * The server sends the button disabled: a click before there is anything to play would be lost.
 */
export function mountPlayers(root: ParentNode): void {
  for (const box of root.querySelectorAll<HTMLElement>("[data-player]:not([data-mounted])")) {
    box.dataset["mounted"] = "";
    void mount(box);
  }
}

async function mount(box: HTMLElement): Promise<void> {
  const wave = box.querySelector<HTMLElement>(".zj-wave");
  const button = box.querySelector<HTMLButtonElement>("button");
  const time = box.querySelector<HTMLElement>(".zj-wave-time");
  if (!wave || !button || !time) return;
  const answer = await fetch(box.dataset["peaks"] ?? "").catch(() => null);
  if (!answer?.ok) {
    time.textContent = word("no-recording");
    return;
  }
  const { length_ms, channels: peaks } = (await answer.json()) as Peaks;
  const duration_s = length_ms / 1000;
  const audio = new Audio();
  audio.preload = "none";
  audio.src = box.dataset["audio"] ?? "";
  // The customer is blue and the agent teal, as the legend says; what was not heard yet is paler.
  const colours = [
    { waveColor: "#8fb8e0", progressColor: "#0561b8" },
    { waveColor: "#86cbb9", progressColor: "#0b7a5e" },
  ];
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="zj-nonce"]')?.nonce;
  const player = WaveSurfer.create({
    container: wave,
    media: audio,
    peaks,
    duration: duration_s,
    height: peaks.length > 1 ? 36 : 64,
    barWidth: 2,
    barGap: 1,
    cursorColor: "var(--tblr-danger)",
    splitChannels: peaks.map((_, i) => colours[i % 2] ?? {}),
    ...(nonce ? { cspNonce: nonce } : {}),
  });
  const show = (seconds: number) => (time.textContent = `${clock(seconds)} / ${clock(duration_s)}`);
  show(0);
  player.on("timeupdate", show);
  player.on("play", () => button.classList.add("playing"));
  player.on("pause", () => button.classList.remove("playing"));
  player.on("finish", () => button.classList.remove("playing"));
  player.on("error", () => (time.textContent = word("no-recording")));
  button.addEventListener("click", () => void player.playPause());
  button.disabled = false;
  const observer = new MutationObserver(() => {
    if (box.isConnected) return;
    player.destroy();
    observer.disconnect();
  });
  observer.observe(document.getElementById("zj-main") ?? document.body, { childList: true, subtree: true });
}
