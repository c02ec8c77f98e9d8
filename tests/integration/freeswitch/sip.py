"""A telephone of a few lines: requests over UDP, what comes back, digest authentication (RFC 3261, RFC 2617)."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import time
from types import TracebackType

TIMEOUT_S = 5.0


class Phone:
    """One phone bound to `host`; it calls the switch at 127.0.0.1 and `port`."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.host, self.own_port = self.socket.getsockname()
        self.port = port
        self.call_id = secrets.token_hex(8)
        self.tag = secrets.token_hex(4)
        self.sequence = 0
        self.branch = ""

    def __enter__(self) -> Phone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, method: str, uri: str, user: str, *, extra: str = "", body: str = "") -> None:
        """Send a request as `user` of the domain in `uri`."""
        if method != "ACK":
            self.sequence += 1
            self.branch = f"z9hG4bK{secrets.token_hex(8)}"
        domain = uri.rpartition("@")[2].removeprefix("sip:").split(":")[0]
        contact = f"<sip:{user}@{self.host}:{self.own_port}>"
        to = f"sip:{user}@{domain}" if method == "REGISTER" else uri
        head = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.host}:{self.own_port};branch={self.branch}\r\n"
            f"From: <sip:{user}@{domain}>;tag={self.tag}\r\nTo: <{to}>\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self.sequence} {method}\r\nContact: {contact}\r\nMax-Forwards: 70\r\n"
        )
        if body:
            head += "Content-Type: application/sdp\r\n"
        text = f"{head}{extra}Content-Length: {len(body)}\r\n\r\n{body}"
        self.socket.sendto(text.encode(), ("127.0.0.1", self.port))

    def invite(self, number: str, caller: str = "13800138000") -> None:
        """Begin a call with G.711 audio."""
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            "m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        )
        self.send("INVITE", f"sip:{number}@127.0.0.1:{self.port}", caller, body=sdp)

    def status(self, above: int = 100, within_s: float = TIMEOUT_S) -> int:
        """Return the status of the next answer whose number is larger than `above`; 0 when none came in time."""
        return self.answer(above, within_s)[0]

    def answer(self, above: int = 100, within_s: float = TIMEOUT_S) -> tuple[int, str]:
        """As :meth:`status`, with the whole answer."""
        deadline = time.monotonic() + within_s
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                text = self.socket.recv(65536).decode()
            except TimeoutError:
                break
            match = re.match(r"SIP/2\.0 (\d{3}) ", text)
            if match and int(match[1]) > above:
                return int(match[1]), text
        return 0, ""

    def register(self, user: str, domain: str, password: str) -> int:
        """Register with digest authentication and return the final status."""
        self.send("REGISTER", f"sip:{domain}", user)
        status, challenge = self.answer()
        if status != 401:
            return status
        realm, nonce = (re.search(rf'{name}="([^"]+)"', challenge)[1] for name in ("realm", "nonce"))  # type: ignore[index]
        hashed = [
            hashlib.md5(text.encode()).hexdigest()
            for text in (f"{user}:{realm}:{password}", f"REGISTER:sip:{domain}")
        ]
        response = hashlib.md5(f"{hashed[0]}:{nonce}:00000001:0a4f113b:auth:{hashed[1]}".encode()).hexdigest()
        self.send(
            "REGISTER",
            f"sip:{domain}",
            user,
            extra=(
                f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="sip:{domain}", '
                f'response="{response}", qop=auth, nc=00000001, cnonce="0a4f113b", algorithm=MD5\r\n'
            ),
        )
        return self.status()
