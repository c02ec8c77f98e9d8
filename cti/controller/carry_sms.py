"""Leaves flows' short messages on the cell's disk for sending (CTI-I13): one file each, whole or not at all.

The file is there before the call's state tells of it. A controller killed in between goes on from the state before and
leaves the message again, in the same file and under the same key: it is sent once. Nobody waits for the database.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import structlog

from core.clock import now_ms
from cti.call import effects as fx
from cti.call import in_flow, inputs
from cti.call.model import Call
from cti.controller.work import Handlers, Work
from cti.records.sms_facts import SmsFact
from ivr.messages import Answered, AnswerFailure

log = structlog.get_logger(__name__)


class SmsFiles:
    """Writes the files of one cell."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def handlers(self) -> Handlers:
        """Return who carries out which effect."""
        return {fx.LeaveSms: self._leave_sms}

    def _leave_sms(self, work: Work, effect: fx.LeaveSms) -> None:
        fact = fact_of(work.call, effect)
        answer = Answered(name=effect.sms.name, ok=True)
        try:
            self.leave(fact)
        except OSError as error:
            log.error("sms_not_left", call_id=work.call.id, why=str(error))
            answer = Answered(name=effect.sms.name, ok=False, reason=AnswerFailure.NOT_LEFT)
        work.answers.append(inputs.RequestAnswered(at_ms=now_ms(), answer=answer))

    def leave(self, fact: SmsFact) -> None:
        """Leave a message; the same one again takes its own place. Raises ``OSError``."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(fact.key.encode()).hexdigest()[:32]
        temporary = self._folder / f".{name}.new"
        temporary.write_bytes(msgspec.json.encode(fact))
        os.replace(temporary, self._folder / f"{name}.json")


def fact_of(call: Call, effect: fx.LeaveSms) -> SmsFact:
    """Return what is left of a message. Its key is the same whenever the call comes to it again after a restart."""
    sms = effect.sms
    step = next((each for each in reversed(call.path) if each.node == sms.node), None)
    return SmsFact(
        fact="sms",
        key=f"{in_flow.entry_id(call)}-{effect.flow_id}-{sms.node}-{sms.name}",
        tenant_id=call.tenant_id,
        call_id=call.id,
        number=sms.number,
        text=sms.text,
        flow_id=effect.flow_id,
        node=sms.node,
        node_name=step.name if step is not None else "",
        at_ms=now_ms(),
    )
