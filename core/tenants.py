"""Companies (ACC-3): suspended, resumed, closed, reopened; their limits; a way back in for their administrators.

Suspending and closing end every session at the commit, have new calls refused and recorded as refused, and sign the
agents out when their calls are over; what is up goes on unless its end is asked for. A closed company keeps its
records; it comes back suspended, so that opening its doors is a step of its own.
"""

from __future__ import annotations

import re
from typing import Any, Final

import phonenumbers
from sqlalchemy import select, update

from core import accounts, audit
from core.errors import CallerFault, Conflict
from core.i18n import lazy
from core.models import Account, BuiltInRole, Tenant, TenantState, WebSession
from core.permissions import Principal
from core.tables import utc_now
from core.tenancy import TenantSession

LEADS_TO: Final[dict[TenantState, frozenset[TenantState]]] = {
    TenantState.ACTIVE: frozenset({TenantState.SUSPENDED}),
    TenantState.SUSPENDED: frozenset({TenantState.ACTIVE, TenantState.CLOSED}),
    TenantState.CLOSED: frozenset({TenantState.SUSPENDED}),
}
"""States an operator can put a company in, by the one it is in."""


class OperatorsCompanyError(Conflict):
    """The platform's own company is not handled as its customers' are: nobody could undo it."""

    id = "operators-company"
    sentence = lazy("This cannot be done to the platform's own company.")


class WrongStateError(Conflict):
    """The company's state does not lead to the wanted one; somebody else was quicker, or it is not the next step."""

    id = "wrong-company-state"
    sentence = lazy("The company's state does not allow this any more; look at the list again.")


class UnknownCountryError(CallerFault):
    """A country is no ISO 3166 code of two letters that has telephone numbers."""

    id = "unknown-country"
    status = 422
    sentence = lazy("%(code)s is no country code; examples: CN, HK, US.")


def change_state(
    session: TenantSession, actor: Principal | None, tenant: Tenant, state: TenantState, note: str = ""
) -> None:
    """Put `tenant` in `state`, with the reason for the operators' eyes. The caller commits, publishes and has
    sessions looked at again (``Sessions.changed``).

    Raises :class:`OperatorsCompanyError` and :class:`WrongStateError`.
    """
    if tenant.is_operator:
        raise OperatorsCompanyError()
    locked = session.get_one(Tenant, tenant.id, with_for_update=True, populate_existing=True)
    if state not in LEADS_TO[locked.state]:
        raise WrongStateError()
    locked.state = state
    locked.state_note = note.strip()
    locked.state_changed_at = utc_now()
    audit.record(session, actor, "tenants.state", locked, tenant_id=locked.id)
    if state is not TenantState.ACTIVE:  # for good: who was in signs in anew when the doors open again
        session.execute(
            update(WebSession)
            .where(WebSession.tenant_id == locked.id, WebSession.ended_at.is_(None))
            .values(ended_at=locked.state_changed_at, ended_why="revoked")
            .execution_options(synchronize_session=False)
        )


def countries(text: str) -> str:
    """Return a list of countries as stored: two-letter codes in capitals, sorted, joined by commas.

    Raises :class:`UnknownCountryError`.
    """
    codes = {each.upper() for each in re.split(r"[\s,，、;；]+", text.strip()) if each}
    for code in sorted(codes):
        if code not in phonenumbers.SUPPORTED_REGIONS:
            raise UnknownCountryError(code=code[:20])
    return ",".join(sorted(codes))


def way_in(session: TenantSession, actor: Principal, tenant: Tenant, login: str, password: str) -> Account:
    """Give a company an administrator who can sign in, and return it.

    An account with `login` gets a new password, is enabled, unlocked and made administrator; otherwise it is made.
    The password has to be replaced at the next sign-in. The session's scope is all tenants; the caller commits.
    Raises ``InvalidLoginError``, ``WeakPasswordError``, ``LoginReservedError`` (a deleted account has it) and
    :class:`OperatorsCompanyError`: nobody becomes one of the platform's staff by the right on companies.
    """
    if tenant.is_operator:
        raise OperatorsCompanyError()
    login = accounts.normalise_login(login)
    role = accounts.built_in_role(session, tenant.id, BuiltInRole.TENANT_ADMIN)
    account = session.scalar(
        select(Account).where(
            Account.tenant_id == tenant.id, Account.login == login, Account.deleted_at.is_(None)
        )
    )
    if account is None:
        account = accounts.create_account(
            session, login=login, name=login, role=role, password=password, actor=actor, tenant_id=tenant.id
        )
    else:
        changed: dict[str, Any] = {"role_id": role.id, "apply_role": True, "enabled": True}
        for name, value in changed.items():
            setattr(account, name, value)
        audit.record(session, actor, "accounts.way-in", account)
        accounts.set_password(session, actor, account, password)
    account.must_change_password = True
    session.flush()
    return account
