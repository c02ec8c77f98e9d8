"""A cell's folders, a database with a tenant, and a shipper over them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from core.database import ALL_TENANTS, Database
from core.models import Tenant
from core.store import FileStore
from cti.call.model import Call
from cti.records.meters import Meters
from cti.records.models import CallLeg, CallOffer, CallRecord, Recording
from cti.records.service import Ready
from cti.records.shipper import Shipper
from tests.support import records
from tests.support.database import open_two_tenants


@dataclasses.dataclass
class Cell:
    """One cell's disk, and what its shipper says and writes."""

    folder: Path
    database: Database
    tenant_id: int
    other_tenant_id: int
    announced: list[Ready] = dataclasses.field(default_factory=list)
    now: float = 0.0

    @property
    def cdr_dir(self) -> Path:
        return self.folder / "cell" / "cdr"

    @property
    def facts_dir(self) -> Path:
        return self.folder / "cell" / "facts"

    @property
    def recordings_dir(self) -> Path:
        return self.folder / "cell" / "recordings"

    @property
    def store(self) -> FileStore:
        return FileStore(self.folder / "store")

    def shipper(self) -> Shipper:
        return Shipper(
            cdr_dir=self.cdr_dir,
            facts_dir=self.facts_dir,
            states_dir=self.folder / "cell" / "states",
            recordings_dir=self.recordings_dir,
            database=self.database,
            store=self.store,
            announce=self._announce,
            meters=Meters.make(CollectorRegistry()),
            clock=lambda: self.now or time.time(),
        )

    def _announce(self, ready: Sequence[Ready]) -> None:
        self.announced += ready

    def ended(self, call: Call, **options: object) -> Path:
        """The switch wrote the record of the customer's leg."""
        return records.write_cdr(self.cdr_dir, records.cdr(call, **options))  # type: ignore[arg-type]

    def fact(self, call: Call) -> Path:
        """The controller gave the call up."""
        self.facts_dir.mkdir(parents=True, exist_ok=True)
        path = self.facts_dir / f"{call.id}.json"
        path.write_bytes(records.fact(call))
        return path

    def recorded(self, call: Call, data: bytes, number: int = 1) -> Path:
        """The switch recorded a segment."""
        path = self.recordings_dir / str(call.tenant_id) / f"{call.id}-{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def records(self) -> list[CallRecord]:
        with self.database.transaction(ALL_TENANTS, read_only=True) as session:
            return list(session.scalars(select(CallRecord).order_by(CallRecord.id)))

    def legs(self) -> list[CallLeg]:
        with self.database.transaction(ALL_TENANTS, read_only=True) as session:
            return list(session.scalars(select(CallLeg).order_by(CallLeg.id)))

    def offers(self) -> list[CallOffer]:
        with self.database.transaction(ALL_TENANTS, read_only=True) as session:
            return list(session.scalars(select(CallOffer).order_by(CallOffer.position)))

    def recordings(self) -> list[Recording]:
        with self.database.transaction(ALL_TENANTS, read_only=True) as session:
            return list(session.scalars(select(Recording).order_by(Recording.segment)))


def make_cell(folder: Path, database: Database) -> Cell:
    one, two = open_two_tenants(database)
    with database.transaction(ALL_TENANTS) as session:
        session.add(Tenant(code="operator", name="Operator", is_operator=True))
        session.commit()
    return Cell(folder=folder, database=database, tenant_id=one, other_tenant_id=two)


@pytest.fixture
def cell(tmp_path: Path, database: Database) -> Cell:
    """A cell on SQLite."""
    return make_cell(tmp_path, database)


@pytest.fixture
def each_cell(tmp_path: Path, each_database: Database) -> Cell:
    """A cell on each database engine."""
    return make_cell(tmp_path, each_database)


def refused_files(meters: Meters, what: str) -> float:
    """Return what is counted of files the disk refuses."""
    (metric,) = meters.refused.collect()
    return next(sample.value for sample in metric.samples if sample.labels["what"] == what)
