"""What every process does first."""

from __future__ import annotations

import sys

from core import logs
from core.settings import Settings, SettingsError, load


def begin(name: str) -> Settings:
    """Return the settings after setting up logs; ends the process with one sentence when they are wrong."""
    try:
        settings = load()
    except SettingsError as error:
        sys.exit(str(error))
    logs.configure(settings, name)
    return settings
