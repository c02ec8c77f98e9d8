// The ring tone, made by WebAudio: two short notes each second and a half; and one note for a message. Browsers let a page sound only after the
// person has touched it; until then the tone waits for the first touch.
import { soundOn } from "../phone/devices";

const NOTES_HZ = [660, 880];
const CHIME_HZ = 990;
const PERIOD_MS = 1500;
const NOTE_S = 0.18;
const TOUCHES = ["pointerdown", "keydown"] as const;

export class RingTone {
  private context: AudioContext | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;
  private readonly onTouch = (): void => this.sound();

  get ringing(): boolean {
    return this.timer !== null;
  }

  start(): void {
    if (this.timer !== null) return;
    this.timer = setInterval(() => this.play(), PERIOD_MS);
    if (navigator.userActivation?.hasBeenActive ?? true) {
      this.sound();
    } else {
      for (const touch of TOUCHES) document.addEventListener(touch, this.onTouch, { once: true });
    }
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    for (const touch of TOUCHES) document.removeEventListener(touch, this.onTouch);
    void this.context?.suspend().catch(() => undefined);
  }

  private sound(): void {
    if (this.timer === null) return;
    this.context ??= new AudioContext();
    const context = this.context;
    void soundOn(context, "ringer")
      .then(() => context.resume())
      .then(() => this.play())
      .catch(() => undefined);
  }

  private play(): void {
    const context = this.context;
    if (!context || context.state !== "running" || this.timer === null) return;
    NOTES_HZ.forEach((frequency, index) => playNote(context, frequency, 0.25, context.currentTime + index * (NOTE_S + 0.04)));
  }
}

/** One soft note for what is no call, on the ringer; nothing where the page may not sound yet. */
export async function chime(): Promise<void> {
  if (!(navigator.userActivation?.hasBeenActive ?? true)) return;
  const context = new AudioContext();
  try {
    await soundOn(context, "ringer");
    await context.resume();
    const over = playNote(context, CHIME_HZ, 0.12, context.currentTime);
    await new Promise((resolve) => over.addEventListener("ended", resolve, { once: true }));
  } finally {
    await context.close();
  }
}

function playNote(context: AudioContext, frequency: number, loudness: number, start: number): OscillatorNode {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(loudness, start + 0.02);
  volume.gain.linearRampToValueAtTime(0, start + NOTE_S);
  tone.connect(volume).connect(context.destination);
  tone.start(start);
  tone.stop(start + NOTE_S);
  return tone;
}
