"""The jobs behind export and import of accounts.

`EXPORT` makes a file, and starts over after a death. `CHECK` does what an import would and rolls it back. `IMPORT`
takes the rows in pieces: a piece and the note of how far the work is are one transaction, so that whoever takes over
after a death goes on behind the last piece that was kept, and no row is taken twice.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis as redis_py

from admin_web.accounts_transfer import exporting, importing
from admin_web.accounts_transfer.importing import CREATED, REFUSED, UPDATED, Known, Options, Row
from admin_web.accounts_transfer.reading import read_table
from admin_web.accounts_transfer.workbook import chunks_then_removed, write_workbook
from core import audit, passwords
from core.database import TenantSession
from core.errors import CallerFault, NotFound
from core.i18n import gettext, lazy
from core.jobs.actor import principal_for
from core.jobs.errors import JobFailed, JobGone
from core.jobs.limits import Limits, decoded, groups_reached
from core.jobs.worker import Run, Work
from core.models import Account
from core.permissions import Permission, require
from core.settings import Settings
from core.store import NoSuchFileError
from cti import publishing

EXPORT, CHECK, IMPORT = "accounts.export", "accounts.check", "accounts.import"
CHECK_PIECE = 50
IMPORT_PIECE = 20
"""Rows of a transaction: hashing them takes about a second, writing them some 0.1 s."""
HASHERS = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neighbours:
    """What the work reaches besides the database and the store."""

    settings: Settings
    redis: redis_py.Redis
    sessions_changed: Callable[[], None]
    """Tells all processes that accounts' standing or rights changed."""


def kinds(neighbours: Neighbours) -> dict[str, Work]:
    """Return what does each kind."""
    return {
        EXPORT: export_accounts,
        CHECK: lambda run: _Import(run, neighbours, dry=True).work(),
        IMPORT: lambda run: _Import(run, neighbours, dry=False).work(),
    }


def export_accounts(run: Run) -> None:
    """Write the filtered list into a workbook."""
    require(run.principal, Permission.ACCOUNTS_VIEW)
    filters: Mapping[str, str] = run.parameters.get("filters", {})

    def tell(progress: int, total: int) -> None:
        run.tell(progress, total)
        run.result = {"rows": total}

    limits = _limits(run, Permission.ACCOUNTS_VIEW)
    rows = exporting.export_rows(run.database, run.principal, filters, tell)
    path = write_workbook(gettext("Accounts"), [str(each) for each in exporting.HEADINGS], rows)
    day = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M")
    run.put_file(f"{gettext('Accounts')}-{day}.xlsx", chunks_then_removed(path), limits=limits)
    with run.database.transaction(run.claim.tenant_id) as session:
        audit.record(session, run.principal, "accounts.export", None, {"rows": [None, run.result["rows"]]})
        session.commit()


def _limits(run: Run, permission: Permission) -> Limits:
    """Return what a file of now is made with: `permission`, to see numbers if they are in it in full, and the groups
    its owner reaches.
    """
    full = [Permission.NUMBERS_FULL] if run.principal.may(Permission.NUMBERS_FULL) else []
    with run.database.transaction(run.claim.tenant_id, read_only=True) as session:
        groups = groups_reached(session, run.principal)
    return Limits(needs=frozenset([permission, *full]), groups=groups)


