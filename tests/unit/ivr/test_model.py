"""The flow document and the node types found by being there."""

from __future__ import annotations

import pytest

from ivr import model
from ivr.nodes import NODE_TYPES
from tests.unit.ivr.flows import shop


def test_node_types_are_found() -> None:
    assert {"playback", "menu", "transfer", "hangup"} <= NODE_TYPES.keys()


def test_a_document_survives_json() -> None:
    assert model.decode(model.encode(shop())) == shop()


def test_an_incomplete_draft_is_a_document() -> None:
    flow = model.decode('{"nodes": [{"type": "menu", "code": "a"}]}')
    assert flow.node("a") == NODE_TYPES["menu"](code="a")
    assert flow.node("b") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"nodes": [{"type": "teleport", "code": "a"}]}',
        b'{"nodes": [{"type": "menu", "code": "a", "timeout_s": "soon"}]}',
        b'{"nodes": [{"type": "playback", "code": "a", "prompts": [{"kind": "smell"}]}]}',
        b"[" * 100_000,
        b" " * (model.MAX_DOCUMENT_BYTES + 1),
    ],
)
def test_what_is_no_flow_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(model.FlowUnreadableError, match=r".+"):
        model.decode(data)
