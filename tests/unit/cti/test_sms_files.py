"""A call's short message on the cell's disk: there before the state tells of it, one however often left (CTI-I13)."""

from __future__ import annotations

import copy
import types
from pathlib import Path
from typing import cast

import msgspec
import pytest

from core import sms as core_sms
from core.documents import DestinationKind
from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call, Phase, TransferKind, TransferTarget
from cti.controller.carry_sms import SmsFiles
from cti.controller.runner import CallRunner
from cti.controller.work import Work
from cti.records import sms_facts
from cti.records.cdr import IncompleteError, NotACdrError
from cti.records.sms_facts import SmsFact
from ivr.messages import AnswerFailure, NoteKind
from tests.unit.cti.call.driver import LEG_ID, Driven, FixedWorld, of_type
from tests.unit.cti.call.test_flow_commands import flow, menu, path

SMS = {
    "type": "sms",
    "code": "text",
    "name": "Text them",
    "text": "Hello {caller_number}",
    "prompts": [{"kind": "text", "text": "sent"}],
    "next": "menu",
    "failure": "bye",
}


def arrived() -> Driven:
    """Return a call that is being answered; its flow begins with the message."""
    world = FixedWorld()
    world.flows = {3: flow(SMS, menu(k1="text"), entry="text")}
    call = Driven(world)
    call.arrive(DestinationKind.FLOW, 3)
    return call


def carry(folder: Path, call: Call, effects: list[fx.Effect]) -> list[inputs.Input]:
    """Carry out the messages among `effects` as the controller does; return their answers."""
    work = Work(cast(CallRunner, types.SimpleNamespace(call=call)))
    handler = SmsFiles(folder).handlers()[fx.LeaveSms]
    for effect in of_type(effects, fx.LeaveSms):
        handler(work, effect)
    return work.answers


def left(folder: Path) -> list[SmsFact]:
    """Return what is left for sending."""
    assert not list(folder.glob(".*")), "nothing half written stays"
    return [sms_facts.parse(each.read_bytes()) for each in sorted(folder.glob("*.json"))]


def test_a_message_is_left_and_the_call_goes_on_cti_i13(tmp_path: Path) -> None:
    call = arrived()
    asked = call.step_done()
    (answer,) = carry(tmp_path, call.call, asked)
    (fact,) = left(tmp_path)
    assert (fact.number, fact.text, fact.tenant_id) == ("+8613800138000", "Hello +8613800138000", 1)
    assert (fact.call_id, fact.flow_id, fact.node, fact.node_name) == (call.call.id, 3, "text", "Text them")
    assert of_type(call.give(answer), fx.PlayPrompts)
    assert [(note.kind, note.value, note.node) for note in call.call.notes] == [
        (NoteKind.SMS, "+8613800138000", "text")
    ]
    call.step_done()
    assert path(call)[0] == (3, "text", "next")


def test_a_controller_killed_before_it_told_of_it_leaves_the_same_message(tmp_path: Path) -> None:
    call = arrived()
    before = copy.deepcopy(call.call)
    carry(tmp_path, call.call, call.step_done())
    (first,) = left(tmp_path)
    again = arrived()
    again.call = before  # what the leg tells the next controller
    carry(tmp_path, again.call, again.later(9_000).step_done())
    (second,) = left(tmp_path)
    assert (first.key, first.text) == (second.key, second.text)


def test_each_time_the_node_is_entered_is_a_message_of_its_own(tmp_path: Path) -> None:
    call = arrived()
    (answer,) = carry(tmp_path, call.call, call.step_done())
    call.give(answer)
    call.step_done()
    asked = call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    asked += call.step_done() if of_type(asked, fx.StopPlaying) else []
    carry(tmp_path, call.call, asked)
    assert len({fact.key for fact in left(tmp_path)}) == 2


