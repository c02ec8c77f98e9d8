"""What jobs can end with besides success."""

from __future__ import annotations

from core.errors import CallerFault, Conflict
from core.i18n import lazy


class JobGone(Exception):
    """The job is no longer this worker's: cancelled, or taken over after its lease."""


class JobFailed(CallerFault):
    """The work cannot be done; `reason` says why in words, and the person reads it."""

    id = "job-failed"
    status = 422
    sentence = lazy("%(reason)s")


class JobStateError(Conflict):
    """The job's state does not allow it any more."""

    id = "job-state"
    sentence = lazy("The task has moved on in the meantime; look at its state.")


class ActorGoneError(CallerFault):
    """Who asked may not have work done any more."""

    id = "job-actor-gone"
    status = 403
    sentence = lazy("The account that asked for it may not sign in any more.")


class RightsGoneError(CallerFault):
    """Who asked may not do it any more."""

    id = "job-rights-gone"
    status = 403
    sentence = lazy("The account that asked for it does not have the right any more: %(permissions)s.")
