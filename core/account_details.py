"""What is kept of an account besides its standing: checked and brought into the stored form (ACC-4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Integer, cast, func, select

from core import phone
from core.errors import CallerFault, Conflict
from core.i18n import lazy
from core.models import Account
from core.plain_text import require_plain
from core.tenancy import TenantSession

_EMPLOYEE_NUMBER = re.compile(r"[0-9]{0,20}")
_CODE = re.compile(r"[^\s\x00-\x1f\x7f]{1,32}")
_PEER_ID = re.compile(r"[\x21-\x7e]{1,64}")
"""User ids of WeCom, DingTalk and WeLink: up to 64 printable ASCII signs without spaces."""

NAMES: Final = (
    "code",
    "name",
    "employee_number",
    "mobile",
    "email",
    "wecom_id",
    "dingtalk_id",
    "welink_id",
    "tasks_need_review",
)


class InvalidEmployeeNumberError(CallerFault):
    """An employee number is announced to callers, so it is digits."""

    id = "invalid-employee-number"
    status = 422
    sentence = lazy("The employee number %(number)s must be at most 20 digits.")


class InvalidNameError(CallerFault):
    """A name is missing or too long."""

    id = "invalid-name"
    status = 422
    sentence = lazy("Enter a name of at most 100 characters.")


class InvalidCodeError(CallerFault):
    """A code has spaces or is too long."""

    id = "invalid-code"
    status = 422
    sentence = lazy("A code has at most 32 characters and no spaces.")


class CodeTakenError(Conflict):
    """Another account of the company, a deleted one perhaps, has the code."""

    id = "code-taken"
    sentence = lazy("The code %(code)s is already used by another account.")


class InvalidEmailError(CallerFault):
    """What was typed is no e-mail address (RFC 5321, RFC 6531)."""

    id = "invalid-email"
    status = 422
    sentence = lazy("%(address)s is not an e-mail address.")


class InvalidPeerIdError(CallerFault):
    """A user id of another system has signs none of them uses."""

    id = "invalid-peer-id"
    status = 422
    sentence = lazy("Letters, digits and signs without spaces, at most 64.")


def cleaned(
    session: TenantSession, tenant_id: int, values: Mapping[str, Any], *, account_id: int = 0
) -> dict[str, Any]:
    """Return `values` (of :data:`NAMES`, any of them) as they are stored. `account_id` is the one they are for.

    Raises one of the errors above or of `core.phone`; each names its ``field``.
    """
    unknown = set(values) - set(NAMES)
    assert not unknown, f"not details of an account: {unknown}"
    kept: dict[str, Any] = {
        name: each.strip() if isinstance(each, str) else each for name, each in values.items()
    }
    if not 0 < len(kept.get("name", "-")) <= 100:
        raise InvalidNameError(field="name")
    require_plain("name", kept.get("name", ""))
    if not _EMPLOYEE_NUMBER.fullmatch(kept.get("employee_number", "")):
        raise InvalidEmployeeNumberError(field="employee_number", number=kept["employee_number"][:40])
    for name in ("wecom_id", "dingtalk_id", "welink_id"):
        if kept.get(name) and not _PEER_ID.fullmatch(kept[name]):
            raise InvalidPeerIdError(field=name)
    if kept.get("mobile"):
        kept["mobile"] = _mobile(kept["mobile"])
    if kept.get("email"):
        kept["email"] = _email(kept["email"])
    if "code" in kept:
        _check_code(session, tenant_id, kept["code"], account_id)
    return kept


def next_code(session: TenantSession, tenant_id: int) -> str:
    """Return the next running number of the tenant's accounts; two at once collide on the unique key.

    Codes of more than nine characters are not counted on, so that a long one does not end the numbers.
    """
    highest = session.scalar(
        select(func.max(cast(Account.code, Integer))).where(
            Account.tenant_id == tenant_id, func.length(Account.code) <= 9
        )
    )
    return str((highest or 0) + 1)


def _mobile(text: str) -> str:
    try:
        return phone.parse_mobile(text).stored
    except (phone.InvalidNumberError, phone.NotMobileError) as error:
        raise type(error)(field="mobile", **error.details) from None


def _email(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        raise InvalidEmailError(field="email", address=text[:80]) from None


def _check_code(session: TenantSession, tenant_id: int, code: str, account_id: int) -> None:
    if not _CODE.fullmatch(code):
        raise InvalidCodeError(field="code")
    taken = select(Account.id).where(
        Account.tenant_id == tenant_id, Account.code == code, Account.id != account_id
    )
    if session.scalar(taken) is not None:
        raise CodeTakenError(field="code", code=code)
