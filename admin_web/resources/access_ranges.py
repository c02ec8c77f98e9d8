"""What operators do to a company's access control (ACC-11): clear it, when its people locked themselves out."""

from __future__ import annotations

from admin_web.resource import Action
from core.access import service
from core.database import TenantSession
from core.i18n import LazyText, lazy
from core.models import Tenant
from core.permissions import Permission, Principal
from core.views import parts


def _clear(session: TenantSession, actor: Principal, row: Tenant) -> LazyText:
    count = service.clear(session, actor, row)
    session.after_commit(parts().sessions.changed)
    return lazy("Ranges deleted: %(count)s. Everybody may come in from anywhere.", count=count)


CLEAR_RANGES = Action(
    name="clear-ranges",
    label=lazy("Clear access control"),
    icon="world",
    permission=Permission.TENANTS_EDIT,
    run=_clear,
    question=lazy("Delete all IP ranges of this company? Its people may come in from anywhere then."),
    more=True,
)
