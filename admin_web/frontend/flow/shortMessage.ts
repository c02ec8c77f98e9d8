// How long a short message is, as `core.sms` counts it: the GSM alphabet in septets, any other text in units of UTF-16.

const GSM = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");
const GSM_EXTENDED = new Set("\f^{}\\[~]|€");
/** Longest text that is sent (`core.sms.MAX_CHARACTERS`). */
export const LONGEST = 500;

export interface Length {
  characters: number;
  parts: number;
}

/** How many characters and parts a text has; places of variables count as nothing, as their values are not known yet. */
export function lengthOf(text: string): Length {
  const written = [...text.replace(/\{[A-Za-z0-9_]{1,64}\}/g, "").trim()];
  const gsm = written.every((each) => GSM.has(each) || GSM_EXTENDED.has(each));
  const sizes = written.map((each) => (gsm ? (GSM_EXTENDED.has(each) ? 2 : 1) : each.length));
  const units = sizes.reduce((sum, size) => sum + size, 0);
  const [one, each] = gsm ? [160, 153] : [70, 67];
  if (units <= one) return { characters: written.length, parts: written.length ? 1 : 0 };
  let parts = 1;
  let used = 0;
  for (const size of sizes) {
    if (used + size > each) {
      parts += 1;
      used = 0;
    }
    used += size;
  }
  return { characters: written.length, parts };
}
