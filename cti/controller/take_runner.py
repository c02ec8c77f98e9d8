"""One greenlet per take: takes inputs in order, asks the dialogue, has the switch do what it says, keeps the timers."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import gevent
import gevent.queue
import msgspec
import structlog

from core import keys
from core.errors import CallerFault
from cti.call.model import Call
from cti.controller.desk import Speech
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.esl import commands
from cti.esl.client import SwitchClient
from cti.takes import dialogue
from cti.takes.model import VARIABLE, End, Shown, Take, TakeFact, TakeState, to_variable
from ivr.voices import convert

log = structlog.get_logger(__name__)

FALLBACK_S = 45
"""How far ahead the end is kept of a leg nobody would look after."""
RENEW_BELOW_S = 38
SHOWN_S = 3600
"""How long pages may ask how a take ended."""


class TakeFiles:
    """The folder in which takes wait for the shipper, which takes those that have a fact."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        """Make the folder. Raises ``OSError``."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def sound(self, take: Take) -> Path:
        """Return where the present attempt is written."""
        return self.folder / take.file

    def fact(self, take_id: str) -> Path:
        """Return where it is said that a take is kept."""
        return self.folder / f"{take_id}.json"

    def keep(self, take: Take) -> None:
        """Say that the present attempt is kept: whole or not at all. Raises ``OSError``."""
        fact = TakeFact(
            id=take.id,
            tenant_id=take.tenant_id,
            account_id=take.account_id,
            name=take.name,
            voice_id=take.voice_id,
            file=take.file,
        )
        temporary = self.folder / f".{take.id}.new"
        temporary.write_bytes(msgspec.json.encode(fact))
        os.replace(temporary, self.fact(take.id))

    def kept(self, take: Take) -> bool:
        """Return whether a take that offers its menu was handed over: said so, or in the library already."""
        return self.fact(take.id).exists() or not self.sound(take).exists()

    def drop(self, take_id: str) -> None:
        """Remove what was recorded, unless it is kept."""
        if self.fact(take_id).exists():
            return
        for path in self.folder.glob(f"{take_id}-*.wav"):
            with contextlib.suppress(OSError):
                path.unlink()


