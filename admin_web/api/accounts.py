"""Accounts of the programming interface (ACC-4, ACC-5). Who is above whom is decided for the key's maker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import select

from admin_web.api.errors import ChangedMeanwhileError, InvalidRequestError
from admin_web.api.numbers import shown
from admin_web.api.paging import rows_by_id
from admin_web.api.problems import FieldProblem, field_reason
from admin_web.api.schemas import LINE, Id, Moment, Page, PageQuery, PersonName, PhoneNumber
from admin_web.api.scopes import ApiScope
from admin_web.api.view import Answer, ApiView, Operation, etag_of, maker, require_match
from admin_web.api.words import N_
from admin_web.resource import pairs
from admin_web.resources.saving import publish
from core import account_changes, account_details, account_rules, accounts, audit, phone
from core.database import TenantSession
from core.errors import NotFound
from core.groups.models import UserGroup
from core.i18n import lazy
from core.models import Account, Role
from core.passwords import WeakPasswordError
from core.permissions import TooMuchGivenError
from core.plain_text import HiddenSignsError
from core.views import parts, session

Code = Annotated[
    str,
    Meta(max_length=32, pattern=LINE, description=N_("The company's own number for it"), examples=["1024"]),
]
Login = Annotated[
    str,
    Meta(
        min_length=1, max_length=64, pattern=LINE, description=N_("Login; never changes"), examples=["anna"]
    ),
]
EmployeeNumber = Annotated[
    str,
    Meta(
        max_length=20, pattern=r"^[0-9]*$", description=N_("Digits callers hear announced"), examples=["1024"]
    ),
]
RoleId = Annotated[int, Meta(ge=1, le=2**63 - 1, description=N_("Id of the role; null: none"), examples=[3])]
GroupId = Annotated[
    int, Meta(ge=1, le=2**63 - 1, description=N_("Id of the user group; null: none"), examples=[2])
]
Mobile = Annotated[str, Meta(max_length=40, description=N_("Mobile; empty: none"), examples=["13800138000"])]
Email = Annotated[
    str,
    Meta(max_length=254, pattern=LINE, description=N_("E-mail; empty: none"), examples=["anna@example.com"]),
]
Language = Annotated[
    str, Meta(pattern="^(zh|en)?$", description=N_("zh, en or empty: the company's"), examples=["zh"])
]

VOLATILE = frozenset({"last_sign_in_at"})
"""Fields that change by themselves."""


class AccountOut(Struct, frozen=True, kw_only=True):
    """An account."""

    id: Id
    code: Code
    login: Login
    name: PersonName
    employee_number: EmployeeNumber
    role_id: RoleId | None
    role: Annotated[str, Meta(description=N_("Code of the role; empty: none"), examples=["agent"])]
    group_id: GroupId | None
    enabled: Annotated[bool, Meta(description=N_("Whether it may sign in"))]
    language: Language
    mobile: PhoneNumber
    email: Annotated[str, Meta(description=N_("E-mail; empty: none"), examples=["anna@example.com"])]
    created_at: Moment
    last_sign_in_at: Moment | None


class AccountNew(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to create."""

    login: Login
    name: PersonName
    password: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=128,
            description=N_("First password; it has to be changed at the first sign-in"),
            examples=["Sommer-2026-Regen"],
        ),
    ]
    role_id: RoleId | None = None
    group_id: GroupId | None = None
    code: Code = ""
    employee_number: EmployeeNumber = ""
    mobile: Mobile = ""
    email: Email = ""
    language: Language = ""


class AccountChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    name: PersonName | UnsetType = UNSET
    code: Annotated[Code, Meta(min_length=1)] | UnsetType = UNSET
    employee_number: EmployeeNumber | UnsetType = UNSET
    role_id: RoleId | UnsetType | None = UNSET
    group_id: GroupId | UnsetType | None = UNSET
    mobile: Mobile | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class AccountQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters of the list."""

    login: (
        Annotated[str, Meta(min_length=1, max_length=64, description=N_("Exactly this login"))] | UnsetType
    ) = UNSET
    enabled: Annotated[bool, Meta(description=N_("Only enabled or only disabled ones"))] | UnsetType = UNSET
    group_id: Id | UnsetType = UNSET


def account_of(db: TenantSession, account_id: int, *, lock: bool = False) -> Account:
    """Return the account, in the maker's reach. Raises ``NotFound``."""
    query = select(Account).where(Account.id == account_id, Account.deleted_at.is_(None))
    query = account_rules.in_reach(db, maker(), query)
    row = db.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(kind="account", id=account_id)
    return row


def _out(db: TenantSession, rows: Sequence[Account]) -> list[AccountOut]:
    wanted = {row.role_id for row in rows if row.role_id is not None}
    codes = pairs(db, select(Role.id, Role.code).where(Role.id.in_(wanted)))
    return [
        AccountOut(
            id=row.id,
            code=row.code,
            login=row.login,
            name=row.name,
            employee_number=row.employee_number,
            role_id=row.role_id,
            role="" if row.role_id is None else codes[row.role_id],
            group_id=row.group_id,
            enabled=row.enabled,
            language=row.language,
            mobile=shown(row.mobile),
            email=row.email,
            created_at=row.created_at,
            last_sign_in_at=row.last_sign_in_at,
        )
        for row in rows
    ]


def _answer(db: TenantSession, row: Account, **more: Any) -> Answer:
    found = _out(db, [row])[0]
    return Answer(value=found, etag=etag_of(found, without=VOLATILE), **more)


def _unknown(field: str) -> InvalidRequestError:
    reason = field_reason("invalid", "no such entry")
    return InvalidRequestError(errors=[FieldProblem(field=field, code="invalid", reason=reason)])


def _role(db: TenantSession, role_id: int | None) -> Role | None:
    role = None if role_id is None else db.scalar(select(Role).where(Role.id == role_id))
    if role_id is not None and role is None:
        raise _unknown("role_id")
    return role


def _check_group(db: TenantSession, group_id: int | None) -> None:
    if group_id is not None and db.scalar(select(UserGroup.id).where(UserGroup.id == group_id)) is None:
        raise _unknown("group_id")


def _told(db: TenantSession, row: Account) -> None:
    """Have calls and open pages know of the change after the commit."""
    db.flush()
    publish(db, row)
    db.after_commit(parts().sessions.changed)


DETAIL_ERRORS = (
    account_details.CodeTakenError,
    account_details.InvalidCodeError,
    account_details.InvalidEmailError,
    phone.InvalidNumberError,
    phone.NotMobileError,
    account_rules.OutsideGroupError,
    HiddenSignsError,
    TooMuchGivenError,
)
"""Refusals of an account's details and standing."""


class AccountList(ApiView):
    """All accounts, and new ones."""

    rule = "/accounts"
    tag = lazy("Accounts")
    operations = {
        "GET": Operation(
            id="listAccounts",
            summary=lazy("List accounts"),
            scope=ApiScope.ACCOUNTS_READ,
            query=AccountQuery,
            answer=Page[AccountOut],
        ),
        "POST": Operation(
            id="createAccount",
            summary=lazy("Create an account"),
            description=lazy(
                "Nobody gives rights they do not have: a role above the key's maker is refused."
            ),
            scope=ApiScope.ACCOUNTS_WRITE,
            body=AccountNew,
            answer=AccountOut,
            status=201,
            versioned=True,
            errors=(
                accounts.LoginTakenError,
                accounts.LoginReservedError,
                accounts.InvalidLoginError,
                WeakPasswordError,
                *DETAIL_ERRORS,
            ),
        ),
    }

    def get(self, query: AccountQuery) -> Page[AccountOut]:
        """Return a page of them."""
        db = session()
        wanted = account_rules.in_reach(db, maker(), select(Account).where(Account.deleted_at.is_(None)))
        for column, value in (
            (Account.login, query.login.strip().lower() if isinstance(query.login, str) else UNSET),
            (Account.enabled, query.enabled),
            (Account.group_id, query.group_id),
        ):
            if value is not UNSET:
                wanted = wanted.where(column == value)
        rows, after = rows_by_id(db, wanted, Account, limit=query.limit, cursor=query.cursor)
        return Page(items=_out(db, rows), next=after)

    def post(self, body: AccountNew) -> Answer:
        """Create one."""
        db = session()
        role = _role(db, body.role_id)
        _check_group(db, body.group_id)
        row = accounts.create_account(
            db,
            login=body.login,
            name=body.name,
            role=role,
            password=body.password,
            actor=maker(),
            employee_number=body.employee_number,
            code=body.code,
            language=body.language,
            group_id=body.group_id,
            must_change_password=True,
            mobile=body.mobile,
            email=body.email,
        )
        _told(db, row)
        return _answer(db, row, status=201, location=f"/api/v1/accounts/{row.id}")


