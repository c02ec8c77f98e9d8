"""What a supervisor is refused (docs/contracts.md, ``supervise.…``), as errors with a sentence."""

from __future__ import annotations

from typing import Any

from core.errors import Conflict, NotFound, ZongjiError
from core.i18n import lazy
from cti.refusals import CommandFailedError, NotSignedInError, SwitchAwayError, details_of


class SupervisorNotSignedInError(NotSignedInError):
    """The action uses the supervisor's own phone."""

    sentence = lazy("This uses your own phone: sign in on an extension first.")


class SupervisorNotReadyError(Conflict):
    """The supervisor's phone is away, or in use."""

    id = "supervisor-not-ready"
    sentence = lazy("Your own phone has to be connected, and free of calls, for this.")


class NoSuchAgentError(NotFound):
    """Nobody of this company is signed in under that account."""

    id = "no-such-agent"
    sentence = lazy("This agent is not signed in (any more).")


class OtherQueueError(Conflict):
    """The agent is one of the supervisor's, the call is not: another queue's supervisors look after it."""

    id = "other-queue"
    sentence = lazy("This call belongs to a queue you do not supervise.")


class NoTalkError(Conflict):
    """The agent talks with nobody now."""

    id = "no-talk"
    sentence = lazy("This agent is not in a conversation (any more).")


class InConsultError(Conflict):
    """The agent asks somebody else about the call."""

    id = "in-consult"
    sentence = lazy("The agent is asking somebody else about this call. Wait until that is over.")


class AlreadyWatchedError(Conflict):
    """Another supervisor is at the talk."""

    id = "already-watched"
    sentence = lazy("%(by)s is with this agent already. One supervisor at a time can be.")


class OwnCallError(Conflict):
    """One's own call."""

    id = "own-call"
    sentence = lazy("This is your own call.")


class NotWatchingError(Conflict):
    """The supervisor is at no talk."""

    id = "not-watching"
    sentence = lazy("You are at no agent's conversation (any more).")


class NoSuchCallError(NotFound):
    """No such call of this company is up."""

    id = "no-such-call"
    sentence = lazy("This call is over.")


class NotWaitingError(Conflict):
    """Somebody has it already, or it left the queue."""

    id = "not-waiting"
    sentence = lazy("This call is not waiting any more: an agent has it, or the caller has hung up.")


class NoSuchQueueError(NotFound):
    """No queue of this company."""

    id = "no-such-queue"
    sentence = lazy("This queue does not exist (any more).")


_BY_ID: dict[str, type[ZongjiError]] = {
    kind.id: kind
    for kind in (
        SupervisorNotSignedInError,
        SupervisorNotReadyError,
        NoSuchAgentError,
        NoTalkError,
        OtherQueueError,
        InConsultError,
        AlreadyWatchedError,
        OwnCallError,
        NotWatchingError,
        NoSuchCallError,
        NotWaitingError,
        NoSuchQueueError,
        SwitchAwayError,
    )
}


def refusal(result: dict[str, Any]) -> ZongjiError:
    """Return the error for a controller's result that is not ok."""
    reason = str(result.get("error", ""))
    kind = _BY_ID.get(reason)
    if kind is None:
        return CommandFailedError(reason=reason or "unknown")
    return kind(**details_of(result))
