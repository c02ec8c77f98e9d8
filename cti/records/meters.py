"""What the shipper counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from cti.records.spool import BAD, HOMELESS, Spool


@dataclasses.dataclass(frozen=True)
class Meters:
    """The gauges of files have the label ``what``: ``records`` (legs, facts, states) or ``messages``."""

    records: Counter
    bad: Gauge
    refused: Gauge
    waiting: Gauge
    recordings: Counter
    delay: Gauge

    @classmethod
    def make(cls, registry: CollectorRegistry) -> Meters:
        """Return the meters, registered."""

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, ["what"], registry=registry)

        return cls(
            records=Counter("zongji_records", "Records of legs and facts written.", registry=registry),
            bad=gauge("zongji_records_put_aside", "Files nobody can read, put aside."),
            refused=gauge("zongji_records_refused", "Files the disk refuses, left for later."),
            waiting=gauge("zongji_records_waiting", "Files waiting to be written."),
            recordings=Counter("zongji_recordings", "Recorded segments stored.", registry=registry),
            delay=Gauge(
                "zongji_shipper_last_success", "When a step last ended well, epoch.", registry=registry
            ),
        )

    def count(self, what: str, spools: Iterable[Spool[Any]]) -> None:
        """Count the files that lie in `spools`. Raises ``OSError`` when a folder is refused."""
        spools = list(spools)
        self.waiting.labels(what).set(sum(spool.waiting() for spool in spools))
        self.bad.labels(what).set(sum(spool.aside(where) for spool in spools for where in (BAD, HOMELESS)))
        self.refused.labels(what).set(sum(len(spool.refused()) for spool in spools))