class AccountOne(ApiView):
    """One account."""

    rule = "/accounts/<id:account_id>"
    tag = lazy("Accounts")
    operations = {
        "GET": Operation(
            id="getAccount",
            summary=lazy("Get an account"),
            scope=ApiScope.ACCOUNTS_READ,
            answer=AccountOut,
            versioned=True,
        ),
        "PATCH": Operation(
            id="changeAccount",
            summary=lazy("Change an account"),
            scope=ApiScope.ACCOUNTS_WRITE,
            body=AccountChange,
            answer=AccountOut,
            versioned=True,
            errors=(
                ChangedMeanwhileError,
                account_rules.OwnStandingError,
                account_rules.GroupAdminStandsError,
                account_rules.LastManagerError,
                account_changes.RoleNeededError,
                *DETAIL_ERRORS,
            ),
        ),
    }

    def get(self, account_id: int) -> Answer:
        """Return it."""
        db = session()
        return _answer(db, account_of(db, account_id))

    def patch(self, account_id: int, body: AccountChange) -> Answer:
        """Change what is given."""
        db = session()
        row = account_of(db, account_id, lock=True)
        require_match(etag_of(_out(db, [row])[0], without=VOLATILE))
        values = {
            name: value
            for name in ("name", "code", "employee_number", "role_id", "group_id", "mobile", "email")
            if (value := getattr(body, name)) is not UNSET
        }
        _role(db, values.get("role_id"))
        _check_group(db, values.get("group_id"))
        account_changes.edit_account(db, maker(), row, values)
        if body.language is not UNSET and body.language != row.language:
            row.language = body.language
            audit.record(db, maker(), "accounts.edit", row)
        _told(db, row)
        return _answer(db, row)


class AccountSwitch(ApiView):
    """An account switched on or off."""

    rule = "/accounts/<id:account_id>/enable"
    tag = lazy("Accounts")
    enabled = True
    operations = {
        "POST": Operation(
            id="enableAccount",
            summary=lazy("Enable an account"),
            scope=ApiScope.ACCOUNTS_WRITE,
            answer=AccountOut,
            versioned=True,
            errors=(TooMuchGivenError,),
        )
    }

    def post(self, account_id: int) -> Answer:
        """Do it; one that stands so already changes nothing."""
        db = session()
        row = account_of(db, account_id, lock=True)
        accounts.set_enabled(db, maker(), row, self.enabled)
        _told(db, row)
        return _answer(db, row)


class AccountOff(AccountSwitch):
    """An account switched off: signed out everywhere at once."""

    rule = "/accounts/<id:account_id>/disable"
    enabled = False
    operations = {
        "POST": Operation(
            id="disableAccount",
            summary=lazy("Disable an account: it is signed out at once"),
            scope=ApiScope.ACCOUNTS_WRITE,
            answer=AccountOut,
            versioned=True,
            errors=(
                account_rules.OwnAccountError,
                account_rules.GroupAdminStandsError,
                account_rules.LastManagerError,
                TooMuchGivenError,
            ),
        )
    }
