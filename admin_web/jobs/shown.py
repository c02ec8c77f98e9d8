"""A background job as pages show it."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import msgspec

from admin_web.resource import Tag
from core.i18n import LazyText, gettext, lazy
from core.jobs import service
from core.jobs.models import BackgroundJob, JobState

STATES: dict[JobState, tuple[LazyText, str]] = {
    JobState.QUEUED: (lazy("Waiting"), "grey"),
    JobState.RUNNING: (lazy("Under way"), "blue"),
    JobState.DONE: (lazy("Done"), "green"),
    JobState.FAILED: (lazy("Failed"), "red"),
    JobState.CANCELLED: (lazy("Cancelled"), "amber"),
}
COUNTS: dict[str, LazyText] = {
    "rows": lazy("Rows"),
    "created": lazy("New accounts"),
    "updated": lazy("Changed accounts"),
    "refused": lazy("Refused rows"),
    "files": lazy("Recordings"),
    "missing": lazy("Recordings no longer there"),
}
SHOWN_REFUSALS = 200
"""Refused rows a page shows; the file has them all."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FollowUp:
    """What can be done next when a job of a kind is done: a button that posts to `endpoint` with ``job_id``."""

    endpoint: str
    label: LazyText
    about: LazyText


FOLLOW_UPS: dict[str, FollowUp] = {
    "accounts.check": FollowUp(
        endpoint="accounts_transfer.apply",
        label=lazy("Import now"),
        about=lazy("This was a trial: nothing has changed yet. Refused rows will be left out."),
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownJob:
    """A job with its texts in the reader's language."""

    id: int
    title: str
    state: Tag
    active: bool
    percent: int
    progress: int
    total: int
    error: str
    counts: list[tuple[str, int]]
    refused: list[list[Any]]
    refused_more: int
    has_file: bool
    file_name: str
    file_once: bool
    file_expires_at: datetime.datetime | None
    can_cancel: bool
    can_retry: bool
    follow_up: FollowUp | None
    created_at: datetime.datetime
    ended_at: datetime.datetime | None


def shown(job: BackgroundJob, *, whole: bool = False) -> ShownJob:
    """Return the job for a list, or `whole` with its refused rows for a page of its own."""
    text, colour = STATES[job.state]
    result: dict[str, Any] = msgspec.json.decode(job.result) if whole else {}
    counts = result.get("counts", result)
    refused = result.get("refused", [])
    error = job.error
    if error == service.WORKER_DIED:
        error = gettext("The work was broken off several times. Try again, or tell the operator.")
    takes = counts.get("created", 0) + counts.get("updated", 0)
    return ShownJob(
        id=job.id,
        title=job.title,
        state=Tag(text=str(text), colour=colour),
        active=job.state in (JobState.QUEUED, JobState.RUNNING),
        percent=100 if job.state is JobState.DONE else (100 * job.progress // job.total if job.total else 0),
        progress=job.progress,
        total=job.total,
        error=error,
        counts=[(str(label), counts[name]) for name, label in COUNTS.items() if name in counts],
        refused=refused[:SHOWN_REFUSALS],
        refused_more=max(0, len(refused) - SHOWN_REFUSALS),
        has_file=bool(job.file_key),
        file_name=job.file_name,
        file_once=job.file_once,
        file_expires_at=job.file_expires_at,
        can_cancel=job.state in (JobState.QUEUED, JobState.RUNNING),
        can_retry=job.state in (JobState.FAILED, JobState.CANCELLED),
        follow_up=FOLLOW_UPS.get(job.kind) if job.state is JobState.DONE and whole and takes else None,
        created_at=job.created_at,
        ended_at=job.ended_at,
    )
