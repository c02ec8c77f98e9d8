"""Simulated phones: registered SIP users that ring, answer, refuse or stay silent, and are driven by hand."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from switchsim.farend import FarEnd
from switchsim.wire import local_stamp

if TYPE_CHECKING:
    from switchsim.core import Core
    from switchsim.session import Session


_USER_AGENT = "switchsim phone"


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What a phone does when called. Seconds are simulated ones, counted from the call's arrival at the phone."""

    ring_after_s: float | None = 0.05
    """When it says that it rings; None: never says anything."""
    early_media_after_s: float | None = None
    """When it sends early media (183), as a carrier's announcement; None: never."""
    answer_after_s: float | None = None
    """When it picks up; None: only by hand or when the switch asks (``uuid_phone_event talk``)."""
    reject_cause: str = ""
    """Refuse with this cause after `reject_after_s`."""
    reject_after_s: float = 0.2
    talk_s: float | None = None
    """Hang up so long after picking up; None: never by itself."""


@dataclasses.dataclass
class Phone:
    """One registered SIP user."""

    user: str
    domain: str
    profile: str
    transport: str = "udp"
    behaviour: Behaviour = Behaviour()
    expires_us: int = 0
    port: int = 0
    call_id: str = ""
    legs: list[PhoneLeg] = dataclasses.field(default_factory=list)

    @property
    def address(self) -> str:
        """The contact's address part, ``user@host:port``."""
        return f"{self.user}@127.0.0.1:{self.port}"

    @property
    def contact(self) -> str:
        """The contact as a SIP URI."""
        return f"sip:{self.address};transport={self.transport}"


class PhoneLeg(FarEnd):
    """A phone's (or an outside number's) end of one outgoing leg."""

    def __init__(self, core: Core, behaviour: Behaviour, phone: Phone | None) -> None:
        self._core = core
        self._behaviour = behaviour
        self._phone = phone
        self.session: Session | None = None
        self.keys = ""

    def arrive(self, session: Session) -> None:
        """The call reached the phone: it does what it is set to do."""
        self.session = session
        if self._phone is not None:
            self._phone.legs.append(self)
        behaviour = self._behaviour
        later = self._core.spawn_later
        if behaviour.reject_cause:
            later(behaviour.reject_after_s, session.hang_up, behaviour.reject_cause)
        if behaviour.ring_after_s is not None and not _at_once(behaviour):
            later(behaviour.ring_after_s, self._ring)
        if behaviour.early_media_after_s is not None:
            later(behaviour.early_media_after_s, session.pre_answer)
        if behaviour.answer_after_s is not None and not behaviour.reject_cause:
            later(behaviour.answer_after_s, self.pick_up)

    def _ring(self) -> None:
        session = self.session
        if session is not None and session.channel.up and not session.channel.answered:
            session.channel.profile.network_addr = "127.0.0.1"
            session.ring()

    def pick_up(self) -> bool:
        """Answer; say whether there was anything to answer."""
        session = self.session
        if session is None or not session.channel.up or session.channel.answered:
            return False
        session.channel.profile.network_addr = "127.0.0.1"
        session.answer()
        session.wake.set()
        if self._behaviour.talk_s is not None:
            self._core.spawn_later(self._behaviour.talk_s, session.hang_up, "NORMAL_CLEARING")
        return True

    def hang_up(self, cause: str = "") -> bool:
        """Hang up, or refuse while it rings; say whether there was anything to end."""
        session = self.session
        if session is None or not session.channel.up:
            return False
        session.hang_up(cause or ("NORMAL_CLEARING" if session.channel.answered else "CALL_REJECTED"))
        return True

    def phone_event(self, event: str) -> None:
        if event == "talk":
            self.pick_up()

    def key(self, digit: str) -> None:
        self.keys += digit

    def hung_up(self, _cause: str) -> None:
        if self._phone is not None and self in self._phone.legs:
            self._phone.legs.remove(self)


def _at_once(behaviour: Behaviour) -> bool:
    """A phone that refuses before it would ring never rings."""
    return bool(behaviour.reject_cause) and behaviour.reject_after_s <= (behaviour.ring_after_s or 0)


