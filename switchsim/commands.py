"""The API commands of the switch itself, and the table of all commands. Answers are what the real one says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switchsim import originate as dialling
from switchsim.core import VERSION
from switchsim.leg_commands import LEG_COMMANDS
from switchsim.states import cause_of
from switchsim.syntax import expand

if TYPE_CHECKING:
    from switchsim.core import Core

Command = Callable[["Core", str], str]


def run_api(core: Core, name: str, argument: str) -> str:
    """Run an API command and return its answer."""
    core.fire("API", extra={"API-Command": name, "API-Command-Argument": argument})
    command = COMMANDS.get(name)
    if command is None:
        return f"-ERR {name} Command not found!\n"
    return command(core, argument.strip(" "))


def _uptime(core: Core) -> str:
    left = core.clock.uptime_us()
    parts = []
    for name, size in (("days", 86400_000_000), ("hours", 3600_000_000), ("minutes", 60_000_000)):
        parts.append(f"{left // size} {name}")
        left %= size
    seconds, left = divmod(left, 1_000_000)
    return f"0 years, {', '.join(parts)}, {seconds} seconds, {left // 1000} milliseconds, {left % 1000} microseconds"


def _status(core: Core, _argument: str) -> str:
    now, top = len(core.sessions), core.options.max_sessions
    return (
        f"UP {_uptime(core)}\nFreeSWITCH (Version {VERSION}) is ready\n{core.started} session(s) since startup\n"
        f"{now} session(s) - peak {core.peak}, last 5min {core.peak} \n"
        f"0 session(s) per Sec out of max {top}, peak 0, last 5min 0 \n{top} session(s) max\n"
        "min idle cpu 0.00/95.00\nCurrent Stack Size/Max 240K/8192K\n"
    )


def heartbeat_headers(core: Core) -> dict[str, str]:
    """What a HEARTBEAT says."""
    return {
        "Event-Info": "System Ready",
        "Up-Time": _uptime(core),
        "Uptime-msec": str(core.clock.uptime_us() // 1000),
        "Session-Count": str(len(core.sessions)),
        "Max-Sessions": str(core.options.max_sessions),
        "Session-Per-Sec": str(core.options.max_sessions),
        "Session-Since-Startup": str(core.started),
        "Session-Peak-Max": str(core.peak),
        "Idle-CPU": "95.000000",
    }


def _global_getvar(core: Core, argument: str) -> str:
    if not argument:
        return "".join(f"{name}={value}\n" for name, value in core.globals.items())
    return core.globals.get(argument, "")


def _global_setvar(core: Core, argument: str) -> str:
    name, _equals, value = argument.partition("=")
    core.globals[name] = value
    return "+OK"


def _expand(core: Core, argument: str) -> str:
    text = expand(argument, core.global_variable, lambda name, inner: run_api(core, name, inner))
    name, _blank, rest = text.partition(" ")
    return run_api(core, name, rest)


def _eval(core: Core, argument: str) -> str:
    return expand(argument, core.global_variable, lambda name, inner: run_api(core, name, inner))


def _show(core: Core, argument: str) -> str:
    words = argument.split()
    as_json = words[1:] == ["as", "json"]
    if words[:1] == ["channels"]:
        return core.table.as_json() if as_json else core.table.as_text(count_only=words[1:] == ["count"])
    if words[:1] == ["registrations"] and as_json:
        return core.phones.as_json()
    return "-USAGE: channels [count] [as json]|registrations as json\n"


def _rescan(core: Core, _name: str) -> str:
    if not core.gateways.rescan():
        return "Reload XML [error]\n-ERR cannot find config for profile carrier\n"
    return "Reload XML [Success]\n+OK scan complete\n"


def _kill_gateway(core: Core, name: str) -> str:
    if not name:
        return "-ERR missing gw name\n"
    return "+OK gateway marked for deletion.\n" if core.gateways.kill(name) else "-ERR no such gateway.\n"


def _register_gateway(core: Core, name: str) -> str:
    if not name:
        return "No gateway name provided!\n"
    return "+OK\n" if core.gateways.register(name) else "Invalid gateway!\n"


_GATEWAY_COMMANDS: dict[str, Command] = {
    "rescan": _rescan,
    "killgw": _kill_gateway,
    "register": _register_gateway,
}
"""What is said to a profile about its gateways."""


def _sofia(core: Core, argument: str) -> str:
    words = argument.split()
    if words[:2] == ["xmlstatus", "profile"] and words[3:] == ["reg"]:
        return core.phones.as_xml(words[2]) + "\n"
    if words[:1] == ["profile"] and words[2:3] == ["flush_inbound_reg"]:
        core.phones.unregister(words[3].partition("@")[0] if len(words) > 3 else "")
        return "+OK flushing all registrations matching specified call_id\n"
    if words[:2] == ["xmlstatus", "gateway"] or (words[:2] == ["status", "gateway"] and len(words) == 3):
        return core.gateways.as_xml(words[2] if len(words) > 2 else "")
    if words[:1] == ["profile"] and len(words) > 2 and words[2] in _GATEWAY_COMMANDS:
        return _GATEWAY_COMMANDS[words[2]](core, words[3] if len(words) > 3 else "")
    if words == ["status"]:
        names = (core.options.agents_profile, core.options.carrier_profile)
        return "".join(f"{name:>25}\tprofile\tRUNNING (0)\n" for name in names)
    return (
        "-USAGE: sofia status|xmlstatus profile <name> reg|profile <name> [rescan|flush_inbound_reg <user>]\n"
    )


def _sofia_contact(core: Core, argument: str) -> str:
    profile, slash, address = argument.rpartition("/")
    phone = core.phones.at_contact(address)
    if phone is None or (slash and profile not in (phone.profile, "*")):
        return "error/user_not_registered"
    return f"sofia/{phone.profile}/{phone.contact}"


def _originate(core: Core, argument: str) -> str:
    words = dialling.parse(argument)
    if not words:
        return (
            "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] "
            "[<cid_num>] [<timeout_sec>]\n"
        )
    try:
        session = dialling.originate(core, words)
    except dialling.Refused as refusal:
        return f"-ERR {refusal}\n"
    return f"+OK {session.channel.uuid}\n"


def _hash(core: Core, argument: str) -> str:
    """The key-value store of mod_hash: ``insert|select|delete/realm/key[/value]``."""
    action, _slash, rest = argument.partition("/")
    realm, _slash, rest = rest.partition("/")
    key, _slash, value = rest.partition("/")
    name = f"hash/{realm}/{key}"
    if action == "insert":
        core.globals[name] = value
        return "+OK\n"
    if action == "delete":
        return "+OK\n" if core.globals.pop(name, None) is not None else "-ERR Not found\n"
    return core.globals.get(name, "")


def _msleep(core: Core, argument: str) -> str:
    if argument.isdigit():
        core.clock.sleep(int(argument) / 1000)
    return "+OK"


def _hupall(core: Core, argument: str) -> str:
    words = argument.split()
    for session in list(core.sessions.values()):
        if len(words) < 3 or session.channel.get(words[1]) == words[2]:
            session.hang_up(cause_of(words[0]) if words else "MANAGER_REQUEST")
    return "+OK hangup all channels with cause " + (words[0] if words else "MANAGER_REQUEST") + "\n"


COMMANDS: dict[str, Command] = {
    **LEG_COMMANDS,
    "status": _status,
    "version": lambda _core, _argument: f"FreeSWITCH Version {VERSION} (switchsim)\n",
    "uptime": lambda core, _argument: f"{core.clock.uptime_us() // 1_000_000}\n",
    "global_getvar": _global_getvar,
    "global_setvar": _global_setvar,
    "create_uuid": lambda core, _argument: core.new_uuid(),
    "echo": lambda _core, argument: argument,
    "eval": _eval,
    "expand": _expand,
    "show": _show,
    "sofia": _sofia,
    "sofia_contact": _sofia_contact,
    "originate": _originate,
    "reloadxml": lambda _core, _argument: "+OK [Success]\n",
    "reloadacl": lambda _core, _argument: "+OK acl reloaded\n",
    "xml_flush_cache": lambda _core, _argument: "+OK cleared 0 entries\n",
    "hash": _hash,
    "hupall": _hupall,
    "msleep": _msleep,
    "strepoch": lambda core, _argument: str(core.clock.now_us() // 1_000_000),
}
