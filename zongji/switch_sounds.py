"""What the switch plays by itself, found in the built sounds."""

from __future__ import annotations

from core.settings import Settings
from freeswitch_conf.layout import Sounds
from sounds.build import manifest


def switch_sounds(settings: Settings) -> Sounds:
    """Return the fallback announcement and the music that `sounds` built; what is missing is left out."""
    built = manifest(settings)
    return Sounds(fallback=built.fallback(), music=built.music_folders())
