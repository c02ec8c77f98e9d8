"""A full disk on the cell costs what a restart would have known, never calls, and is made good when there is room."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import msgspec
import pytest
from structlog.testing import capture_logs

from core import documents as docs
from core.settings import Settings
from cti.acd.agents import Agent, AgentState
from cti.call.model import Call
from cti.controller import facts as facts_module
from cti.controller import journal as journals
from cti.controller.documents import Documents
from cti.controller.facts import Facts
from cti.controller.journal import AgentJournal
from cti.controller.reconcile import Reconciler
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.controller.trunks import Trunks


@contextmanager
def full(room: int = 0) -> Iterator[list[str]]:
    """No file may grow past `room` bytes, a write that begins below is cut there; yields what is logged."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    names: list[str] = []
    with capture_logs() as told:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            yield names
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            names += [f"{each['log_level']} {each['event']}" for each in told]


def agent(account_id: int, since_ms: int = 1) -> Agent:
    return Agent(
        tenant_id=1,
        account_id=account_id,
        name="王美丽",
        extension_id=account_id,
        extension=str(8000 + account_id),
        endpoint="web",
        user=f"u{account_id}",
        state=AgentState.READY,
        since_ms=since_ms,
    )


def journal(folder: Path, count: int = 0) -> AgentJournal:
    """Return a journal that is loaded and tells of agents 1 to `count`."""
    made = AgentJournal(folder / "agents.journal")
    made.load()
    for account_id in range(1, count + 1):
        made.note(account_id, agent(account_id))
    return made


def reloaded(folder: Path) -> dict[int, Agent]:
    """Return what a restart would know, without changing the file."""
    path = folder / "agents.journal"
    kept = path.read_bytes()
    found = AgentJournal(path).load()
    path.write_bytes(kept)
    return found


# --- the agents' journal ----------------------------------------------------------------------------------------------


def test_a_change_is_noted_on_a_full_disk_without_a_fault_and_told_once(tmp_path: Path) -> None:
    noted = journal(tmp_path, 2)
    with full() as told:
        for since_ms in range(5, 10):
            noted.note(1, agent(1, since_ms))
    assert told == ["error journal_not_written"]
    assert reloaded(tmp_path) == {1: agent(1), 2: agent(2)}


def test_all_that_was_not_written_is_written_when_there_is_room_again(tmp_path: Path) -> None:
    noted = journal(tmp_path, 3)
    with full():
        noted.note(1, agent(1, 7))
        noted.note(2, None)
        noted.note(4, agent(4))
    with capture_logs() as told:
        noted.note(3, agent(3, 9))
        noted.note(3, agent(3, 10))
    assert [each["event"] for each in told] == ["journal_written_again"]
    assert reloaded(tmp_path) == {1: agent(1, 7), 3: agent(3, 10), 4: agent(4)}


@pytest.mark.parametrize("piece", [1, 40, 65, 66, 67, 68, 300])
def test_half_a_line_does_not_swallow_the_next(tmp_path: Path, piece: int) -> None:
    noted = journal(tmp_path, 2)
    size = (tmp_path / "agents.journal").stat().st_size
    with full(size + piece):
        noted.note(1, agent(1, 7))
    assert (tmp_path / "agents.journal").stat().st_size == size + piece, "it was torn"
    noted.note(2, agent(2, 8))
    assert reloaded(tmp_path) == {1: agent(1, 7), 2: agent(2, 8)}


def test_half_lines_of_any_length_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "agents.journal"
    journal(tmp_path, 2)
    first, second = path.read_bytes().splitlines(keepends=True)
    ends = second.index("丽".encode()) + 4
    for cut in (*range(0, ends - 12, 9), *range(ends - 12, ends), *range(ends, len(second) - 1, 40)):
        path.write_bytes(first + second[:cut])
        assert AgentJournal(path).load() == {1: agent(1)}, cut
        # As an older controller left it, which did not begin a new line.
        path.write_bytes(first + second[:cut] + second)
        assert AgentJournal(path).load() == {n: agent(n) for n in ((1,) if cut else (1, 2))}, cut


def test_a_controller_starts_on_a_full_disk_and_goes_on_noting_later(tmp_path: Path) -> None:
    journal(tmp_path, 3)
    path = tmp_path / "agents.journal"
    path.write_bytes(path.read_bytes() + b'{"account_id":2,"agent":{"tena')
    before = path.read_bytes()
    started = AgentJournal(path)
    with full() as told:
        assert started.load() == {n: agent(n) for n in (1, 2, 3)}
    assert told == ["error journal_not_compacted"]
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name], "nothing half is left"
    started.note(2, agent(2, 5))
    assert reloaded(tmp_path) == {1: agent(1), 2: agent(2, 5), 3: agent(3)}