class _Import:
    """One import or its dry run."""

    def __init__(self, run: Run, neighbours: Neighbours, *, dry: bool) -> None:
        self._run = run
        self._neighbours = neighbours
        self._dry = dry
        self._actor = run.principal
        self._options = Options(update=bool(run.parameters.get("update")))
        self._key = neighbours.settings.secret("import-passwords").encode()
        run.result.setdefault("outcomes", "")
        run.result.setdefault("refused", [])

    def work(self) -> None:
        """Take the rows from where an earlier attempt got to, then write the workbook with what became of each."""
        require(self._actor, Permission.ACCOUNTS_EDIT)
        self._note_limits()
        rows = self._rows()
        repeated = importing.repeated(rows)
        with self._run.database.transaction(self._actor.tenant_id, read_only=True) as session:
            known = Known(session, self._actor)
            session.expunge_all()
        done = len(self._run.result["outcomes"]) if not self._dry else 0
        if self._dry:
            self._run.result |= {"outcomes": "", "refused": []}
        piece = CHECK_PIECE if self._dry else IMPORT_PIECE
        try:
            for at in range(done, len(rows), piece):
                self._piece(rows[at : at + piece], known, repeated, len(rows))
        except JobGone:
            self._report(rows)  # cancelled: what was done until then is still told
            raise
        self._count()
        self._report(rows)
        if not self._dry:
            self._forget_input()

    def _note_limits(self) -> None:
        """Keep what the rows are taken with; an import that goes on has those of its earlier attempts besides."""
        limits = _limits(self._run, Permission.ACCOUNTS_EDIT)
        if not self._dry and "limits" in self._run.result:
            limits |= decoded(self._run.result["limits"])
        self._run.result["limits"] = limits.encoded()

    def _rows(self) -> list[Row]:
        try:
            data = b"".join(self._run.store.read(self._run.claim.input_key))
        except NoSuchFileError:
            raise JobFailed(reason=lazy("The uploaded file is no longer there. Upload it again.")) from None
        mapping: Mapping[str, int] = self._run.parameters["mapping"]
        return importing.rows_of(mapping, read_table(data).rows)

    def _piece(self, rows: Sequence[Row], known: Known, repeated: Mapping[int, Any], total: int) -> None:
        run, before = self._run, dict(self._run.result)
        run.check()
        hashes = {} if self._dry else self._hashes(rows, repeated)
        try:
            with run.database.transaction(run.claim.tenant_id) as session:
                known = self._by_now(session, known)
                touched = self._take_all(session, rows, known, repeated, hashes)
                if self._dry:
                    session.rollback()
                elif touched:
                    publishing.publish(session, self._neighbours.redis, *touched)
                run.save(session, len(run.result["outcomes"]), total, result=not self._dry)
                session.commit()
        except BaseException:
            run.result = before  # nothing of the piece was kept
            raise

    def _by_now(self, session: TenantSession, known: Known) -> Known:
        """Go on with the rights the actor has by now, and return what they reach: an import may take long, and a right
        that is taken away counts at once. Raises ``ActorGoneError``, ``Forbidden``.
        """
        before, self._actor = self._actor, principal_for(session, self._run.claim.account_id)
        require(self._actor, Permission.ACCOUNTS_EDIT)
        if self._actor.group_reach != before.group_reach:
            known = Known(session, self._actor)
            session.expunge_all()
        return known

    def _take_all(
        self,
        session: TenantSession,
        rows: Sequence[Row],
        known: Known,
        repeated: Mapping[int, Any],
        hashes: Mapping[int, str],
    ) -> list[Account]:
        """Take each row or note why not; return the accounts that were created or changed."""
        have = importing.existing(session, rows)
        outcomes, refused, touched = "", [], []
        for row in rows:
            try:
                if row.number in repeated:
                    raise importing.RowRefusedError(reason=repeated[row.number])
                done, account = self._take(session, row, known, have.get(row.login), hashes)
                touched.append(account)
            except NotFound:
                done = REFUSED
                refused.append([row.number, row.login[:64], gettext("You do not administer this account.")])
            except CallerFault as error:
                done = REFUSED
                refused.append([row.number, row.login[:64], error.text()])
            outcomes += done
        self._run.result["outcomes"] += outcomes
        self._run.result["refused"] = self._run.result["refused"] + refused
        if UPDATED in outcomes:
            session.after_commit(self._neighbours.sessions_changed)
        return touched

    def _take(
        self,
        session: TenantSession,
        row: Row,
        known: Known,
        account: Account | None,
        hashes: Mapping[int, str],
    ) -> tuple[str, Account]:
        password = self._password(row)
        hashed = hashes.get(row.number, "")
        if self._dry:
            hashed = "checked only"
        return importing.take(
            session,
            self._actor,
            row,
            known,
            self._options,
            account,
            password=password,
            password_hash=hashed,
        )

    def _password(self, row: Row) -> str:
        return row.texts.get("password", "") or importing.generated_password(
            self._key, self._run.claim.job_id, row.number
        )

    def _hashes(self, rows: Sequence[Row], repeated: Mapping[int, Any]) -> dict[int, str]:
        """Hash the passwords that will be needed, before any lock is held."""
        with self._run.database.transaction(self._actor.tenant_id, read_only=True) as session:
            have = set(importing.existing(session, rows))
        needed = [
            row
            for row in rows
            if row.number not in repeated
            and (row.login not in have or (self._options.update and row.texts.get("password")))
        ]
        with ThreadPoolExecutor(HASHERS) as pool:
            made = pool.map(passwords.hash_password, [self._password(row) for row in needed])
            return dict(zip([row.number for row in needed], made, strict=True))

    def _count(self) -> None:
        outcomes = self._run.result["outcomes"]
        self._run.result["counts"] = {
            "created": outcomes.count(CREATED),
            "updated": outcomes.count(UPDATED),
            "refused": outcomes.count(REFUSED),
        }

    def _report(self, rows: Sequence[Row]) -> None:
        """Store the workbook with what became of each row; one with passwords can be downloaded once."""
        self._count()
        generated = not self._dry and any(
            outcome == CREATED and not row.texts.get("password")
            for row, outcome in zip(rows, self._run.result["outcomes"], strict=False)
        )
        headings = [gettext("Row"), gettext("Account"), gettext("Name"), gettext("Result"), gettext("Reason")]
        if generated:
            headings.append(gettext("Generated password"))
        path = write_workbook(gettext("Result"), headings, self._report_rows(rows, passwords_too=generated))
        name = gettext("Accounts checked") if self._dry else gettext("Accounts imported")
        limits = decoded(self._run.result["limits"])
        self._run.put_file(f"{name}.xlsx", chunks_then_removed(path), limits=limits, once=generated)

    def _report_rows(self, rows: Sequence[Row], *, passwords_too: bool) -> Iterator[list[str]]:
        words = {CREATED: gettext("created"), UPDATED: gettext("changed"), REFUSED: gettext("refused")}
        if self._dry:
            words = {
                CREATED: gettext("would be created"),
                UPDATED: gettext("would be changed"),
                REFUSED: words[REFUSED],
            }
        why = {number: text for number, _, text in self._run.result["refused"]}
        for row, outcome in zip(rows, self._run.result["outcomes"], strict=False):
            cells = [
                str(row.number),
                row.login[:64],
                row.texts.get("name", ""),
                words[outcome],
                why.get(row.number, ""),
            ]
            if passwords_too and outcome == CREATED and not row.texts.get("password"):
                cells.append(self._password(row))
            yield cells

    def _forget_input(self) -> None:
        """Remove the upload, which may hold passwords."""
        self._run.store.delete(self._run.claim.input_key)
