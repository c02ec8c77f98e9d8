"""The control interface: JSON lines over TCP on loopback, by which calls are placed and phones are driven."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from gevent import socket

from switchsim.callers import Caller, Keys, Plan, place_call
from switchsim.core import Core
from switchsim.phones import Behaviour, PhoneLeg
from switchsim.session import Session
from switchsim.states import CallState, cause_of

MAX_LINE_BYTES = 1024 * 1024


class BadRequest(Exception):
    """The request makes no sense; the text says why."""


Request = Mapping[str, Any]
Answer = dict[str, Any]


def serve(core: Core, sock: socket.socket) -> None:
    """Answer one client's requests, each by one line, until it leaves."""
    reader = sock.makefile("rb")
    try:
        while (line := reader.readline(MAX_LINE_BYTES)).endswith(b"\n"):
            if line.strip():
                sock.sendall(json.dumps(answer(core, line)).encode() + b"\n")
    except OSError:
        return
    finally:
        reader.close()
        sock.close()


def answer(core: Core, line: bytes) -> Answer:
    """Carry out one request and return its answer."""
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise BadRequest("a request is a JSON object")
        action = _ACTIONS.get(request.get("do", ""))
        if action is None:
            raise BadRequest(f"`do` is one of {', '.join(sorted(_ACTIONS))}")
        return {"ok": True, **action(core, request)}
    except (BadRequest, TypeError, ValueError, KeyError) as error:
        text = f"missing field {error}" if isinstance(error, KeyError) else str(error)
        return {"ok": False, "error": text}


def _call(core: Core, request: Request) -> Answer:
    plan = Plan(
        keys=[_keys(entry) for entry in request.get("keys", ())],
        hangup_after_s=_seconds(request, "hangup_after_s"),
        patience_s=_seconds(request, "patience_s"),
        talk_s=_seconds(request, "talk_s"),
    )
    uuid = str(request.get("uuid", ""))
    if uuid in core.sessions:
        raise BadRequest("a leg with this uuid lives")
    session = place_call(
        core,
        caller=str(request["from"]),
        called=str(request["to"]),
        address=str(request.get("trunk", "127.0.0.1")),
        plan=plan,
        uuid=uuid,
    )
    return {"uuid": session.channel.uuid}


def _keys(entry: Any) -> Keys:
    if isinstance(entry, list) and len(entry) == 2:
        return Keys(after_s=float(entry[0]), digits=str(entry[1]))
    if isinstance(entry, dict):
        return Keys(
            digits=str(entry["digits"]),
            after_s=float(entry.get("after_s", 0.5 if entry.get("prompt") else 0)),
            prompt=int(entry.get("prompt", 0)),
        )
    raise BadRequest('keys are [[seconds, "digits"], …] or [{"prompt": 1, "after_s": 0.5, "digits": "1"}, …]')


def _seconds(request: Request, name: str) -> float | None:
    value = request.get(name)
    return None if value is None else float(value)


def _register(core: Core, request: Request) -> Answer:
    user = str(request["user"])
    if "behaviour" in request:
        core.phones.set_behaviour(user, _behaviour(request["behaviour"]))
    phone = core.phones.register(
        user,
        domain=str(request.get("domain", "")),
        profile=str(request.get("profile", "")),
        transport=str(request.get("transport", "udp")),
        expires_s=float(request.get("expires_s", 86400)),
    )
    return {"contact": phone.contact}


def _registrar(core: Core, request: Request) -> Answer:
    """Set what a carrier says to a gateway's registrations."""
    core.gateways.set_registrar(
        str(request["gateway"]), int(request["status"]), str(request.get("phrase", ""))
    )
    return {}


def _unregister(core: Core, request: Request) -> Answer:
    return {"was_registered": core.phones.unregister(str(request["user"]))}


def _behaviour(fields: Any) -> Behaviour:
    known = {field.name for field in dataclasses.fields(Behaviour)}
    if not isinstance(fields, dict) or set(fields) - known:
        raise BadRequest(f"a behaviour has the fields {', '.join(sorted(known))}")
    if fields.get("reject_cause"):
        fields = {**fields, "reject_cause": cause_of(str(fields["reject_cause"]))}
    return Behaviour(**fields)


