"""Direct calls to an extension whose bound number may ring (CTI-E3)."""

from __future__ import annotations

import msgspec

from core.documents import ExtensionDoc
from cti.call import effects as fx
from cti.call import in_queue, inputs
from cti.call.machine import advance
from cti.call.model import Call, EndedIn, Outside, Phase
from cti.call.outcome import ended_in
from tests.unit.cti.call.driver import FixedWorld

NUMBER = "+8613912345678"
OUT = "33333333-3333-4333-8333-333333333333"
TO = Outside(
    leg_id=OUT,
    number=NUMBER,
    caller_id="+861012345678",
    trunk_id=4,
    trunk_code="carrier1",
    dialled="13912345678",
    shown="01012345678",
)


class Forwarding(FixedWorld):
    """A world whose extensions forward when offline."""

    def extension(self, extension_id: int) -> ExtensionDoc | None:
        found = super().extension(extension_id)
        assert found is not None
        return msgspec.structs.replace(found, bound_number=NUMBER, forward_when_offline=True)


def names(effects: list[fx.Effect]) -> list[str]:
    """Return the effects by name."""
    return [type(effect).__name__ for effect in effects]


def asked(world: FixedWorld) -> tuple[Call, list[fx.Effect]]:
    """Return a call that just asked for extension 1, and what is done for it."""
    call = Call(id="11111111-1111-4111-8111-111111111111", tenant_id=1)
    return call, in_queue.offer_extension(call, 1, (), world, 1_000)


def test_what_cannot_be_broken_is_not_begun() -> None:
    """No music before it is known who rings: the number's ringing may take its place."""
    _, effects = asked(Forwarding())
    assert names(effects) == ["Answer", "OfferExtension"]
    assert names(asked(FixedWorld())[1]) == ["Answer", "PlayMusic", "OfferExtension"]


def test_the_bound_number_is_dialled_once_and_the_call_is_the_extensions() -> None:
    call, _ = asked(Forwarding())
    way = inputs.WayOut(at_ms=1_001, to=TO, background=(), extension_id=1)
    effects = advance(call, way, Forwarding())
    assert names(effects).count("DialOutside") == 1
    assert (call.phase, call.extension_id, call.queue_id) == (Phase.OUTSIDE, 1, 0)
    assert ended_in(call) is EndedIn.EXTENSION
    again = advance(call, inputs.AgentGone(at_ms=2_000, leg_id=OUT, cause="USER_BUSY"), Forwarding())
    assert "LeaveOutside" not in names(again), "the dial's own end says so"
    assert call.step is not None
    done = inputs.StepDone(at_ms=2_001, step_id=call.step.id, ok=False, cause="USER_BUSY")
    effects = advance(call, done, Forwarding())
    assert [each.leg_id for each in effects if isinstance(each, fx.LeaveOutside)] == [OUT]
    assert (call.phase, call.ended_in, call.ended_detail) == (Phase.LEAVING, EndedIn.EXTENSION, "busy")


def test_who_hangs_up_while_it_rings_gives_the_places_back() -> None:
    call, _ = asked(Forwarding())
    advance(call, inputs.WayOut(at_ms=1_001, to=TO, background=(), extension_id=1), Forwarding())
    effects = advance(call, inputs.CustomerGone(at_ms=2_000, cause="NORMAL_CLEARING"), Forwarding())
    assert [each.leg_id for each in effects if isinstance(each, fx.LeaveOutside)] == [OUT]
    assert call.ended_in is EndedIn.EXTENSION
