"""Accounts from a spreadsheet: what a row means, and its being created or changed by the services a form uses.

A row is taken whole or refused with the reason; refusals come from the same rules as in the form, so that a dry run
(the same work, rolled back) says what will happen.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from admin_web.accounts_transfer.columns import SKIP, TARGETS
from core import account_changes, account_details, accounts, passwords, phone
from core.database import TenantSession
from core.errors import CallerFault
from core.groups import service as groups
from core.i18n import LANGUAGES, LazyText, lazy
from core.models import Account, BuiltInRole, Role
from core.permissions import Principal
from core.roles import BUILT_IN_NAMES

PATH_SIGN = "/"
"""Between the names of a group and those above it, where the name alone is not enough."""
CREATED, UPDATED, REFUSED = "c", "u", "r"
"""What became of a row, one letter each, as a job keeps it."""


class RowRefusedError(CallerFault):
    """A row cannot be taken; `reason` says why."""

    id = "row-refused"
    status = 422
    sentence = lazy("%(reason)s")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What the person chose besides the columns."""

    update: bool = False
    """Rows whose login exists change that account; otherwise they are refused."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row's texts by what they fill; columns the file lacks are absent."""

    number: int
    texts: Mapping[str, str]

    @property
    def login(self) -> str:
        """The login as it will be stored, or as it is written where it cannot be."""
        return self.texts.get("login", "").strip().lower()


def rows_of(mapping: Mapping[str, int], rows: Sequence[tuple[int, list[str]]]) -> list[Row]:
    """Return the rows with their cells named by `mapping` (target to column)."""
    used = {name: column for name, column in mapping.items() if column != SKIP}
    return [Row(number, {name: cells[at] for name, at in used.items()}) for number, cells in rows]


def repeated(rows: Sequence[Row]) -> dict[int, LazyText]:
    """Return why rows are refused that say again what an earlier row of the file says, by row number."""
    found: dict[int, LazyText] = {}
    for name, text in (
        ("login", lazy("The account is in row %(row)s already.")),
        ("code", lazy("The code is in row %(row)s already.")),
    ):
        first: dict[str, int] = {}
        for row in rows:
            value = row.texts.get(name, "").strip()
            value = value.lower() if name == "login" else value
            if value and first.setdefault(value, row.number) != row.number:
                found.setdefault(row.number, text.filled(row=first[value]))
    return found


class Known:
    """What the company has, read once: roles by name and code, groups within the actor's reach by name and path."""

    def __init__(self, session: TenantSession, actor: Principal) -> None:
        self.roles: dict[str, Role] = {}
        for role in session.scalars(select(Role).order_by(Role.id)):
            names = [role.code, role.name]
            if role.built_in is not None:
                names += [BUILT_IN_NAMES[role.built_in].in_language(each) for each in LANGUAGES]
            for name in names:
                if name:
                    self.roles.setdefault(name.casefold(), role)
        self.groups: dict[str, list[int]] = {}
        path: list[str] = []
        for place in groups.places(session, actor.group_reach):
            path[place.depth :] = [place.name]
            for name in {place.name, PATH_SIGN.join(path)}:
                self.groups.setdefault(name.casefold(), []).append(place.group_id)
        agent = session.scalar(select(Role).where(Role.built_in == BuiltInRole.AGENT))
        self.default_role = agent
        """What an account becomes when the file says nothing; a company without agents has none."""

    def role(self, text: str) -> Role | None:
        """Return the role named `text`. Raises :class:`RowRefusedError`."""
        role = self.roles.get(text.strip().casefold())
        if role is None:
            raise RowRefusedError(reason=lazy("There is no role %(name)s.", name=text[:100]))
        return role

    def group(self, text: str) -> int:
        """Return the id of the group named `text`, alone or with those above it. Raises :class:`RowRefusedError`."""
        wanted = PATH_SIGN.join(part.strip() for part in text.split(PATH_SIGN)).casefold()
        found = self.groups.get(wanted, [])
        if not found:
            raise RowRefusedError(reason=lazy("There is no group %(name)s you administer.", name=text[:100]))
        if len(found) > 1:
            raise RowRefusedError(
                reason=lazy(
                    "There are several groups %(name)s. Write those above it too: A/B/C.", name=text[:100]
                )
            )
        return found[0]


