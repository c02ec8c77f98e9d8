"""Extensions of the programming interface (CTI-E1, E2). Opening and closing them stays with the operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import select

from admin_web.api.errors import ChangedMeanwhileError, InvalidRequestError
from admin_web.api.numbers import shown
from admin_web.api.paging import rows_by_id
from admin_web.api.problems import FieldProblem, field_reason
from admin_web.api.schemas import Id, Page, PageQuery, PhoneNumber
from admin_web.api.scopes import ApiScope
from admin_web.api.view import Answer, ApiView, Operation, etag_of, require_match
from admin_web.api.words import N_
from admin_web.resources.extensions import EXTENSIONS, ListedElsewhereError
from core import phone
from core.database import TenantSession
from core.errors import NotFound
from core.i18n import lazy
from core.models import Account
from core.views import current_principal, session
from cti.models import Extension, ExtensionAccount, PopTime

Accounts = Annotated[
    list[Id],
    Meta(max_length=1000, description=N_("Accounts that may sign in on it"), examples=[[17, 18]]),
]
Number = Annotated[str, Meta(description=N_("The extension's number"), examples=["8001"])]
PopOn = Annotated[PopTime, Meta(description=N_("When the customer's page opens"))]
Forward = Annotated[
    bool, Meta(description=N_("Ring the bound number when no phone is registered"), examples=[False])
]
Bound = Annotated[
    str,
    Meta(
        max_length=32,
        description=N_("Landline or mobile of the extension; empty: none"),
        examples=["+8613800138000"],
    ),
]


Press = Annotated[
    bool,
    Meta(
        description=N_("Who picks the bound number up takes the call with key 1, which no mailbox presses"),
        examples=[False],
    ),
]


class ExtensionOut(Struct, frozen=True, kw_only=True):
    """An extension."""

    id: Id
    number: Number
    accounts: Accounts
    pop_on: PopOn
    bound_number: PhoneNumber
    forward_when_offline: Forward
    press_to_take: Press
    caller_id: PhoneNumber
    outbound_allowed: Annotated[bool, Meta(description=N_("May call out; the operator decides"))]


class ExtensionChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    accounts: Accounts | UnsetType = UNSET
    pop_on: PopOn | UnsetType = UNSET
    bound_number: Bound | UnsetType = UNSET
    forward_when_offline: Forward | UnsetType = UNSET
    press_to_take: Press | UnsetType = UNSET


class ExtensionQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters of the list."""

    number: (
        Annotated[str, Meta(min_length=1, max_length=20, description=N_("Exactly this number"))] | UnsetType
    ) = UNSET


def extension_of(db: TenantSession, extension_id: int, *, lock: bool = False) -> Extension:
    """Return the extension in the session's scope. Raises ``NotFound``."""
    query = select(Extension).where(Extension.id == extension_id)
    row = db.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(kind="extension", id=extension_id)
    return row


def _listed(db: TenantSession, rows: Sequence[Extension]) -> dict[int, list[int]]:
    query = select(ExtensionAccount.extension_id, ExtensionAccount.account_id).where(
        ExtensionAccount.extension_id.in_([row.id for row in rows])
    )
    listed: dict[int, list[int]] = {}
    for extension_id, account_id in db.execute(query.order_by(ExtensionAccount.account_id)):
        listed.setdefault(extension_id, []).append(account_id)
    return listed


def _out(db: TenantSession, rows: Sequence[Extension]) -> list[ExtensionOut]:
    listed = _listed(db, rows)
    return [
        ExtensionOut(
            id=row.id,
            number=row.number,
            accounts=listed.get(row.id, []),
            pop_on=row.pop_on,
            bound_number=shown(row.bound_number),
            forward_when_offline=row.forward_when_offline,
            press_to_take=row.press_to_take,
            caller_id=shown(row.caller_id),
            outbound_allowed=row.outbound_allowed,
        )
        for row in rows
    ]


