// Recording from the microphone: samples are collected in the page and sent as a WAV file, which needs no converter on the
// server and loses nothing on the way.
import htmx from "htmx.org";
import { toast } from "./toasts";
import { sendSound } from "./voices-send";
import workletAddress from "./voices-worklet?worker&url";

/** Rate the recording is sent at: twice the telephone's, ten minutes of which fit into the largest upload. */
export const SENT_HZ = 16_000;

/** Mounts the drawers in `boxes`. */
export function openMicrophones(boxes: HTMLElement[]): void {
  for (const box of boxes) new Recorder(box);
}

/** Returns samples as a WAV file of 16 bits. */
export function wavFile(samples: Float32Array, rateHz: number): Blob {
  const header = new DataView(new ArrayBuffer(44));
  const text = (at: number, word: string): void => {
    for (let i = 0; i < word.length; i++) header.setUint8(at + i, word.charCodeAt(i));
  };
  const bytes = samples.length * 2;
  text(0, "RIFF");
  header.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, rateHz, true);
  header.setUint32(28, rateHz * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, bytes, true);
  const data = new DataView(new ArrayBuffer(bytes));
  samples.forEach((sample, i) => data.setInt16(i * 2, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true));
  return new Blob([header.buffer, data.buffer], { type: "audio/wav" });
}

/** Returns the samples at another rate, by the browser's own resampler. */
async function atRate(samples: Float32Array<ArrayBuffer>, fromHz: number, toHz: number): Promise<Float32Array> {
  if (fromHz === toHz || samples.length === 0) return samples;
  const context = new OfflineAudioContext(1, Math.ceil((samples.length * toHz) / fromHz), toHz);
  const buffer = context.createBuffer(1, samples.length, fromHz);
  buffer.copyToChannel(samples, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

class Recorder {
  private readonly start: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private readonly keep: HTMLButtonElement;
  private readonly name: HTMLInputElement;
  private readonly meter: HTMLMeterElement;
  private readonly time: HTMLElement;
  private readonly audio: HTMLAudioElement;
  private readonly problem: HTMLElement;
  private chunks: Float32Array[] = [];
  private count = 0;
  private context: AudioContext | null = null;
  private stream: MediaStream | null = null;
  private take: Blob | null = null;

  constructor(private readonly box: HTMLElement) {
    this.start = this.part("[data-start]");
    this.stop = this.part("[data-stop]");
    this.name = this.part("input");
    this.meter = this.part("meter");
    this.time = this.part("[data-time]");
    this.audio = this.part("audio");
    this.problem = this.part("[data-problem]");
    const keep = box.closest("dialog")?.querySelector<HTMLButtonElement>("[data-keep]");
    if (!keep) throw new Error("no button to keep the recording");
    this.keep = keep;
    this.start.addEventListener("click", () => void this.begin());
    this.start.disabled = false;
    this.stop.addEventListener("click", () => void this.finish());
    this.keep.addEventListener("click", () => void this.send());
    box.closest("dialog")?.addEventListener("close", () => this.silence());
  }

  private part<T extends HTMLElement>(selector: string): T {
    const found = this.box.querySelector<T>(selector);
    if (!found) throw new Error(`no ${selector} in the recorder`);
    return found;
  }

  private say(text: string): void {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }

  private async begin(): Promise<void> {
    this.say("");
    if (!window.isSecureContext || !navigator.mediaDevices) {
      this.say(this.box.dataset["wordSecure"] ?? "");
      return;
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, autoGainControl: true } });
    } catch (error) {
      const none = error instanceof DOMException && error.name === "NotFoundError";
      this.say(this.box.dataset[none ? "wordNone" : "wordRefused"] ?? "");
      return;
    }
    if (!this.box.isConnected) {
      this.silence();
      return;
    }
    this.chunks = [];
    this.count = 0;
    const context = new AudioContext();
    this.context = context;
    await context.audioWorklet.addModule(workletAddress);
    const collector = new AudioWorkletNode(context, "zj-collector", { numberOfOutputs: 0, channelCount: 1 });
    collector.port.onmessage = (event: MessageEvent<Float32Array>) => this.heard(event.data, context.sampleRate);
    context.createMediaStreamSource(this.stream).connect(collector);
    this.start.hidden = true;
    this.stop.hidden = false;
    this.stop.focus();
    this.audio.hidden = true;
    this.keep.disabled = true;
  }

  private heard(samples: Float32Array, rateHz: number): void {
    if (!this.context) return;
    this.chunks.push(samples);
    this.count += samples.length;
    this.meter.value = samples.reduce((loudest, each) => Math.max(loudest, Math.abs(each)), 0);
    const seconds = Math.floor(this.count / rateHz);
    this.time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (this.count / rateHz >= Number(this.box.dataset["maxS"])) void this.finish();
  }

  private async finish(): Promise<void> {
    const rateHz = this.context?.sampleRate;
    if (!rateHz) return;
    this.silence();
    const samples = new Float32Array(this.count);
    let place = 0;
    for (const chunk of this.chunks) {
      samples.set(chunk, place);
      place += chunk.length;
    }
    this.chunks = [];
    this.take = wavFile(await atRate(samples, rateHz, SENT_HZ), SENT_HZ);
    if (this.audio.src) URL.revokeObjectURL(this.audio.src);
    this.audio.src = URL.createObjectURL(this.take);
    this.audio.hidden = false;
    this.keep.disabled = false;
  }

  /** Lets go of the microphone; the browser's red dot goes out. */
  private silence(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    void this.context?.close();
    this.context = null;
    this.meter.value = 0;
    this.start.hidden = false;
    this.stop.hidden = true;
  }

  private async send(): Promise<void> {
    const missing = this.box.querySelector<HTMLElement>("[data-name-error]");
    const named = this.name.value.trim() !== "";
    if (missing) missing.hidden = named;
    this.name.classList.toggle("is-invalid", !named);
    if (!named) {
      this.name.focus();
      return;
    }
    if (!this.take) return;
    this.keep.disabled = true;
    this.say("");
    try {
      const made = await sendSound(this.box.dataset["voiceRecord"] ?? "", this.take, this.name.value, "recorded", () => undefined);
      toast(`${made.name}: ${made.text}`, "success");
      htmx.trigger(document.documentElement, "zj:changed");
      htmx.trigger(document.documentElement, "zj:close-drawer");
    } catch (error) {
      this.say(error instanceof Error && error.message ? error.message : (this.box.dataset["wordLost"] ?? ""));
      this.keep.disabled = false;
    }
  }
}
