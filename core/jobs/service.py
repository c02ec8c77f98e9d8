"""Background jobs: asked for, claimed, carried on after a worker's death, finished, cancelled, cleaned up.

A worker claims a job in one step (a compare-and-set of `attempts`) and gets a lease; the number it set is its right to
write. Each of its writes names that number, so a worker that was thought dead, and whose job another took over,
changes nothing any more: its next write raises :class:`~core.jobs.errors.JobGone`.

Work in pieces saves its progress in the transaction of each piece (:func:`save`): after a death the next worker
reads how far it got and goes on there. Work that only makes a file starts over.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import CursorResult, and_, or_, select, update

from core.database import ALL_TENANTS, Database, utc_now
from core.errors import NotFound
from core.jobs.errors import JobGone, JobStateError
from core.jobs.limits import FILE, Limits, decoded
from core.jobs.models import BackgroundJob, JobState
from core.store import FileStore
from core.tenancy import TenantSession

MAX_DEATHS = 3
"""Workers that may vanish over one job before it is given up: it may be what kills them."""
WORKER_DIED = "worker-died"
"""Stands in `BackgroundJob.error` for a sentence in the reader's language."""
ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """A worker's hold on a job, with what it needs to begin."""

    job_id: int
    attempt: int
    tenant_id: int
    account_id: int
    kind: str
    parameters: Mapping[str, Any]
    progress: int
    total: int
    result: dict[str, Any]
    """What earlier attempts saved."""
    input_key: str
    title: str


def enqueue(
    session: TenantSession,
    *,
    account_id: int,
    kind: str,
    title: str,
    parameters: Mapping[str, Any],
    input_key: str = "",
) -> BackgroundJob:
    """Add a job of the session's tenant and return it, flushed. The caller commits; then a worker takes it, with the
    rights its account has by then.
    """
    job = BackgroundJob(
        account_id=account_id,
        kind=kind,
        title=title[:200],
        parameters=msgspec.json.encode(parameters).decode(),
        input_key=input_key,
    )
    session.add(job)
    session.flush()
    return job


def limits_of(job: BackgroundJob) -> Limits:
    """Return what the job's file was made with; of a job without a file nothing."""
    made = msgspec.json.decode(job.result, type=dict[str, Any])
    if FILE in made:
        return decoded(made[FILE])
    # Files of before this was noted with the file: rights as of when it was asked for, beside the parameters.
    given = msgspec.json.decode(job.parameters, type=dict[str, Any])
    return decoded({"needs": given.get("needs", []), "queues": made.get("queues", []), "groups": []})


def claim(
    database: Database, kinds: set[str], *, lease_s: float, now: datetime.datetime | None = None
) -> Claim | None:
    """Take the oldest job that waits, or whose worker let its lease run out; None when there is none.

    A job over which :data:`MAX_DEATHS` workers vanished fails here.
    """
    now = now or utc_now()
    lost = and_(BackgroundJob.state == JobState.RUNNING, BackgroundJob.lease_until < now)
    due = or_(BackgroundJob.state == JobState.QUEUED, lost)
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        found = session.scalars(
            select(BackgroundJob)
            .where(due, BackgroundJob.kind.in_(kinds))
            .order_by(BackgroundJob.id)
            .limit(20)
        ).all()
    for job in found:
        taken = _take(database, job, now, lease_s)
        if taken is not None:
            return taken
    return None


