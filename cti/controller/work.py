"""What carrying one list of effects comes to: commands for the switch, answers, and what is done after them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from cti.call import effects as fx
from cti.call import inputs
from cti.call.model import Call
from cti.controller.runner import CallRunner

FALLBACK_S = 45
"""How far ahead the fallback is kept while a controller owns a call that is not bridged."""
RINGING = "%(1000,4000,450)"
"""What an agent hears while the called party rings and sends nothing of its own."""


@dataclasses.dataclass
class Work:
    """What carrying one list of effects has come to."""

    runner: CallRunner
    wires: list[bytes] = dataclasses.field(default_factory=list)
    once: list[bytes] = dataclasses.field(default_factory=list)
    """Sent after the others, and never again when it is not known whether they arrived (decision 2)."""
    answers: list[inputs.Input] = dataclasses.field(default_factory=list)
    after: list[Callable[[], None]] = dataclasses.field(default_factory=list)
    outside: bool = False
    """Something happens outside that must not happen twice: the leg is told before it does."""

    @property
    def call(self) -> Call:
        """The call at hand."""
        return self.runner.call


Handlers = dict[type[fx.Effect], Callable[[Work, Any], None]]
"""Who carries out which effect."""
