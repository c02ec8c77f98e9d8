"""Prometheus metrics: one registry per process, made in its composition root and handed to who counts."""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

LATENCY_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Histogram borders for what should take milliseconds."""

WAIT_BUCKETS_S: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Histogram borders for how long people wait."""


def make_registry(process: str, version: str) -> CollectorRegistry:
    """Return a registry with the process's own figures (memory, processor time, garbage) and
    ``zongji_build_info``.
    """
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    Info("zongji_build", "The running version.", registry=registry).info(
        {"process": process, "version": version}
    )
    return registry


def exposition(registry: CollectorRegistry) -> bytes:
    """Return the registry as Prometheus reads it, of type :data:`CONTENT_TYPE`."""
    return generate_latest(registry)
