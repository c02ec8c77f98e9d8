// The softphone alone on a page, with what it says and hears laid open for the test.
import { SipPhone, type SipAccount } from "../../../../agent_desktop/frontend/phone/sip";
import type { PhoneEvent } from "../../../../agent_desktop/frontend/phone/softphone";

interface Heard {
  /** Strongest frequency in Hz and its level in dBFS. */
  hz: number;
  db: number;
}

const events: (Omit<PhoneEvent, "stream"> & { atMs: number })[] = [];
let phone: SipPhone | null = null;
let analyser: AnalyserNode | null = null;
const context = new AudioContext();

function hear(stream: MediaStream): void {
  // Chromium feeds a remote stream to WebAudio only when an element plays it too.
  const audio = new Audio();
  audio.srcObject = stream;
  void audio.play();
  analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(stream).connect(analyser);
}

const control = {
  events,
  async start(account: SipAccount): Promise<string> {
    phone = new SipPhone(account);
    phone.listen((event) => {
      if (event.kind === "connected" && event.stream) hear(event.stream);
      const { ...plain } = event as PhoneEvent & { stream?: unknown };
      delete plain.stream;
      events.push({ ...plain, atMs: Date.now() } as (typeof events)[number]);
    });
    await context.resume();
    return phone.start().then(
      () => "",
      (error: { problem?: string }) => error.problem ?? String(error),
    );
  },
  stop: () => phone?.stop(),
  answer: (key: string) => phone?.answer(key),
  hangup: (key: string) => phone?.hangup(key),
  release: (key: string) => phone?.release(key),
  mute: (key: string, muted: boolean) => phone?.mute(key, muted),
  digits: (key: string, digits: string) => phone?.sendDigits(key, digits),
  sessions: () => phone?.sessions() ?? [],
  heard(): Heard {
    if (!analyser) return { hz: 0, db: -200 };
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    let best = 0;
    levels.forEach((level, index) => {
      if (level > (levels[best] ?? -200)) best = index;
    });
    return { hz: (best * context.sampleRate) / analyser.fftSize, db: levels[best] ?? -200 };
  },
};

(window as unknown as { zjPhone: typeof control }).zjPhone = control;
