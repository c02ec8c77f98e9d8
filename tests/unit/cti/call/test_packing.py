"""A call's state on the channel variable: short, readable in both forms, and nothing a stranger can abuse."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.call import packing
from cti.call.model import Call, Offer, PathStep, Phase, encode, from_variables, to_variable

SECOND_FORM = (
    "2gya95DRzEwtDUwPdREMLU10Tw1QT3SRD0xTdJFNLkxTDZKNUo-REotqlRohAB-Ue9OamsYWBAZiAtcKQGp4gKQPs7U8jcz0DIERth5oS0w"
    "61NDUGGmxmBDRCByU_42qBopd2BNuZWLyE3uJE-AzR8CQyxKE2FqWmg92p9LRn-pNda0CZF1xFKhkZGJnpGhrqGhlB-1RAMQMLKxNQUEG"
    "yXUF-MbCAz4fmsJzE4pJ4SCsDlJhr0YsgQ0QRBO_OoJRB0OA0N8AoiwwxEhcA"
)
SECOND_FORM_MORE = "2.o3biMh7MiQujCIHKWRCZ8AaqkTTk0zBau4iKzTWkGCSu2Ya3OQw3DSPnGGHkHAA"


def a_call() -> Call:
    leg = "03e7076d-f08e-49d0-a33c-3fe2046bc211"
    offer = Offer(
        leg_id=leg,
        agent_id=8,
        extension_id=8,
        queue_id=7,
        endpoint="sip",
        token="e735fabdc9e54ddea151c9bb8d88bc96",
        offered_ms=1795261905490,
    )
    path = [PathStep(flow_id=3, version=1, node="菜单", name="主菜单", at_ms=1795261905073, keys="1")]
    return Call(
        id="c3666b3c-05f9-4d5e-968b-f00ac124f539",
        tenant_id=1,
        phase=Phase.TALKING,
        caller="+8613800138000",
        offers=[offer],
        agent_leg=leg,
        path=path,
    )


def test_a_state_is_less_than_half_as_long_as_plain() -> None:
    call = a_call()
    text = to_variable(call)
    assert from_variables(text) == call
    assert len(text) < len(base64.urlsafe_b64encode(encode(call))) / 2


def test_a_state_of_the_earlier_form_is_read() -> None:
    call = a_call()
    assert from_variables(base64.urlsafe_b64encode(encode(call)).decode().rstrip("=")) == call


def test_what_was_packed_once_stays_readable() -> None:
    """Live legs and records hold states packed with today's words: this text may never change."""
    assert from_variables(FROZEN) == Call(id="c3666b3c-05f9-4d5e-968b-f00ac124f539", tenant_id=7)


def test_a_state_of_the_second_form_is_read_with_what_changed_since() -> None:
    call = from_variables(SECOND_FORM, SECOND_FORM_MORE)
    assert (call.rev, call.path[0].node, call.step and call.step.id) == (3, "menu", "z2")
    assert from_variables(SECOND_FORM).rev == 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=4000))
def test_any_bytes_come_back(data: bytes) -> None:
    assert packing.unpack(packing.pack(data)) == data


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_a_strangers_text_is_refused_not_trusted(text: str) -> None:
    with pytest.raises(ValueError):
        from_variables("1" + text)


def test_a_truncated_or_lengthened_state_is_refused() -> None:
    data = packing.pack(encode(a_call()))
    for broken in (data[:-1], data + b"x", b""):
        with pytest.raises(ValueError):
            packing.unpack(broken)


def test_a_bomb_does_not_go_off() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    bomb = packer.compress(b" " * (packing.MAX_BYTES + 1)) + packer.flush()
    with pytest.raises(ValueError):
        packing.unpack(bomb)


FROZEN = "1g2b7ZGMzM7Mk42RdA9M0S12TFNNUXUsziyTdNAODxGRDI5M0U2NL1KLBvBYA"
