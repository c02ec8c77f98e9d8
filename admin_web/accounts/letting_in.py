"""Letting somebody back in: the second factor taken off, the lock after too many failures opened (ACC-1, ACC-2)."""

from __future__ import annotations

from admin_web.resource import Action
from core import account_rules, second_factor, sign_in
from core.database import TenantSession, utc_now
from core.i18n import LazyText, lazy
from core.models import Account
from core.permissions import Permission, Principal
from core.views import current_principal, parts


def _reset_factor(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    account_rules.require_not_self(actor, row)
    account_rules.require_over(session, actor, row)
    second_factor.reset(session, actor, row)
    session.after_commit(parts().sessions.changed)
    return lazy("%(login)s signs in with the password alone now.", login=row.login)


def _unlock(session: TenantSession, actor: Principal, row: Account) -> LazyText:
    account_rules.require_over(session, actor, row)
    sign_in.unlock(session, actor, row)
    return lazy("%(login)s may try again at once.", login=row.login)


def _is_locked(row: Account) -> bool:
    return row.locked_until is not None and row.locked_until > utc_now()


LETTING_IN = (
    Action(
        name="second-factor",
        label=lazy("Reset second factor"),
        icon="shield",
        permission=Permission.ACCOUNTS_EDIT,
        run=_reset_factor,
        shown=lambda row: second_factor.is_on(row) and row.id != current_principal().account_id,
        question=lazy(
            "Take the second factor off this account? Do it only for its owner: the password alone lets in then."
        ),
        more=True,
    ),
    Action(
        name="unlock",
        label=lazy("Unlock"),
        icon="key",
        permission=Permission.ACCOUNTS_EDIT,
        run=_unlock,
        shown=_is_locked,
        more=True,
    ),
)
