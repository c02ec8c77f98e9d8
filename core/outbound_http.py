"""Requests this platform makes to addresses people typed (webhooks, flows), confined to the public internet.

The name is resolved once, every address of it is checked, and the connection is made to a checked address: what the
name means a moment later (DNS rebinding) changes nothing. ``Host`` and TLS keep the name. No proxy of the
environment, no redirect and no cookie is followed; time and size of an answer are bounded as a whole, so that a peer
that sends a byte now and then holds nobody up. Runs in threads and in gevent.

Ranges: IANA's special-purpose registries (RFC 6890), and addresses that carry another one inside (RFC 4291
§2.5.5.2, 3056, 4380, 6052), which are judged by that one.
"""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import re
import socket
import ssl
import threading
import time
import typing
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from urllib.parse import quote, urlsplit

import httpcore
import idna

from core.errors import CallerFault
from core.i18n import LazyText, lazy
from core.settings import Settings

CONNECT_S = 3.0
"""Longest wait for the name and for a connection."""
TOTAL_S = 10.0
"""Longest whole request, from the name to the last byte read."""
MAX_ANSWER_BYTES = 4096
"""More of an answer's body is not read."""
PORTS = frozenset({80, 443, 8000, 8008, 8080, 8081, 8088, 8443, 8888, 9000, 9443})
"""Ports that may be reached on the public internet: those where web servers are."""
MAX_URL_LENGTH = 500
MAX_ADDRESSES = 4
"""Addresses of one name tried, in the resolver's order."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\Z"
)
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")
_PATH_SIGNS = "%/:=&?~+!$,;'@()*[]|-._"
_NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # a cloud's metadata at a public address
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
        "64:ff9b:1::/48",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class UrlRefusedError(CallerFault):
    """The address cannot be one we send to; `reason` says why."""

    id = "url-refused"
    status = 422
    sentence = lazy("%(reason)s")

    def __init__(self, reason: LazyText) -> None:
        super().__init__(field="url", reason=reason)


class Reason(enum.StrEnum):
    """Why no answer came. Values are stored."""

    NAME = "name"
    FORBIDDEN = "forbidden"
    PORT = "port"
    CONNECT = "connect"
    CERTIFICATE = "certificate"
    TIMEOUT = "timeout"
    BROKEN = "broken"


REASONS: dict[Reason, LazyText] = {
    Reason.NAME: lazy("The name of the host is not known."),
    Reason.FORBIDDEN: lazy("The host is not on the public internet."),
    Reason.PORT: lazy("This port may not be reached."),
    Reason.CONNECT: lazy("No connection could be made."),
    Reason.CERTIFICATE: lazy("The host's certificate is not trusted."),
    Reason.TIMEOUT: lazy("No answer came in time."),
    Reason.BROKEN: lazy("The connection broke, or the answer was not HTTP."),
}


class OutboundError(Exception):
    """No answer came. `detail` is the system's own English words, or empty; neither holds anything secret."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """A URL taken apart: lower-case ASCII host without brackets, path with query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The ``Host`` header's value."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL in the one form it is stored in."""
        return f"{self.scheme}://{self.authority}{self.path}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    """Its first :data:`MAX_ANSWER_BYTES`, or as many as were asked for."""
    took_ms: int
    content_type: str = ""
    """As the peer wrote it; empty when it did not."""


def parse(text: str, *, max_length: int = MAX_URL_LENGTH) -> Target:
    """Return the URL a person typed. Raises :class:`UrlRefusedError`."""
    text = text.strip(" ")
    if len(text) > max_length or re.search(r"[\x00-\x20\x7f\\]", text) or not text.isprintable():
        raise UrlRefusedError(lazy("An address has at most 500 characters, and no spaces or backslashes."))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UrlRefusedError(lazy("This is no address of the web.")) from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname:
        raise UrlRefusedError(lazy("An address begins with https:// or http:// and the name of a host."))
    if "@" in parts.netloc:
        raise UrlRefusedError(lazy("Names and passwords do not belong into an address."))
    if port == 0:
        raise UrlRefusedError(lazy("This is no address of the web."))
    path = quote(parts.path or "/", safe=_PATH_SIGNS)
    if parts.query:
        path += "?" + quote(parts.query, safe=_PATH_SIGNS)
    target = Target(
        scheme=scheme, host=_host(parts.hostname), port=port or (443 if scheme == "https" else 80), path=path
    )
    if len(target.url) > max_length:
        raise UrlRefusedError(lazy("An address has at most 500 characters, and no spaces or backslashes."))
    return target


def _host(text: str) -> str:
    refused = UrlRefusedError(lazy("The name of the host cannot be used."))
    if ":" in text:
        try:
            return ipaddress.IPv6Address(text).compressed if "%" not in text else _raise(refused)
        except ValueError:
            raise refused from None
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise refused from None
    text = text.lower().removesuffix(".")
    if not _HOST.match(text):
        raise refused
    if _NUMBER.match(text.rpartition(".")[2]):
        # Decimal, hexadecimal and short forms mean addresses to some resolvers: only the plain form is taken.
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            raise refused from None
    return text


def _raise(error: Exception) -> typing.NoReturn:
    raise error


def networks(text: str) -> tuple[Network, ...]:
    """Return a comma-separated list of networks. Raises ``ValueError`` naming the bad one."""
    return tuple(ipaddress.ip_network(each.strip(), strict=False) for each in text.split(",") if each.strip())


def inner(address: Address) -> Address:
    """Return the IPv4 address `address` stands for, or itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or int(address) >> 32 == 0:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Return whether `address` is a host's on the public internet."""
    meant = inner(address)
    if any(meant in network for network in _NEVER if network.version == meant.version):
        return False
    return meant.is_global and not (meant.is_multicast or meant.is_reserved or meant.is_unspecified)


