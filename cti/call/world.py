"""What the call's state machine may look at besides the call and the input: published documents, nothing else."""

from __future__ import annotations

from typing import Protocol

from core.documents import AccountDoc, ExtensionDoc, QueueDoc
from ivr.messages import TargetKind
from ivr.model import Flow
from ivr.surroundings import Surroundings


class World(Protocol):
    """Read-only look-ups in memory; none of them does input or output."""

    def flow(self, flow_id: int, version: int) -> Flow | None:
        """Return a published flow; version 0 means the newest."""

    def flow_version(self, tenant_id: int, flow_id: int) -> int:
        """Return the newest published version of a flow of the tenant, 0 when there is none."""

    def surroundings(self, tenant_id: int) -> Surroundings:
        """Return the tenant's clock and calendars."""

    def account(self, account_id: int) -> AccountDoc | None:
        """Return an account."""

    def queue(self, queue_id: int) -> QueueDoc | None:
        """Return a queue's settings."""

    def extension(self, extension_id: int) -> ExtensionDoc | None:
        """Return an extension."""

    def resolve(self, tenant_id: int, value: str) -> tuple[TargetKind, int]:
        """Return what a transfer's value names: an extension by number, else a queue by code (CTI-I7).

        ``(TargetKind.VALUE, 0)`` when it names neither.
        """
