// The devices this browser uses, chosen apart: microphone, speaker for the customer's voice, ringer. Remembered by the
// browser; a device that is not plugged in is replaced by the system's own until it is back.

export type DeviceUse = "microphone" | "speaker" | "ringer";

/** Ids of devices; empty: the system's own. */
export type Devices = Record<DeviceUse, string>;

const KEY = "zj-devices";
const NONE: Devices = { microphone: "", speaker: "", ringer: "" };

/** What is remembered; anything that cannot be read is nothing. */
export function parseDevices(stored: string | null): Devices {
  try {
    const found: unknown = JSON.parse(stored ?? "{}");
    const given = (found && typeof found === "object" ? found : {}) as Record<string, unknown>;
    const of = (use: DeviceUse): string => (typeof given[use] === "string" ? (given[use] as string) : "");
    return { microphone: of("microphone"), speaker: of("speaker"), ringer: of("ringer") };
  } catch {
    return { ...NONE };
  }
}

export function chosenDevices(): Devices {
  return typeof localStorage === "undefined" ? { ...NONE } : parseDevices(localStorage.getItem(KEY));
}

export function chooseDevice(use: DeviceUse, id: string): void {
  localStorage.setItem(KEY, JSON.stringify({ ...chosenDevices(), [use]: id }));
  document.dispatchEvent(new CustomEvent("zj:devices"));
}

interface Sinkable {
  setSinkId?(id: string): Promise<void>;
}

/** Whether this browser lets pages choose where sound comes out. */
export function canChooseOutput(): boolean {
  return typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;
}

/** Have an audio element or context sound on the device chosen for `use`; one that is not there is the system's own. */
export async function soundOn(target: object, use: "speaker" | "ringer"): Promise<void> {
  const sink = target as Sinkable;
  if (!sink.setSinkId) return;
  try {
    await sink.setSinkId(chosenDevices()[use]);
  } catch {
    await sink.setSinkId("").catch(() => undefined);
  }
}

/** Play a short tone on the device chosen for `use`. Rejects when no sound can be made. */
export async function playTone(use: "speaker" | "ringer"): Promise<void> {
  const context = new AudioContext();
  try {
    await soundOn(context, use);
    await context.resume();
    const tone = context.createOscillator();
    const volume = context.createGain();
    volume.gain.value = 0.2;
    tone.frequency.value = use === "ringer" ? 880 : 440;
    tone.connect(volume).connect(context.destination);
    const over = new Promise((resolve) => tone.addEventListener("ended", resolve));
    tone.start();
    tone.stop(context.currentTime + 0.8);
    await over;
  } finally {
    await context.close();
  }
}

/** The loudness of a stream from 0 to 1, told about twenty times a second until the returned function is called. */
export function meter(stream: MediaStream, tell: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    tell(levelOf(samples));
  }, 50);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

/** Root mean square, spread so that speech fills most of the scale: -50 dB is 0, -6 dB is 1. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (db + 50) / 44));
}
