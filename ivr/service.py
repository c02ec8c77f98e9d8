"""Flows in the database: a draft that may be incomplete, published versions that never change (CTI-I14).

Two people who edit one flow: every change of what an editor shows raises `Flow.revision`; who saves, publishes,
goes back or throws the draft away says which one they see, and is refused when it is not the newest.
"""

from __future__ import annotations

import dataclasses
import itertools

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.orm import defer

from core.database import TenantSession, utc_now
from core.documents import FlowDoc
from core.errors import CallerFault, Conflict, NotFound
from core.i18n import lazy
from core.models import Account
from ivr import checks, usage
from ivr import model as documents
from ivr.models import Flow, FlowVersion, FlowVersionState
from ivr.problems import Problem

MAX_NODES = 1000
MAX_VARIABLES = 1000
MAX_ARROWS = 20_000


class FlowUnknown(NotFound):
    """There is no such flow in the tenant."""

    id = "flow-unknown"
    sentence = lazy("This flow does not exist, or no longer does.")


class FlowCodeTaken(Conflict):
    """Another flow of the tenant has the code."""

    id = "flow-code-taken"
    sentence = lazy("There is a flow with the code %(code)s already.")


class FlowUnreadable(CallerFault):
    """What was sent is no flow document."""

    id = "flow-unreadable"
    status = 422
    sentence = lazy("This is not a flow: %(reason)s")


class FlowNotReady(CallerFault):
    """The draft has errors; `problems` names node and field of each."""

    id = "flow-not-ready"
    status = 422
    sentence = lazy("The flow cannot be published yet: %(count)s things are to be put right.")

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(count=len(problems), problems=msgspec.to_builtins(problems))
        self.problems = problems


class NothingToPublish(Conflict):
    """The flow has no draft."""

    id = "nothing-to-publish"
    sentence = lazy("Nothing was changed since the last version.")


class NothingToDiscard(Conflict):
    """The flow has no draft, or has never been published: without its draft nothing would be left."""

    id = "nothing-to-discard"
    sentence = lazy("There is no draft, or nothing was ever published that could be gone back to.")


class EditedMeanwhile(Conflict):
    """Somebody saved since the document was loaded; `by` (account) and `at` (ISO 8601) say who and when."""

    id = "edited-meanwhile"
    sentence = lazy("Somebody else has changed this flow meanwhile.")


