"""A deliverer that kills itself at a point: ``python -m tests.integration.webhooks.dying <url> <point>``."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from prometheus_client import CollectorRegistry

from admin_web.webhooks import deliveries
from admin_web.webhooks.deliverer import Deliverer, Meters
from core.database import Database
from core.outbound_http import Outbound
from tests.integration.webhooks.stage import LOOPBACK, VAULT

POINTS = ("before-sending", "after-sending", "after-fan-out")


def die(*args: Any, **options: Any) -> Any:
    """End as SIGKILL ends: nothing is flushed, nothing cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Deliver, dying on the way."""
    url, point = sys.argv[1], sys.argv[2]
    if point == "before-sending":
        deliveries.send = die
    elif point == "after-sending":
        deliveries.finish = die
    else:
        deliveries.due = die
    work = Deliverer(Database(url), VAULT, Outbound(LOOPBACK), Meters.make(CollectorRegistry()))
    work.step()
    time.sleep(20)


if __name__ == "__main__":
    main()
