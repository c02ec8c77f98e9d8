"""What an account hangs on, named before it is deleted, and what its deletion and restoring do to it (ACC-4)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update

from admin_web.api.models import ApiKey
from admin_web.resources.saving import publish
from core import account_changes
from core.announcements.models import AnnouncementTarget
from core.database import TenantSession
from core.groups.models import QuotaEntry, UserGroup
from core.i18n import gettext, ngettext
from core.models import Account
from core.permissions import Principal
from core.views import parts
from cti.models import Extension, ExtensionAccount, Queue, QueueMember


@dataclasses.dataclass(frozen=True, kw_only=True)
class Touched:
    """What goes when an account is deleted."""

    extension: str
    """Number of the extension it may sign in on."""
    queues: Sequence[str]
    """Names of the queues whose calls it gets there."""
    announcements: int
    api_keys: Sequence[str]
    unused_messages: int
    group: str


def touched_by_deletion(session: TenantSession, account: Account) -> Touched:
    """Return what `account` hangs on."""
    extension = session.execute(
        select(Extension.id, Extension.number)
        .join(ExtensionAccount, ExtensionAccount.extension_id == Extension.id)
        .where(ExtensionAccount.account_id == account.id)
    ).one_or_none()
    queues = select(Queue.name).join(QueueMember, QueueMember.queue_id == Queue.id).order_by(Queue.name)
    announcements = select(func.count()).select_from(AnnouncementTarget)
    keys = select(ApiKey.name).where(ApiKey.account_id == account.id, ApiKey.enabled.is_(True))
    group = select(UserGroup.name).where(UserGroup.id == account.group_id)
    return Touched(
        extension="" if extension is None else extension.number,
        queues=[]
        if extension is None
        else list(session.scalars(queues.where(QueueMember.extension_id == extension.id))),
        announcements=session.scalar(announcements.where(AnnouncementTarget.account_id == account.id)) or 0,
        api_keys=list(session.scalars(keys)),
        unused_messages=max(0, account.message_quota - account.message_used),
        group=session.scalar(group) or "",
    )


def deletion_lines(session: TenantSession, actor: Principal, account: Account) -> list[str]:
    """Return the sentences the confirmation of a deletion shows."""
    found = touched_by_deletion(session, account)
    lines = [gettext("It is signed out at once. Its login %(login)s stays reserved.", login=account.login)]
    if found.extension:
        lines.append(gettext("It may no longer sign in on extension %(number)s.", number=found.extension))
    if found.queues:
        names = ", ".join(found.queues)
        lines.append(gettext("It gets no more calls of these queues: %(names)s.", names=names))
    if found.announcements:
        count = found.announcements
        lines.append(
            ngettext(
                "%(num)d announcement is no longer addressed to it.",
                "%(num)d announcements are no longer addressed to it.",
                count,
            )
        )
    if found.api_keys:
        names = ", ".join(found.api_keys)
        lines.append(gettext("API keys it made are switched off: %(names)s.", names=names))
    if found.unused_messages:
        where = found.group or gettext("the company")
        words = {"count": found.unused_messages, "group": where}
        lines.append(gettext("%(count)s unused messages go back to %(group)s.", **words))
    lines.append(
        gettext("It can be restored from the deleted accounts, without extension, queues and API keys.")
    )
    return lines


def delete_account(session: TenantSession, actor: Principal, account: Account) -> None:
    """Delete `account` with what hangs on it. The caller commits. Errors as `core.account_changes.delete_account`."""
    account_changes.delete_account(session, actor, account)
    links = list(session.scalars(select(ExtensionAccount).where(ExtensionAccount.account_id == account.id)))
    extensions = [session.get_one(Extension, link.extension_id) for link in links]
    for link in links:
        session.delete(link)
    targets = delete(AnnouncementTarget).where(AnnouncementTarget.account_id == account.id)
    session.execute(targets.execution_options(synchronize_session=False))
    keys = update(ApiKey).where(ApiKey.account_id == account.id).values(enabled=False)
    session.execute(keys.execution_options(synchronize_session=False))
    session.flush()
    told(session, account)
    publish(session, *extensions)


def restore_account(session: TenantSession, actor: Principal, account: Account) -> None:
    """Restore a deleted `account`; unused messages come back as far as its group has them. The caller commits."""
    account_changes.restore_account(session, actor, account, quota=released(session, account))
    session.flush()
    told(session, account)


def released(session: TenantSession, account: Account) -> int:
    """Return how many messages the deletion of `account` gave back; nothing is recharged while it is deleted."""
    if account.deleted_at is None:
        return 0
    last = session.execute(
        select(QuotaEntry.amount, QuotaEntry.at)
        .where(QuotaEntry.account_id == account.id)
        .order_by(QuotaEntry.id.desc())
        .limit(1)
    ).one_or_none()
    given_back = last is not None and last.amount < 0 and last.at >= account.deleted_at
    return -last.amount if last is not None and given_back else 0


def told(session: TenantSession, *accounts: Account) -> None:
    """Have calls and signed-in pages learn of changed accounts after the commit."""
    session.flush()
    publish(session, *accounts)
    sessions_told(session)


def sessions_told(session: TenantSession) -> None:
    """Have every process read sessions and rights anew after the commit."""
    session.after_commit(parts().sessions.changed)
