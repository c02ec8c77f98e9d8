"""The routes of a described resource, each with its access."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint

from admin_web.resource import Resource
from admin_web.resource_actions import ActionView, BatchView, DeleteView
from admin_web.resource_views import FormView, ListView, ResourceView
from core.permissions import Permission


def add_resource(blueprint: Blueprint, resource: Resource) -> None:
    """Give `blueprint` the routes of `resource`."""
    shared: dict[str, Any] = {"resource": resource, "all_tenants": resource.all_tenants}

    def view(kind: type[ResourceView], name: str, access: Permission, **more: Any) -> Any:
        made = type(f"{kind.__name__}_{name}", (kind,), {**shared, "access": access, **more})
        return cast(type[ResourceView], made).as_view(name)

    name, path = resource.name, resource.path
    blueprint.add_url_rule(path, view_func=view(ListView, name, resource.view))
    if resource.save is not None and resource.edit is not None:
        rights = {"POST": resource.edit}
        blueprint.add_url_rule(
            f"{path}/<int:row_id>",
            view_func=view(FormView, f"{name}_edit", resource.view, method_access=rights),
        )
    if resource.save is not None and resource.create is not None:
        blueprint.add_url_rule(f"{path}/new", view_func=view(FormView, f"{name}_new", resource.create))
    if resource.delete is not None and resource.remove is not None:
        blueprint.add_url_rule(
            f"{path}/<int:row_id>/delete", view_func=view(DeleteView, f"{name}_delete", resource.remove)
        )
    for action in resource.actions:
        if action.opens is not None or action.leads is not None:
            continue
        function = view(
            ActionView,
            f"{name}_{action.name}",
            action.look or action.permission,
            action_name=action.name,
            method_access={"POST": action.permission},
        )
        methods = ["GET", "POST"] if action.asks else ["POST"]
        blueprint.add_url_rule(f"{path}/<int:row_id>/{action.name}", view_func=function, methods=methods)
    for batch in resource.batch:
        function = view(BatchView, f"{name}_batch_{batch.name}", batch.permission, batch_name=batch.name)
        blueprint.add_url_rule(f"{path}/batch/{batch.name}", view_func=function)