def test_the_folder_may_not_have_been_there_on_the_full_disk(tmp_path: Path) -> None:
    (tmp_path / "cell").write_text("in the way")
    started = AgentJournal(tmp_path / "cell" / "agents.journal")
    with pytest.raises(NotADirectoryError):
        started.load()  # reading still says what is wrong
    (tmp_path / "cell").unlink()
    started.note(1, agent(1))
    started.note(2, agent(2))
    assert reloaded(tmp_path / "cell") == {1: agent(1), 2: agent(2)}


def test_what_is_returned_is_the_callers_to_change(tmp_path: Path) -> None:
    journal(tmp_path, 2)
    started = AgentJournal(tmp_path / "agents.journal")
    started.load().clear()
    for since_ms in range(2, 2000):
        started.note(1, agent(1, since_ms))
    assert reloaded(tmp_path) == {1: agent(1, 1999), 2: agent(2)}


# --- its length -------------------------------------------------------------------------------------------------------


def test_the_journal_stays_short_and_says_the_same(tmp_path: Path) -> None:
    noted = journal(tmp_path)
    expected: dict[int, Agent] = {}
    most = 0
    for turn in range(10_000):
        account_id = turn % 30
        if turn % 7 == 0:
            expected.pop(account_id, None)
            noted.note(account_id, None)
        else:
            expected[account_id] = agent(account_id, turn)
            noted.note(account_id, expected[account_id])
        if turn % 50 == 0:
            most = max(most, (tmp_path / "agents.journal").read_bytes().count(b"\n"))
            if turn % 500 == 0:
                assert reloaded(tmp_path) == expected
    assert reloaded(tmp_path) == expected
    assert 1000 < most <= journals.LINES_FREE + journals.LINES_PER_AGENT * 30 + 1


def test_killed_while_it_is_made_short_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = journal(tmp_path, 2)

    def killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(journals.os, "replace", killed)
    most = journals.LINES_FREE + 2 * journals.LINES_PER_AGENT
    for since_ms in range(3, most + 1):
        noted.note(1, agent(1, since_ms))
    with pytest.raises(SystemExit):
        noted.note(1, agent(1, most + 1))
    monkeypatch.undo()
    assert reloaded(tmp_path) == {1: agent(1, most + 1), 2: agent(2)}


def test_a_journal_that_cannot_be_made_short_is_tried_again_now_and_then(tmp_path: Path) -> None:
    noted = journal(tmp_path, 2)
    (tmp_path / "agents.new").mkdir()  # as good as no room for it
    with capture_logs() as told:
        for since_ms in range(2, 3000):
            noted.note(1, agent(1, since_ms))
    assert [each["event"] for each in told] == ["journal_not_compacted"] * 2
    (tmp_path / "agents.new").rmdir()
    for since_ms in range(3000, 4500):
        noted.note(1, agent(1, since_ms))
    assert (tmp_path / "agents.journal").read_bytes().count(b"\n") < 1500
    assert reloaded(tmp_path) == {1: agent(1, 4499), 2: agent(2)}


# --- documents --------------------------------------------------------------------------------------------------------


class Published:
    """Redis, with these documents."""

    def __init__(self, *documents: docs.AnyDocument) -> None:
        self.documents = {docs.field_of(each).encode(): docs.encode(each) for each in documents}

    def hgetall(self, _name: str) -> dict[bytes, bytes]:
        return self.documents


def flow(version: int) -> docs.FlowDoc:
    body = (
        b'{"name": "t%d", "entry": "bye", "nodes": [{"type": "hangup", "code": "bye", "name": "Bye"}]}'
        % version
    )
    return docs.FlowDoc(id=3, tenant_id=1, version=version, name="t", body=msgspec.Raw(body))


def load(documents: Documents, *published: docs.AnyDocument) -> bool:
    return documents.load(RedisGuard(cast("Any", Published(*published)), lambda: None))


