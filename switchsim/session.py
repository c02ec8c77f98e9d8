"""One channel's life: its thread's walk through the states, and what others may do to it.

Like in the switch, a session is one thread (here a greenlet) that walks through states. Commands from outside never
run in it; they set flags, change the state or queue a message, and wake it. Every loop that waits checks, in this
order: hung up or taken elsewhere, broken, messages queued, keys pressed, time over.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Signal

from switchsim import cdr, dialplan
from switchsim.channel import Channel, Extension
from switchsim.farend import FarEnd
from switchsim.running import Message, Running
from switchsim.states import CallState, State
from switchsim.syntax import expand

if TYPE_CHECKING:
    from switchsim.bridge import Bridge
    from switchsim.core import Core


class Session(Running):
    """A channel's thread and what others may do to it."""

    def __init__(self, core: Core, channel: Channel, far: FarEnd) -> None:
        super().__init__(core, channel, far)
        self.plan: Bridge | None = None
        """The bridge this leg is on its way to or in."""
        self.in_bridge = False
        self.muted = False
        self.ended = Signal()
        self._applications: deque[tuple[str, str]] = deque()
        self.thread: gevent.Greenlet | None = None
        core.add(self)

    # --- from outside -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the session's thread in the state it is in."""
        self.thread = self.core.spawn(self._run)

    def go(self, state: State) -> None:
        """Have the thread leave what it does and enter `state`; nothing when the leg is hung up."""
        if not self.channel.up:
            return
        self.interrupted = True
        self.channel.state = state
        self._stir()
        self.plan = None

    def _stir(self) -> None:
        """Wake the thread, and those of a bridge the leg is in or on its way to."""
        self.wake.set()
        if not self.channel.up:
            self.answered.set()
        if self.plan is not None:
            self.plan.a.wake.set()
            self.plan.b.wake.set()

    def transfer(self, number: str, plan: str, context: str) -> None:
        """Have the channel enter the dialplan again at `number`."""
        channel = self.channel
        old = channel.profile.destination
        channel.other = None
        profile = channel.step_profile()
        now = self.core.clock.now_us() // 1_000_000
        source = f"{now}:{self.core.new_uuid()}:bl_xfer:{number}/{context}/{plan}"
        profile.rdnis, profile.destination, profile.context = old, number, context
        profile.dialplan, profile.transfer_source = plan, source
        channel.push("transfer_history", source)
        channel.set("transfer_source", source)
        self._applications.clear()
        self.go(State.CS_ROUTING)

    def park_from_outside(self) -> None:
        """Park the leg whatever it does; a partner in a bridge is left to its own fate."""
        self.go(State.CS_PARK)

    def send(self, message: Message) -> None:
        """Queue a ``sendmsg``."""
        self.private.append(message)
        self.wake.set()

    def tell(self, keys: str) -> None:
        """An event's command for what listens on this leg."""
        self.told.extend(keys)
        self.wake.set()

    def press(self, digits: str) -> None:
        """Keys arrive from the far end; nothing hears them before there is media."""
        if self.channel.media and self.channel.up:
            self.keys.extend(digit for digit in digits if digit in "0123456789*#ABCDabcd")
            self.wake.set()

    def break_(self, *, everything: bool = False) -> None:
        """End what runs now; with `everything` also drop what is queued."""
        if everything:
            self.private.clear()
        if self._broadcast:
            self.stop_broadcast()
        else:
            self.broken = True
        self.wake.set()

    def stop_broadcast(self) -> None:
        """Break an application that was sent as a message."""
        if self._broadcast:
            self._stop_broadcast = True
            self.broken = True

    def partner(self) -> Session | None:
        """Return the leg this one is bridged with."""
        if not self.in_bridge or self.plan is None:
            return None
        return self.plan.b if self.plan.a is self else self.plan.a

    def set_application(self, name: str, argument: str) -> None:
        """Give the channel one application to run when it enters CS_EXECUTE (``&park()``)."""
        self.channel.profile.extension = Extension(name, argument, [(name, argument)])
        self._applications = deque([(name, argument)])

    # --- applications -------------------------------------------------------------------------------------------

    def execute(self, name: str, argument: str | None) -> bool:
        """Run an application with its two events. Say whether it ran at all."""
        from switchsim.applications import APPLICATIONS  # applications act on what runs them

        application = APPLICATIONS.get(name)
        if application is None:
            self.hang_up("DESTINATION_OUT_OF_ORDER")
            return False
        channel = self.channel
        if not channel.up and not application.after_hangup:
            return False
        if application.needs_media:
            self.pre_answer()
        step = channel.get("app_uuid") or self.core.new_uuid()
        channel.set("app_uuid", None)
        expanded = self.expand(argument) if argument is not None else None
        channel.app_log.append((name, expanded, self.core.clock.now_us()))
        channel.set("current_application", name)
        channel.set("current_application_data", expanded)
        channel.set("current_application_response", None)
        about = {"Application": name}
        if expanded:
            about["Application-Data"] = expanded
        self.core.fire("CHANNEL_EXECUTE", channel, about | {"Application-UUID": step})
        self.broken = False
        application.run(self, expanded or "")
        response = channel.get("current_application_response") or "_none_"
        about |= {"Application-Response": response, "Application-UUID": step}
        self.core.fire("CHANNEL_EXECUTE_COMPLETE", channel, about)
        return True

    def expand(self, text: str) -> str:
        """Replace variables in `text` by the channel's."""
        from switchsim.commands import run_api  # commands act on sessions

        def api(name: str, argument: str) -> str:
            return run_api(self.core, name, argument)

        return expand(text, lambda name: self.channel.get(name) or self.core.global_variable(name), api)

    # --- the thread ---------------------------------------------------------------------------------------------

    def enter(self, state: State) -> None:
        """Be in `state` and tell it; the walk through states the switch passes quickly uses this too."""
        self.channel.state = state
        if self.channel.state is not state:
            return  # hung up meanwhile
        self.channel.running_state = state
        self.core.fire("CHANNEL_STATE", self.channel)

    def _run(self) -> None:
        try:
            self._walk()
        except Exception:
            self.hang_up("CRASH")
            raise
        finally:
            if not self.channel.up:
                self._finish()

    def _finish(self) -> None:
        """Leave. Whatever goes wrong with recordings or record, the leg is gone, and who waits for that is told."""
        try:
            self._report()
        finally:
            self.ended.set()
            self.channel.state = State.CS_DESTROY
            self.core.remove(self)
            self.core.fire("CHANNEL_DESTROY", self.channel)
            self.channel.running_state = State.CS_DESTROY
            self.core.fire("CHANNEL_STATE", self.channel)

    def _walk(self) -> None:
        while self.channel.up:
            self.interrupted = False
            state = self.channel.state
            if state is State.CS_NEW:
                self._arrive()
            elif state is State.CS_ROUTING:
                self._route()
            elif state is State.CS_EXECUTE:
                self._execute_all()
            elif state is State.CS_PARK:
                self.enter(State.CS_PARK)
                self.park()
                if self.ready:
                    self.hang_up("NORMAL_CLEARING")
            elif state is State.CS_HIBERNATE and self.plan is not None:
                self.plan.join(self)
            else:
                self.wake.clear()
                self.wake.wait()

    def _arrive(self) -> None:
        self.core.fire("CHANNEL_STATE", self.channel)
        self.enter(State.CS_INIT)
        self.core.fire("CHANNEL_CREATE", self.channel)
        self.channel.state = State.CS_ROUTING

    def _route(self) -> None:
        channel = self.channel
        channel.hit_dialplan = True
        channel.running_state = State.CS_ROUTING
        if channel.inbound:
            self.set_call_state(CallState.RINGING)
        self.enter(State.CS_ROUTING)
        channel.set("call_uuid", channel.uuid)
        profile = channel.profile
        if profile.dialplan == "inline":
            extension: Extension | None = dialplan.inline(profile.destination)
        else:
            extension = dialplan.find(self.core.options, profile.context, profile.destination)
        if extension is None:
            self.hang_up("NO_ROUTE_DESTINATION")
            return
        channel.profile.extension = extension
        self._applications = deque(extension.applications)
        channel.state = State.CS_EXECUTE

    def _execute_all(self) -> None:
        channel = self.channel
        channel.running_state = State.CS_EXECUTE
        if channel.answered:
            self.set_call_state(CallState.ACTIVE)
        self.enter(State.CS_EXECUTE)
        while self.ready and self._applications:
            name, argument = self._applications.popleft()
            if not self.execute(name, argument):
                break
        if self.ready:
            self.hang_up("NORMAL_CLEARING")

    def _report(self) -> None:
        channel = self.channel
        self.enter(State.CS_HANGUP)
        for recording in list(self.recordings):
            self.stop_recording(recording)
        self.set_call_state(CallState.HANGUP)
        self.far.hung_up(channel.hangup_cause)
        self.enter(State.CS_REPORTING)
        cdr.set_timetable(channel)
        if self.core.options.cdr_dir is not None:
            cdr.write(channel, self.core.options.cdr_dir)
        extra = {"Hangup-Cause": channel.hangup_cause}
        self.core.fire("CHANNEL_HANGUP_COMPLETE", channel, extra)
