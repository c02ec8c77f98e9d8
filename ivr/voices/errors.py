"""Why a voice is not taken, changed or deleted; each says what to do about it."""

from __future__ import annotations

from core.errors import CallerFault, Conflict, NotFound
from core.i18n import lazy


class VoiceUnknown(NotFound):
    """There is no such voice in the company."""

    id = "voice-unknown"
    sentence = lazy("This voice does not exist, or no longer does.")


class VoiceNameTaken(Conflict):
    """Another voice of the company has the name."""

    id = "voice-name-taken"
    sentence = lazy("There is a voice called %(name)s already. Choose another name.")


class VoiceNameMissing(CallerFault):
    """A voice needs a name."""

    id = "voice-name-missing"
    status = 422
    sentence = lazy("Give the voice a name.")


class VoiceInUse(Conflict):
    """Flows play it; `flows` names them."""

    id = "voice-in-use"
    sentence = lazy(
        "It is played by these flows, so it cannot be deleted: %(flows)s. Take it out of them first."
    )


class NotAudio(CallerFault):
    """The file is no recording."""

    id = "voice-not-audio"
    status = 422
    sentence = lazy(
        "This is no sound file that can be read. Upload a .wav file, or .mp3, .m4a, .ogg, .flac or .amr."
    )


class SoundDamaged(CallerFault):
    """The file says it is a recording and holds none."""

    id = "voice-damaged"
    status = 422
    sentence = lazy(
        "The sound in this file cannot be read; it may be damaged. Save it again as .wav and upload that."
    )


class NeedsConverter(CallerFault):
    """The format needs FFmpeg, which this installation does not have."""

    id = "voice-needs-converter"
    status = 422
    sentence = lazy(
        "Files of this kind (%(kind)s) cannot be converted here, because FFmpeg is not installed. Save the sound as"
        " .wav (PCM) and upload that, or ask the operator to install FFmpeg."
    )


class SoundTooLong(CallerFault):
    """More than `convert.MAX_S` of sound."""

    id = "voice-too-long"
    status = 422
    sentence = lazy("The sound is longer than %(minutes)s minutes. Cut it, and upload it again.")


class SoundTooLarge(CallerFault):
    """More than `convert.MAX_BYTES` of file."""

    id = "voice-too-large"
    status = 413
    sentence = lazy(
        "The file is larger than %(megabytes)s MB. Save it as .mp3, or in parts, and upload that."
    )


class SoundSilent(CallerFault):
    """Nothing can be heard in it."""

    id = "voice-silent"
    status = 422
    sentence = lazy("Nothing can be heard in it. Check the microphone or the file, and try again.")


class TextNotSpoken(CallerFault):
    """No speech engine could say the text."""

    id = "voice-not-spoken"
    status = 422
    sentence = lazy("This text could not be spoken. Shorten it or try another voice.")


class NotWaiting(Conflict):
    """The voice was reviewed, replaced or deleted meanwhile."""

    id = "voice-not-waiting"
    sentence = lazy("This voice does not wait for a review any more. Look at the list again.")


class TooManyVoices(Conflict):
    """The company has `service.MAX_VOICES`, or `service.MAX_TOTAL_BYTES` of them."""

    id = "too-many-voices"
    sentence = lazy(
        "A company can have %(voices)s voices of %(megabytes)s MB in all. Delete some that are not needed any more."
    )


class SoundReplaced(Conflict):
    """Its sound is another one than the reviewer was shown."""

    id = "voice-replaced"
    sentence = lazy("The sound was replaced meanwhile; listen to it again.")


class SoundApproved(Conflict):
    """Its new sound would have to be reviewed, and callers would miss it meanwhile."""

    id = "voice-approved"
    sentence = lazy(
        "This voice is approved and can be heard by callers. Upload the new sound as another voice, choose that in the"
        " flows once it is approved, and delete this one."
    )


class ReasonMissing(CallerFault):
    """A refusal tells the company why."""

    id = "voice-reason-missing"
    status = 422
    sentence = lazy("Say why, so that the company knows what to change.")
