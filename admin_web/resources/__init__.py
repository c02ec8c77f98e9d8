"""The described resources, each in its own module."""

from __future__ import annotations

from flask import Blueprint

from admin_web.resource_routes import add_resource
from admin_web.resources import (
    accounts,
    audit,
    calendars,
    caller_rules,
    customers,
    deleted_accounts,
    desk_words,
    extensions,
    flows,
    numbers,
    queues,
    roles,
    routes,
    short_messages,
    tenants,
    trunks,
    voice_reviews,
    voices,
)

ALL = (
    routes.ROUTES,
    routes.ALL_ROUTES,
    caller_rules.CALLER_RULES,
    flows.FLOWS,
    calendars.CALENDARS,
    voices.VOICES,
    voice_reviews.REVIEWS,
    voice_reviews.ALL_VOICES,
    queues.QUEUES,
    extensions.EXTENSIONS,
    desk_words.BREAK_REASONS,
    desk_words.DISPOSITIONS,
    extensions.ALL_EXTENSIONS,
    customers.CUSTOMERS,
    short_messages.SHORT_MESSAGES,
    accounts.ACCOUNTS,
    deleted_accounts.DELETED_ACCOUNTS,
    roles.ROLES,
    audit.AUDIT,
    tenants.TENANTS,
    trunks.TRUNKS,
    numbers.NUMBERS,
    numbers.ALL_NUMBERS,
)


def blueprint() -> Blueprint:
    """Return the blueprint with every resource's routes."""
    made = Blueprint("resources", __name__)
    audit.use_labels(ALL)
    for resource in ALL:
        add_resource(made, resource)
    return made
