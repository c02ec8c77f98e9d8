"""Short messages of calls, from the cell's disk into the outbox, each once (CTI-I13)."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from core.clock import from_ms
from core.database import ALL_TENANTS, Database
from cti.controller.carry_sms import SmsFiles
from cti.records.meters import Meters
from cti.records.sms_facts import SmsFact
from sms import shipping
from sms.models import SmsMessage, SmsState
from sms.shipping import SmsShipper
from tests.integration.shipper.conftest import Cell, refused_files
from tests.support.records import ARRIVED_MS


def fact(tenant_id: int, number: int = 1) -> SmsFact:
    return SmsFact(
        fact="sms",
        key=f"call-3-text-m{number}",
        tenant_id=tenant_id,
        call_id="call",
        number="+8613800138000",
        text="您好",
        flow_id=3,
        node="text",
        node_name="Text them",
        at_ms=ARRIVED_MS,
    )


def messages(database: Database) -> list[SmsMessage]:
    with database.transaction(ALL_TENANTS, read_only=True) as session:
        return list(session.scalars(select(SmsMessage).order_by(SmsMessage.id)))


def shipper(cell: Cell) -> tuple[Path, SmsShipper]:
    """Return a shipper to which the call was just now."""
    folder = cell.folder / "cell" / "sms"
    meters = Meters.make(CollectorRegistry())
    return folder, SmsShipper(folder, cell.database, meters, lambda: from_ms(ARRIVED_MS + 5_000))


def test_a_message_left_twice_is_one_row(each_cell: Cell) -> None:
    folder, ships = shipper(each_cell)
    assert ships.step() == 0, "no folder yet"
    for _ in range(2):
        SmsFiles(folder).leave(fact(each_cell.tenant_id))
        assert ships.step() == 1
    assert list(folder.iterdir()) == []
    (row,) = messages(each_cell.database)
    assert (row.tenant_id, row.mobile, row.text, row.parts) == (
        each_cell.tenant_id,
        "+8613800138000",
        "您好",
        1,
    )
    assert (row.call_id, row.flow_id, row.node, row.node_name) == ("call", 3, "text", "Text them")
    assert (row.state, int(row.asked_at.timestamp() * 1000)) == (SmsState.WAITING, ARRIVED_MS)


def test_a_kill_between_commit_and_removal_changes_nothing(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        """What a SIGKILL is to the code."""

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise KilledError

    folder, ships = shipper(cell)
    SmsFiles(folder).leave(fact(cell.tenant_id))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KilledError):
            ships.step()
    assert len(messages(cell.database)) == 1
    ships.step()
    assert (len(messages(cell.database)), list(folder.iterdir())) == (1, [])


def test_a_database_that_is_away_loses_nothing(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> bool:
        raise OperationalError("", {}, Exception("away"))

    folder, ships = shipper(cell)
    SmsFiles(folder).leave(fact(cell.tenant_id))
    with monkeypatch.context() as patch:
        patch.setattr(shipping, "take_from_call", away)
        with pytest.raises(OperationalError):
            ships.step()
    assert ships.step() == 1
    assert len(messages(cell.database)) == 1


def test_what_nobody_can_take_is_put_aside(cell: Cell) -> None:
    folder, ships = shipper(cell)
    SmsFiles(folder).leave(fact(999))
    (folder / "spoilt.json").write_bytes(b'{"fact": "other"}')
    SmsFiles(folder).leave(fact(cell.tenant_id, 2))
    ships.step()
    assert len(list((folder / "homeless").glob("*.json"))) == 1
    assert [path.name for path in (folder / "bad").glob("*.json")] == ["spoilt.json"]
    assert [row.key for row in messages(cell.database)] == ["call-3-text-m2"]


def test_a_message_the_disk_refuses_to_remove_keeps_no_other_waiting_and_is_sent_once(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, ships = shipper(cell)
    for number in range(3):
        SmsFiles(folder).leave(fact(cell.tenant_id, number))
    stays = sorted(folder.iterdir(), key=lambda path: (path.stat().st_mtime, path.name))[0]
    unlink = Path.unlink

    def refused(self: Path, *, missing_ok: bool = False) -> None:
        if self == stays:
            raise PermissionError("no")
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    assert [ships.step() for _ in range(2)] == [3, 0]
    assert list(folder.iterdir()) == [stays]
    assert len(messages(cell.database)) == 3
    assert refused_files(ships._meters, "messages") == 1
