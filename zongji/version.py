"""The version of what runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

SOURCE_VERSION = "0.1.0"
"""As in setup.cfg; for a checkout that is not installed as a package."""


def version() -> str:
    """Return the version, such as ``0.1.0``."""
    try:
        return installed_version("zongji")
    except PackageNotFoundError:
        return SOURCE_VERSION
