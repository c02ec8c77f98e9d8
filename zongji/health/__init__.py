"""How the running platform is, for the operator's page: the doctor's findings and what only running processes know."""

from __future__ import annotations

from zongji.health.look import Health

__all__ = ["Health"]
