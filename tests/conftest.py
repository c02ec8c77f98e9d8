"""Fixtures every tier may use; what they need is started only when a test asks for it."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.support.database", "tests.support.mariadb", "tests.support.redis"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what a test marked ``only_on`` would be on the other switch."""
    items[:] = [item for item in items if _means_something(item)]


def _means_something(item: pytest.Item) -> bool:
    wanted = item.get_closest_marker("only_on")
    callspec = getattr(item, "callspec", None)
    return wanted is None or callspec is None or wanted.args[0] in callspec.params.values()
