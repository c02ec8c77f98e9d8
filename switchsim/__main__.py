"""``python -m switchsim``: run a simulated switch until it is told to stop."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

import gevent

from switchsim.core import Options
from switchsim.server import Simulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="switchsim", description="A simulated FreeSWITCH: event socket, no media."
    )
    parser.add_argument("--port", type=int, default=8021, help="TCP port of the event socket (loopback)")
    parser.add_argument(
        "--password", default="", help="password of the event socket; else $SWITCHSIM_PASSWORD"
    )
    parser.add_argument(
        "--control-port", type=int, default=8022, help="TCP port of the control interface (loopback)"
    )
    parser.add_argument("--cdr-dir", type=Path, help="folder for a JSON record per leg")
    parser.add_argument("--recordings-dir", type=Path, help="folder of recordings with relative paths")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than real time")
    parser.add_argument("--domain", default="switchsim.invalid", help="SIP domain phones register in")
    parser.add_argument(
        "--fallback-after", type=int, default=8, help="seconds a parked call waits for a controller"
    )
    parser.add_argument(
        "--fallback-sound", action="append", default=[], help="file the fallback plays (repeatable)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="variable of entering calls"
    )
    parser.add_argument(
        "--gateway", action="append", default=[], help="name of a gateway that exists (repeatable)"
    )
    parser.add_argument(
        "--gateways-file", type=Path, help="file of further gateways, as FreeSWITCH reads them"
    )
    parser.add_argument("--carrier-profile", default="carrier", help="SIP profile of carriers and gateways")
    parser.add_argument("--music", action="append", default=[], help="name of music that exists (repeatable)")
    return parser.parse_args()


def main() -> int:
    """Run the program; 0 after a polite stop, 2 when it cannot start."""
    arguments = _arguments()
    password = arguments.password or os.environ.get("SWITCHSIM_PASSWORD", "")
    if not password:
        sys.stderr.write("switchsim: a password is needed (--password or $SWITCHSIM_PASSWORD).\n")
        return 2
    options = Options(
        cdr_dir=arguments.cdr_dir,
        recordings_dir=arguments.recordings_dir,
        domain=arguments.domain,
        fallback_after_s=arguments.fallback_after,
        fallback_sounds=tuple(arguments.fallback_sound),
        variables=dict(pair.split("=", 1) for pair in arguments.set if "=" in pair),
        gateways=frozenset(arguments.gateway),
        gateways_file=arguments.gateways_file,
        carrier_profile=arguments.carrier_profile,
        music=frozenset(arguments.music) | {"default", "moh"},
    )
    simulator = Simulator(
        password=password,
        port=arguments.port,
        control_port=arguments.control_port,
        speed=arguments.speed,
        options=options,
    )
    try:
        simulator.start()
    except OSError as error:
        sys.stderr.write(f"switchsim: cannot listen: {error}\n")
        return 2
    stopping = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    sys.stdout.write(f"switchsim: event socket on {simulator.port}, control on {simulator.control_port}\n")
    sys.stdout.flush()
    stopping.wait()
    simulator.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
