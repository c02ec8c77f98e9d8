"""The list of networks a company's people and programs may come from (ACC-11): read, added to, deleted from, cleared.

Who changes it calls ``sessions.changed()`` after the commit, so that open pages and streams follow at once.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from core import audit
from core.access.models import AccessRange
from core.access.networks import Network, allowed, parse, written
from core.errors import Conflict
from core.i18n import lazy
from core.models import Tenant
from core.permissions import Principal
from core.plain_text import require_plain
from core.tenancy import TenantSession

MAX_RANGES = 500
"""Per company: they are checked with every request."""


class LockOutError(Conflict):
    """The change would shut out the one who makes it."""

    id = "lock-out"
    sentence = lazy(
        "Your present address %(ip)s would not be allowed any more, and you would be out at once. "
        "Tick this box if you mean it."
    )


class RangeTakenError(Conflict):
    """The company's list has the network already."""

    id = "range-taken"
    sentence = lazy("%(network)s is on the list already.")


class TooManyRangesError(Conflict):
    """The list is as long as it may be."""

    id = "too-many-ranges"
    sentence = lazy("A company has at most %(maximum)s ranges; join neighbouring ones to a wider network.")


def networks_of(session: TenantSession, tenant_id: int) -> tuple[Network, ...]:
    """Return the tenant's networks; none means anywhere."""
    rows = session.scalars(select(AccessRange.network).where(AccessRange.tenant_id == tenant_id))
    return tuple(parse(row) for row in rows)


def would_lock_out(session: TenantSession, actor: Principal, row: AccessRange) -> bool:
    """Return whether `actor`, who gets in now, would no longer without `row`."""
    return _shuts_out(actor, networks_of(session, actor.tenant_id), without=parse(row.network))


def add(session: TenantSession, actor: Principal, *, name: str, network: str, sure: bool) -> AccessRange:
    """Add a range to the actor's company. Raises ``InvalidNetworkError``, :class:`LockOutError` unless `sure`,
    :class:`RangeTakenError`, :class:`TooManyRangesError`. The caller commits.
    """
    wanted = parse(network)
    require_plain("name", name.strip())
    present = _hold_list(session, actor.tenant_id)
    if wanted in present:
        raise RangeTakenError(field="network", network=written(wanted))
    if len(present) >= MAX_RANGES:
        raise TooManyRangesError(maximum=MAX_RANGES)
    if not sure and _shuts_out(actor, present, with_=wanted):
        raise LockOutError(field="sure", ip=actor.ip)
    row = AccessRange(tenant_id=actor.tenant_id, name=name.strip(), network=written(wanted))
    session.add(row)
    audit.record(session, actor, "access.add", row, audit.changes_of(row))
    return row


def delete(session: TenantSession, actor: Principal, row: AccessRange, *, sure: bool) -> None:
    """Delete a range of the actor's company. Raises :class:`LockOutError` unless `sure`. The caller commits."""
    present = _hold_list(session, actor.tenant_id)
    if not sure and _shuts_out(actor, present, without=parse(row.network)):
        raise LockOutError(field="sure", ip=actor.ip)
    audit.record(session, actor, "access.delete", row, {"network": [row.network, None]})
    session.delete(row)
    session.flush()


def clear(session: TenantSession, actor: Principal | None, tenant: Tenant) -> int:
    """Delete every range of `tenant`, for an operator or the machine's owner (`actor` None); return how many there
    were. The caller commits.
    """
    rows = session.scalars(select(AccessRange).where(AccessRange.tenant_id == tenant.id)).all()
    for row in rows:
        session.delete(row)
    if rows:
        gone = {"network": [", ".join(row.network for row in rows), None]}
        audit.record(session, actor, "access.clear", tenant, gone, tenant_id=tenant.id)
    return len(rows)


def _hold_list(session: TenantSession, tenant_id: int) -> list[Network]:
    """Return the list, its rows held, so that two who delete at once do not lock each other out unseen."""
    query = select(AccessRange).where(AccessRange.tenant_id == tenant_id).order_by(AccessRange.id)
    return [parse(row.network) for row in session.scalars(query.with_for_update())]


def _shuts_out(
    actor: Principal,
    present: Collection[Network],
    *,
    with_: Network | None = None,
    without: Network | None = None,
) -> bool:
    after = [network for network in present if network != without]
    if with_ is not None:
        after.append(with_)
    return allowed(present, actor.ip) and not allowed(after, actor.ip)
