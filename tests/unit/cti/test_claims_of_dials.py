"""A claim is an agent's call from the moment it is asked for: no audit frees it in between (CTI-E5)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from core.documents import ExtensionDoc, TenantDoc, TrunkDoc
from core.settings import Settings
from cti.acd import agents as rules
from cti.acd.agents import Agent, AgentState
from cti.call.model import Call
from cti.controller import claims
from cti.controller.dialling import Dialler, DialRefused

ME = Agent(
    tenant_id=1, account_id=7, name="Anna", extension_id=3, extension="8003", endpoint="sip", user="s3",
    state=AgentState.READY, registered=True, since_ms=1,
)  # fmt: skip
TENANT = TenantDoc(
    id=1, tenant_id=1, version=1, code="t", name="T", active=True, caller_ids={"+861012345678": 0},
    outbound_trunk_id=4,
)  # fmt: skip
EXTENSION = ExtensionDoc(
    id=3, tenant_id=1, version=1, number="8003", web_user="w3", sip_user="s3", outbound_allowed=True,
    account_ids=(7,),
)  # fmt: skip
TRUNK = TrunkDoc(id=4, tenant_id=0, version=1, code="c", host="192.0.2.1", port=5060)


class Keys:
    """The only part of Redis a dial uses itself."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def set(self, name: str, value: str, **_how: object) -> bool:
        self.kept[name] = value.encode()
        return True

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


class People:
    """The signed-in agent; an audit looks at each claim while it is being written."""

    def __init__(self, audit: Callable[[Agent], None], *, there: bool = True) -> None:
        self.audit = audit
        self.there = there

    def get(self, _account_id: int) -> Agent:
        return ME

    def claimed(self, _account_id: int, *, at_ms: int, **claim: Any) -> Agent | None:
        if not self.there:
            return None
        taken = rules.claimed(ME, now_ms=at_ms, **claim)
        self.audit(taken)
        return taken


def dial(*, there: bool = True) -> tuple[SimpleNamespace, list[bool], Callable[[], str]]:
    """Return the board, what an audit in the middle found, and the dial."""
    found: list[bool] = []
    documents = {TenantDoc: TENANT, ExtensionDoc: EXTENSION, TrunkDoc: TRUNK}
    board = SimpleNamespace(calls={}, beginning=set(), watches=None)
    board.agents = People(
        lambda agent: found.append(claims.stands(board, agent, agent.claimed_ms)), there=there
    )
    board.documents = SimpleNamespace(get=lambda kind, _id: documents[kind])

    def add(call: Any) -> Any:
        board.calls[call.id] = SimpleNamespace(call=call, post=lambda _event: None)
        return board.calls[call.id]

    board.add = add
    client = Keys()
    dialler = Dialler(
        settings=Settings(),
        switch=SimpleNamespace(connected=True),  # type: ignore[arg-type]
        redis=SimpleNamespace(run=lambda work: work(client)),  # type: ignore[arg-type]
        acd=SimpleNamespace(claim_agent=lambda *_claim: True),  # type: ignore[arg-type]
        board=board,  # type: ignore[arg-type]
        limits=SimpleNamespace(take=lambda *_a, **_k: None, release=lambda _id: None),  # type: ignore[arg-type]
    )
    return board, found, lambda: dialler.dial(1, 7, "+8613900139000", "key")


def test_an_audit_in_the_middle_of_a_dial_leaves_the_claim() -> None:
    board, found, go = dial()
    call_id = go()
    assert found == [True]
    assert list(board.calls) == [call_id]
    assert board.beginning == set()


def test_what_is_refused_is_beginning_no_more() -> None:
    board, _found, go = dial(there=False)
    with pytest.raises(DialRefused):
        go()
    assert board.beginning == set()
    assert not board.calls


def test_a_claim_stands_while_the_call_has_not_taken_every_input() -> None:
    """The offer may wait behind an announcement that is being made."""
    board, _found, _go = dial()
    agent = rules.claimed(ME, token="t", leg_id="t", call_id="c", now_ms=1)
    board.calls["c"] = SimpleNamespace(call=Call(id="c", cell="cell1"), idle=False)
    assert claims.stands(board, agent, 60_000)
    board.calls["c"].idle = True
    assert claims.stands(board, agent, 1 + claims.YOUNG_MS - 1), "it is told in a moment"
    assert not claims.stands(board, agent, 1 + claims.YOUNG_MS)


def test_a_claim_of_no_call_does_not_stand() -> None:
    board, _found, _go = dial()
    agent = rules.claimed(ME, token="t", leg_id="t", call_id="gone", now_ms=1)
    assert not claims.stands(board, agent, 1)
