"""Who may come from where (ACC-11): :func:`allowed` decides, :func:`networks_of` reads a company's list."""

from __future__ import annotations

from core.access.networks import Network, allowed
from core.access.service import networks_of

__all__ = ["Network", "allowed", "networks_of"]
