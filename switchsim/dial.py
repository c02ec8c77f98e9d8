"""The ``bridge`` application: a leg calls another one, hears its early media, and is bridged with it on the answer."""

from __future__ import annotations

from gevent.event import Event as Signal

from switchsim import originate as dialling
from switchsim.bridge import Bridge, park_or_transfer
from switchsim.confirm import confirm
from switchsim.session import Session
from switchsim.states import State, is_true, number
from switchsim.syntax import brackets

_POLL_S = 0.02
"""The switch looks at what it dials every 20 ms."""


def bridge(session: Session, argument: str) -> None:
    """Run the application in the caller's thread."""
    variables, target = brackets(argument)
    channel = session.channel
    channel.set("originate_disposition", "failure")
    try:
        called = dialling.dial(session.core, variables, target)
    except dialling.Refused as refusal:
        _failed(session, str(refusal))
        return
    timeout_s = number(variables.get("originate_timeout", ""), dialling.DEFAULT_TIMEOUT_S)
    deaf = variables.get("ignore_early_media") or channel.get("ignore_early_media")
    _wait(session, called, timeout_s, early=not is_true(deaf))
    if called.channel.answered:
        confirm(session, called, variables, timeout_s)
    if not called.channel.up:
        called.ended.wait()
        _failed(session, called.channel.hangup_cause)
        return
    channel.set("originate_disposition", "SUCCESS")
    limit_s = number(variables.get("bridge_answer_timeout", ""), 0)
    if limit_s and not called.channel.answered:
        session.core.spawn_later(limit_s, _give_up, called)
    DialledBridge(session, called).run()


def _wait(session: Session, called: Session, timeout_s: float, *, early: bool) -> None:
    clock = session.core.clock
    due = clock.now_us() + int(timeout_s * 1e6)
    while called.channel.up and not called.channel.answered and not (early and called.channel.media):
        if not session.ready:
            called.hang_up("ORIGINATOR_CANCEL")
        elif clock.now_us() >= due:
            called.hang_up("NO_ANSWER")
        else:
            clock.sleep(_POLL_S)


def _give_up(called: Session) -> None:
    if called.channel.up and not called.channel.answered:
        called.hang_up("ALLOTTED_TIMEOUT")


def _failed(session: Session, cause: str) -> None:
    channel = session.channel
    channel.set("originate_disposition", cause)
    channel.set("originate_failed_cause", cause)
    if session.ready and not is_true(channel.get("continue_on_fail")):
        session.hang_up(cause)


class DialledBridge(Bridge):
    """The bridge of an application: its caller stays in the application while it lasts."""

    def __init__(self, a: Session, b: Session) -> None:
        self.a, self.b = a, b
        self._b_waits = Signal()
        self._b_inside = False
        self._connected = True
        self.over = False
        a.channel.other, a.channel.other_type = b.channel, "originatee"
        b.channel.other, b.channel.other_type = a.channel, "originator"
        a.plan = b.plan = self
        a.in_bridge = b.in_bridge = True
        b.channel.state = State.CS_HIBERNATE
        b.wake.set()

    def run(self) -> None:
        """Connect the two and stay until they part."""
        a, b = self.a, self.b
        now = a.core.clock.now_us()
        for own, other, role in ((a, b, "originator"), (b, a, "originatee")):
            own.channel.profile.times.bridged = now
            own.channel.set("bridge_uuid", other.channel.uuid)
            own.channel.set("signal_bond", other.channel.uuid)
            own.channel.set("last_bridge_to", other.channel.uuid)
            own.channel.set("last_bridge_role", role)
        b.channel.set("call_uuid", a.channel.uuid)
        ids = {"Bridge-A-Unique-ID": a.channel.uuid, "Bridge-B-Unique-ID": b.channel.uuid}
        a.core.fire("CHANNEL_BRIDGE", a.channel, ids)
        a.far.bridged()
        self._exchange(a, b)
        self.over = True
        a.in_bridge = False
        self._wait_until_b_left()
        a.channel.set("bridge_hangup_cause", b.channel.hangup_cause or None)
        b.channel.set("call_uuid", b.channel.uuid)
        a.core.fire("CHANNEL_UNBRIDGE", a.channel, ids)
        if a.ready:
            a.plan = None
            if b.channel.answered and park_or_transfer(a):
                return
            if is_true(a.channel.get("hangup_after_bridge")):
                a.hang_up(b.channel.hangup_cause or "NORMAL_CLEARING")

    def join(self, session: Session) -> None:
        """The called leg's own thread."""
        with self._inside(session):
            session.enter(State.CS_EXCHANGE_MEDIA)
            session.far.bridged()
            self._exchange(session, self.a)
            session.in_bridge = False
        if session.ready and not park_or_transfer(session):
            session.hang_up("NORMAL_CLEARING")
