"""Which endpoints are registered at this cell's switch, and where they are reached.

The switch's events are the source; the contact to dial is asked for when a registration changes, so that an originate
never waits for it. A vanished endpoint is told to whoever listens after a short grace, because phones re-register.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import gevent
import structlog

from cti.esl import answers, commands
from cti.esl.client import Reply, SwitchClient, SwitchError
from cti.esl.events import Event

log = structlog.get_logger(__name__)

PROFILE = "agents"
ASK_TIMEOUT_S = 2.0
_INSTANCE = re.compile(r"sips?:([^;>]+)")


class Registrations:
    """SIP user to contact, for the agents' profile."""

    def __init__(self, switch: SwitchClient, domain: str) -> None:
        self._switch = switch
        self._domain = domain
        self._contacts: dict[str, commands.SipContact | None] = {}
        self._instances: dict[str, str] = {}
        self.known = False
        """Whether the switch was asked: before that nothing is known of anybody."""
        self.on_change: Callable[[str, bool], None] = lambda user, registered: None
        self.on_moved: Callable[[str], None] = lambda user: None
        """Another phone (a reloaded page) took the registration over: what the old one held is lost."""

    def registered(self, user: str) -> bool:
        """Return whether the endpoint is registered, by the last event."""
        return user in self._contacts

    def users(self) -> frozenset[str]:
        """Return everybody who is registered, by the last event."""
        return frozenset(self._contacts)

    def contact(self, user: str) -> commands.SipContact | None:
        """Return where to dial the endpoint; asks the switch when only the registration is known."""
        known = self._contacts.get(user)
        if known is not None or user not in self._contacts:
            return known
        try:
            reply = self._switch.send(commands.contact(PROFILE, user, self._domain), ASK_TIMEOUT_S)
        except SwitchError as error:
            log.warning("contact_unknown", user=user, reason=str(error))
            return None
        self._note(user, reply)
        return self._contacts.get(user)

    def load(self) -> None:
        """Read all registrations from the switch (at connection); tells every change."""
        reply = self._switch.send(commands.registrations())
        found = {
            row.user: row.target()
            for row in answers.registrations(reply.text, PROFILE)
            if row.domain == self._domain
        }
        before = set(self._contacts)
        self._contacts = dict(found)
        self.known = True
        for user, target in found.items():
            self._see_instance(user, target.uri)
        for user in before - found.keys():
            self.on_change(user, False)
        for user in found:
            self.on_change(user, True)

    def on_event(self, event: Event) -> None:
        """Take a ``sofia::register``, ``sofia::unregister`` or ``sofia::expire``."""
        user = event.from_user or event.user
        if not user or (event.profile and event.profile != PROFILE):
            return
        if event.subclass == "sofia::register":
            self._contacts[user] = None
            self._see_instance(user, event.contact)
            self._switch.post(
                commands.contact(PROFILE, user, self._domain), lambda reply: self._note(user, reply)
            )
            self.on_change(user, True)
        else:
            self._contacts.pop(user, None)
            gevent.spawn_later(0.2, self._gone_unless_back, user)

    def _see_instance(self, user: str, contact: str) -> None:
        found = _INSTANCE.search(contact)
        instance = found[1] if found else ""
        before = self._instances.get(user, "")
        self._instances[user] = instance
        if before and instance and before != instance:
            self.on_moved(user)

    def _gone_unless_back(self, user: str) -> None:
        """Some phones replace a registration by unregistering first."""
        if user not in self._contacts:
            self.on_change(user, False)

    def _note(self, user: str, reply: Reply) -> None:
        found = answers.contacts(reply.text) if reply.ok else []
        if user in self._contacts and found:
            self._contacts[user] = found[-1]
