"""Ways back in for who has the machine: a company's ranges cleared, a second factor taken off, a password replaced.

Each is a line in the company's log without a name: the platform itself did it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from core import accounts, passwords, second_factor, sign_in
from core import redis as redis_clients
from core.access import service as access_service
from core.database import ALL_TENANTS, Database, TenantSession
from core.i18n import gettext as _
from core.models import Account, Tenant
from core.sessions import Sessions, end_sessions
from core.settings import Settings


def run(settings: Settings, options: argparse.Namespace) -> str:
    """Do what `options` ask for and return a sentence. Exits with one when there is no such company or account."""
    with _transaction(settings) as session:
        tenant = session.scalar(select(Tenant).where(Tenant.code == options.company.strip().lower()))
        if tenant is None:
            sys.exit(_("There is no company %(code)s.", code=options.company))
        if options.action == "ranges":
            count = access_service.clear(session, None, tenant)
            return _("Ranges deleted: %(count)s. Everybody may come in from anywhere.", count=count)
        account = session.scalar(
            select(Account)
            .where(Account.tenant_id == tenant.id, Account.login == options.login.strip().lower())
            .with_for_update()
        )
        if account is None or account.deleted_at is not None:
            sys.exit(_("There is no account %(login)s in %(code)s.", login=options.login, code=tenant.code))
        if options.action == "second-factor":
            second_factor.reset(session, None, account)
            sign_in.unlock(session, None, account)
            return _("%(login)s signs in with the password alone now.", login=account.login)
        return _new_password(session, account)


def _new_password(session: TenantSession, account: Account) -> str:
    password = passwords.generate_password()
    accounts.set_password(session, None, account, password)
    account.must_change_password = True
    end_sessions(session, account)
    return f"{_('New password of %(login)s, shown this once:', login=account.login)}\n{password}"


@contextmanager
def _transaction(settings: Settings) -> Iterator[TenantSession]:
    """Yield a session that is committed at the end; processes look at their open pages then, if Redis answers."""
    database = Database.from_settings(settings)
    client = redis_clients.from_settings(settings)
    sessions = Sessions(database, client, idle_timeout_s=settings.idle_timeout_s)
    try:
        with database.transaction(ALL_TENANTS) as session:
            yield session
            session.commit()
        sessions.changed()
    finally:
        client.close()
        database.dispose()
