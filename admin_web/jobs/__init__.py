"""My tasks: what the signed-in person has done in the background, its progress and its files."""

from __future__ import annotations

from admin_web.jobs.views import blueprint

__all__ = ["blueprint"]
