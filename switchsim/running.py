"""What a channel's thread runs: queued messages, applications, media time, parking, recordings."""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gevent.event import Event as Signal

from switchsim.channel import Channel
from switchsim.farend import FarEnd
from switchsim.media import Played, Recording
from switchsim.states import Answer, CallState, State, cause_of, integer, is_true

if TYPE_CHECKING:
    from switchsim.core import Core

Message = Mapping[str, str]


class Running(abc.ABC):
    """The part of a session that its own thread runs. :class:`switchsim.session.Session` is the whole."""

    def __init__(self, core: Core, channel: Channel, far: FarEnd) -> None:
        self.core = core
        self.channel = channel
        self.far = far
        self.wake = Signal()
        self.private: deque[Message] = deque()
        self.keys: deque[str] = deque()
        self.recordings: list[Recording] = []
        self.told: deque[str] = deque()
        """Keys of events sent to this leg (`eavesdrop-command`)."""
        self.listeners: list[Running] = []
        """Legs that listen to this one."""
        self.heard_by = ""
        """Who hears this leg while it listens to another: ``nobody``, ``listened``, ``other``, ``both``."""
        self.interrupted = False
        """Taken elsewhere (transfer, bridge, park): what runs now must end."""
        self.broken = False
        self.answered = Signal()
        """Set when an outgoing leg was answered or ended: its originate goes on."""
        self._event_lock = False
        self._broadcast = False
        self._stop_broadcast = False
        self._controlled = False

    @property
    def ready(self) -> bool:
        """Whether what runs may go on."""
        return self.channel.up and not self.interrupted

    def hang_up(self, cause: str) -> None:
        """Hang up; the second time nothing happens. The thread tidies up."""
        channel = self.channel
        if not channel.up:
            return
        channel.hangup_cause = cause
        channel.profile.times.hangup = self.core.clock.now_us()
        channel.state = State.CS_HANGUP
        channel.answer = Answer.HANGUP
        self.core.fire("CHANNEL_HANGUP", channel)
        self._stir()
        for listener in self.listeners:
            listener.wake.set()

    def _stir(self) -> None:
        """Wake the thread."""
        self.wake.set()

    # --- media ------------------------------------------------------------------------------------------------

    def answer(self) -> None:
        """The leg is answered, by an application (inbound) or by its far end (outbound)."""
        channel = self.channel
        if not channel.up or channel.answered:
            return
        channel.media = True
        channel.answer = Answer.ANSWERED
        channel.set("endpoint_disposition", "ANSWER")
        channel.profile.times.answered = self.core.clock.now_us()
        self.far.before_answer()
        self.core.fire("CHANNEL_ANSWER", channel)
        self.set_call_state(CallState.ACTIVE)
        self.far.answered()
        if then := channel.get("execute_on_answer"):
            name, _blank, argument = then.replace(":", " ", 1).partition(" ")
            self.execute(name, argument or None)
        self.answered.set()

    def pre_answer(self) -> None:
        """Early media: the caller hears us, the call is not answered."""
        channel = self.channel
        if not channel.up or channel.media:
            return
        channel.media = True
        channel.answer = Answer.EARLY
        channel.set("endpoint_disposition", "EARLY MEDIA")
        channel.profile.times.progress_media = self.core.clock.now_us()
        self.core.fire("CHANNEL_PROGRESS_MEDIA", channel)
        self.set_call_state(CallState.EARLY)
        self.far.early_media()

    def ring(self) -> None:
        """The far end of an outgoing leg rings (180)."""
        self.channel.profile.times.progress = self.core.clock.now_us()
        self.core.fire("CHANNEL_PROGRESS", self.channel)
        self.set_call_state(CallState.RINGING)

    def set_call_state(self, state: CallState) -> None:
        """Change the call state, with its event when it is another one."""
        old = self.channel.call_state
        if old is not state:
            self.channel.call_state = state
            number = str(list(CallState).index(state))
            extra = {"Original-Channel-Call-State": old.value, "Channel-Call-State-Number": number}
            self.core.fire("CHANNEL_CALLSTATE", self.channel, extra)

    def take_key(self) -> str:
        """Take the oldest key; only now does the switch tell that it was pressed."""
        digit = self.keys.popleft()
        self.channel.digits_dialed += digit
        extra = {"DTMF-Digit": digit, "DTMF-Duration": "2000", "DTMF-Source": "RTP"}
        self.core.fire("DTMF", self.channel, extra)
        return digit

    def spend(self, seconds: float | None, on_key: Callable[[str], bool] | None) -> Played:
        """Let `seconds` (None: without end) pass as a playback does; `on_key` returns True to end it.

        Without `on_key` keys stay where they are, for whatever runs next.
        """
        left = seconds
        while True:
            if not self.ready:
                return Played.ERROR
            if self.broken:
                self.broken = False
                return Played.BREAK
            if self.parse_messages():
                continue
            if self.keys and on_key is not None:
                if on_key(self.take_key()):
                    return Played.BREAK
                continue
            if left is not None and left <= 0:
                return Played.DONE
            self.wake.clear()
            began = self.core.clock.now_us()
            self.core.clock.wait(self.wake, left)
            if left is not None:
                left -= (self.core.clock.now_us() - began) / 1e6

    def park(self) -> None:
        """Wait for messages. Keys pressed now are told and lost. A park inside a park ends at once.

        ``park_timeout`` (seconds, ``:`` and a cause) ends a leg parked for so long; a later park has none.
        """
        if self._controlled:
            return
        limit, _, cause = (self.channel.get("park_timeout") or "").partition(":")
        if limit:
            self.channel.set("park_timeout", None)
            self.channel.set("park_after_bridge", None)
        self._controlled = True
        self.core.fire("CHANNEL_PARK", self.channel)
        due = self.core.clock.now_us() + 1_000_000 * integer(limit, -1)
        while self.ready and self._controlled:
            left_s = (due - self.core.clock.now_us()) / 1_000_000 if integer(limit, -1) >= 0 else None
            if left_s is not None and left_s <= 0:
                self.hang_up(cause_of(cause) if cause else "NORMAL_CLEARING")
                break
            if self.parse_messages():
                continue
            if self.keys:
                self.take_key()
                continue
            self.wake.clear()
            self.wake.wait(left_s)
        self._controlled = False
        self.core.fire("CHANNEL_UNPARK", self.channel)

    # --- messages and applications ------------------------------------------------------------------------------

    def parse_messages(self) -> bool:
        """Carry out what is queued, unless an event-locked application runs. Say whether there was anything."""
        did = False
        while self.private and not self._event_lock:
            did = True
            finished = self._parse(self.private.popleft())
            self.core.fire("PRIVATE_COMMAND", self.channel)
            if not finished:
                break
        return did

    def _parse(self, message: Message) -> bool:
        command = message.get("call-command", "").lower()
        lock = is_true(message.get("event-lock"))
        self._event_lock = self._event_lock or lock
        if command == "execute" and message.get("execute-app-name"):
            self._parse_execute(message)
        elif command == "hangup":
            self.hang_up(cause_of(message.get("hangup-cause", "")))
        if lock:
            self._event_lock = False
        return not self.broken

    def _parse_execute(self, message: Message) -> None:
        self._stop_broadcast = False
        outermost = not self._broadcast
        self._broadcast = True
        loops = integer(message.get("loops", ""), 1)
        done = 0
        while done < loops or loops < 0:
            done += 1
            began = self.core.clock.now_us()
            if message.get("event-uuid"):
                self.channel.set("app_uuid", message["event-uuid"])
            name, argument = message["execute-app-name"], message.get("execute-app-arg")
            if not self.execute(name, argument):
                break
            quick = self.core.clock.now_us() - began < 500_000
            if not self.channel.up or self._stop_broadcast or quick:
                break
        if outermost:
            self._broadcast = False
        if self._stop_broadcast:
            self._broadcast = False
            self.broken = True

    @abc.abstractmethod
    def execute(self, name: str, argument: str | None) -> bool:
        """Run an application with its two events. Say whether it ran at all."""

    def record_to(self, path: str) -> Recording:
        """Start a recording; the file exists from now on and is complete after :meth:`stop_recording`."""
        recording = Recording(self, path, stereo=is_true(self.channel.get("RECORD_STEREO")))
        self.recordings.append(recording)
        self.core.fire("RECORD_START", self.channel, {"Record-File-Path": path})
        return recording

    def stop_recording(self, recording: Recording) -> None:
        """Close a recording's file and tell it."""
        self.recordings.remove(recording)
        recording.finish()
        for name, value in recording.variables().items():
            self.channel.set(name, value)
        extra = {"Record-File-Path": recording.path, "Record-Completion-Cause": "success-maxtime"}
        self.core.fire("RECORD_STOP", self.channel, extra)
