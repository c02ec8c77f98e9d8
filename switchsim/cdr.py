"""The record of a leg, in the form mod_json_cdr writes it: ``<uuid>.cdr.json``, values URL-encoded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from switchsim.channel import Channel, Profile
from switchsim.states import CAUSES
from switchsim.wire import array_text, local_stamp, url_encode

_STAMPS = (
    "created",
    "profile_created",
    "answered",
    "bridged",
    "last_hold",
    "resurrect",
    "progress",
    "progress_media",
)
_NAMES = {"created": "start", "profile_created": "profile_start", "answered": "answer", "bridged": "bridge"}


def set_timetable(channel: Channel) -> None:
    """Set the variables about times and cause that the switch sets when a leg has ended."""
    times = channel.profile.times
    channel.set("hangup_cause", channel.hangup_cause)
    channel.set("hangup_cause_q850", str(CAUSES.get(channel.hangup_cause, 16)))
    channel.set("digits_dialed", channel.digits_dialed or "none")
    for field in _STAMPS:
        _set_instant(channel, _NAMES.get(field, field), getattr(times, field))
    channel.set("end_stamp", local_stamp(times.hangup))
    channel.set("end_epoch", str(times.hangup // 1_000_000))
    channel.set("end_uepoch", str(times.hangup))
    channel.set("hold_accum_seconds", str(times.hold_accum // 1_000_000))
    channel.set("hold_accum_usec", str(times.hold_accum))
    channel.set("hold_accum_ms", str(times.hold_accum // 1000))
    if channel.app_log:
        name, argument, _stamp = channel.app_log[-1]
        channel.set("last_app", name)
        channel.set("last_arg", argument)
    channel.set("caller_id", f'"{channel.profile.caller_name}" <{channel.profile.caller_number}>')
    _set_durations(channel)


def _set_instant(channel: Channel, name: str, instant_us: int) -> None:
    if instant_us and name != "last_hold":
        channel.set(f"{name}_stamp", local_stamp(instant_us))
    channel.set(f"{name}_epoch", str(instant_us // 1_000_000))
    channel.set(f"{name}_uepoch", str(instant_us))


def _set_durations(channel: Channel) -> None:
    times = channel.profile.times

    def since_start(instant: int) -> int:
        return instant - times.created if instant else 0

    spans = {
        "duration": times.hangup - times.created,
        "bill": times.hangup - times.answered if times.answered else 0,
        "progress": since_start(times.progress),
        "answer": since_start(times.answered),
        "wait": since_start(times.bridged),
        "progress_media": since_start(times.progress_media),
        "flow_bill": times.hangup - times.created,
    }
    for name, span in spans.items():
        if name == "duration":
            channel.set("duration", str(span // 1_000_000))
            channel.set("mduration", str(span // 1000))
            channel.set("uduration", str(span))
        else:
            channel.set(f"{name}sec", str(span // 1_000_000))
            channel.set(f"{name}msec", str(span // 1000))
            channel.set(f"{name}usec", str(span))


def profile_fields(channel: Channel, profile: Profile) -> dict[str, str]:
    """Return a caller profile as the record shows it."""
    return {
        "username": profile.username,
        "dialplan": profile.dialplan,
        "caller_id_name": profile.caller_name,
        "ani": profile.ani,
        "aniii": "",
        "caller_id_number": profile.caller_number,
        "network_addr": profile.network_addr,
        "rdnis": profile.rdnis,
        "destination_number": profile.destination,
        "uuid": channel.uuid,
        "source": profile.source,
        "context": profile.context,
        "chan_name": channel.name,
    }


def record(channel: Channel) -> dict[str, Any]:
    """Return the whole record of an ended leg."""
    return {
        "core-uuid": channel.core.uuid,
        "switchname": channel.core.hostname,
        "channel_data": {
            "state": "CS_REPORTING",
            "direction": channel.direction,
            "state_number": "11",
            "flags": "0=1;1=1;39=1;40=1",
            "caps": "1=1;2=1;3=1;4=1;5=1;6=1",
        },
        "callStats": {},
        "variables": {name: url_encode(array_text(value)) for name, value in channel.variables.items()},
        "app_log": {"applications": [_logged(*entry) for entry in channel.app_log]},
        "callflow": [_flow(channel, profile) for profile in channel.profiles],
    }


def _logged(name: str, argument: str | None, stamp_us: int) -> dict[str, str]:
    entry = {"app_name": name}
    if argument is not None:
        entry["app_data"] = argument
    return entry | {"app_stamp": str(stamp_us)}


def _flow(channel: Channel, profile: Profile) -> dict[str, Any]:
    flow: dict[str, Any] = {}
    if profile.dialplan:
        flow["dialplan"] = profile.dialplan
    flow["profile_index"] = str(profile.index)
    if profile.extension is not None:
        flow["extension"] = {
            "name": profile.extension.name,
            "number": profile.extension.number,
            "applications": [
                {"app_name": name, "app_data": data} for name, data in profile.extension.applications
            ],
        }
    caller: dict[str, Any] = dict(profile_fields(channel, profile))
    if profile.originators:
        caller["originator"] = {"originator_caller_profiles": profile.originators}
    if profile.originatees:
        caller["originatee"] = {"originatee_caller_profiles": profile.originatees}
    flow["caller_profile"] = caller
    times = profile.times
    flow["times"] = {
        "created_time": str(times.created),
        "profile_created_time": str(times.profile_created),
        "progress_time": str(times.progress),
        "progress_media_time": str(times.progress_media),
        "answered_time": str(times.answered),
        "bridged_time": str(times.bridged),
        "last_hold_time": str(times.last_hold),
        "hold_accum_time": str(times.hold_accum),
        "hangup_time": str(times.hangup),
        "resurrect_time": str(times.resurrect),
        "transfer_time": str(times.transfer),
    }
    return flow


def write(channel: Channel, folder: Path) -> None:
    """Write the record into `folder` as the module does: created, then written, under its final name."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / f"{channel.uuid}.cdr.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(record(channel)))
        file.write(b"\n")
