"""What goes into the IVR engine (events) and what comes out of it (commands): see docs/contracts.md, IVR."""

from __future__ import annotations

import enum

import msgspec

from ivr.prompt_values import Prompt


class FailureReason(enum.StrEnum):
    """Why a transfer failed; told apart in the record (CTI-I7)."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    FULL = "full"
    CLOSED = "closed"
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"


class Event(msgspec.Struct, frozen=True, kw_only=False, tag_field="event"):
    """What all events have in common: nothing but their tag."""


class Enter(Event, frozen=True, tag="enter"):
    """The call is answered and the flow begins."""


class Key(Event, frozen=True, tag="key"):
    """The caller pressed a key: one of ``0-9 * # A-D``. Anything else is ignored."""

    digit: str


class Played(Event, frozen=True, tag="played"):
    """The one `Play` under way ended: heard to its end, stopped, or (``ok=False``) not playable."""

    ok: bool = True


class TimerFired(Event, frozen=True, tag="timer"):
    """A timer set with `StartTimer` ran out."""

    name: str


class TransferFailed(Event, frozen=True, tag="transfer_failed"):
    """The `Transfer` did not connect the caller; the caller is back and nothing is playing."""

    reason: FailureReason


class HungUp(Event, frozen=True, tag="hung_up"):
    """The caller's leg is gone."""


class AnswerFailure(enum.StrEnum):
    """Why a `Request` brought nothing (CTI-I12), or a `SendSms` was not taken."""

    NONE = ""
    TIMEOUT = "timeout"
    REFUSED = "refused"  # its address is one flows may not reach
    UNREACHABLE = "unreachable"
    STATUS = "status"  # an answer, but none of 2xx
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"  # no JSON, though fields of it were wanted
    LOST = "lost"  # nobody knows any more: the controller was restarted meanwhile
    TOO_MANY = "too-many"  # the call caused as many messages as one may
    NOT_LEFT = "not-left"  # the message could not be kept for sending


class Answered(Event, frozen=True, tag="answered"):
    """The `Request` or `SendSms` of this name ended."""

    name: str
    ok: bool
    status: int = 0
    """HTTP status; 0 when there was no answer."""
    variables: dict[str, str] = {}
    """Flow variable to the value found at its path; one whose path led nowhere is left out."""
    reason: AnswerFailure = AnswerFailure.NONE


class TalkEnded(Event, frozen=True, tag="talk_ended"):
    """The agent's side of a talk ended and the caller is still there; only after a `Transfer` with
    ``after_talk``.
    """


AnyEvent = Enter | Key | Played | TimerFired | TransferFailed | HungUp | Answered | TalkEnded


class TargetKind(enum.StrEnum):
    """What a `TransferTarget` names."""

    QUEUE = "queue"
    EXTENSION = "extension"
    VALUE = "value"


class TransferTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a caller goes. A ``value`` is resolved by the controller: extension, queue code, outside number
    (CTI-I7).
    """

    kind: TargetKind
    id: int = 0
    """Primary key of the queue or extension."""
    value: str = ""
    """A variable's value, for ``kind=value``."""


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """What all commands have in common: nothing but their tag."""


class Play(Command, frozen=True, kw_only=True, tag="play"):
    """Play the prompts in order, `loops` times; report one `Played`. Never sent while one is under way."""

    prompts: list[Prompt]
    interruptible: bool = False
    """Whether a key may end it. The engine itself sends `StopPlaying`; the switch must not stop by itself."""
    loops: int = 1


class StopPlaying(Command, frozen=True, kw_only=True, tag="stop_playing"):
    """End the `Play` under way; its `Played` still comes."""


class StartTimer(Command, frozen=True, kw_only=True, tag="start_timer"):
    """Send ``TimerFired(name)`` in `ms` milliseconds. Names are never used twice in a run."""

    name: str
    ms: int


