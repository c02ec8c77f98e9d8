"""What carries jobs out: a loop that claims, keeps the lease while the work runs, and writes how it ended."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy.exc import SQLAlchemyError

from core.database import Database, TenantSession, utc_now
from core.errors import CallerFault, Forbidden
from core.i18n import lazy, use_language
from core.jobs import service
from core.jobs.actor import principal_for
from core.jobs.errors import JobGone, RightsGoneError
from core.jobs.limits import FILE, Limits
from core.jobs.service import Claim
from core.permissions import Permission, Principal, label
from core.store import FileStore

logger = structlog.get_logger(__name__)

ONCE_HOURS = 24
"""How long a file with secrets waits for its one download."""


class Run:
    """One job under way, as its kind's function gets it."""

    def __init__(
        self, database: Database, store: FileStore, claim: Claim, principal: Principal, files_days: int
    ) -> None:
        self.database = database
        self.store = store
        self.claim = claim
        self.principal = principal
        """Who asked, with their present rights."""
        self.result: dict[str, Any] = dict(claim.result)
        self._file: dict[str, Any] | None = self.result.pop(FILE, None)
        """Limits of the file the job has, from an earlier attempt or this one."""
        self._files_days = files_days
        self._gone = threading.Event()

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was asked for."""
        return self.claim.parameters

    def check(self) -> None:
        """Raise :class:`JobGone` once the job is no longer ours."""
        if self._gone.is_set():
            raise JobGone()

    def tell(self, progress: int, total: int) -> None:
        """Write how far the work is, in a transaction of its own. Raises :class:`JobGone`."""
        with self.database.transaction(self.claim.tenant_id) as session:
            self.save(session, progress, total)
            session.commit()

    def save(self, session: TenantSession, progress: int, total: int, *, result: bool = False) -> None:
        """Write how far the work is in the transaction that does it, with :attr:`result` if asked."""
        self.check()
        service.save(
            session, self.claim, progress=progress, total=total, result=self.stored() if result else None
        )

    def stored(self) -> dict[str, Any]:
        """Return :attr:`result` as the job keeps it: with the limits of the file it has."""
        return self.result if self._file is None else {**self.result, FILE: self._file}

    def put_file(self, name: str, chunks: Iterable[bytes], *, limits: Limits, once: bool = False) -> None:
        """Store the file the job makes, and in one step with it :attr:`result` and `limits`, what this attempt made it
        with; it replaces what an earlier attempt stored.
        """
        suffix = name.rpartition(".")[2] if "." in name else "bin"
        key = f"jobs/{self.claim.tenant_id}/{self.claim.job_id}-{self.claim.attempt}.{suffix}"
        self.store.put(key, chunks)
        keep = datetime.timedelta(hours=ONCE_HOURS) if once else datetime.timedelta(days=self._files_days)
        with self.database.transaction(self.claim.tenant_id) as session:
            job = service.job_of(session, self.claim.job_id, account_id=None)
            old = job.file_key
            try:
                service.attach(
                    session,
                    self.claim,
                    key=key,
                    name=name,
                    expires_at=utc_now() + keep,
                    once=once,
                    result=self.result,
                    limits=limits,
                )
            except JobGone:
                self.store.delete(key)
                raise
            session.commit()
        self._file = limits.encoded()
        if old and old != key:
            self.store.delete(old)

    def lost(self) -> None:
        """Say that the job is no longer ours (the lease could not be renewed)."""
        self._gone.set()


Work = Callable[[Run], None]
"""Does a job of one kind. Raises ``ZongjiError`` with a sentence for the person, or :class:`JobGone`."""


@dataclasses.dataclass(frozen=True)
class Meters:
    """The worker's figures."""

    ended: Counter
    running: Gauge

    @classmethod
    def make(cls, registry: CollectorRegistry) -> Meters:
        """Return them, registered."""
        return cls(
            Counter("zongji_jobs_ended_total", "Background jobs ended.", ["kind", "how"], registry=registry),
            Gauge("zongji_jobs_running", "Background jobs under way.", registry=registry),
        )


class Worker:
    """Carries out jobs of the kinds it was given, one at a time."""

    def __init__(
        self,
        database: Database,
        store: FileStore,
        kinds: Mapping[str, Work],
        *,
        lease_s: float,
        files_days: int,
        meters: Meters,
    ) -> None:
        self._database = database
        self._store = store
        self._kinds = kinds
        self._lease_s = lease_s
        self._files_days = files_days
        self._meters = meters

    def step(self) -> bool:
        """Claim and carry out one job; return whether there was one. Raises ``SQLAlchemyError``."""
        claim = service.claim(self._database, set(self._kinds), lease_s=self._lease_s)
        if claim is None:
            return False
        log = logger.bind(job=claim.job_id, kind=claim.kind, attempt=claim.attempt)
        log.info("job begun", at=claim.progress)
        self._meters.running.inc()
        try:
            how = self._carry_out(claim)
        finally:
            self._meters.running.dec()
        self._meters.ended.labels(claim.kind, how).inc()
        log.info("job ended", how=how)
        return True

    def _carry_out(self, claim: Claim) -> str:
        language = str(claim.parameters.get("language", ""))
        with use_language(language):
            try:
                with self._database.transaction(claim.tenant_id, read_only=True) as session:
                    principal = principal_for(session, claim.account_id)
                run = Run(self._database, self._store, claim, principal, self._files_days)
                self._work(run)
                with self._database.transaction(claim.tenant_id) as session:
                    service.finish(session, claim, run.stored())
                    session.commit()
            except JobGone:
                return "gone"
            except Forbidden as error:
                return self._failed(claim, _missing(error).text())
            except CallerFault as error:
                return self._failed(claim, error.text())
            except SQLAlchemyError:
                # The database is away or a lock was not had: the lease runs out, and the work goes on from there.
                logger.exception("job waits for its next worker", job=claim.job_id)
                return "interrupted"
            except Exception:
                # A bug too must be seen where the work was asked for.
                logger.exception("job failed", job=claim.job_id, kind=claim.kind)
                return self._failed(
                    claim,
                    str(
                        lazy(
                            "Something unexpected happened. The log has it under task %(job)s.",
                            job=claim.job_id,
                        )
                    ),
                )
        return "done"

    def _failed(self, claim: Claim, error: str) -> str:
        try:
            with self._database.transaction(claim.tenant_id) as session:
                service.fail(session, claim, error)
                session.commit()
        except JobGone:
            return "gone"
        return "failed"

    def _work(self, run: Run) -> None:
        """Do the work while a thread keeps the lease."""
        over = threading.Event()
        keeper = threading.Thread(target=self._keep_lease, args=(run, over), daemon=True, name="lease")
        keeper.start()
        try:
            self._kinds[run.claim.kind](run)
        finally:
            over.set()
            keeper.join()

    def _keep_lease(self, run: Run, over: threading.Event) -> None:
        while not over.wait(self._lease_s / 3):
            try:
                service.renew(self._database, run.claim, self._lease_s)
            except JobGone:
                run.lost()
                return
            except SQLAlchemyError as error:
                logger.warning("lease not renewed", job=run.claim.job_id, why=str(error).splitlines()[0])


def _missing(error: Forbidden) -> CallerFault:
    """Return `error` for who reads it on the job's page: with the rights that were there when it was asked for."""
    missing = error.details.get("permissions")
    if type(error) is not Forbidden or not isinstance(missing, list):
        return error
    return RightsGoneError(permissions=", ".join(str(label(each)) for each in Permission if each in missing))
