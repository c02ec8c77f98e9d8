"""Makes what the switch and the controller leave on disk: records of legs, facts, recordings."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np

from cti.call.model import Call, LegKind, Offer, OfferResult, PathStep, Phase, Segment, to_variable

ARRIVED_MS = 1_795_256_235_056


def answered_call(
    tenant_id: int, call_id: str = "11111111-aaaa-4bbb-8ccc-000000000001", **changes: Any
) -> Call:
    """Return a call that waited 20 s in queue 7, was missed once and then talked to agent 31 for a minute."""
    values: dict[str, Any] = {
        "id": call_id,
        "tenant_id": tenant_id,
        "cell": "cell1",
        "rev": 9,
        "phase": Phase.TALKING,
        "caller": "+8613800138000",
        "called": "4008001000",
        "arrived_ms": ARRIVED_MS,
        "answered_ms": ARRIVED_MS + 500,
        "queue_id": 7,
        "queue_entered_ms": ARRIVED_MS + 10_000,
        "missed": 1,
        "talk_started_ms": ARRIVED_MS + 30_000,
        "agent_id": 31,
        "agent_leg": f"{call_id}-b",
        "extension_id": 41,
        "offers": [
            offer(
                f"{call_id}-a", 30, ARRIVED_MS + 12_000, OfferResult.NO_ANSWER, ended_ms=ARRIVED_MS + 22_000
            ),
            offer(
                f"{call_id}-b", 31, ARRIVED_MS + 25_000, OfferResult.ANSWERED, answered_ms=ARRIVED_MS + 29_800
            ),
        ],
        "path": [
            PathStep(
                flow_id=1, version=2, node="menu", name="主菜单", at_ms=ARRIVED_MS + 600, keys="1", exit="1"
            )
        ],
        "segments": [
            Segment(name=f"{tenant_id}/{call_id}-1.wav", started_ms=ARRIVED_MS + 30_000, agent_id=31)
        ],
    }
    return Call(**{**values, **changes})


def offer(leg_id: str, agent_id: int, offered_ms: int, result: OfferResult, **changes: Any) -> Offer:
    """Return an offer."""
    return Offer(
        leg_id=leg_id, agent_id=agent_id, extension_id=41, queue_id=7, endpoint="web", token="t",
        offered_ms=offered_ms, result=result, **changes,
    )  # fmt: skip


def cdr(
    call: Call | None,
    *,
    leg_uuid: str = "",
    kind: LegKind | None = LegKind.CUSTOMER,
    ended_ms: int = ARRIVED_MS + 90_000,
    answered_ms: int = ARRIVED_MS + 500,
    variables: dict[str, str] | None = None,
    caller: str = "13800138000",
    dialled: str = "4008001000",
) -> bytes:
    """Return a record as mod_json_cdr writes it: values of variables URL-encoded, numbers as text, a newline."""
    uuid = leg_uuid or (call.id if call else "22222222-aaaa-4bbb-8ccc-000000000002")
    values = {
        "uuid": uuid,
        "direction": "inbound" if kind is LegKind.CUSTOMER else "outbound",
        "start_uepoch": str(ARRIVED_MS * 1000 + 347),
        "answer_uepoch": str(answered_ms * 1000) if answered_ms else "0",
        "end_uepoch": str(ended_ms * 1000 + 349),
        "hangup_cause": "NORMAL_CLEARING",
        "sip_hangup_disposition": "recv_bye",
        "sip_network_ip": "127.0.0.1",
        "read_codec": "PCMA",
    }
    if call is not None:
        values |= {"zj_call": call.id, "zj_tenant": str(call.tenant_id), "zj_cell": call.cell}
    if kind is not None:
        values["zj_leg"] = kind.value
    if call is not None and kind is LegKind.CUSTOMER:
        values["zj_state"] = to_variable(call)
    values |= variables or {}
    inbound = {"media_packet_count": 4500, "skip_packet_count": 3, "flaw_total": 2, "mos": 4.4}
    document = {
        "core-uuid": "dfc7512e-f19a-40e6-8245-775ecbb720b6",
        "switchname": "cell1",
        "channel_data": {"state": "CS_REPORTING", "direction": values["direction"]},
        "callStats": {"audio": {"inbound": inbound, "outbound": {}}},
        "variables": {name: quote(value, safe="/:,~-._") for name, value in values.items()},
        "callflow": [
            {"caller_profile": {"caller_id_number": caller, "destination_number": "fallback"}},
            {
                "caller_profile": {
                    "caller_id_number": caller,
                    "destination_number": dialled,
                    "network_addr": "127.0.0.1",
                }
            },
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def write_cdr(folder: Path, data: bytes) -> Path:
    """Write a record under the name the switch gives it and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    uuid = json.loads(data)["variables"]["uuid"]
    path = folder / f"{uuid}.cdr.json"
    path.write_bytes(data)
    return path


def fact(call: Call, core_uuid: str = "old-core") -> bytes:
    """Return a fact as the controller leaves it."""
    return msgspec.json.encode({"fact": "ended", "call": call, "core_uuid": core_uuid})


def wav(
    *,
    seconds: float = 2.0,
    rate: int = 8000,
    left_hz: float = 440.0,
    right: float = 0.25,
    finished: bool = True,
) -> bytes:
    """Return a stereo recording: a tone left, half-way a level right; unfinished, its lengths were never filled in."""
    times = np.arange(int(seconds * rate)) / rate
    left = 0.5 * np.sin(2 * np.pi * left_hz * times)
    other = np.where(times < seconds / 2, 0.0, right)
    data = (np.stack([left, other], axis=1) * 32767).astype("<i2").tobytes()
    length, total = (len(data), 36 + len(data)) if finished else (0, 0)
    header = (
        b"RIFF"
        + struct.pack("<I", total)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 2, rate, rate * 4, 4, 16)
    )
    return header + b"data" + struct.pack("<I", length) + data
