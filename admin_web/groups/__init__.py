"""User groups (ACC-7): the tree, its quotas and their history."""

from __future__ import annotations

from admin_web.groups.views import blueprint

__all__ = ["blueprint"]
