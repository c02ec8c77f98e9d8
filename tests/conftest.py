"""Fixtures every tier may use; what they need is started only when a test asks for it."""

from __future__ import annotations

import hypothesis
import pytest

# The same examples each time, however slow the machine: what a landing tries is what was tried before it. Examples that
# nobody has seen yet are looked for by `make search`, which takes the other profile.
hypothesis.settings.register_profile(
    "same",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "search",
    parent=hypothesis.settings.get_profile("same"),
    derandomize=False,
    max_examples=1000,
)
hypothesis.settings.load_profile("same")

pytest_plugins = ["tests.support.database", "tests.support.mariadb", "tests.support.redis"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what a test marked ``only_on`` would be on the other switch."""
    items[:] = [item for item in items if _means_something(item)]


def _means_something(item: pytest.Item) -> bool:
    wanted = item.get_closest_marker("only_on")
    callspec = getattr(item, "callspec", None)
    return wanted is None or callspec is None or wanted.args[0] in callspec.params.values()
