// The microphone: asked for before the phone registers, so that the first call does not meet a permission dialogue.
import { PhoneError, type PhoneProblem } from "./softphone";

const CONSTRAINTS: MediaStreamConstraints = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  video: false,
};

/** Open the microphone. Rejects with {@link PhoneError}. */
export async function openMicrophone(): Promise<MediaStream> {
  // Browsers hide the devices from pages that are not served by HTTPS (or from localhost).
  if (!navigator.mediaDevices?.getUserMedia) throw new PhoneError("microphone-insecure");
  try {
    return await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
  } catch (error) {
    throw new PhoneError(problemOf(error), String(error));
  }
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
