"""The months of a calendar: which days are worked, and deciding single days by a click (CTI-I8)."""

from admin_web.calendars.views import blueprint

__all__ = ["blueprint"]