def test_documents_are_followed_on_a_full_disk_and_copied_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    documents = Documents(path)
    load(documents, flow(1))
    with full() as told:
        assert load(documents, flow(2))
        assert load(documents, flow(2))
        assert documents.flow_version(1, 3) == 2
    assert told == ["error flow_version_not_kept", "error documents_copy_not_written"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["documents.json", "flows"]
    assert not list((tmp_path / "flows").iterdir()), "no half of a version is left"
    after = Documents(path)
    after.load_copy()
    assert after.flow_version(1, 3) == 1, "the last good copy"
    with capture_logs() as told_again:
        load(documents, flow(2))
        load(documents, flow(3))
    assert [each["event"] for each in told_again] == ["documents_copy_written_again"]
    after = Documents(path)
    after.load_copy()
    assert after.flow_version(1, 3) == 3
    kept = after.flow(3, 2)
    assert kept is not None
    assert kept.name == "t2"


def test_a_controller_starts_without_a_copy_on_a_full_disk(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "documents.json")
    with full():
        documents.load_copy()
        assert load(documents, flow(1))
    assert documents.flow_version(1, 3) == 1


def test_a_copy_cut_within_a_letter_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    path.write_bytes('{"tenant:1王'.encode()[:-1] + b'":{}}')
    documents = Documents(path)
    with capture_logs() as told:
        documents.load_copy()
    assert [each["event"] for each in told] == ["documents_copy_unreadable"]
    assert not documents.known


# --- the switch's uuid ------------------------------------------------------------------------------------------------


class NoRedis:
    def run(self, _action: Any) -> Any:
        raise RedisAwayError


def reconciler(folder: Path) -> Reconciler:
    """Return one whose switch has no channels."""
    board = MagicMock(calls={}, legs={}, agents=[], watches=None)
    board.documents.all.return_value = []
    return Reconciler(
        settings=cast("Settings", SimpleNamespace(cell_dir=folder, cell="a")),
        switch=MagicMock(send=lambda _command: SimpleNamespace(text='{"row_count":0}', ok=True)),
        redis=cast("RedisGuard", NoRedis()),
        acd=MagicMock(),
        board=board,
        registrations=MagicMock(),
        facts=MagicMock(),
    )


def test_a_connection_is_settled_on_a_full_disk_and_the_uuid_noted_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "cell" / "core-uuid"
    settled = reconciler(path.parent)
    settled.connected("first")
    assert path.read_text() == "first"
    with full() as told:
        settled.connected("second")
        settled.audit()
        settled.audit()
    assert told == ["warning switch_restarted", "error core_uuid_not_written"]
    assert not path.exists(), "that of a process before would close the calls of this one at our next start"
    with capture_logs() as told_again:
        settled.audit()
        settled.audit()
    assert [each["event"] for each in told_again] == ["core_uuid_written_again"]
    assert path.read_text() == "second"
    assert [each.name for each in path.parent.iterdir()] == ["core-uuid"]


def test_a_uuid_that_is_noted_already_outlasts_a_full_disk(tmp_path: Path) -> None:
    reconciler(tmp_path).connected("first")
    with full() as told:
        reconciler(tmp_path).connected("first")
    assert told == []
    assert (tmp_path / "core-uuid").read_text() == "first"


# --- facts ------------------------------------------------------------------------------------------------------------


def call(number: int = 1, **values: Any) -> Call:
    return Call(id=f"call-{number}", tenant_id=1, **values)


def left(folder: Path) -> dict[str, Any]:
    """Return the facts that lie there by their call's id; nothing half written does."""
    assert not list(folder.glob(".*"))
    return {each.stem: msgspec.json.decode(each.read_bytes()) for each in folder.glob("*.json")}


def test_facts_of_a_full_disk_are_left_when_there_is_room(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    facts = Facts(folder)
    with full() as told:
        facts.ended_without_record(call(1, caller="+861"), "switch")
        facts.undialled(call(2), "switch")
        facts.leave_again()
    assert told == ["error fact_not_left"] * 2
    assert left(folder) == {}
    with capture_logs() as told_again:
        facts.leave_again()
        facts.leave_again()
    assert [(each["event"], each["count"]) for each in told_again] == [("facts_left_again", 2)]
    found = left(folder)
    assert found.keys() == {"call-1", "call-2"}
    assert found["call-1"]["call"]["caller"] == "+861"
    assert found["call-2"]["undialled"]


def test_the_next_fact_brings_those_before_and_the_last_word_of_a_call_counts(tmp_path: Path) -> None:
    facts = Facts(tmp_path)
    with full(200):
        facts.undialled(call(1, caller="+861" * 100), "switch")
        facts.undialled(call(2, caller="+861" * 100), "switch")
    assert left(tmp_path) == {}
    facts.undialled(call(2, caller="+862"), "switch")
    found = left(tmp_path)
    assert found.keys() == {"call-1", "call-2"}
    assert found["call-2"]["call"]["caller"] == "+862"
    facts.leave_again()
    assert left(tmp_path) == found


def test_a_fact_the_disk_refuses_alone_keeps_no_other_waiting(tmp_path: Path) -> None:
    facts = Facts(tmp_path)
    with full():
        for number in range(10):
            facts.undialled(call(number), "switch")
    for number in range(facts_module.TRIES + 1):
        (tmp_path / f"call-{number}.json").mkdir()  # as good as no room for it
    for _ in range(3):
        facts.leave_again()
    assert len([path for path in tmp_path.glob("*.json") if path.is_file()]) == 9 - facts_module.TRIES


def test_what_is_lost_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "KEPT", 2)
    facts = Facts(tmp_path / "facts")
    with full(), capture_logs() as told:
        for number in (1, 2, 3):
            facts.undialled(call(number), "switch")
        facts.stop()
    lost = [each["call_id"] for each in told if each["event"] == "fact_lost"]
    assert lost == ["call-1", "call-2", "call-3"]


# --- trunks -----------------------------------------------------------------------------------------------------------


class Carriers:
    """A switch's profile of trunks, the files it reads at a rescan, and what it was told."""

    connected, core_uuid = True, "run-1"

    def __init__(self) -> None:
        self.up: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.told: list[str] = []
        self.room = True

    def send(self, wire: bytes) -> Any:
        words = wire.decode()
        text = "+OK"
        if "killgw" in words:
            self.up.pop(words.split("killgw ")[1].split()[0], None)
        elif "rescan" in words:
            self.up = {**self.files, **self.up}
        elif "gwlist" in words or "xmlstatus" in words:
            each = "<gateway><name>%s</name><profile>carriers</profile><state>NOREG</state></gateway>"
            text = "<gateways>" + "".join(each % code for code in self.up) + "</gateways>"
            return SimpleNamespace(text=text, ok=True)
        self.told.append(words)
        return SimpleNamespace(text=text, ok=True)

    def gateway(self, trunk: docs.TrunkDoc, password: str) -> str:
        return f"{trunk.code} {trunk.host}"

    def write(self, gateways: Any, allowed: Any) -> None:
        if not self.room:
            raise OSError("no space left on device")
        self.files = {each.split()[0]: each for each in gateways}


def trunk(host: str, code: str = "east", number: int = 1) -> docs.TrunkDoc:
    return docs.TrunkDoc(id=number, tenant_id=0, version=1, code=code, host=host)


def trunks_of(folder: Path, carriers: Carriers, *published: docs.TrunkDoc) -> Trunks:
    documents = MagicMock(known=True)
    documents.all.return_value = list(published)
    return Trunks(
        switch=cast("Any", carriers),
        redis=cast("RedisGuard", NoRedis()),
        documents=documents,
        vault=MagicMock(),
        files=carriers,
        folder=folder,
        cell="a",
    )


def publish(trunks: Trunks, *published: docs.TrunkDoc) -> None:
    cast("Any", trunks)._documents.all.return_value = list(published)
    trunks.settle()


def test_a_trunk_is_applied_on_a_full_disk_and_remembered_when_there_is_room(tmp_path: Path) -> None:
    carriers = Carriers()
    trunks = trunks_of(tmp_path, carriers, trunk("one.example"))
    trunks.settle()
    assert carriers.up == {"east": "east one.example"}
    kept = (tmp_path / "trunks.json").read_bytes()
    with full() as told:
        publish(trunks, trunk("two.example"))
        trunks.settle()
    assert carriers.up == {"east": "east two.example"}
    assert [each for each in told if "trunks" in each] == [
        "error trunks_not_remembered",
        "info trunks_applied",
    ]
    # What lies there would be taken for what the switch has, were the first settings published again.
    assert list(tmp_path.iterdir()) == []
    restarted = trunks_of(tmp_path, carriers, trunk("one.example"))
    with full():
        restarted.settle()
    assert carriers.up == {"east": "east one.example"}
    with capture_logs() as told_again:
        restarted.settle()
        restarted.settle()
    assert [each["event"] for each in told_again if "trunks" in each["event"]] == ["trunks_remembered_again"]
    assert (tmp_path / "trunks.json").read_bytes() == kept
    carriers.told.clear()
    trunks_of(tmp_path, carriers, trunk("one.example")).settle()
    assert carriers.told == [], "a restart changes nothing"


def test_a_trunk_whose_file_has_no_room_stays_as_it_was_and_one_that_is_gone_goes(tmp_path: Path) -> None:
    carriers = Carriers()
    trunks = trunks_of(tmp_path, carriers, trunk("one.example"), trunk("west.example", "west", 2))
    trunks.settle()
    carriers.room = False
    publish(trunks, trunk("two.example"))
    assert carriers.up == {"east": "east one.example"}
    carriers.room = True
    trunks.settle()
    assert carriers.up == {"east": "east two.example"}
