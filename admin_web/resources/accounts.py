"""The one list of accounts for call centre and messages (ACC-4, ACC-8), with its form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from admin_web.accounts.doing import ACTIONS, BATCH
from admin_web.accounts.listing import (
    COLUMNS,
    FILTERS,
    changeable,
    extras,
    group_options,
    queue_options,
    role_options,
    supervision_options,
)
from admin_web.accounts.touching import told
from admin_web.resource import Field, Resource, ToolbarLink, refuse
from core import account_changes, account_rules, accounts
from core.account_details import NAMES
from core.database import TenantSession
from core.i18n import lazy
from core.models import Account, Role
from core.passwords import WeakPasswordError
from core.permissions import Permission, Principal, encode_queues, queues_of


def _load(session: TenantSession, row: Account) -> dict[str, Any]:
    kept = {name: getattr(row, name) for name in NAMES}
    return {
        **kept,
        "login": row.login,
        "password": "",
        "role": str(row.role_id or ""),
        "apply_role": row.apply_role and row.role_id is not None,
        "group": str(row.group_id or ""),
        "supervises": SOME if row.supervised_queues is not None else ALL,
        "queues": [str(queue) for queue in sorted(queues_of(row) or ())],
    }


def _save(session: TenantSession, actor: Principal, row: Account | None, values: dict[str, Any]) -> Account:
    password = values.pop("password", "")
    role_id, group_id = values.pop("role"), values.pop("group")
    values["role_id"] = int(role_id) if role_id else None
    values["group_id"] = int(group_id) if group_id else None
    values["supervised_queues"] = _supervised(values.pop("supervises"), values.pop("queues"))
    if values["apply_role"] and values["role_id"] is None:
        raise account_changes.RoleNeededError(field="apply_role")
    try:
        if row is None:
            row = _create(session, actor, password, values)
        else:
            _change(session, actor, row, password, values)
    except WeakPasswordError as error:
        raise refuse("password", WeakPasswordError.sentence.filled(**error.details)) from None
    told(session, row)
    return row


def _supervised(which: str, queues: Sequence[str]) -> str | None:
    """Return the queues as they are stored; what the two fields say must be the same."""
    if which == ALL and queues:
        raise refuse("supervises", lazy("Choose “only the queues below”, or choose no queue."))
    if which == SOME and not queues:
        raise refuse("queues", lazy("Choose at least one queue."))
    return encode_queues(int(queue) for queue in queues) if which == SOME else None


def _change(
    session: TenantSession, actor: Principal, row: Account, password: str, values: dict[str, Any]
) -> None:
    if not values.get("code"):
        values.pop("code", None)
    account_changes.edit_account(session, actor, row, values)
    if password and row.id == actor.account_id:
        raise refuse("password", lazy("Change your own password in your profile."))
    if password:
        accounts.reset_password(session, actor, row, password)


def _create(session: TenantSession, actor: Principal, password: str, values: dict[str, Any]) -> Account:
    if not password:
        raise refuse("password", lazy("This field is needed."))
    role_id = values.pop("role_id")
    role = None if role_id is None else session.get_one(Role, role_id)
    return accounts.create_account(
        session, actor=actor, role=role, password=password, must_change_password=True, **values
    )


ALL, SOME = "all", "some"
"""Queues an account supervises: every one, or those of the next field."""

FIELDS = (
    Field(
        name="code",
        label=lazy("Code"),
        max_length=32,
        hint=lazy("Your own code for the account; left empty, the next number is given."),
    ),
    Field(
        name="login",
        label=lazy("Account"),
        required=True,
        max_length=64,
        creating_only=True,
        hint=lazy("What is typed to sign in. It can never be changed nor used again."),
    ),
    Field(
        name="password",
        label=lazy("Password"),
        kind="password",
        max_length=128,
        hint=lazy(
            "Needed for a new account; otherwise empty leaves it as it is. It ends the account's sessions."
        ),
    ),
    Field(name="name", label=lazy("Full name"), required=True, max_length=100),
    Field(
        name="employee_number",
        label=lazy("Employee number"),
        max_length=20,
        hint=lazy("Digits; announced to callers where a queue says so."),
    ),
    Field(name="role", label=lazy("Role"), kind="select", options=role_options, blank=lazy("Please choose")),
    Field(
        name="apply_role",
        label=lazy("Apply the role's permissions"),
        kind="checkbox",
        default=False,
        needs="role",
        hint=lazy(
            "Ticked: the account may do what its role may, now and when the role changes. Otherwise its permissions "
            "are edited one by one, starting from the role's."
        ),
    ),
    Field(
        name="group", label=lazy("Group"), kind="select", options=group_options, blank=lazy("Please choose")
    ),
    Field(
        name="supervises",
        label=lazy("Supervises"),
        section=lazy("Supervision"),
        kind="select",
        required=True,
        options=supervision_options,
        default=ALL,
        hint=lazy(
            "For accounts that may supervise: which queues, with their agents and callers, they see and act on."
        ),
    ),
    Field(
        name="queues", label=lazy("Queues it supervises"), kind="choices", options=queue_options, default=[]
    ),
    Field(name="mobile", label=lazy("Mobile"), section=lazy("Contact"), max_length=32, personal_number=True),
    Field(name="email", label=lazy("E-mail"), max_length=254),
    Field(name="wecom_id", label=lazy("WeCom user id"), max_length=64),
    Field(name="dingtalk_id", label=lazy("DingTalk user id"), max_length=64),
    Field(name="welink_id", label=lazy("WeLink user id"), max_length=64),
    Field(
        name="tasks_need_review",
        label=lazy("Its tasks need approval"),
        kind="checkbox",
        default=False,
        hint=lazy("Review; otherwise it is trusted. A group set to review overrides trust."),
    ),
)

ACCOUNTS = Resource(
    name="accounts",
    path="/accounts",
    title=lazy("Accounts"),
    singular=lazy("Account"),
    lead=lazy("Who may sign in, and as what."),
    model=Account,
    view=Permission.ACCOUNTS_VIEW,
    edit=Permission.ACCOUNTS_EDIT,
    create=Permission.ACCOUNTS_EDIT,
    empty=lazy("No account yet. Add one with New."),
    query=lambda query: query.where(Account.deleted_at.is_(None)),
    reach=account_rules.in_reach,
    changeable=changeable,
    columns=COLUMNS,
    filters=FILTERS,
    actions=ACTIONS,
    batch=BATCH,
    links=(
        ToolbarLink(
            label=lazy("Import"),
            icon="upload",
            endpoint="accounts_transfer.import_form",
            access=Permission.ACCOUNTS_EDIT,
        ),
        ToolbarLink(
            label=lazy("Export"),
            icon="download",
            endpoint="accounts_transfer.export",
            access=Permission.ACCOUNTS_VIEW,
            drawer=True,
            filtered=True,
        ),
        ToolbarLink(
            label=lazy("Deleted accounts"),
            icon="trash",
            endpoint="resources.deleted_accounts",
            access=Permission.ACCOUNTS_DELETE,
        ),
    ),
    extras=extras,
    load=_load,
    save=_save,
    fields=FIELDS,
    can_reset=True,
)
