"""A call never reaches another company's queue or extension, whatever its route or flow names (CTI-R4, CTI-I7)."""

from __future__ import annotations

import pytest

from core.documents import DestinationKind, ExtensionDoc
from cti.call import effects as fx
from cti.call import in_queue
from cti.call.model import EndedIn
from ivr.messages import TargetKind, TransferTarget
from tests.unit.cti.call.driver import Driven, FixedWorld, of_type, queue_doc


class TwoCompanies(FixedWorld):
    """Queue 7 and every extension belong to company `owner`; the driven call is company 1's."""

    def __init__(self, owner: int) -> None:
        super().__init__(queue=queue_doc(tenant_id=owner))
        self.owner = owner

    def extension(self, extension_id: int) -> ExtensionDoc | None:
        return ExtensionDoc(
            id=extension_id, tenant_id=self.owner, version=1, number="801", web_user="w801", sip_user="s801"
        )


@pytest.mark.parametrize(("owner", "reached"), [(1, True), (2, False)])
def test_a_route_reaches_only_the_companys_own_queue(owner: int, reached: bool) -> None:
    call = Driven(TwoCompanies(owner))
    asked = call.arrive(DestinationKind.QUEUE, 7)
    assert bool(of_type(asked, fx.Enqueue)) is reached
    assert bool(of_type(asked, fx.PlaySystem)) is not reached
    assert (call.call.queue_id == 7) is reached


@pytest.mark.parametrize(("owner", "reached"), [(1, True), (2, False)])
def test_a_route_reaches_only_the_companys_own_extension(owner: int, reached: bool) -> None:
    call = Driven(TwoCompanies(owner))
    asked = call.arrive(DestinationKind.EXTENSION, 9)
    assert bool(of_type(asked, fx.OfferExtension)) is reached
    assert (call.call.extension_id == 9) is reached


@pytest.mark.parametrize("kind", [TargetKind.QUEUE, TargetKind.EXTENSION])
def test_a_flows_transfer_to_another_companys_goes_like_one_to_nothing(kind: TargetKind) -> None:
    world = TwoCompanies(2)
    call = Driven(TwoCompanies(1))
    call.arrive(DestinationKind.QUEUE, 7)
    call.call.queue_id = 0
    asked = in_queue.transfer(call.call, TransferTarget(kind=kind, id=7), (), world, call.now_ms)
    assert not of_type(asked, fx.Enqueue)
    assert not of_type(asked, fx.OfferExtension)
    assert [each.name for each in of_type(asked, fx.PlaySystem)] == ["unavailable"]
    assert call.call.ended_in is EndedIn.EXTENSION