def _set_behaviour(core: Core, request: Request) -> Answer:
    core.phones.set_behaviour(str(request["user"]), _behaviour(request["behaviour"]))
    return {}


def _gateways(core: Core, request: Request) -> Answer:
    """Have gateways exist besides those there are."""
    core.gateways.update(str(name) for name in request["names"])
    return {"gateways": sorted(core.gateways)}


def _early_media(core: Core, request: Request) -> Answer:
    """Have the far end send early media."""
    sessions = _sessions(core, request)
    for session in sessions:
        session.pre_answer()
    return {"count": len(sessions)}


def _sessions(core: Core, request: Request) -> list[Session]:
    """The legs a request means: one by `uuid`, or all of a phone by `user`."""
    if "uuid" in request:
        session = core.sessions.get(str(request["uuid"]))
        return [] if session is None else [session]
    phone = core.phones.registered.get(str(request["user"]))
    legs = phone.legs if phone is not None else []
    return [leg.session for leg in legs if leg.session is not None]


def _answer(core: Core, request: Request) -> Answer:
    ends = [session.far for session in _sessions(core, request)]
    return {"count": sum(end.pick_up() for end in ends if isinstance(end, PhoneLeg))}


def _hangup(core: Core, request: Request) -> Answer:
    sessions = _sessions(core, request)
    for session in sessions:
        if isinstance(session.far, Caller) and "cause" not in request:
            session.far.hang_up()
        elif isinstance(session.far, PhoneLeg):
            session.far.hang_up(cause_of(request["cause"]) if "cause" in request else "")
        else:
            session.hang_up(cause_of(str(request.get("cause", "NORMAL_CLEARING"))))
    return {"count": len(sessions)}


def _dtmf(core: Core, request: Request) -> Answer:
    sessions = _sessions(core, request)
    for session in sessions:
        session.press(str(request["digits"]))
    return {"count": len(sessions)}


def _list(core: Core, _request: Request) -> Answer:
    phones = [
        {
            "user": phone.user,
            "domain": phone.domain,
            "profile": phone.profile,
            "contact": phone.contact,
            "behaviour": dataclasses.asdict(phone.behaviour),
            "legs": [leg.session.channel.uuid for leg in phone.legs if leg.session is not None],
        }
        for phone in core.phones.registered.values()
    ]
    return {"legs": [_leg(session) for session in core.sessions.values()], "phones": phones}


def _leg(session: Session) -> Answer:
    channel, partner = session.channel, session.partner()
    phone = next((p.user for p in session.core.phones.registered.values() if session.far in p.legs), "")
    return {
        "uuid": channel.uuid,
        "name": channel.name,
        "direction": channel.direction,
        "from": channel.profile.caller_number,
        "to": channel.profile.destination,
        "user": phone,
        "state": channel.running_state.name,
        "call_state": channel.call_state.value,
        "ringing": not channel.answered and channel.call_state is CallState.RINGING,
        "answered": channel.answered,
        "held": channel.call_state is CallState.HELD,
        "muted": session.muted,
        "heard_by": session.heard_by,
        "application": channel.get("current_application") or "",
        "application_data": channel.get("current_application_data") or "",
        "bridged_with": partner.channel.uuid if partner is not None else "",
        "created_ms": channel.profiles[-1].times.created // 1000,
        "answered_ms": channel.profile.times.answered // 1000,
    }


def _stats(core: Core, _request: Request) -> Answer:
    return {
        "core_uuid": core.uuid,
        "legs": len(core.sessions),
        "legs_since_start": core.started,
        "legs_at_most": core.peak,
        "phones": len(core.phones.registered),
        "connections": len(core.listeners),
        "events": core.sequence,
        "uptime_s": core.clock.uptime_us() / 1e6,
        "speed": core.clock.speed,
    }


_ACTIONS: dict[str, Callable[[Core, Request], Answer]] = {
    "call": _call,
    "register": _register,
    "registrar": _registrar,
    "unregister": _unregister,
    "behaviour": _set_behaviour,
    "early_media": _early_media,
    "gateways": _gateways,
    "answer": _answer,
    "hangup": _hangup,
    "dtmf": _dtmf,
    "list": _list,
    "stats": _stats,
}
