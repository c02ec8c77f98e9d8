"""The voice library's drawers and sounds, and the speech service's page; the lists are described resources."""

from __future__ import annotations

from admin_web.voices.routes import blueprint

__all__ = ["blueprint"]