class Outbound:
    """Makes requests. `allowed` are networks the operator opened besides the public internet."""

    def __init__(
        self, allowed: Sequence[Network] = (), *, connect_s: float = CONNECT_S, total_s: float = TOTAL_S
    ) -> None:
        self._allowed = tuple(allowed)
        self._connect_s = connect_s
        self._total_s = total_s

    @classmethod
    def from_settings(cls, settings: Settings) -> Outbound:
        """Return the one the settings describe. Raises ``ValueError`` for a bad list of networks."""
        return cls(networks(settings.outbound_allowed_networks))

    def may_reach(self, address: Address, port: int) -> bool:
        """Return whether `address` may be connected to on `port`."""
        meant = inner(address)
        if any(
            each in network
            for each in {address, meant}
            for network in self._allowed
            if network.version == each.version
        ):
            return True
        return is_public(address) and port in PORTS

    def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post `body` and return the answer, whatever its status. Raises :class:`OutboundError`."""
        return self.request("POST", target, headers, body)

    def request(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Make one request on a connection of its own; of its answer `max_bytes` are read. Raises
        :class:`OutboundError`.
        """
        begun = time.monotonic()
        backend = _Backend(self, begun + self._total_s, self._connect_s)
        sent = {"Host": target.authority, "Accept": "*/*", "Connection": "close", **headers}
        sent |= {"Content-Length": str(len(body))} if body or method != "GET" else {}
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=_tls(), max_connections=1, network_backend=backend, retries=0
                ) as pool,
                pool.stream(
                    method,
                    url,
                    headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                    content=body,
                    extensions={
                        "timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._total_s)
                    },
                ) as response,
            ):
                read = _first(response.iter_stream(), max_bytes)
                status = response.status
                kind = next(
                    (value for name, value in response.headers if name.lower() == b"content-type"), b""
                )
        except OutboundError:
            raise
        except httpcore.TimeoutException:
            raise OutboundError(Reason.TIMEOUT) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise _broken(error, Reason.BROKEN) from error
        return Answer(
            status=status,
            body=read,
            took_ms=int((time.monotonic() - begun) * 1000),
            content_type=kind.decode("latin-1")[:200],
        )

    def addresses(self, host: str, port: int, within_s: float) -> list[Address]:
        """Return the addresses of `host`, all of which may be reached. Raises :class:`OutboundError`."""
        found = _resolved(host, port, within_s)
        refused = [each for each in found if not self.may_reach(each, port)]
        if refused:
            # The address is not told: inner names would give away inner networks.
            raise OutboundError(Reason.PORT if is_public(refused[0]) else Reason.FORBIDDEN)
        return found[:MAX_ADDRESSES]