class ExtensionList(ApiView):
    """All extensions."""

    rule = "/extensions"
    tag = lazy("Extensions")
    operations = {
        "GET": Operation(
            id="listExtensions",
            summary=lazy("List extensions"),
            scope=ApiScope.EXTENSIONS_READ,
            query=ExtensionQuery,
            answer=Page[ExtensionOut],
        )
    }

    def get(self, query: ExtensionQuery) -> Page[ExtensionOut]:
        """Return a page of them."""
        db = session()
        wanted = select(Extension)
        if query.number is not UNSET:
            wanted = wanted.where(Extension.number == query.number)
        rows, after = rows_by_id(db, wanted, Extension, limit=query.limit, cursor=query.cursor)
        return Page(items=_out(db, rows), next=after)


class ExtensionOne(ApiView):
    """One extension."""

    rule = "/extensions/<id:extension_id>"
    tag = lazy("Extensions")
    operations = {
        "GET": Operation(
            id="getExtension",
            summary=lazy("Get an extension"),
            scope=ApiScope.EXTENSIONS_READ,
            answer=ExtensionOut,
            versioned=True,
        ),
        "PATCH": Operation(
            id="changeExtension",
            summary=lazy("Change an extension"),
            description=lazy(
                "Its number, shown number and whether it may call out are the operator's to change."
            ),
            scope=ApiScope.EXTENSIONS_WRITE,
            body=ExtensionChange,
            answer=ExtensionOut,
            versioned=True,
            errors=(ChangedMeanwhileError, ListedElsewhereError),
        ),
    }

    def get(self, extension_id: int) -> Answer:
        """Return it."""
        db = session()
        return _answer(db, extension_of(db, extension_id))

    def patch(self, extension_id: int, body: ExtensionChange) -> Answer:
        """Change what is given."""
        db = session()
        row = extension_of(db, extension_id, lock=True)
        before = _out(db, [row])[0]
        require_match(etag_of(before))
        accounts = before.accounts if body.accounts is UNSET else list(dict.fromkeys(body.accounts))
        if body.accounts is not UNSET:
            _check_accounts(db, accounts, set(before.accounts))
        values = {
            "accounts": [str(each) for each in accounts],
            "pop_on": (row.pop_on if body.pop_on is UNSET else body.pop_on).value,
            "bound_number": row.bound_number if body.bound_number is UNSET else _stored(body.bound_number),
            "forward_when_offline": row.forward_when_offline
            if body.forward_when_offline is UNSET
            else body.forward_when_offline,
            "press_to_take": row.press_to_take if body.press_to_take is UNSET else body.press_to_take,
        }
        assert EXTENSIONS.save is not None
        EXTENSIONS.save(db, current_principal(), row, values)
        db.flush()
        return _answer(db, row)


def _answer(db: TenantSession, row: Extension) -> Answer:
    found = _out(db, [row])[0]
    return Answer(value=found, etag=etag_of(found))


def _stored(text: str) -> str:
    if not text.strip():
        return ""
    try:
        return phone.parse(text).stored
    except phone.InvalidNumberError as error:
        raise InvalidRequestError(
            errors=[FieldProblem(field="bound_number", code="invalid", reason=error.text())]
        ) from None


def _check_accounts(db: TenantSession, wanted: Sequence[int], have: set[int]) -> None:
    """Raise unless each newly listed account is one of the company's that can sign in."""
    known = set(
        db.scalars(
            select(Account.id).where(
                Account.id.in_(wanted), Account.enabled.is_(True), Account.deleted_at.is_(None)
            )
        )
    )
    reason = field_reason("invalid", "no such account")
    problems = [
        FieldProblem(field=f"accounts[{index}]", code="invalid", reason=reason)
        for index, each in enumerate(wanted)
        if each not in known | have
    ]
    if problems:
        raise InvalidRequestError(errors=problems)
