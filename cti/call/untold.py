"""A talk that the call's last state does not know of, found by the switch's own times. Pure."""

from __future__ import annotations

import msgspec

from cti.call import in_transfer
from cti.call.model import Call, Phase


def with_untold_talk(call: Call, bridged_ms: int) -> Call:
    """Return the call with a talk its last state does not know: the agent had answered, the switch connected the two at
    `bridged_ms`, and the customer left before the controller had heard of it. Else the call as it is.

    The talk has no recording: nobody had asked for one yet.
    """
    answered = next((offer for offer in call.offers if offer.leg_id == call.agent_leg), None)
    if call.phase is not Phase.CONNECTING or answered is None or bridged_ms < answered.answered_ms:
        return call
    told = msgspec.structs.replace(call, phase=Phase.TALKING, talk_started_ms=bridged_ms, talk_ended_ms=0)
    in_transfer.reached(told, bridged_ms)
    return told
