"""Reports over the call records, by queue, agent and route (CTI-C9)."""

from admin_web.reports.views import blueprint

__all__ = ["blueprint"]
