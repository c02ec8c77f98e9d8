"""Which ports the platform is about to listen on, and whether somebody else already does."""

from __future__ import annotations

import dataclasses
import errno
import socket
from collections.abc import Iterable, Iterator

from core.settings import PREFIX, Settings, SwitchKind


@dataclasses.dataclass(frozen=True, kw_only=True)
class Port:
    """A port one of our processes listens on."""

    host: str
    number: int
    setting: str
    """Name of the setting that moves it."""
    use: str
    udp: bool = False


def wanted(settings: Settings, *, switch_runs: bool) -> Iterator[Port]:
    """Yield the ports; those of a switch that is not ours to start, or runs already, are left out."""
    yield Port(host=settings.web_host, number=settings.web_port, setting="web_port", use="the web interface")
    yield Port(
        host="127.0.0.1", number=settings.metrics_port, setting="metrics_port", use="health and metrics"
    )
    number = settings.shipper_metrics_port
    yield Port(host="127.0.0.1", number=number, setting="shipper_metrics_port", use="the shipper's metrics")
    number = settings.scheduler_metrics_port
    yield Port(
        host="127.0.0.1", number=number, setting="scheduler_metrics_port", use="the scheduler's metrics"
    )
    if switch_runs or settings.effective_switch is SwitchKind.EXTERNAL:
        return
    yield Port(host="127.0.0.1", number=settings.switch_port, setting="switch_port", use="the event socket")
    if settings.effective_switch is SwitchKind.SWITCHSIM:
        number = settings.simulator_control_port
        yield Port(
            host="127.0.0.1", number=number, setting="simulator_control_port", use="the simulator's control"
        )
        return
    host = settings.sip_bind_host
    for name, use in (("sip_agent_port", "the agents' SIP"), ("sip_carrier_port", "the carriers' SIP")):
        for udp in (True, False):
            yield Port(host=host, number=getattr(settings, name), setting=name, use=use, udp=udp)
    yield Port(host=host, number=settings.sip_ws_port, setting="sip_ws_port", use="the browsers' SIP")


def problems(ports: Iterable[Port]) -> list[str]:
    """Return one sentence for each port that cannot be had."""
    return [sentence for port in ports if (sentence := _problem(port))]


def _problem(port: Port) -> str:
    kind = "UDP" if port.udp else "TCP"
    where = f"{kind} port {port.number} ({port.use}, {PREFIX}{port.setting.upper()})"
    try:
        family, _, _, _, address = socket.getaddrinfo(port.host, port.number, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror:
        return f"{port.host!r} is no address of this host; {where} cannot be opened."
    with socket.socket(family, socket.SOCK_DGRAM if port.udp else socket.SOCK_STREAM) as probe:
        if not port.udp:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"{where} is taken by another program."
            return f"{where} on {port.host} cannot be opened: {error.strerror}."
    return ""