class _Backend(httpcore.NetworkBackend):
    """Connects to checked addresses only, with one deadline for all of a request."""

    def __init__(self, outbound: Outbound, deadline: float, connect_s: float) -> None:
        self._outbound = outbound
        self._deadline = deadline
        self._connect_s = connect_s
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[typing.Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers."""
        until = min(self._deadline, time.monotonic() + self._connect_s)
        failure = OutboundError(Reason.NAME)
        for address in self._outbound.addresses(host, port, self._connect_s):
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            try:
                stream = self._sockets.connect_tcp(str(address), port, timeout=left_s)
            except httpcore.ConnectTimeout:
                failure = OutboundError(Reason.TIMEOUT)
            except httpcore.ConnectError as error:
                failure = _broken(error, Reason.CONNECT)
            else:
                return _Stream(stream, self._deadline)
        raise failure

    def sleep(self, seconds: float) -> None:
        """Wait (the pool's own retries, which are off)."""
        time.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection that ends at a deadline, however little comes how often."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def _left_s(self) -> float:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("the deadline has passed")
        return left_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._left_s()), self._deadline)

    def get_extra_info(self, info: str) -> typing.Any:
        return self._stream.get_extra_info(info)


@cache
def _tls() -> ssl.SSLContext:
    context = httpcore.default_ssl_context()
    context.load_default_certs()
    return context


class _Lookup:
    """One question to the resolver, which has no time-out of its own, in a thread. Whoever asks the same joins it."""

    _under_way: typing.ClassVar[dict[tuple[str, int], _Lookup]] = {}
    _guard = threading.Lock()

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.found: list[Address] = []
        self.thread = threading.Thread(target=self._ask, daemon=True, name="resolve")

    @classmethod
    def of(cls, host: str, port: int) -> _Lookup:
        """Return the lookup under way, or begin one: a dead name holds one of the resolver's few threads, not all."""
        with cls._guard:
            lookup = cls._under_way.get((host, port))
            if lookup is None:
                lookup = cls._under_way[host, port] = cls(host, port)
                lookup.thread.start()
        return lookup

    def _ask(self) -> None:
        try:
            for *_rest, address in socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM):
                parsed = ipaddress.ip_address(str(address[0]).partition("%")[0])
                if parsed not in self.found:
                    self.found.append(parsed)
        except (OSError, UnicodeError, ValueError):
            self.found.clear()
        finally:
            with self._guard:
                self._under_way.pop((self._host, self._port), None)


def _resolved(host: str, port: int, within_s: float) -> list[Address]:
    lookup = _Lookup.of(host, port)
    lookup.thread.join(within_s)
    if lookup.thread.is_alive():
        raise OutboundError(Reason.TIMEOUT, "name resolution")
    if not lookup.found:
        raise OutboundError(Reason.NAME)
    return list(lookup.found)


def _first(chunks: Iterable[bytes], limit: int) -> bytes:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) >= limit:
            break
    return bytes(read[:limit])


def _broken(error: Exception, reason: Reason) -> OutboundError:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return OutboundError(Reason.CERTIFICATE, cause.verify_message)
    text = (cause.strerror if isinstance(cause, OSError) else "") or str(cause) or type(cause).__name__
    return OutboundError(reason, text[:150])