class Phones:
    """All registrations of the switch."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.registered: dict[str, Phone] = {}
        self._ports: dict[str, int] = {}
        self.behaviours: dict[str, Behaviour] = {}
        """By user or outside number; ``*`` is everybody else outside."""

    def register(
        self,
        user: str,
        *,
        domain: str = "",
        profile: str = "",
        transport: str = "udp",
        expires_s: float = 600,
    ) -> Phone:
        """Register `user`; a second registration takes the first one's place."""
        options = self._core.options
        old = self.registered.get(user)
        phone = old or Phone(user, domain or options.domain, profile or options.agents_profile, transport)
        phone.transport = transport
        phone.port = self._ports.setdefault(user, random.randint(20000, 60000))  # noqa: S311 - a port, not a secret
        phone.call_id = phone.call_id or self._core.new_uuid()
        phone.expires_us = self._core.clock.now_us() + int(expires_s * 1e6)
        phone.behaviour = self.behaviours.get(user, phone.behaviour)
        self.registered[user] = phone
        about = self._about(phone, expires_s) | {
            "presence-hosts": "n/a",
            "status": f"Registered({phone.transport.upper()})",
            "to-user": phone.user,
            "to-host": phone.domain,
        }
        self._core.fire("CUSTOM", extra=about, subclass="sofia::register")
        self._core.spawn_later(expires_s, self._expire, phone, phone.expires_us)
        return phone

    def unregister(self, user: str) -> bool:
        """Unregister `user`; say whether it was registered."""
        phone = self.registered.pop(user, None)
        if phone is None:
            return False
        self._core.fire("CUSTOM", extra=self._about(phone, 0), subclass="sofia::unregister")
        return True

    def _expire(self, phone: Phone, due_us: int) -> None:
        if self.registered.get(phone.user) is phone and phone.expires_us == due_us:
            del self.registered[phone.user]
            self._core.fire("CUSTOM", extra=self._about_expired(phone), subclass="sofia::expire")

    def set_behaviour(self, who: str, behaviour: Behaviour) -> None:
        """Set what a user's phone (registered or not yet) or an outside number does."""
        self.behaviours[who] = behaviour
        if who in self.registered:
            self.registered[who].behaviour = behaviour

    def outside(self, number: str) -> Behaviour:
        """Return what an outside number does: by default it rings and answers after two seconds."""
        default = Behaviour(answer_after_s=2)
        return self.behaviours.get(number, self.behaviours.get("*", default))

    def at_contact(self, uri: str) -> Phone | None:
        """Return the phone a SIP URI (or ``user@domain``) leads to."""
        address = uri.removeprefix("sip:").removeprefix("sips:").split(";")[0]
        user, _at, host = address.partition("@")
        phone = self.registered.get(user)
        if phone is None or (host and host not in (phone.domain, f"127.0.0.1:{phone.port}")):
            return None
        return phone

    def _about(self, phone: Phone, expires_s: float) -> dict[str, str]:
        """What ``sofia::unregister`` says; ``sofia::register`` says more."""
        return {
            "profile-name": phone.profile,
            "username": phone.user,
            "from-user": phone.user,
            "from-host": phone.domain,
            "contact": f'"" <{phone.contact}>',
            "call-id": phone.call_id,
            "rpid": "unknown",
            "realm": phone.domain,
            "network-ip": "127.0.0.1",
            "network-port": str(phone.port),
            "user-agent": _USER_AGENT,
            "expires": str(int(expires_s)),
        }

    def _about_expired(self, phone: Phone) -> dict[str, str]:
        """What ``sofia::expire`` says: other names than its siblings have."""
        return {
            "profile-name": phone.profile,
            "call-id": phone.call_id,
            "user": phone.user,
            "username": phone.user,
            "host": phone.domain,
            "contact": f'"" <{phone.contact}>',
            "expires": str(phone.expires_us // 1_000_000),
            "user-agent": _USER_AGENT,
            "realm": phone.domain,
            "network-ip": "127.0.0.1",
            "network-port": str(phone.port),
        }

    def as_xml(self, profile: str) -> str:
        """Return the answer of ``sofia xmlstatus profile <profile> reg``."""
        rows = "".join(self._xml(phone) for phone in self.registered.values() if phone.profile == profile)
        head = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<profile>\n  <registrations>\n'
        return f"{head}{rows}  </registrations>\n</profile>\n"

    def _xml(self, phone: Phone) -> str:
        left = max(0, (phone.expires_us - self._core.clock.now_us()) // 1_000_000)
        stamp = local_stamp(phone.expires_us)
        values = {
            "call-id": phone.call_id,
            "user": f"{phone.user}@{phone.domain}",
            "contact": f'"" <{phone.contact}>',
            "agent": _USER_AGENT,
            "status": f"Registered({phone.transport.upper()})(unknown) exp({stamp}) expsecs({left})",
            "ping-status": "Reachable",
            "ping-time": "0.00",
            "host": self._core.hostname,
            "network-ip": "127.0.0.1",
            "network-port": str(phone.port),
            "sip-auth-user": phone.user,
            "sip-auth-realm": phone.domain,
            "mwi-account": f"{phone.user}@{phone.domain}",
        }
        lines = (
            f"        <{tag}>{escape(text, {chr(34): '&quot;'})}</{tag}>\n" for tag, text in values.items()
        )
        return f"    <registration>\n{''.join(lines)}    </registration>\n"

    def as_json(self) -> str:
        """Return the answer of ``show registrations as json``."""
        rows = [
            {
                "reg_user": phone.user,
                "realm": phone.domain,
                "token": phone.call_id,
                "url": f"sofia/{phone.profile}/{phone.contact}",
                "expires": str(phone.expires_us // 1_000_000),
                "network_ip": "127.0.0.1",
                "network_port": str(phone.port),
                "network_proto": phone.transport,
                "hostname": self._core.hostname,
                "metadata": "",
            }
            for phone in self.registered.values()
        ]
        if not rows:
            return '{"row_count": 0}\n'
        return json.dumps({"row_count": len(rows), "rows": rows}, separators=(",", ":"))
