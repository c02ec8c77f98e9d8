"""`uuid_bridge`: two legs leave what they do, meet, exchange media, and part by the rules of their variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gevent.event import Event as Signal

from switchsim.states import State, is_true

if TYPE_CHECKING:
    from switchsim.core import Core
    from switchsim.session import Session

_PARTING_S = 1.0
"""Longest wait of a leg that was hung up for the other one to leave the bridge."""


def uuid_bridge(core: Core, a_uuid: str, b_uuid: str) -> Bridge | None:
    """Send both legs into a bridge; the first is the originator, unless only the second has media. None: refused."""
    a, b = core.sessions.get(a_uuid), core.sessions.get(b_uuid)
    if a is None or b is None or not a.channel.up:
        return None
    if not a.channel.media:
        if not b.channel.media:
            return None
        a, b = b, a
    return Bridge(a, b)


class Bridge:
    """One bridge, from the command to the parting. `a` is the originator: its events tell the story."""

    def __init__(self, a: Session, b: Session) -> None:
        self.a, self.b = a, b
        self._b_waits = Signal()
        self._b_inside = False
        self._connected = False
        self.over = False
        self._name_each_other()
        for session in (a, b):
            session.stop_broadcast()
            session.go(State.CS_HIBERNATE)
            session.plan = self

    def _name_each_other(self) -> None:
        now = self.a.core.clock.now_us() // 1_000_000
        for own, other in ((self.a.channel, self.b.channel), (self.b.channel, self.a.channel)):
            if own is self.a.channel and not own.inbound and not own.hit_dialplan:
                own.profile.caller_name, own.profile.callee_name = (
                    own.profile.callee_name,
                    own.profile.caller_name,
                )
                own.hit_dialplan = True
            for name in ("bridge_uuid", "signal_bond"):
                own.set(name, other.uuid)
            own.set("bridge_channel", other.name)
            own.set("original_destination_number", own.profile.destination)
            own.set("original_caller_id_name", own.profile.caller_name)
            own.set("original_caller_id_number", own.profile.caller_number)
        if not self.b.channel.inbound:
            self.b.channel.hit_dialplan = False
        for own, other in ((self.a.channel, self.b.channel), (self.b.channel, self.a.channel)):
            profile = own.step_profile()
            profile.transfer_source = f"{now}:{own.core.new_uuid()}:uuid_br:{other.uuid}"
            own.push("transfer_history", profile.transfer_source)
            own.set("transfer_source", profile.transfer_source)
        a, b = self.a.channel.profile, self.b.channel.profile
        a.callee_name, a.callee_number = b.callee_name, b.callee_number
        b.caller_name, b.caller_number = a.caller_name, a.caller_number
        self.a.channel.other, self.a.channel.other_type = self.b.channel, "originatee"
        self.b.channel.other, self.b.channel.other_type = self.a.channel, "originator"
        self.a.channel.profile.originatees.append(_cdr_profile(self.b))
        self.b.channel.profile.originators.append(_cdr_profile(self.a))

    def join(self, session: Session) -> None:
        """Called in a leg's own thread once it left what it did."""
        session.enter(State.CS_HIBERNATE)
        session.enter(State.CS_RESET)
        session.enter(State.CS_SOFT_EXECUTE)
        if session is self.a:
            self._originate()
        else:
            self._follow()

    # --- the originator's thread --------------------------------------------------------------------------------

    def _originate(self) -> None:
        a, b = self.a, self.b
        if not self._wait_for_b():
            self._nobody_came()
            return
        a.channel.set("bridge_uuid", b.channel.uuid)
        a.core.fire("CHANNEL_EXECUTE", a.channel, _application(b))
        b.core.fire("CHANNEL_EXECUTE", b.channel, _application(a))
        now = a.core.clock.now_us()
        for own, other, role in ((a, b, "originator"), (b, a, "originatee")):
            own.channel.profile.times.bridged = now
            own.channel.set("last_bridge_to", other.channel.uuid)
            own.channel.set("last_bridge_role", role)
            own.in_bridge = True
        self._connected = True
        b.channel.set("call_uuid", a.channel.uuid)
        ids = {"Bridge-A-Unique-ID": a.channel.uuid, "Bridge-B-Unique-ID": b.channel.uuid}
        b.enter(State.CS_CONSUME_MEDIA)
        a.core.fire("CHANNEL_BRIDGE", a.channel, ids)
        b.enter(State.CS_EXCHANGE_MEDIA)
        a.far.bridged()
        b.far.bridged()
        b.wake.set()
        self._exchange(a, b)
        self.over = True
        a.in_bridge = False
        self._wait_until_b_left()
        a.channel.set("bridge_hangup_cause", b.channel.hangup_cause or None)
        b.channel.set("call_uuid", b.channel.uuid)
        a.core.fire("CHANNEL_UNBRIDGE", a.channel, ids)
        self._after_originator()

    def _wait_until_b_left(self) -> None:
        """Wait for the other thread, if it is in the bridge or will still come into it; the dead wait for nobody long.

        A leg that was hung up, or sent elsewhere, on its way here never comes; one that runs an application may stay.
        """
        a, b = self.a, self.b
        b.stop_broadcast()
        b.wake.set()
        due_us = a.core.clock.now_us() + int(_PARTING_S * 1e6)
        while self._b_inside or (b.channel.up and b.plan is self):
            left_s = None if a.channel.up else (due_us - a.core.clock.now_us()) / 1e6
            if left_s is not None and left_s <= 0:
                return
            a.wake.clear()
            a.core.clock.wait(a.wake, left_s)

    def _wait_for_b(self) -> bool:
        a, b = self.a, self.b
        while a.ready and b.channel.up and b.plan is self:
            if self._b_waits.is_set() and b.ready and b.channel.media:
                return True
            a.wake.clear()
            a.wake.wait()
        return False

    def _nobody_came(self) -> None:
        self.over = True
        self.b.wake.set()
        if self.a.ready:
            self.a.hang_up("DESTINATION_OUT_OF_ORDER")
        if self._b_waits.is_set() and self.b.plan is self and self.b.ready:
            self.b.hang_up("DESTINATION_OUT_OF_ORDER")

    def _after_originator(self) -> None:
        a, channel = self.a, self.a.channel
        if not a.ready:
            return
        if park_or_transfer(a):
            return
        if is_true(channel.get("hangup_after_bridge")):
            a.hang_up(self.b.channel.hangup_cause or "NORMAL_CLEARING")
        else:
            channel.state = State.CS_EXECUTE

    # --- the other leg's thread ---------------------------------------------------------------------------------

    def _follow(self) -> None:
        a, b = self.a, self.b
        self._b_waits.set()
        a.wake.set()
        while b.ready and a.channel.up and a.plan is self and not self.over and not self._connected:
            b.wake.clear()
            b.wake.wait()
        with self._inside(b):
            if self._connected:
                self._exchange(b, a)
                b.in_bridge = False
        if b.ready and not park_or_transfer(b):
            b.hang_up("NORMAL_CLEARING")

    @contextlib.contextmanager
    def _inside(self, session: Session) -> Iterator[None]:
        """The followed leg's time in the bridge: however it ends, the other one learns it and is waited for no more."""
        self._b_inside = True
        try:
            yield
        finally:
            self._b_inside = False
            if session.plan is self:
                session.plan = None
            self.a.wake.set()

    def _exchange(self, own: Session, other: Session) -> None:
        while own.ready and other.ready and other.plan is self and not self.over:
            if own.parse_messages():
                continue
            if own.keys:
                other.far.key(own.take_key())
                continue
            own.wake.clear()
            own.wake.wait()
        other.wake.set()


def park_or_transfer(session: Session) -> bool:
    """Have a leg that left a bridge park or go where its variables say; False when they say nothing."""
    target = session.channel.get("transfer_after_bridge")
    if is_true(session.channel.get("park_after_bridge")):
        session.channel.state = State.CS_PARK
    elif target:
        session.channel.set("transfer_after_bridge", None)
        number, plan, context = [*target.split(":"), "", ""][:3]
        session.transfer(number, plan or "XML", context or session.channel.profile.context)
    else:
        return False
    return True


def _application(other: Session) -> dict[str, str]:
    return {"Application": "uuid_bridge", "Application-Data": other.channel.uuid}


def _cdr_profile(session: Session) -> dict[str, str]:
    from switchsim.cdr import profile_fields  # the record's form of a profile

    return profile_fields(session.channel, session.channel.profile)
