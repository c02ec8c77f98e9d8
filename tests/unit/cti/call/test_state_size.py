"""A call's state fits on its leg, whatever its flows did: measured, and bounded."""

from __future__ import annotations

import random

import pytest

from cti.call.in_flow import MAX_KEYS, MAX_NAME, MAX_NOTES
from cti.call.in_queue import MAX_OFFERS
from cti.call.model import (
    MAX_STATE,
    TOLD_STEPS,
    Call,
    KeyedNote,
    Offer,
    PathStep,
    Phase,
    Segment,
    Written,
    encode,
    from_variables,
    to_variable,
)
from cti.esl import commands
from ivr.engine import MAX_STEPS, MAX_TYPE_AHEAD, MAX_VALUE, MAX_VALUES
from ivr.messages import NoteKind

NOW_MS = 1_795_000_000_000
CALL_ID = "11111111-1111-4111-8111-111111111111"


def chinese(chance: random.Random, length: int) -> str:
    """Return letters nothing can be guessed from."""
    return "".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(length))


def uuid_of(chance: random.Random) -> str:
    """Return something shaped like a uuid."""
    return f"{chance.getrandbits(128):032x}"


def long_call(chance: random.Random, *, nodes: int, name: int, keys: int, values: int, notes: int) -> Call:
    """Return a call with as many steps as a call can have, each node's name and each key by chance."""
    known = [(uuid_of(chance)[:9], chinese(chance, name)) for _ in range(nodes)]
    path = []
    for step in range(MAX_STEPS):
        code, called = chance.choice(known)
        path.append(
            PathStep(
                flow_id=chance.randrange(1, 12),
                version=17,
                node=code,
                name=called,
                at_ms=NOW_MS + step * chance.randrange(900, 9000),
                keys="".join(chance.choice("0123456789*#") for _ in range(keys)),
                exit=chance.choice(["next", "key:1", "failure:timeout", "after-talk"]),
            )
        )
    variables = {f"name_{n}": chinese(chance, MAX_VALUE) for n in range(values)}
    return Call(
        id=CALL_ID,
        tenant_id=1,
        rev=400,
        phase=Phase.FLOW,
        flow_id=3,
        run={"node": "a", "variables": variables, "keys": "1" * MAX_TYPE_AHEAD},
        path=path,
        notes=[
            KeyedNote(kind=NoteKind.SURVEY, value="5", at_ms=NOW_MS, node=uuid_of(chance)[:9])
            for _ in range(notes)
        ],
        segments=[Segment(name=f"1/{CALL_ID}-{n}.wav", started_ms=NOW_MS) for n in range(1, 4)],
    )


def test_a_usual_flow_of_two_hundred_steps_takes_eight_thousand_letters() -> None:
    call = long_call(random.Random(1), nodes=60, name=6, keys=1, values=2, notes=5)
    assert len(to_variable(call)) < 8_000


def test_what_changes_in_a_long_call_is_still_little() -> None:
    call = long_call(random.Random(1), nodes=60, name=6, keys=1, values=2, notes=5)
    written = Written()
    written.variables(call)
    call.rev += 1
    call.path[-1].exit = "key:9"
    more = written.variables(call)
    assert list(more) == ["zj_more"]
    assert len(more["zj_more"]) < 1_500


@pytest.mark.parametrize("seed", range(3))
def test_the_longest_state_there_can_be_is_one_the_switch_takes(seed: int) -> None:
    chance = random.Random(seed)
    values = MAX_VALUES // MAX_VALUE
    call = long_call(chance, nodes=MAX_STEPS, name=MAX_NAME, keys=MAX_KEYS, values=values, notes=MAX_NOTES)
    call.offers = [
        Offer(
            leg_id=uuid_of(chance),
            agent_id=chance.randrange(99999),
            extension_id=1,
            queue_id=7,
            endpoint="sip",
            token=uuid_of(chance),
            offered_ms=NOW_MS + chance.randrange(99999),
        )
        for _ in range(MAX_OFFERS + 1)
    ]
    variables = Written().variables(call)
    assert len(encode(call)) > 70_000, "nothing much larger exists"
    assert len(variables["zj_state"]) <= MAX_STATE
    assert commands.set_variables(call.id, {**variables, "zj_tenant": "1"})
    back = from_variables(variables["zj_state"])
    assert (back.run, back.notes, back.offers) == (call.run, call.notes, call.offers)
    assert back.path[-TOLD_STEPS:] == call.path[-TOLD_STEPS:]
    assert [(s.node, s.exit, s.at_ms) for s in back.path] == [(s.node, s.exit, s.at_ms) for s in call.path]
