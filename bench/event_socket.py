"""P1: events parsed and dispatched per second by the event-socket client, beside greenswitch, genesis and a bare loop.

    python bench/event_socket.py [--events 30000] [--headers 150] [--rounds 5] [--check]

Each reader gets the same recorded stream over a loopback socket from another process, hands every event to a handler
that reads four headers and counts, and is timed in processor time and by the clock. greenswitch and genesis get the
stream as ``text/event-plain``, the only form they parse; ours is shown for both forms. The bars (docs: P1) are at
least 15 times greenswitch and 40 times genesis.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import quote

AUTH = b"Content-Type: auth/request\n\n"
ACCEPTED = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
BLOCK = 250
"""Different events in the stream, sent again and again; what is measured is a multiple of it."""

BARS = {"greenswitch": 15.0, "genesis": 40.0}


def headers(number: int, count: int) -> dict[str, str]:
    """Return a parked call's headers, `count` of them, as a FreeSWITCH 1.11.1 names them."""
    uuid = f"{number:08x}-e93d-4331-8b7c-410ab00887d8"
    found = {
        "Event-Name": "CHANNEL_PARK",
        "Core-UUID": "4f723251-94a3-4cfb-b810-bb599a88c0a1",
        "FreeSWITCH-Hostname": "switch-1",
        "FreeSWITCH-IPv4": "192.0.2.10",
        "Event-Date-Local": "2026-11-21 10:35:19",
        "Event-Date-GMT": "Sat, 21 Nov 2026 10:35:19 GMT",
        "Event-Date-Timestamp": "1795257319123456",
        "Event-Calling-File": "switch_ivr.c",
        "Event-Calling-Function": "switch_ivr_park",
        "Event-Sequence": str(number),
        "Channel-State": "CS_EXECUTE",
        "Channel-Call-State": "ACTIVE",
        "Unique-ID": uuid,
        "Call-Direction": "inbound",
        "Answer-State": "answered",
        "Caller-Caller-ID-Name": "张三 & Söhne",
        "Caller-Caller-ID-Number": "+8613800138000",
        "Caller-Destination-Number": "4001",
        "Caller-Context": "public",
        "Caller-Network-Addr": "192.0.2.1",
        "variable_zj_call": uuid,
        "variable_zj_tenant": "1",
        "variable_zj_leg": "customer",
        "variable_zj_state": "eyJpZCI6I" * 60,
        "variable_sip_full_from": '"Zhang" <sip:+8613800138000@192.0.2.1>;tag=8XgKc2',
        "variable_switch_r_sdp": "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101",
    }
    for extra in range(count - len(found)):
        found[f"variable_sip_extra_header_{extra}"] = (
            f"some value; of={extra} <sip:user{extra}@192.0.2.1:5060>"
        )
    return found


def stream(kind: str, events: int, count: int) -> bytes:
    """Return `events` events as the switch frames them, as ``json`` or ``plain``."""
    frames = []
    for number in range(events):
        values = headers(number, count)
        if kind == "json":
            body = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        else:
            body = "".join(f"{name}: {quote(value)}\n" for name, value in values.items()).encode() + b"\n"
        frames.append(
            b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (len(body), kind.encode(), body)
        )
    return b"".join(frames)


