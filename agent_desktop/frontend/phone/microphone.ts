// The microphone: asked for before the phone registers, so that the first call does not meet a permission dialogue.
import { chosenDevices } from "./devices";
import { PhoneError, type PhoneProblem } from "./softphone";

const CONSTRAINTS = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
/** What browsers say of a device that was chosen and is not there. */
const NOT_THERE = ["OverconstrainedError", "NotFoundError"];

/** Open the chosen microphone; when it is not plugged in, the system's own. Rejects with {@link PhoneError}. */
export async function openMicrophone(): Promise<MediaStream> {
  // Browsers hide the devices from pages that are not served by HTTPS (or from localhost).
  if (!navigator.mediaDevices?.getUserMedia) throw new PhoneError("microphone-insecure");
  try {
    return await openChosen(chosenDevices().microphone);
  } catch (error) {
    throw new PhoneError(problemOf(error), String(error));
  }
}

async function openChosen(deviceId: string): Promise<MediaStream> {
  if (deviceId) {
    try {
      const audio = { ...CONSTRAINTS, deviceId: { exact: deviceId } };
      return await navigator.mediaDevices.getUserMedia({ audio, video: false });
    } catch (error) {
      if (!NOT_THERE.includes(error instanceof Error ? error.name : "")) throw error;
    }
  }
  return navigator.mediaDevices.getUserMedia({ audio: CONSTRAINTS, video: false });
}

/** Ask for the permission and close the device again. Rejects with {@link PhoneError}. */
export async function askForMicrophone(): Promise<void> {
  closeStream(await openMicrophone());
}

export function closeStream(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** Error names are those of the Media Capture specification, `getUserMedia()`. */
export function problemOf(error: unknown): PhoneProblem {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "microphone-denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "microphone-missing";
    default:
      return "microphone-busy";
  }
}
