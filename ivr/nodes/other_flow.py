"""Go on in another flow (CTI-I13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ivr.nodes.base import Continue, Fail, Moment, Node, NoState, Reference, ReferenceKind, Signal, Stay, Turn
from ivr.nodes.form import Field, Group, Kind
from ivr.problems import N_, Problem

if TYPE_CHECKING:
    from ivr.model import Flow


class OtherFlow(Node, frozen=True, kw_only=True, tag="flow"):
    """Enters another flow's newest version; it does not come back."""

    flow_id: int = 0

    label = N_("Another flow")
    description = N_("Goes on in another flow; variables of the same name keep their values.")
    icon = "sitemap"
    group = Group.CONNECT
    form = (Field(name="flow_id", kind=Kind.FLOW, label=N_("Flow"), required=True),)

    def step(self, state: NoState, moment: Moment) -> Turn:
        """See `Node.step`."""
        if moment.signal is not Signal.ENTERED:
            return Turn(outcome=Stay())
        return Turn(outcome=Continue(flow_id=self.flow_id) if self.flow_id else Fail(reason="no-flow"))

    def references(self) -> tuple[Reference, ...]:
        """See `Node.references`."""
        return (Reference(kind=ReferenceKind.FLOW, id=self.flow_id, field="flow_id"),) if self.flow_id else ()

    def check(self, flow: Flow) -> Iterator[Problem]:
        """See `Node.check`."""
        if not self.flow_id:
            message = N_("Choose the flow to go on in.")
            yield Problem(id="no-flow", message=message, node=self.code, field="flow_id")
