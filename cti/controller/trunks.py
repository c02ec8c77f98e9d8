"""The published trunks as gateways of this cell's switch, and what became of them (ACC-3).

The files of the switch's configuration are made from the documents; then the switch is told to drop the gateways that
changed or went and to take the new ones. Calls stay up: a gateway that is dropped unregisters, its calls live on. What
was applied, and to which run of the switch, is on the cell's disk, so that a restart of ours changes nothing; after a
restart of the switch everything is applied anew. The steady audit compares again.
"""

from __future__ import annotations

import enum
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog
from gevent.lock import RLock

from core import keys
from core.clock import now_ms
from core.crypto import UnreadableSecretError, Vault
from core.documents import TrunkDoc
from cti.controller.documents import Documents
from cti.controller.redis_guard import RedisAwayError, RedisGuard
from cti.esl import gateways
from cti.esl.client import SwitchClient, SwitchError
from cti.esl.events import Event
from cti.esl.gateways import GatewayState
from cti.esl.quoting import UnsafeValue
from cti.trunks import fault_of, networks_of

log = structlog.get_logger(__name__)

PROFILE = "carriers"
NETWORKS = "*"
"""Stands among the applied gateways for the access list: no gateway has this name."""


class TrunkState(enum.StrEnum):
    """What an operator is told of a trunk."""

    OFF = "off"
    """Switched off by the operator."""
    REFUSED = "refused"
    """A value of it cannot be told to the switch; the reason is the field."""
    ABSENT = "absent"
    """The switch has no such gateway yet."""
    TRYING = "trying"
    REGISTERED = "registered"
    READY = "ready"
    """Needs no registration, and the carrier answers."""
    FAILED = "failed"
    """The carrier refused the registration, or nobody answered it."""
    DOWN = "down"
    """The carrier does not answer."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk's state at one switch, as it stands in Redis (`core.keys.trunks`)."""

    code: str
    state: TrunkState
    since_ms: int
    status: int = 0
    """SIP status of the carrier's last refusal; 0: none."""
    reason: str = ""
    """Its words, or the field that cannot be told to the switch."""


class Files(Protocol):
    """Where the switch reads its trunks from (`freeswitch_conf.gateways`)."""

    def gateway(self, trunk: TrunkDoc, password: str) -> str:
        """Return a trunk's gateway as the switch reads it. Raises ``ValueError`` for what it cannot carry."""

    def write(self, gateways: Iterable[str], allowed: Iterable[str]) -> None:
        """Write all gateways and all further networks, atomically."""


