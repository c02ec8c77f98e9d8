"""How many web processes there are; on its own, so that whoever asks is not patched by gevent."""

from __future__ import annotations

from core.settings import Settings


def workers(settings: Settings) -> int:
    """Return how many worker processes to run: SQLite takes one writer, MariaDB many."""
    return settings.web_workers or (1 if settings.effective_database_url.startswith("sqlite") else 2)