class CancelTimer(Command, frozen=True, kw_only=True, tag="cancel_timer"):
    """Forget the timer; a `TimerFired` that is already on its way does no harm."""

    name: str


class Transfer(Command, frozen=True, kw_only=True, tag="transfer"):
    """Hand the caller over. The run rests; only `TransferFailed` (or `HungUp`) goes on with it."""

    target: TransferTarget
    background: list[Prompt] = []
    """Heard while it connects; a queue's own music replaces it once queued."""
    failure: str = ""
    """Code of the node a failure leads to; empty means that the queue's own ending comes first."""
    after_talk: str = ""
    """Code of the node the caller goes to (`TalkEnded`) when the agent hangs up first; empty: they are hung
    up.
    """
    outside: int = 0
    """Whether a ``value`` may be an outside number: so many callers of this flow may be put through to outside
    numbers at once; 0: it may not.
    """


class Hangup(Command, frozen=True, kw_only=True, tag="hangup"):
    """End the call with this cause (a name of the switch's table, such as ``NORMAL_CLEARING``)."""

    cause: str = "NORMAL_CLEARING"


class Record(Command, frozen=True, kw_only=True, tag="record"):
    """Record the caller from now on (CTI-I10). The one activity under way, like `Play`: exactly one `Played`
    ends it, `StopPlaying` stops it, a hang-up keeps what was said. Keys come as `Key` meanwhile.
    """

    max_s: int
    silence_s: int = 0
    """Seconds of silence that end it; 0 never."""


class Method(enum.StrEnum):
    """Methods of a `Request`."""

    GET = "GET"
    POST = "POST"


OUR_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""Headers of a `Request` a flow does not choose: they are the connection's (RFC 9110, 9112), or say who asks. In lower
case.
"""


class Request(Command, frozen=True, kw_only=True, tag="request"):
    """Make an HTTP request and report one `Answered` (CTI-I12). A `Play` may be under way at the same time."""

    name: str
    """``r1``, ``r2`` …: used once in a run. Goes out with the call's id as the header Idempotency-Key."""
    method: Method
    url: str
    headers: dict[str, str] = {}
    """The flow's own; `OUR_HEADERS` among them are not sent."""
    body: str = ""
    content_type: str = ""
    """Empty without a body."""
    timeout_s: int
    fields: dict[str, str] = {}
    """Flow variable to the path of its value in the JSON of the answer: ``a.b.0.c`` or ``$.a.b[0].c``."""


class SendSms(Command, frozen=True, kw_only=True, tag="send_sms"):
    """Keep a short message for sending and report one `Answered`: ``ok`` says that it will not be lost, not that it was
    sent. Nobody is waited for.
    """

    name: str
    """``m1``, ``m2`` …: used once in a run."""
    number: str
    """The mobile it is for, in stored form."""
    text: str
    node: str = ""


class EnterFlow(Command, frozen=True, kw_only=True, tag="enter_flow"):
    """The call goes on at the entry of another flow's newest version, with the values of variables of the
    same name. This run is over.
    """

    flow_id: int


class NoteKind(enum.StrEnum):
    """What a `Note` is about."""

    SURVEY = "survey"  # value: the key of the score
    CONSENT = "consent"  # value: yes or no; no means that this call is not recorded
    CALLBACK = "callback"  # value: the number to call, in stored form
    SMS = "sms"  # value: the mobile a short message is kept for
    OUTSIDE = "outside"  # value: the outside number a transfer called (the controller's note, never a flow's)


class Note(Command, frozen=True, kw_only=True, tag="note"):
    """Something the caller said by key that goes on the call's record."""

    kind: NoteKind
    value: str
    node: str = ""
    """Code of the node that asked; the engine fills it in."""
    queue_id: int = 0
    """With ``CALLBACK``: the queue whose agents call back."""


AnyCommand = (
    Play
    | StopPlaying
    | StartTimer
    | CancelTimer
    | Transfer
    | Hangup
    | Record
    | Request
    | SendSms
    | EnterFlow
    | Note
)
