"""Asking a colleague on a landline that takes calls with a key (DSK-3, DSK-4): what picked up and taken mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.call import inputs
from cti.call.model import ConsultState
from cti.controller.agent_legs import KEY, UNADOPTED_S, _asks_for_key
from cti.controller.settle_dial import missed_consult
from cti.esl.events import Event, decode_json
from cti.esl.originate import BridgeTo, Gateway, Originate
from cti.esl.quoting import UnsafeValue
from tests.unit.cti.call.driver import LEG_ID
from tests.unit.cti.call.test_consult import asking

WORDS = (Path("/srv/zongji/prompts/zh/press-to-take.wav"),)
AT = 1_700_000_000_000


def leg(uuid: str, **headers: str) -> Event:
    """Return the dump of a leg that is up."""
    known = {"Event-Name": "CHANNEL_DATA", "Unique-ID": uuid, "Answer-State": "answered"}
    named = {name.replace("__", "-"): value for name, value in headers.items()}
    return decode_json(json.dumps({**known, **named}).encode())


@pytest.mark.parametrize("press", [False, True])
@pytest.mark.parametrize("bridged", [False, True])
def test_found_picked_up_by_a_new_controller(press: bool, bridged: bool) -> None:
    """Without a key an answer is an answer; with one only a bridge says that it was pressed."""
    call = asking().call
    assert call.consult is not None
    call.consult.state = ConsultState.DIALLING
    media = {"Channel__State": "CS_EXCHANGE_MEDIA"} if bridged else {}
    colleague = leg(call.consult.leg_id, **media, **({"variable_zj_press": "true"} if press else {}))
    asker = leg(LEG_ID, Channel__State="CS_EXECUTE", variable_current_application="bridge")
    missed = missed_consult(call, call.consult, asker, lambda _: colleague, AT)
    taken = [inputs.OutsideAnswered(at_ms=AT, leg_id=call.consult.leg_id)]
    assert missed == ([] if press and not bridged else taken)


def dialled(words: tuple[Path, ...]) -> str:
    """Return the argument of the bridge to a colleague who has to press the key."""
    target = Gateway(name="carrier1", number="13912345678")
    shown = Originate(
        uuid="33333333-3333-4333-8333-333333333333",
        target=target,
        timeout_s=45,
        caller_number="01012345678",
        variables=_asks_for_key(words),
    )
    return BridgeTo(leg=shown).call()[1]


def test_the_switch_is_told_to_wait_for_the_key() -> None:
    argument = dialled(WORDS)
    assert f"group_confirm_key={KEY}" in argument
    assert f"group_confirm_timeout={UNADOPTED_S}" in argument
    assert f"group_confirm_file={WORDS[0]}" in argument


@pytest.mark.parametrize("odd", ["/srv/my calls/press.wav", "/srv/a,b/press.wav", "/srv/${x}/press.wav"])
def test_a_path_no_bridge_can_carry_costs_the_words_and_not_the_key(odd: str) -> None:
    argument = dialled((Path(odd),))
    assert "group_confirm_file" not in argument
    assert f"group_confirm_key={KEY}" in argument
    with pytest.raises(UnsafeValue):
        BridgeTo(
            leg=Originate(
                uuid="33333333-3333-4333-8333-333333333333",
                target=Gateway(name="carrier1", number="1"),
                timeout_s=45,
                caller_number="1",
                variables={"group_confirm_file": odd},
            )
        ).call()
