"""The supervisor's page: queues, extensions and waiting calls as they are, and what may be done about them (SUP-1)."""

from admin_web.supervision.views import blueprint

__all__ = ["blueprint"]