def generated_password(key: bytes, job_id: int, row: int) -> str:
    """Return the password of a row that has none: the same each time, so that work taken over after a death still
    knows what was set; unknowable without `key`.
    """
    turn = 0
    while True:
        digest = hmac.new(key, f"{job_id}:{row}:{turn}".encode(), hashlib.sha256).digest()
        text = base64.b32encode(digest).decode().rstrip("=")
        mixed = "".join(
            each.lower() if byte & 1 else each for each, byte in zip(text[:16], digest[16:], strict=True)
        )
        password = "-".join(mixed[at : at + 4] for at in range(0, 16, 4))
        if passwords.weakness(password) is None:
            return password
        turn += 1


def existing(session: TenantSession, rows: Sequence[Row]) -> dict[str, Account]:
    """Return the accounts, deleted ones too, that have the rows' logins."""
    logins = [row.login for row in rows]
    return {
        account.login: account
        for account in session.scalars(select(Account).where(Account.login.in_(logins)))
    }


def take(
    session: TenantSession,
    actor: Principal,
    row: Row,
    known: Known,
    options: Options,
    account: Account | None,
    *,
    password: str,
    password_hash: str,
) -> tuple[str, Account]:
    """Create or change the row's account inside a savepoint; return what was done and the account.

    `account` is who has the login by now; `password_hash` belongs to `password`. Raises ``CallerFault`` with the
    reason; nothing of the row is kept then.
    """
    if not row.login:
        raise RowRefusedError(reason=lazy("The account is missing."))
    try:
        with session.begin_nested():
            if account is not None and account.deleted_at is None and options.update:
                _update(session, actor, row, known, account, password_hash)
                done = UPDATED
            else:
                account = _create(session, actor, row, known, password, password_hash)
                done = CREATED
            session.flush()
    except IntegrityError:
        raise RowRefusedError(reason=lazy("Another entry has this code, number or name already.")) from None
    return done, account


def _create(
    session: TenantSession, actor: Principal, row: Row, known: Known, password: str, password_hash: str
) -> Account:
    texts = row.texts
    if not texts.get("name", "").strip():
        raise RowRefusedError(reason=lazy("The name is missing."))
    details: dict[str, Any] = {
        name: texts[name] for name in account_details.NAMES if texts.get(name, "").strip()
    }
    if "code" in details:
        details["code"] = details["code"].strip()
    role = known.role(texts["role"]) if texts.get("role", "").strip() else known.default_role
    return accounts.create_account(
        session,
        actor=actor,
        login=row.login,
        name=details.pop("name"),
        role=role,
        password=password,
        password_hash=password_hash,
        must_change_password=True,
        group_id=_group(row, known, actor.group_reach),
        **details,
    )


def _group(row: Row, known: Known, otherwise: int | None) -> int | None:
    text = row.texts.get("group", "").strip()
    return known.group(text) if text else otherwise


def _update(
    session: TenantSession, actor: Principal, row: Row, known: Known, account: Account, password_hash: str
) -> None:
    """Change what the row says; empty cells leave what there is."""
    texts = {name: text for name, text in row.texts.items() if text.strip()}
    if is_mask_of(texts.get("mobile", ""), account.mobile):
        del texts["mobile"]
    values: dict[str, Any] = {name: texts[name] for name in account_details.NAMES if name in texts}
    if "role" in texts:
        role = known.role(texts["role"])
        values["role_id"] = None if role is None else role.id
    if "group" in texts:
        values["group_id"] = known.group(texts["group"])
    if values:
        account_changes.edit_account(session, actor, account, values)
    if "password" in texts:
        accounts.reset_password(session, actor, account, texts["password"], password_hash=password_hash)


def is_mask_of(text: str, stored: str) -> bool:
    """Return whether `text` is how `stored` is exported to who may not see numbers in full."""
    return text.strip() != phone.display(stored) and text.strip() == phone.mask(stored)


def headings() -> list[str]:
    """Return the template's headings in the reader's language."""
    return [str(target.label) for target in TARGETS]