class Trunks:
    """Applies the trunk documents to the switch and keeps their state in Redis."""

    def __init__(
        self,
        *,
        switch: SwitchClient,
        redis: RedisGuard,
        documents: Documents,
        vault: Callable[[], Vault],
        files: Files,
        folder: Path,
        cell: str,
    ) -> None:
        self._switch = switch
        self._redis = redis
        self._documents = documents
        self._vault = vault
        self._files = files
        self._path = folder / "trunks.json"
        self._cell = cell
        self._lock = RLock()
        self._core_uuid = ""
        self._applied: dict[str, str] = {}
        self._remembered = True
        """What was applied is on the disk."""
        self._standings: dict[int, Standing] = {}
        self._refused: dict[int, str] = {}

    def settle(self) -> None:
        """Make the switch have exactly the published trunks. May be called at any time, from any greenlet."""
        if not self._switch.connected or not self._documents.known:
            return
        with self._lock:
            try:
                self._settle()
            except (SwitchError, OSError) as error:
                log.warning("trunks_not_settled", reason=str(error))

    def on_event(self, event: Event) -> None:
        """Take a gateway's change of state."""
        seen = gateways.state_of_event(event)
        trunk = next((each for each in self._documents.all(TrunkDoc) if each.code == seen.name), None)
        if trunk is not None and trunk.enabled and trunk.id not in self._refused:
            self._note(trunk, seen)

    def register_again(self, trunk_id: int) -> bool:
        """Have a trunk register now; False when there is no such trunk or it does not register."""
        trunk = self._documents.get(TrunkDoc, trunk_id)
        if trunk is None or not trunk.register or not trunk.enabled:
            return False
        return "+OK" in self._switch.send(gateways.register_gateway(PROFILE, trunk.code)).text

    # --- the switch ------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        self._know_applied()
        trunks = list(self._documents.all(TrunkDoc))
        wanted = self._render(trunk for trunk in trunks if trunk.enabled)
        allowed = sorted({network for trunk in trunks if trunk.enabled for network in networks_of(trunk)})
        marks = {code: _mark(text) for code, text in wanted.items()}
        marks[NETWORKS] = _mark("\n".join(allowed))
        present = self._ask()
        stale = [code for code in present if self._applied.get(code) != marks.get(code)]
        missing = [code for code in wanted if code not in present or code in stale]
        if stale or missing or self._applied.get(NETWORKS) != marks[NETWORKS]:
            self._apply(stale, wanted, allowed, marks)
            present = self._ask()
        elif not self._remembered:
            self._remember(self._applied)
        self._note_all(trunks, present)

    def _apply(
        self, stale: list[str], wanted: Mapping[str, str], allowed: list[str], marks: dict[str, str]
    ) -> None:
        """Order matters: what is forgotten first is done again should we die in between, and a gateway that changed is
        dropped once the switch's files have the new one, for a full disk has no room for them.
        """
        self._remember({code: mark for code, mark in self._applied.items() if code not in (*stale, NETWORKS)})
        self._kill(code for code in stale if code not in wanted)
        self._files.write((wanted[code] for code in sorted(wanted)), allowed)
        self._kill(code for code in stale if code in wanted)
        for wire in (
            gateways.reload_configuration(),
            gateways.reload_networks(),
            gateways.rescan(PROFILE),
        ):
            reply = self._switch.send(wire)
            if not reply.ok:
                log.error("trunks_not_applied", reason=reply.text.strip()[:200])
                return
        self._remember(marks)
        log.info("trunks_applied", gateways=sorted(wanted), changed=stale, networks=len(allowed))

    def _kill(self, codes: Iterable[str]) -> None:
        for code in codes:
            self._switch.send(gateways.kill_gateway(PROFILE, code))

    def _ask(self) -> dict[str, GatewayState]:
        return gateways.states(self._switch.send(gateways.list_gateways()).text, PROFILE)

    def _render(self, trunks: Iterable[TrunkDoc]) -> dict[str, str]:
        """Return the gateways of those trunks whose every value may be told to the switch."""
        self._refused = {}
        made: dict[str, str] = {}
        for trunk in trunks:
            try:
                password = self._vault().open(trunk.password_encrypted) if trunk.password_encrypted else ""
                fault = fault_of(trunk, password)
                if not fault:
                    made[trunk.code] = self._files.gateway(trunk, password)
            except UnreadableSecretError:
                fault = "password"
            except (UnsafeValue, ValueError):
                fault = "value"
            if fault:
                self._refused[trunk.id] = fault
                log.error("trunk_refused", trunk=trunk.id, field=fault)
        return made

    # --- what was applied ---------------------------------------------------------------------------------------------

    def _know_applied(self) -> None:
        core_uuid = self._switch.core_uuid
        if self._core_uuid == core_uuid:
            return
        if not self._core_uuid:
            try:
                stored = msgspec.json.decode(self._path.read_bytes(), type=tuple[str, dict[str, str]])
            except (OSError, msgspec.MsgspecError):
                stored = ("", {})
            self._core_uuid, self._applied = stored
        if self._core_uuid != core_uuid:
            # What this run of the switch read at its start may be older than what was applied to the last one.
            self._core_uuid, self._applied = core_uuid, {}

    def _remember(self, applied: dict[str, str]) -> None:
        """Keep it for the next start of ours. A disk that refuses stops no trunk: the audit tries again."""
        self._applied = applied
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.encode((self._core_uuid, applied)))
            os.replace(temporary, self._path)
        except OSError as error:
            if self._remembered:
                self._remembered = False
                log.error("trunks_not_remembered", reason=str(error))
            # None is better than what was applied before: the next start would take it for what the switch has.
            for path in (temporary, self._path):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            return
        if not self._remembered:
            self._remembered = True
            log.info("trunks_remembered_again")

    # --- state --------------------------------------------------------------------------------------------------------

    def _note_all(self, trunks: list[TrunkDoc], present: Mapping[str, GatewayState]) -> None:
        if not self._standings:
            self._standings = self._told_before()
        for trunk in trunks:
            self._standings[trunk.id] = self._standing(trunk, present.get(trunk.code))
        known = {trunk.id for trunk in trunks}
        for trunk_id in self._standings.keys() - known:
            del self._standings[trunk_id]
        try:
            self._redis.run(self._publish_all)
        except RedisAwayError:
            log.info("left_to_the_audit", what="trunks")

    def _note(self, trunk: TrunkDoc, seen: GatewayState) -> None:
        standing = self._standing(trunk, seen)
        self._standings[trunk.id] = standing
        log.info("trunk_state", trunk=trunk.code, state=standing.state.value, status=standing.status)
        data = msgspec.json.encode(standing)
        try:
            self._redis.run(lambda client: client.hset(keys.trunks(self._cell), trunk.id, data))
        except RedisAwayError:
            log.info("left_to_the_audit", what="trunks")

    def _standing(self, trunk: TrunkDoc, seen: GatewayState | None) -> Standing:
        before = self._standings.get(trunk.id)
        status, reason = 0, ""
        if not trunk.enabled:
            state = TrunkState.OFF
        elif trunk.id in self._refused:
            state, reason = TrunkState.REFUSED, self._refused[trunk.id]
        elif seen is None:
            state = TrunkState.ABSENT
        else:
            state, status, reason = state_of(seen), seen.status, seen.phrase
            if state in (TrunkState.TRYING, TrunkState.FAILED, TrunkState.DOWN) and not status and before:
                # Only events tell the carrier's words; while it is tried again the last ones still say why.
                status, reason = before.status, before.reason
            elif state in (TrunkState.REGISTERED, TrunkState.READY):
                status, reason = 0, ""
        since_ms = before.since_ms if before is not None and before.state is state else now_ms()
        return Standing(code=trunk.code, state=state, since_ms=since_ms, status=status, reason=reason)

    def _told_before(self) -> dict[int, Standing]:
        """Return what a controller before us said, so that states keep their beginnings and reasons."""
        try:
            stored: Any = self._redis.run(lambda client: client.hgetall(keys.trunks(self._cell)))
            return {int(name): msgspec.json.decode(data, type=Standing) for name, data in stored.items()}
        except (RedisAwayError, msgspec.MsgspecError):
            return {}

    def _publish_all(self, client: Any) -> None:
        name = keys.trunks(self._cell)
        pipeline = client.pipeline(transaction=True)
        pipeline.delete(name)
        if self._standings:
            fields = {trunk_id: msgspec.json.encode(each) for trunk_id, each in self._standings.items()}
            pipeline.hset(name, mapping=fields)
        pipeline.execute()


def state_of(seen: GatewayState) -> TrunkState:
    """Return what the switch's words mean."""
    if seen.state == "NOREG":
        return TrunkState.DOWN if seen.ping == "DOWN" else TrunkState.READY
    if seen.state == "REGED":
        return TrunkState.REGISTERED
    if seen.state in ("FAILED", "FAIL_WAIT", "TIMEOUT", "EXPIRED"):
        return TrunkState.FAILED
    return TrunkState.DOWN if seen.state == "DOWN" else TrunkState.TRYING


def _mark(text: str) -> str:
    """What was applied is remembered by its digest: the text holds passwords."""
    return hashlib.sha256(text.encode()).hexdigest()
