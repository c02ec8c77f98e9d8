"""Call records: inbound list, missed list, a call's page with its recording."""

from admin_web.records.views import blueprint

__all__ = ["blueprint"]
