"""The resources of the first call, each described in its own module."""

from __future__ import annotations

from flask import Blueprint

from admin_web.resource_views import add_resource
from admin_web.resources import accounts, audit, caller_rules, customers, extensions, queues, routes, tenants

ALL = (
    routes.ROUTES,
    routes.ALL_ROUTES,
    caller_rules.CALLER_RULES,
    queues.QUEUES,
    extensions.EXTENSIONS,
    extensions.ALL_EXTENSIONS,
    customers.CUSTOMERS,
    accounts.ACCOUNTS,
    audit.AUDIT,
    tenants.TENANTS,
)


def blueprint() -> Blueprint:
    """Return the blueprint with every resource's routes."""
    made = Blueprint("resources", __name__)
    for resource in ALL:
        add_resource(made, resource)
    return made
