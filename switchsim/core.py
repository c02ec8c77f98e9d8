"""The switch as a whole: its sessions, listeners, scheduled tasks, phones and settings. One per process or test."""

from __future__ import annotations

import dataclasses
import socket
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import gevent

from switchsim.channel import Channel
from switchsim.clock import Clock
from switchsim.schedule import Schedule
from switchsim.table import Table
from switchsim.wire import Event, HeaderValue, gmt_stamp, local_stamp

if TYPE_CHECKING:
    from switchsim.phones import Phones
    from switchsim.session import Session

Listener = Callable[[Event], None]

VERSION = "1.11.1-release+git~simulator~64bit"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What a simulated switch is set up with; nothing of it changes while it runs."""

    cdr_dir: Path | None = None
    """Where a record per leg is written; None writes none."""
    recordings_dir: Path | None = None
    """Folder that relative recording paths are taken to be in."""
    domain: str = "switchsim.invalid"
    agents_profile: str = "agents"
    """SIP profile phones register at."""
    carrier_profile: str = "carrier"
    """SIP profile calls come in by and go out by."""
    fallback_after_s: int = 8
    after_talk_s: int = 20
    """The same for a caller whose talk is over (extension ``after-talk``)."""
    fallback_sounds: tuple[str, ...] = ()
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Variables the dialplan sets on each call that enters, besides its own."""
    music: frozenset[str] = frozenset({"default", "moh"})
    """Names of ``local_stream://`` music."""
    gateways: frozenset[str] = frozenset()
    """Names of gateways that exist from the start; others fail with INVALID_GATEWAY."""
    gateways_file: Path | None = None
    """File of further gateways, as FreeSWITCH reads them; read at the start and by ``sofia profile … rescan``."""
    heartbeat_s: float = 20
    channels_lag_s: float = 0.6
    """How long ``show channels`` may stay behind the truth."""
    max_sessions: int = 5000


class Core:
    """Holds everything; nothing in the package is global."""

    def __init__(self, options: Options, clock: Clock) -> None:
        from switchsim.gateways import Gateways  # like the phones, they hold the core
        from switchsim.phones import Phones

        self.options = options
        self.clock = clock
        self.uuid = str(uuid.uuid4())
        self.hostname = socket.gethostname()
        self.sessions: dict[str, Session] = {}
        self.listeners: dict[object, tuple[Callable[[str, str], bool], Listener]] = {}
        self.gateways = Gateways(self, options.gateways, options.gateways_file)
        self.globals = {"core_uuid": self.uuid, "hostname": self.hostname, "domain": options.domain}
        self.schedule = Schedule(self)
        self.table = Table(self)
        self.phones: Phones = Phones(self)
        self.sequence = 0
        self.started = 0
        self.peak = 0
        self._background: set[gevent.Greenlet] = set()
        self.gateways.rescan()

    # --- events -------------------------------------------------------------------------------------------------

    def wanted(self, name: str, subclass: str = "") -> bool:
        """Say whether any listener takes events of this name."""
        return any(wants(name, subclass) for wants, _deliver in self.listeners.values())

    def fire(
        self,
        name: str,
        channel: Channel | None = None,
        extra: Mapping[str, HeaderValue] | None = None,
        *,
        body: str | None = None,
        subclass: str = "",
    ) -> None:
        """Send an event to the listeners that subscribed to it. Never switches greenlets."""
        self.sequence += 1
        if not self.wanted(name, subclass):
            return
        headers = self.event_headers(name, subclass)
        if channel is not None:
            headers.update(channel.headers(name))
        headers.update(extra or {})
        event = Event(headers, body)
        for wants, deliver in list(self.listeners.values()):
            if wants(name, subclass):
                deliver(event)

    def event_headers(self, name: str, subclass: str = "") -> dict[str, HeaderValue]:
        """Return the headers every event starts with."""
        now = self.clock.now_us()
        headers: dict[str, HeaderValue] = {"Event-Subclass": subclass} if subclass else {}
        headers |= {
            "Event-Name": name,
            "Core-UUID": self.uuid,
            "FreeSWITCH-Hostname": self.hostname,
            "FreeSWITCH-Switchname": self.hostname,
            "FreeSWITCH-IPv4": "127.0.0.1",
            "FreeSWITCH-IPv6": "::1",
            "Event-Date-Local": local_stamp(now),
            "Event-Date-GMT": gmt_stamp(now),
            "Event-Date-Timestamp": str(now),
            "Event-Calling-File": "switchsim",
            "Event-Calling-Function": "fire",
            "Event-Calling-Line-Number": "0",
            "Event-Sequence": str(self.sequence),
        }
        return headers

    def global_variable(self, name: str) -> str:
        """Return a global variable, or an empty string."""
        return self.globals.get(name, "")

    # --- sessions -----------------------------------------------------------------------------------------------

    def add(self, session: Session) -> None:
        """Register a new session and give it its number."""
        self.sessions[session.channel.uuid] = session
        self.started += 1
        self.peak = max(self.peak, len(self.sessions))
        session.channel.set("session_id", str(self.started))

    def remove(self, session: Session) -> None:
        """Forget a session; a later one may use its uuid again."""
        self.sessions.pop(session.channel.uuid, None)
        self.schedule.delete(session.channel.uuid)

    def new_uuid(self) -> str:
        """Return a fresh uuid for a channel or a job."""
        return str(uuid.uuid4())

    # --- life ---------------------------------------------------------------------------------------------------

    def spawn(self, call: Callable[..., object], *args: object) -> gevent.Greenlet:
        """Run something in the background until it ends or the switch stops."""
        greenlet = gevent.spawn(call, *args)
        self._background.add(greenlet)
        greenlet.link(self._background.discard)
        return greenlet

    def spawn_later(self, seconds: float, call: Callable[..., object], *args: object) -> gevent.Greenlet:
        """Run something after `seconds` of simulated time."""
        greenlet = self.clock.spawn_later(seconds, call, *args)
        self._background.add(greenlet)
        greenlet.link(self._background.discard)
        return greenlet

    def stop(self) -> None:
        """End everything at once, as a killed process would: no events, no records."""
        gevent.killall(list(self._background), block=True, timeout=5)
        self.sessions.clear()
