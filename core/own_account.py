"""What people change of their own account: the password, the language."""

from __future__ import annotations

from core import accounts
from core.database import ALL_TENANTS, Database
from core.errors import CallerFault
from core.i18n import LANGUAGES, lazy
from core.models import Account
from core.passwords import verify_password
from core.permissions import Principal
from core.sessions import Sessions, end_sessions
from core.sign_in import check_password


class SamePasswordError(CallerFault):
    """The new password is the present one."""

    id = "same-password"
    status = 422
    sentence = lazy("Choose a password other than the present one.")


class NotRepeatedError(CallerFault):
    """The two new passwords typed differ."""

    id = "not-repeated"
    status = 422
    sentence = lazy("The two new passwords are not the same.")


def require_repeated(new: str, again: str) -> None:
    """Raise :class:`NotRepeatedError` unless a new password was typed twice alike."""
    if new != again:
        raise NotRepeatedError(field="again")


def change_password(
    database: Database, sessions: Sessions, principal: Principal, present: str, new: str
) -> None:
    """Replace the password of `principal`, who proves to know the present one; their other sessions end, this one
    stays. Raises ``WrongPasswordError``, ``WeakPasswordError``, :class:`SamePasswordError`.
    """
    check_password(database, principal.account_id, present, principal.ip)
    if new == present:
        raise SamePasswordError(field="new")
    _set(database, sessions, principal, new)


def choose_password(database: Database, sessions: Sessions, principal: Principal, new: str) -> None:
    """Replace a password somebody else chose, with which `principal` just signed in. Raises ``WeakPasswordError``,
    :class:`SamePasswordError`.
    """
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        present = session.get_one(Account, principal.account_id).password_hash
    if verify_password(present, new):
        raise SamePasswordError(field="new")
    _set(database, sessions, principal, new)


def choose_language(database: Database, sessions: Sessions, principal: Principal, language: str) -> None:
    """Keep the language of `principal`'s pages; an unknown one means the company's."""
    with database.transaction(principal.tenant_id) as session:
        account = session.get_one(Account, principal.account_id)
        account.language = language if language in LANGUAGES else ""
        session.commit()
    sessions.changed()


def _set(database: Database, sessions: Sessions, principal: Principal, new: str) -> None:
    with database.transaction(ALL_TENANTS) as session:
        account = session.get_one(Account, principal.account_id, with_for_update=True)
        accounts.set_password(session, principal, account, new)
        end_sessions(session, account, keep=principal.session_id)
        session.commit()
    sessions.changed()