def test_who_is_transferred_to_the_flow_again_gets_another_message(tmp_path: Path) -> None:
    """After a talk the flow counts from the beginning; what it sends is not what it has sent before."""
    to_sales = {"type": "transfer", "code": "sales", "to": "queue", "target_id": 7, "failure": "bye"}
    world = FixedWorld()
    world.flows = {3: flow({**SMS, "next": "sales"}, to_sales, entry="text")}
    call = Driven(world)
    call.arrive(DestinationKind.FLOW, 3)
    (answer,) = carry(tmp_path, call.call, call.step_done())
    call.give(answer)
    call.step_done()
    call.match()
    call.answer()
    call.bridged()
    back = TransferTarget(kind=TransferKind.FLOW, id=3)
    call.give(inputs.TransferAsked(at_ms=call.now_ms, leg_id=LEG_ID, to=back))
    carry(tmp_path, call.call, call.give(inputs.Parked(at_ms=call.now_ms)))
    assert len({fact.key for fact in left(tmp_path)}) == 2


def test_a_call_has_its_share_of_messages_however_often_it_comes_to_flows(tmp_path: Path) -> None:
    """The caller hears that a message is on its way only of those that are sent: the fourth is none."""
    to_sales = {"type": "transfer", "code": "sales", "to": "queue", "target_id": 7, "failure": "bye"}
    more = {**SMS, "code": "more", "next": "sales"}
    world = FixedWorld()
    world.flows = {3: flow({**SMS, "next": "more"}, more, to_sales, entry="text")}
    call = Driven(world)
    call.arrive(DestinationKind.FLOW, 3)
    back = TransferTarget(kind=TransferKind.FLOW, id=3)

    def told(asked: list[fx.Effect]) -> list[fx.Effect]:
        """Carry the messages out and hear what is said of them."""
        while answers := carry(tmp_path, call.call, asked):
            for answer in answers:
                call.give(answer)
            asked = call.step_done()
        return asked

    told(call.step_done())
    assert len(left(tmp_path)) == 2
    call.match()
    call.answer()
    call.bridged()
    call.give(inputs.TransferAsked(at_ms=call.now_ms, leg_id=LEG_ID, to=back))
    # As a controller that takes the call over reads it from the leg.
    call.call = msgspec.json.decode(msgspec.json.encode(call.call), type=Call)
    told(call.give(inputs.Parked(at_ms=call.now_ms)))
    assert len(left(tmp_path)) == core_sms.MAX_PER_CALL == 3
    assert path(call)[-3:] == [(3, "text", "next"), (3, "more", "failure:too-many"), (3, "bye", "hangup")]
    assert len([note for note in call.call.notes if note.kind is NoteKind.SMS]) == 3


def test_what_an_earlier_version_counted_on_the_run_is_counted(tmp_path: Path) -> None:
    call = arrived()
    (answer,) = carry(tmp_path, call.call, call.step_done())
    assert call.call.run is not None
    call.call.sms, call.call.run["sms"] = 0, core_sms.MAX_PER_CALL
    call.give(answer)
    call.step_done()
    asked = call.give(inputs.KeyPressed(at_ms=call.now_ms, digit="1"))
    asked += call.step_done() if of_type(asked, fx.StopPlaying) else []
    assert carry(tmp_path, call.call, asked) == []
    assert call.call.sms == core_sms.MAX_PER_CALL


def test_a_disk_that_refuses_takes_the_failure_exit(tmp_path: Path) -> None:
    blocked = tmp_path / "sms"
    blocked.write_text("no folder")
    call = arrived()
    (answer,) = carry(blocked, call.call, call.step_done())
    assert isinstance(answer, inputs.RequestAnswered)
    assert answer.answer.reason is AnswerFailure.NOT_LEFT
    call.give(answer)
    assert path(call)[0] == (3, "text", "failure:not-left")
    assert call.call.notes == []


def test_a_caller_who_hangs_up_meanwhile_keeps_the_message(tmp_path: Path) -> None:
    call = arrived()
    (answer,) = carry(tmp_path, call.call, call.step_done())
    call.hang_up()
    assert call.give(answer) == []
    assert call.call.phase is Phase.ENDED
    assert len(left(tmp_path)) == 1


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"fact": "sms"', IncompleteError),
        (b"{}", NotACdrError),
        (
            b'{"fact":"sms","key":"","tenant_id":1,"call_id":"c","number":"n","text":"t","flow_id":1,"node":"n",'
            b'"at_ms":1}',
            NotACdrError,
        ),
    ],
)
def test_a_spoilt_file_is_told(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        sms_facts.parse(data)
