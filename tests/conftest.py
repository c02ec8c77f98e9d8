"""Fixtures every tier may use; what they need is started only when a test asks for it."""

from __future__ import annotations

pytest_plugins = ["tests.support.database", "tests.support.mariadb", "tests.support.redis"]