def serve(kind: str, events: int, count: int) -> None:
    """Be the peer: greet, accept every command, send the stream after ``event``, wait for the end."""
    block = stream(kind, BLOCK, count)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        peer, _ = listener.accept()
        with peer:
            peer.sendall(AUTH)
            asked = b""
            while b"event" not in asked:
                asked += peer.recv(4096)
                while b"\n\n" in asked and b"event" not in asked:
                    asked = asked.partition(b"\n\n")[2]
                    peer.sendall(ACCEPTED)
            peer.sendall(ACCEPTED)
            for _ in range(events // BLOCK):
                peer.sendall(block)
            while peer.recv(4096):
                pass


class Handler:
    """What an event does: four headers read, one of them checked, a count."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.seen = 0
        self.done = lambda: None

    def __call__(self, name: str, uuid: str, number: str, call: str) -> None:
        if name != "CHANNEL_PARK" or uuid != call or not number:
            raise AssertionError("an event was read wrongly")
        self.seen += 1
        if self.seen == self.wanted:
            self.done()


def ours(kind: str) -> Callable[[int, Handler], None]:
    """Our connection, queue and dispatch."""

    def run(port: int, handler: Handler) -> None:
        import gevent
        import gevent.event

        from cti.esl.connection import Connection
        from cti.esl.dispatch import Dispatcher, Statistics

        finished = gevent.event.Event()
        handler.done = finished.set
        dispatcher = Dispatcher(
            wanted=frozenset({"CHANNEL_PARK"}),
            statistics=Statistics(),
            max_backlog=10**9,
            on_event=lambda event: handler(event.name, event.uuid, event.caller_number, event.zj_call),
            on_up=None,
            on_down=None,
            on_job=lambda event: None,
            on_over=lambda down: None,
        )
        dispatcher.start()
        connection = Connection(("127.0.0.1", port), on_event=dispatcher.take, on_lost=lambda why: None)
        connection.open("x", 5)
        connection.request(f"event {kind} CHANNEL_PARK\n\n".encode(), 60)
        finished.wait()
        connection.close("done")

    return run


def bare(port: int, handler: Handler) -> None:
    """A loop that only cuts the JSON stream into frames and decodes each by the standard library."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"event json CHANNEL_PARK\n\n")
        file = sock.makefile("rb")
        while handler.seen < handler.wanted:
            length = 0
            while (line := file.readline()) != b"\n":
                if line.startswith(b"Content-Length: "):
                    length = int(line[16:])
            if length:
                event = json.loads(file.read(length))
                handler(
                    event["Event-Name"],
                    event["Unique-ID"],
                    event["Caller-Caller-ID-Number"],
                    event["variable_zj_call"],
                )


def greenswitch(port: int, handler: Handler) -> None:
    """greenswitch's InboundESL with a registered handler."""
    import gevent.event
    from greenswitch import InboundESL

    finished = gevent.event.Event()
    handler.done = finished.set
    connection = InboundESL("127.0.0.1", port, "x")
    connection.register_handle(
        "CHANNEL_PARK",
        lambda event: handler(
            event.headers["Event-Name"],
            event.headers["Unique-ID"],
            event.headers["Caller-Caller-ID-Number"],
            event.headers["variable_zj_call"],
        ),
    )
    connection.connect()
    connection.send("event plain CHANNEL_PARK")
    finished.wait()
    connection._run = connection.connected = False
    connection.sock.close()


def genesis(port: int, handler: Handler) -> None:
    """genesis' Inbound with a registered handler."""
    from genesis import Inbound

    async def main() -> None:
        finished = asyncio.Event()
        handler.done = finished.set

        async def handle(event: dict[str, str]) -> None:
            handler(
                event["Event-Name"],
                event["Unique-ID"],
                event["Caller-Caller-ID-Number"],
                event["variable_zj_call"],
            )

        async with Inbound("127.0.0.1", port, "x") as connection:
            connection.on("CHANNEL_PARK", handle)
            await connection.send("event plain CHANNEL_PARK")
            await finished.wait()

    asyncio.run(main())


READERS: dict[str, tuple[str, Callable[[int, Handler], None], int]] = {
    "ours, json": ("json", ours("json"), 1),
    "ours, plain": ("plain", ours("plain"), 2),
    "bare loop, json": ("json", bare, 2),
    "greenswitch": ("plain", greenswitch, 10),
    "genesis": ("plain", genesis, 40),
}
"""Reader: form of its stream, the reader, and by how much its share of the events is smaller."""


def measure(name: str, events: int, count: int) -> tuple[float, float]:
    """Return events per second of processor time and by the clock, in a fresh process."""
    arguments = [sys.executable, __file__, "--reader", name, "--events", str(events), "--headers", str(count)]
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    cpu, clock = json.loads(done.stdout.splitlines()[-1])
    return cpu, clock


def read(name: str, events: int, count: int) -> None:
    """Be one reader: print events per second of processor time and by the clock."""
    logging.disable(logging.CRITICAL)
    kind, run, _ = READERS[name]
    arguments = [sys.executable, __file__, "--serve", kind, "--events", str(events), "--headers", str(count)]
    peer = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert peer.stdout is not None
    port = int(peer.stdout.readline())
    for module in ("cti.esl.dispatch", "gevent.event", "greenswitch", "genesis"):
        importlib.import_module(module)  # loading is not reading
    handler = Handler(events)
    clock, cpu = time.perf_counter(), time.process_time()
    run(port, handler)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    peer.stdout.close()
    peer.terminate()  # a reader's own close may need its loop, which has ended
    peer.wait()
    print(json.dumps([events / cpu, events / clock]))


def compare(events: int, count: int, rounds: int) -> dict[str, float]:
    """Measure all readers, interleaved; print medians and ratios; return how many times each one ours is fast."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, (_, _, divisor) in READERS.items():
            results[name].append(measure(name, max(1, events // divisor // BLOCK) * BLOCK, count))
    print(
        f"{count} headers an event, medians of {rounds}; ratio: the reader's processor time an event to ours,"
    )
    print("taken round by round, since a shared machine is not equally fast in each")
    print(f"{'reader':<18}{'events/CPU s':>14}{'events/s':>12}{'ratio':>8}{'bar':>6}")
    best = [cpu for cpu, _ in results["ours, json"]]
    ratios = {}
    for name, pairs in results.items():
        cpu, clock = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratios[name] = statistics.median(mine / theirs for mine, (theirs, _) in zip(best, pairs, strict=True))
        bar = f"{BARS[name]:.0f}" if name in BARS else ""
        print(f"{name:<18}{cpu:>14,.0f}{clock:>12,.0f}{ratios[name]:>8.1f}{bar:>6}")
    return ratios


def main() -> int:
    """Run what the arguments say; with ``--check`` return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--headers", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="fail when a bar is missed")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--serve", choices=["json", "plain"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.events, options.headers)
        return 0
    if options.reader:
        read(options.reader, options.events, options.headers)
        return 0
    ratios = compare(options.events, options.headers, options.rounds)
    missed = [
        f"{name}: {ratios[name]:.1f}, bar {bar:.0f}" for name, bar in BARS.items() if ratios[name] < bar
    ]
    if missed:
        print("below the bar: " + "; ".join(missed))
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(__import__("pathlib").Path(__file__).resolve().parent.parent))
    sys.exit(main())
