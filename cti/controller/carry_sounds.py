"""Effects a caller hears, or is recorded by: prompts, music, messages, recordings, tones."""

from __future__ import annotations

from pathlib import Path

import structlog

from core.clock import now_ms
from core.settings import Settings
from cti.acd.matching import Acd
from cti.acd.waiting_words import told
from cti.call import effects as fx
from cti.call import in_queue, inputs
from cti.call.model import Phase
from cti.controller.desk import Desk, Speech
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.work import Handlers, Work
from cti.esl import commands
from cti.esl.apps import Sound

log = structlog.get_logger(__name__)


MAX_BACKGROUND_LOOPS = 40
SILENCE_BELOW = 200
"""Mean amplitude (of 32768) below which a frame is silence to a recording: the switch's own measure (-44 dB)."""
BUSY = (commands.Tone(hz=450, ms=350), commands.Silence(ms=350)) * 4
"""What an agent hears who reached nobody (GF 002-9002.3: busy tone)."""
TONE = commands.Tone(hz=440, ms=400)
PAUSE = commands.Silence(ms=1200)


class Sounds:
    """Commands that begin and stop what a leg plays and records."""

    def __init__(
        self,
        *,
        settings: Settings,
        redis: RedisGuard,
        acd: Acd,
        speech: Speech,
        desk: Desk,
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._acd = acd
        self._speech = speech
        self._desk = desk

    def handlers(self) -> Handlers:
        """Return who carries out which effect."""
        return {
            fx.Answer: self._answer,
            fx.PlayPrompts: self._play_prompts,
            fx.PlaySystem: self._play_system,
            fx.PlayMusic: self._play_music,
            fx.PlayBackground: self._play_background,
            fx.RecordMessage: self._record_message,
            fx.StopPlaying: self._stop_playing,
            fx.Announce: self._announce,
            fx.PlayTone: self._play_tone,
            fx.StartRecording: self._start_recording,
            fx.StopRecording: self._stop_recording,
        }

    def _execute(self, work: Work, app: commands.App, step_id: str) -> None:
        work.wires.append(commands.execute(work.call.id, app, step_id))

    def _answer(self, work: Work, effect: fx.Answer) -> None:
        self._execute(work, commands.Answer(), effect.step_id)

    def _play_prompts(self, work: Work, effect: fx.PlayPrompts) -> None:
        files = self._speech.files(work.call, effect.prompts)
        self._play(work, files, effect.step_id, effect.loops)

    def _play_system(self, work: Work, effect: fx.PlaySystem) -> None:
        self._play(work, self._speech.system(work.call, effect.name), effect.step_id, 1)

    def _play(self, work: Work, files: list[Path], step_id: str, loops: int) -> None:
        sounds: tuple[Sound, ...] = tuple(str(path) for path in files)
        app = (
            commands.Playback(sounds, loops=loops)
            if sounds
            else commands.Playback((commands.Silence(ms=20),))
        )
        self._execute(work, app, step_id)

    def _play_music(self, work: Work, effect: fx.PlayMusic) -> None:
        if effect.name == in_queue.MUSIC_FALLBACK:
            app: commands.App = commands.Playback((TONE, PAUSE), loops=MAX_BACKGROUND_LOOPS)
        else:
            app = commands.PlayMusic(effect.name)
        self._execute(work, app, effect.step_id)

    def _play_background(self, work: Work, effect: fx.PlayBackground) -> None:
        files = self._speech.files(work.call, effect.prompts)
        loops = max(1, MAX_BACKGROUND_LOOPS // max(1, len(files)))
        self._play(work, files, effect.step_id, loops)

    def _announce(self, work: Work, effect: fx.Announce) -> None:
        call = work.call
        position = self._desk.screens.queue_position(call, call.queue_order) if call.queue_order else 0
        wait_s = None
        if effect.wait and position:
            try:
                wait_s = self._redis.run(
                    lambda _: self._acd.expected_wait_s(call.tenant_id, effect.queue_id, position, now_ms())
                )
            except RedisAwayError:
                log.info("wait_not_told", call_id=call.id)
        language = str((call.run or {}).get("language", call.language))
        words = told(
            language,
            position=position if effect.position else 0,
            wait_s=wait_s,
            callback_key=effect.callback_key,
        )
        prompts = (*effect.prompts, *words)
        files = self._speech.files(call, prompts) if prompts else []
        self._play(work, files, effect.step_id, 1)

    def _record_message(self, work: Work, effect: fx.RecordMessage) -> None:
        path = self._settings.recordings_dir / effect.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            # The switch would hang up on a file it cannot make; the flow has another way.
            log.error("message_not_recorded", call_id=work.call.id, reason=str(error))
            work.answers.append(inputs.StepDone(at_ms=now_ms(), step_id=effect.step_id, ok=False))
            return
        app = commands.Record(
            path=str(path), max_s=effect.max_s, silence_s=effect.silence_s, silence_below=SILENCE_BELOW
        )
        self._execute(work, app, effect.step_id)

    def _stop_playing(self, work: Work, effect: fx.StopPlaying) -> None:
        work.wires.append(commands.break_(work.call.id))

    def _play_tone(self, work: Work, effect: fx.PlayTone) -> None:
        work.wires.append(commands.execute(effect.leg_id, commands.Playback(BUSY), effect.step_id))

    def _start_recording(self, work: Work, effect: fx.StartRecording) -> None:
        path = self._settings.recordings_dir / effect.name
        path.parent.mkdir(parents=True, exist_ok=True)
        work.wires.append(commands.record_start(work.call.id, str(path)))

    def _stop_recording(self, work: Work, effect: fx.StopRecording) -> None:
        # A leg that is let go closes its recording by itself.
        if work.call.phase not in (Phase.LEAVING, Phase.ENDED):
            work.wires.append(
                commands.record_stop(work.call.id, str(self._settings.recordings_dir / effect.name))
            )