class VersionUnknown(NotFound):
    """The flow has no such version."""

    id = "version-unknown"
    sentence = lazy("This flow has no version %(version)s.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opened:
    """A flow as it is edited: its draft, else its newest version."""

    flow: Flow
    document: documents.Flow
    draft: FlowVersion | None


def create_flow(
    session: TenantSession,
    code: str,
    name: str,
    account_id: int | None,
    document: documents.Flow | None = None,
) -> Flow:
    """Add a flow whose draft is `document` (default: empty), under its own name. Raises `FlowCodeTaken`."""
    if session.scalar(select(Flow.id).where(Flow.code == code)) is not None:
        raise FlowCodeTaken(code=code)
    flow = Flow(code=code, name=name, updated_by=account_id)
    session.add(flow)
    session.flush()
    draft = named(document or documents.Flow(), name)
    save_draft(session, flow.id, draft, account_id)
    return flow


def free_code(session: TenantSession, code: str) -> str:
    """Return `code`, or it with the first number after it that no flow has yet."""
    stem = code[:58]
    taken = set(session.scalars(select(Flow.code).where(Flow.code.startswith(stem, autoescape=True))))
    numbered = (f"{stem}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([code], numbered) if each not in taken)


def flow_of(session: TenantSession, flow_id: int, *, lock: bool = False) -> Flow:
    """Return the flow; with `lock` nobody else changes it until the transaction ends. Raises `FlowUnknown`."""
    query = select(Flow).where(Flow.id == flow_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    flow = session.scalar(query)
    if flow is None:
        raise FlowUnknown()
    return flow


def open_flow(session: TenantSession, flow_id: int) -> Opened:
    """Return the flow as it would be edited. Raises `FlowUnknown`."""
    flow = flow_of(session, flow_id)
    newest = session.scalar(_versions(flow_id).limit(1))
    document = documents.decode(newest.body) if newest is not None else documents.Flow()
    is_draft = newest is not None and newest.state is FlowVersionState.DRAFT
    return Opened(
        flow=flow,
        document=named(document, flow.name),
        draft=newest if is_draft else None,
    )


def load_draft(session: TenantSession, flow_id: int) -> documents.Flow:
    """Return the flow as it would be edited: its draft, else its newest version. Raises `FlowUnknown`."""
    return open_flow(session, flow_id).document


def read_document(data: bytes | str) -> documents.Flow:
    """Return the flow somebody sent. Raises `FlowUnreadable`, also for one of more nodes than anybody draws."""
    try:
        document = documents.decode(data)
    except documents.FlowUnreadableError as error:
        raise FlowUnreadable(reason=str(error)) from error
    require_size(document)
    return document


def require_size(document: documents.Flow) -> None:
    """Raise `FlowUnreadable` unless the document is of a size whose checks take no time worth naming."""
    arrows = sum(len(node.exits()) for node in document.nodes)
    for count, most, what in (
        (len(document.nodes), MAX_NODES, "nodes"),
        (len(document.variables), MAX_VARIABLES, "variables"),
        (arrows, MAX_ARROWS, "arrows"),
    ):
        if count > most:
            raise FlowUnreadable(reason=f"{count} {what}, at most {most}")


def named(document: documents.Flow, name: str) -> documents.Flow:
    """Return the document under another name."""
    return msgspec.structs.replace(document, name=name)


def save_draft(
    session: TenantSession,
    flow_id: int,
    document: documents.Flow,
    account_id: int | None,
    *,
    revision: int | None = None,
) -> FlowVersion:
    """Keep `document` as the flow's draft, complete or not.

    `revision` is the one the document began from; None overwrites whatever there is. Raises `FlowUnknown`,
    `EditedMeanwhile`.
    """
    flow = _to_change(session, flow_id, revision)
    flow.name, flow.updated_by = document.name.strip()[:100] or flow.name, account_id
    flow.revision += 1
    draft = _draft(session, flow_id)
    if draft is None:
        newest = select(func.max(FlowVersion.version)).where(FlowVersion.flow_id == flow_id)
        version = (session.scalar(newest) or 0) + 1
        draft = FlowVersion(flow_id=flow_id, version=version, created_by=account_id)
        session.add(draft)
    draft.body, draft.saved_by = documents.encode(document).decode(), account_id
    draft.updated_at = utc_now()
    session.flush()
    usage.note(session, flow_id, draft.version, document)
    return draft


def publish(
    session: TenantSession,
    flow_id: int,
    account_id: int | None,
    known: checks.Known | None = None,
    *,
    note: str = "",
    revision: int | None = None,
) -> FlowDoc:
    """Make the draft the version new calls start on and return it as calls need it; the caller commits and
    publishes. `note` says what is new; `revision` is the one that is seen, None publishes whatever there is.

    Raises `FlowUnknown`, `EditedMeanwhile`, `NothingToPublish`, `FlowNotReady`.
    """
    flow = _to_change(session, flow_id, revision)
    draft = _draft(session, flow_id)
    if draft is None:
        raise NothingToPublish()
    problems = checks.errors(documents.decode(draft.body), known)
    if problems:
        raise FlowNotReady(problems)
    draft.note = note.strip()[:500]
    draft.publish(flow, account_id)
    session.flush()
    return FlowDoc(
        id=flow.id,
        tenant_id=flow.tenant_id,
        version=draft.version,
        name=flow.name,
        body=msgspec.Raw(draft.body.encode()),
    )


def discard_draft(
    session: TenantSession, flow_id: int, account_id: int | None, *, revision: int | None = None
) -> Flow:
    """Forget the draft: the flow is edited from its newest version again. `revision` is the one that is seen; None
    forgets whatever there is. Raises `FlowUnknown`, `EditedMeanwhile`, `NothingToDiscard`.
    """
    flow = _to_change(session, flow_id, revision)
    draft = _draft(session, flow_id)
    if draft is None or not flow.published_version:
        raise NothingToDiscard()
    usage.forget(session, flow_id, draft.version)
    session.delete(draft)
    flow.revision += 1
    flow.updated_by = account_id
    session.flush()
    published = version_of(session, flow_id, flow.published_version)
    flow.name = documents.decode(published.body).name or flow.name
    session.flush()
    return flow


def restore(
    session: TenantSession,
    flow_id: int,
    version: int,
    account_id: int | None,
    *,
    revision: int | None = None,
) -> FlowVersion:
    """Make an older version's document the draft. `revision` is the one that is seen; None overwrites whatever
    there is. Raises `FlowUnknown`, `VersionUnknown`, `EditedMeanwhile`.
    """
    document = documents.decode(version_of(session, flow_id, version).body)
    return save_draft(session, flow_id, document, account_id, revision=revision)


def rename(session: TenantSession, flow_id: int, name: str, account_id: int | None) -> Flow:
    """Call the flow `name`, in its draft too. Raises `FlowUnknown`."""
    flow = flow_of(session, flow_id, lock=True)
    flow.name, flow.updated_by = name, account_id
    flow.revision += 1
    draft = _draft(session, flow_id)
    if draft is not None:
        document = named(documents.decode(draft.body), name)
        draft.body = documents.encode(document).decode()
    session.flush()
    return flow


def copy_flow(session: TenantSession, flow_id: int, code: str, name: str, account_id: int | None) -> Flow:
    """Add a flow that begins as this one is edited now. Raises `FlowUnknown`, `FlowCodeTaken`."""
    return create_flow(session, code, name, account_id, load_draft(session, flow_id))


def versions(
    session: TenantSession, flow_id: int, *, before: int = 0, count: int = 50
) -> tuple[list[FlowVersion], int]:
    """Return the flow's versions, newest first, below number `before` (0: from the top), without their bodies; and
    the next page's `before` (0: no more).
    """
    query = _versions(flow_id).options(defer(FlowVersion.body)).limit(count + 1)
    if before:
        query = query.where(FlowVersion.version < before)
    rows = list(session.scalars(query))
    return rows[:count], rows[count - 1].version if len(rows) > count else 0


def version_of(session: TenantSession, flow_id: int, version: int) -> FlowVersion:
    """Return a version of the flow. Raises `FlowUnknown`, `VersionUnknown`."""
    flow_of(session, flow_id)
    found = session.scalar(_versions(flow_id).where(FlowVersion.version == version))
    if found is None:
        raise VersionUnknown(version=version)
    return found


def document_of(version: FlowVersion) -> documents.Flow:
    """Return a version's document."""
    return documents.decode(version.body)


def _versions(flow_id: int) -> Select[FlowVersion]:
    return select(FlowVersion).where(FlowVersion.flow_id == flow_id).order_by(FlowVersion.version.desc())


def _draft(session: TenantSession, flow_id: int) -> FlowVersion | None:
    return session.scalar(_versions(flow_id).where(FlowVersion.state == FlowVersionState.DRAFT).limit(1))


def _to_change(session: TenantSession, flow_id: int, revision: int | None) -> Flow:
    """Return the flow, locked, unless somebody changed it since `revision`."""
    flow = flow_of(session, flow_id, lock=True)
    if revision is not None and revision != flow.revision:
        raise _edited_meanwhile(session, flow)
    return flow


def _edited_meanwhile(session: TenantSession, flow: Flow) -> EditedMeanwhile:
    draft = _draft(session, flow.id)
    account_id = draft.saved_by if draft is not None else flow.updated_by
    name = session.scalar(select(Account.name).where(Account.id == account_id)) if account_id else None
    at = draft.updated_at if draft is not None else flow.updated_at
    return EditedMeanwhile(by=name or "", at=at.isoformat(), revision=flow.revision)
