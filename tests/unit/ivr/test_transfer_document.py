"""Flows are exported and imported as one JSON document (issue 4)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import checks, model, transfer_document
from ivr.nodes.base import Node, ReferenceKind
from ivr.transfer_document import NotAFlowFile, Used
from tests.unit.ivr.any_node import any_node
from tests.unit.ivr.flows import shop

QUEUE = Used(kind=ReferenceKind.QUEUE, id=7, code="sales", name="Sales")


def document(**fields: Any) -> bytes:
    whole = {"format": "zongji-flow", "version": 1, "code": "a", "name": "A", "flow": {}, "uses": []}
    return json.dumps({**whole, **fields}).encode()


def test_what_is_written_is_read() -> None:
    data = transfer_document.write("shop", "Shop", shop(), [QUEUE])
    given_back = transfer_document.read(data)
    assert (given_back.code, given_back.name) == ("shop", "Shop")
    assert given_back.flow == shop()
    assert given_back.uses == [QUEUE]
    assert json.loads(data)["uses"] == [{"kind": "queue", "id": 7, "code": "sales", "name": "Sales"}]


def test_ids_are_replaced_and_what_is_not_found_is_left_empty_and_named() -> None:
    flow = msgspec.convert(
        {
            "nodes": [
                {"type": "transfer", "code": "a", "name": "To sales", "to": "queue", "target_id": 7},
                {"type": "transfer", "code": "b", "to": "extension", "target_id": 7},
                {"type": "playback", "code": "c", "prompts": [{"kind": "voice", "voice_id": 7}]},
                {"type": "time", "code": "d", "rules": [{"calendar": "7"}, {"calendar": "cn"}]},
                {"type": "flow", "code": "e", "flow_id": 7},
                {"type": "callback", "code": "f", "queue_id": 7},
            ]
        },
        model.Flow,
    )
    ids = {(ReferenceKind.QUEUE, 7): 70, (ReferenceKind.CALENDAR, 7): 71}
    new = transfer_document.replaced(flow, ids)
    values = [msgspec.to_builtins(node) for node in new.nodes]
    assert [values[0]["target_id"], values[1]["target_id"], values[5]["queue_id"]] == [70, 0, 70]
    assert values[2]["prompts"][0]["voice_id"] == 0
    assert [rule["calendar"] for rule in values[3]["rules"]] == ["71", "cn"]
    assert values[4]["flow_id"] == 0
    missing = transfer_document.missing(flow, [QUEUE], ids)
    assert [(each.used.kind.value, each.used.id, each.nodes) for each in missing] == [
        ("extension", 7, ["b"]),
        ("voice", 7, ["c"]),
        ("flow", 7, ["e"]),
    ]


@given(st.lists(any_node("a"), max_size=3))
def test_nothing_of_the_other_company_is_left(nodes: list[Node]) -> None:
    flow = model.Flow(nodes=nodes)
    assert [each for _, each in checks.references(transfer_document.replaced(flow, {})) if each.id] == []
    same = {(each.kind, each.id): each.id for _, each in checks.references(flow)}
    kept = checks.references(transfer_document.replaced(flow, same))
    assert [each.id for _, each in kept] == [each.id for _, each in checks.references(flow)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b" " * 4_000_000,
        document(format="something-else"),
        document(version=2),
        document(flow=3),
        document(flow={"nodes": [{"type": "shell", "code": "a"}]}),
        document(flow={"nodes": {}}),
        document(uses=[{"kind": "password", "id": 1}]),
        document(uses=[{"kind": "queue", "id": "1"}]),
        document(uses=[{"kind": "queue", "id": 1}] * 5001),
        document(code=None),
        document(name="\ud800"),
    ],
)
def test_hostile_documents_are_refused(data: bytes) -> None:
    with pytest.raises(NotAFlowFile) as refused:
        transfer_document.read(data)
    assert len(refused.value.text("en")) < 400
