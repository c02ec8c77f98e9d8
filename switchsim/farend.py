"""Who is at the other side of a leg, outside the switch. The base does nothing: a phone that only exists."""

from __future__ import annotations


class FarEnd:
    """What a leg tells its far end. None of these may wait."""

    def before_answer(self) -> None:
        """The switch is about to tell of the answer."""

    def answered(self) -> None:
        """The leg was answered."""

    def early_media(self) -> None:
        """The leg has early media: the far end hears, unanswered."""

    def prompt(self) -> None:
        """A playback began on the leg."""

    def bridged(self) -> None:
        """The leg was bridged."""

    def key(self, digit: str) -> None:
        """The switch sent a key to the far end."""

    def phone_event(self, event: str) -> None:
        """The switch asks the phone to pick up (``talk``) or hold (``hold``)."""

    def hung_up(self, cause: str) -> None:
        """The leg ended."""
