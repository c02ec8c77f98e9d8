"""The switch's directory (mod_xml_curl): who may register, answered from the database.

Asked by the switch on this host with a shared secret, as HTTP Basic authentication.
"""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from core.database import ALL_TENANTS, Database
from core.models import Tenant, TenantState
from core.settings import Settings
from core.switch_xml import UnsafeXmlError
from core.views import Open, View, parts
from cti.directory import CONTENT_TYPE, DirectoryUser, not_found_document, user_document
from cti.models import SipEndpoint
from freeswitch_conf.render import DIRECTORY_PATH, DIRECTORY_SECRET

LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


def find_user(database: Database, settings: Settings, user: str, domain: str) -> DirectoryUser | None:
    """Return the SIP user of an active tenant, or None."""
    if domain != settings.sip_domain:
        return None
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        row = session.execute(
            select(SipEndpoint)
            .join(Tenant, Tenant.id == SipEndpoint.tenant_id)
            .where(SipEndpoint.user == user, Tenant.state == TenantState.ACTIVE)
        ).scalar_one_or_none()
    if row is None:
        return None
    return DirectoryUser(
        user=row.user,
        domain=domain,
        a1_hash=row.a1_hash,
        variables={"zj_tenant": str(row.tenant_id), "zj_ext": str(row.extension_id)},
    )


class LookUp(View):
    """One look-up by the switch."""

    access = Open.MACHINE

    def post(self) -> ResponseReturnValue:
        """Answer with the user's document or "not found"."""
        _check_asker()
        document = not_found_document()
        if request.form.get("section") == "directory" and request.form.get("user"):
            found = find_user(
                parts().database, parts().settings, request.form["user"][:64], request.form.get("domain", "")
            )
            if found is not None:
                try:
                    document = user_document(found)
                except UnsafeXmlError:
                    document = not_found_document()
        return Response(document, content_type=CONTENT_TYPE)


def _check_asker() -> None:
    """Refuse whoever is not the switch on this host: 404 from elsewhere, 401 with a wrong secret."""
    if request.remote_addr not in LOOPBACK:
        abort(404)
    given = request.authorization.password if request.authorization else ""
    expected = parts().settings.secret(DIRECTORY_SECRET)
    if not hmac.compare_digest((given or "").encode(), expected.encode()):
        abort(Response("", 401, {"WWW-Authenticate": 'Basic realm="switch"'}))


blueprint = Blueprint("switch_directory", __name__)
blueprint.add_url_rule(DIRECTORY_PATH, view_func=LookUp.as_view("look_up"))
