"""IVR flows: the editor's page and what it asks for, versions, export and import, trying out, callers now."""

from __future__ import annotations

from flask import Blueprint

from admin_web.flows.editing import Check, Draft, Editor, Publish
from admin_web.flows.live import Live
from admin_web.flows.moving import Export, Importing
from admin_web.flows.trying import Try
from admin_web.flows.versions import Compare, Restore, Version, Versions

blueprint = Blueprint("flows", __name__, url_prefix="/flows")
blueprint.add_url_rule("/<int:flow_id>", view_func=Editor.as_view("editor"))
blueprint.add_url_rule("/<int:flow_id>/check", view_func=Check.as_view("check"))
blueprint.add_url_rule("/<int:flow_id>/publish", view_func=Publish.as_view("publish"))
blueprint.add_url_rule("/<int:flow_id>/draft", view_func=Draft.as_view("draft"))
blueprint.add_url_rule("/<int:flow_id>/versions", view_func=Versions.as_view("versions"))
blueprint.add_url_rule("/<int:flow_id>/versions/<int:version>", view_func=Version.as_view("version"))
blueprint.add_url_rule(
    "/<int:flow_id>/versions/<int:version>/compare/<int:other>", view_func=Compare.as_view("compare")
)
blueprint.add_url_rule("/<int:flow_id>/versions/<int:version>/restore", view_func=Restore.as_view("restore"))
blueprint.add_url_rule("/<int:flow_id>/live", view_func=Live.as_view("live"))
blueprint.add_url_rule("/<int:flow_id>/export", view_func=Export.as_view("export"))
blueprint.add_url_rule("/import", view_func=Importing.as_view("import"))
blueprint.add_url_rule("/<int:flow_id>/try", view_func=Try.as_view("try"))