class TakeRunner:
    """A live take. Everything that changes it goes through :meth:`post`."""

    def __init__(
        self,
        take: Take,
        *,
        cell: str,
        switch: SwitchClient,
        redis: RedisGuard,
        speech: Speech,
        files: TakeFiles,
        on_over: Callable[[TakeRunner], None],
    ) -> None:
        self.take = take
        self._cell = cell
        self._switch = switch
        self._redis = redis
        self._speech = speech
        self._files = files
        self._on_over = on_over
        self._inputs: gevent.queue.Queue[dialogue.Input] = gevent.queue.Queue()
        self._timers: dict[str, gevent.Greenlet] = {}
        self._greenlet: gevent.Greenlet | None = None
        self._sent = b""
        self._shown: Shown | None = None
        self._fallback_due = 0.0

    def start(self, effects: list[dialogue.Effect] | None = None) -> None:
        """Begin to take inputs, after `effects` were carried out (of a take that was found on its leg)."""
        self._greenlet = gevent.spawn(self._run, effects or [])

    def stop(self) -> None:
        """Take no more inputs; the leg stays as it is."""
        for greenlet in (self._greenlet, *self._timers.values()):
            if greenlet is not None:
                greenlet.kill(block=False)

    def post(self, event: dialogue.Input) -> None:
        """Have an input taken after those that came before."""
        self._inputs.put(event)

    def show(self) -> None:
        """Write again what pages are told (Redis forgot)."""
        self._shown = None
        self._show()

    def repeat(self) -> None:
        """Send the last commands again, which a cut line swallowed."""
        if self._sent:
            self._switch.post(self._sent)

    def renew(self) -> None:
        """Keep the end ahead of a leg that was answered: without a controller it is let go."""
        answered = self.take.state not in (TakeState.CALLING, TakeState.OVER)
        if answered and self._fallback_due < time.monotonic() + RENEW_BELOW_S:
            self._fallback_due = time.monotonic() + FALLBACK_S
            self._switch.post(commands.arm_fallback(self.take.id, FALLBACK_S))

    # --- one input ----------------------------------------------------------------------------------------------------

    def _run(self, effects: list[dialogue.Effect]) -> None:
        self._show()
        self._carry(effects)
        while not self._over():
            self._take(self._inputs.get())
        for timer in self._timers.values():
            timer.kill(block=False)
        # Pages are told last: what they are told is over has left nothing behind.
        self._on_over(self)
        self._show()

    def _over(self) -> bool:
        return self.take.state is TakeState.OVER and self.take.end is not None

    def _take(self, event: dialogue.Input) -> None:
        try:
            self._carry(dialogue.advance(self.take, event))
        except Exception:
            log.exception("take_failed", take=self.take.id)
            self._carry(dialogue.advance(self.take, dialogue.Failed()))
        if not self._over():
            self._show()

    def _carry(self, effects: list[dialogue.Effect]) -> None:
        wires: list[bytes] = []
        for effect in effects:
            match effect:
                case dialogue.SetTimer():
                    self._set_timer(effect)
                case dialogue.Judge():
                    self.post(dialogue.Judged(good=self._judge()))
                case dialogue.Keep():
                    self._files.keep(self.take)
                    log.info("take_kept", take=self.take.id, tenant=self.take.tenant_id)
                case _:
                    wires.append(self._wire(effect))
        if wires:
            # The state rides ahead of its commands: whoever finds the leg knows what the switch was told.
            state = commands.set_variables(self.take.id, {VARIABLE: to_variable(self.take)})
            self._sent = state + b"".join(wires)
            self._switch.post(self._sent)
            self.renew()

    def _wire(self, effect: dialogue.Effect) -> bytes:
        leg = self.take.id
        match effect:
            case dialogue.Say():
                call = Call(id=leg, tenant_id=self.take.tenant_id, language=self.take.language)
                sounds = [str(path) for name in effect.names for path in self._speech.system(call, name)]
                app = commands.Playback(tuple(sounds) or (commands.Silence(ms=20),))
                return commands.execute(leg, app, effect.step_id)
            case dialogue.PlayTake():
                heard = commands.Playback((str(self._files.sound(self.take)), commands.Silence(ms=300)))
                return commands.execute(leg, heard, effect.step_id)
            case dialogue.Record():
                self._files.make()
                # The one before is not wanted any more, or held nothing.
                self._files.drop(leg)
                written = commands.Record(path=str(self._files.sound(self.take)), max_s=effect.max_s)
                return commands.execute(leg, written, effect.step_id)
            case dialogue.Stop():
                return commands.break_(leg)
            case dialogue.HangUp():
                return commands.kill(leg, effect.cause)
        raise AssertionError(effect)

    def _judge(self) -> bool:
        """Look at the file as the library will."""
        path = self._files.sound(self.take)
        try:
            convert.convert(path.read_bytes())
        except (CallerFault, OSError) as error:
            log.info("take_refused", take=self.take.id, reason=str(error)[:200])
            return False
        return True

    def _set_timer(self, timer: dialogue.SetTimer) -> None:
        before = self._timers.pop(timer.name, None)
        if before is not None:
            before.kill(block=False)
        self._timers[timer.name] = gevent.spawn_later(
            timer.ms / 1000, self.post, dialogue.Due(name=timer.name)
        )

    def _show(self) -> None:
        """Tell pages how far it is."""
        take = self.take
        shown = Shown(state=take.state, end=take.end)
        if shown == self._shown:
            return
        self._shown = shown
        write_shown(self._redis, self._cell, take.tenant_id, take.id, shown)


def write_shown(redis: RedisGuard, cell: str, tenant_id: int, take_id: str, shown: Shown) -> None:
    """Write how far a take is; without Redis it is written when that is back."""

    def write(client: object) -> None:
        pipe = client.pipeline(transaction=False)  # type: ignore[attr-defined]
        pipe.set(keys.take(tenant_id, take_id), msgspec.json.encode(shown), ex=SHOWN_S)
        if shown.state is TakeState.OVER:
            pipe.hdel(keys.takes(cell), take_id)
        else:
            pipe.hset(keys.takes(cell), take_id, tenant_id)
        pipe.execute()

    try:
        redis.run(write)
    except RedisAwayError:
        log.info("take_shown_later", take=take_id)


LOST = Shown(state=TakeState.OVER, end=End.LOST)
KEPT = Shown(state=TakeState.OVER, end=End.KEPT)
