"""The scenarios, by what they are about."""

from __future__ import annotations

from tests.conformance.switch.scenarios import (
    applications as applications,
)
from tests.conformance.switch.scenarios import (
    bridges as bridges,
)
from tests.conformance.switch.scenarios import (
    calls as calls,
)
from tests.conformance.switch.scenarios import (
    facts as facts,
)
from tests.conformance.switch.scenarios import (
    listening as listening,
)
from tests.conformance.switch.scenarios import (
    outgoing as outgoing,
)
from tests.conformance.switch.scenarios import (
    recording as recording,
)
from tests.conformance.switch.scenarios.registry import SCENARIOS

__all__ = ["SCENARIOS"]
