"""Flows in the database: a draft that may be incomplete, published versions that never change (CTI-I14)."""

from __future__ import annotations

import msgspec
from sqlalchemy import func, select

from core.database import TenantSession
from core.documents import FlowDoc
from core.errors import CallerFault, Conflict, NotFound
from core.i18n import lazy
from ivr import checks
from ivr import model as documents
from ivr.models import Flow, FlowVersion, FlowVersionState
from ivr.problems import Problem


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


def create_flow(session: TenantSession, code: str, name: str, account_id: int | None) -> Flow:
    """Add a flow with an empty draft. Raises `FlowCodeTaken`."""
    if session.scalar(select(Flow.id).where(Flow.code == code)) is not None:
        raise FlowCodeTaken(code=code)
    flow = Flow(code=code, name=name, updated_by=account_id)
    session.add(flow)
    session.flush()
    save_draft(session, flow.id, documents.Flow(name=name), account_id)
    return flow


def load_draft(session: TenantSession, flow_id: int) -> documents.Flow:
    """Return the flow as it would be edited: its draft, else its newest version. Raises `FlowUnknown`."""
    _flow(session, flow_id)
    newest = session.scalar(
        select(FlowVersion)
        .where(FlowVersion.flow_id == flow_id)
        .order_by(FlowVersion.version.desc())
        .limit(1)
    )
    return documents.decode(newest.body) if newest is not None else documents.Flow()


def read_document(data: bytes | str) -> documents.Flow:
    """Return the flow somebody sent or imports. Raises `FlowUnreadable`."""
    try:
        return documents.decode(data)
    except documents.FlowUnreadableError as error:
        raise FlowUnreadable(reason=str(error)) from error


def save_draft(
    session: TenantSession, flow_id: int, document: documents.Flow, account_id: int | None
) -> FlowVersion:
    """Keep `document` as the flow's draft, complete or not. Raises `FlowUnknown`."""
    flow = _flow(session, flow_id)
    flow.name, flow.updated_by = document.name or flow.name, account_id
    draft = _draft(session, flow_id)
    if draft is None:
        newest = select(func.max(FlowVersion.version)).where(FlowVersion.flow_id == flow_id)
        version = (session.scalar(newest) or 0) + 1
        draft = FlowVersion(flow_id=flow_id, version=version, created_by=account_id)
        session.add(draft)
    draft.body = documents.encode(document).decode()
    session.flush()
    return draft


def publish(
    session: TenantSession, flow_id: int, account_id: int | None, known: checks.Known | None = None
) -> FlowDoc:
    """Make the draft the version new calls start on and return it as calls need it; the caller commits and
    publishes.

    Raises `FlowUnknown`, `NothingToPublish`, `FlowNotReady`.
    """
    flow = _flow(session, flow_id)
    draft = _draft(session, flow_id)
    if draft is None:
        raise NothingToPublish()
    problems = checks.errors(documents.decode(draft.body), known)
    if problems:
        raise FlowNotReady(problems)
    draft.publish(flow, account_id)
    session.flush()
    return FlowDoc(
        id=flow.id,
        tenant_id=flow.tenant_id,
        version=draft.version,
        name=flow.name,
        body=msgspec.Raw(draft.body.encode()),
    )


def _flow(session: TenantSession, flow_id: int) -> Flow:
    flow = session.scalar(select(Flow).where(Flow.id == flow_id))
    if flow is None:
        raise FlowUnknown()
    return flow


def _draft(session: TenantSession, flow_id: int) -> FlowVersion | None:
    drafts = select(FlowVersion).where(
        FlowVersion.flow_id == flow_id, FlowVersion.state == FlowVersionState.DRAFT
    )
    return session.scalar(drafts.order_by(FlowVersion.version.desc()).limit(1))
