"""Messages callers left, and callers who want to be called back (CTI-I10, I13)."""

from admin_web.left_messages.views import blueprint

__all__ = ["blueprint"]