def _take(database: Database, seen: BackgroundJob, now: datetime.datetime, lease_s: float) -> Claim | None:
    died = seen.state is JobState.RUNNING
    deaths = seen.deaths + (1 if died else 0)
    values: dict[str, Any] = {"attempts": seen.attempts + 1, "deaths": deaths}
    if deaths >= MAX_DEATHS:
        values |= {"state": JobState.FAILED, "ended_at": now, "error": WORKER_DIED, "lease_until": None}
    else:
        until = now + datetime.timedelta(seconds=lease_s)
        values |= {"state": JobState.RUNNING, "lease_until": until, "started_at": seen.started_at or now}
    with database.transaction(ALL_TENANTS) as session:
        done = session.execute(
            update(BackgroundJob)
            .where(
                BackgroundJob.id == seen.id,
                BackgroundJob.state == seen.state,
                BackgroundJob.attempts == seen.attempts,
                or_(BackgroundJob.lease_until.is_(None), BackgroundJob.lease_until < now),
            )
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        if _count(done) != 1:
            return None
        job = session.get_one(BackgroundJob, seen.id)
        session.commit()
    if deaths >= MAX_DEATHS:
        return None
    return Claim(
        job_id=job.id,
        attempt=job.attempts,
        tenant_id=job.tenant_id,
        account_id=job.account_id,
        kind=job.kind,
        parameters=msgspec.json.decode(job.parameters),
        progress=job.progress,
        total=job.total,
        result=msgspec.json.decode(job.result),
        input_key=job.input_key,
        title=job.title,
    )


def renew(database: Database, claim: Claim, lease_s: float) -> None:
    """Lengthen the lease from now. Raises :class:`JobGone`."""
    with database.transaction(claim.tenant_id) as session:
        _write(session, claim, lease_until=utc_now() + datetime.timedelta(seconds=lease_s))
        session.commit()


def save(
    session: TenantSession,
    claim: Claim,
    *,
    progress: int,
    total: int,
    result: Mapping[str, Any] | None = None,
) -> None:
    """Write how far the work is, in the transaction that does it. Raises :class:`JobGone`: do not commit then."""
    values: dict[str, Any] = {"progress": progress, "total": total}
    if result is not None:
        values["result"] = msgspec.json.encode(result).decode()
    _write(session, claim, **values)


def attach(
    session: TenantSession,
    claim: Claim,
    *,
    key: str,
    name: str,
    expires_at: datetime.datetime,
    once: bool,
    result: Mapping[str, Any],
    limits: Limits,
) -> None:
    """Give the job the file it made, with the `limits` it was made with and what `result` says of it so far; also one
    that was cancelled meanwhile, for what it had done by then.
    """
    stored = msgspec.json.encode({**result, FILE: limits.encoded()}).decode()
    values: dict[str, Any] = {"file_key": key, "file_name": name[:200], "file_once": once}
    values |= {"file_expires_at": expires_at, "result": stored}
    _write(session, claim, states=(JobState.RUNNING, JobState.CANCELLED), **values)


def finish(session: TenantSession, claim: Claim, result: Mapping[str, Any] | None = None) -> None:
    """End it well. Raises :class:`JobGone`."""
    values: dict[str, Any] = {"state": JobState.DONE, "ended_at": utc_now(), "lease_until": None}
    if result is not None:
        values["result"] = msgspec.json.encode(result).decode()
    _write(session, claim, **values)


def fail(session: TenantSession, claim: Claim, error: str) -> None:
    """End it badly; `error` is a sentence for the person who asked. Raises :class:`JobGone`."""
    values: dict[str, Any] = {"state": JobState.FAILED, "ended_at": utc_now(), "error": error[:500]}
    values["lease_until"] = None
    _write(session, claim, **values)


def cancel(session: TenantSession, job: BackgroundJob) -> None:
    """Stop a job that waits or runs; its worker notices at its next write. Raises ``JobStateError``."""
    _change_state(
        session, job, (JobState.QUEUED, JobState.RUNNING), state=JobState.CANCELLED, ended_at=utc_now()
    )


def retry(session: TenantSession, job: BackgroundJob) -> None:
    """Queue a failed or cancelled job again; it goes on where it got to. Raises ``JobStateError``."""
    values: dict[str, Any] = {
        "state": JobState.QUEUED,
        "error": "",
        "deaths": 0,
        "ended_at": None,
        "lease_until": None,
    }
    _change_state(session, job, (JobState.FAILED, JobState.CANCELLED), **values)


def job_of(session: TenantSession, job_id: int, *, account_id: int | None) -> BackgroundJob:
    """Return the job if `account_id` asked for it (None: whoever did). Raises ``NotFound``."""
    job = session.get(BackgroundJob, job_id)
    if job is None or (account_id is not None and job.account_id != account_id):
        raise NotFound(kind="job", id=job_id)
    return job


def forget_file(session: TenantSession, store: FileStore, job: BackgroundJob) -> None:
    """Remove the file the job made, after the commit."""
    key = job.file_key
    if key:
        job.file_key = ""
        session.after_commit(lambda: store.delete(key))


def remove_old_files(database: Database, store: FileStore, now: datetime.datetime | None = None) -> int:
    """Remove files of jobs whose time is over and return how many; safe to run at any time, and twice."""
    now = now or utc_now()
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        old = session.scalars(
            select(BackgroundJob.id)
            .where(
                BackgroundJob.file_key != "",
                BackgroundJob.file_expires_at < now,
                BackgroundJob.state.in_(ENDED),
            )
            .limit(1000)
        ).all()
    for job_id in old:
        with database.transaction(ALL_TENANTS) as session:
            forget_file(session, store, session.get_one(BackgroundJob, job_id))
            session.commit()
    return len(old)


def _change_state(
    session: TenantSession, job: BackgroundJob, allowed: tuple[JobState, ...], **values: Any
) -> None:
    done = session.execute(
        update(BackgroundJob)
        .where(BackgroundJob.id == job.id, BackgroundJob.state.in_(allowed))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if _count(done) != 1:
        raise JobStateError()
    session.refresh(job)


def _write(
    session: TenantSession,
    claim: Claim,
    *,
    states: tuple[JobState, ...] = (JobState.RUNNING,),
    **values: Any,
) -> None:
    done = session.execute(
        update(BackgroundJob)
        .where(
            BackgroundJob.id == claim.job_id,
            BackgroundJob.attempts == claim.attempt,
            BackgroundJob.state.in_(states),
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if _count(done) != 1:
        raise JobGone()


def _count(result: Any) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount
