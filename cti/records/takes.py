"""Brings voices that were recorded by telephone from the cell's disk into the library (CTI-V4).

A take that is kept is a fact beside its sound. Voice, log and the row that says what became of the take are one
transaction; only then are the files removed. Killed anywhere, the next run does the same again: the sound has the same
key in the store, and a take that has its row is done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, InterfaceError, NoResultFound, OperationalError

from core import audit
from core.database import Database, TenantSession
from core.errors import CallerFault
from core.models import Account
from core.store import FileStore
from cti.takes.model import TakeFact
from ivr.voices import convert, service
from ivr.voices.errors import SoundDamaged, VoiceNameTaken
from ivr.voices.models import Voice, VoiceSource, VoiceTake

log = structlog.get_logger(__name__)

BAD = "bad"
NAMES = 9
"""Names tried when another voice got the one that was chosen: ``Welcome (2)`` and so on."""
ABANDONED_S = 3600.0
"""A sound without a fact that nobody wrote to for so long is of a take that is over: none is half as long."""
_fact = msgspec.json.Decoder(TakeFact)


def ship_takes(
    folder: Path,
    database: Database,
    store: FileStore,
    follow: Callable[[TenantSession, Voice], None],
    now_s: float,
) -> int:
    """Bring in what is kept; return how many takes. `follow` publishes a voice to calls with the session's commit.

    Raises what database and disk raise when they are away; what was not brought in stays then. A take the disk refuses
    keeps no other waiting: the error is raised once all were tried, and nothing is swept, for its sounds are still
    wanted.
    """
    done = 0
    refused: OSError | None = None
    for path in sorted(folder.glob("*.json")):
        try:
            done += _ship_take(path, database, store, follow)
        except OSError as error:
            refused = refused or error
    if refused is not None:
        raise refused
    _sweep(folder, now_s)
    return done


def _ship_take(
    path: Path, database: Database, store: FileStore, follow: Callable[[TenantSession, Voice], None]
) -> int:
    """Return 1 when the take was brought in, 0 when it was put aside. Raises as :func:`ship_takes`."""
    try:
        fact = _fact.decode(path.read_bytes())
    except msgspec.MsgspecError as error:
        _put_aside(path, str(error))
        return 0
    try:
        _bring_in(path.parent, fact, database, store, follow)
    except (OperationalError, InterfaceError):
        raise  # the database is away
    except (DBAPIError, NoResultFound, ValueError) as error:
        _put_aside(path, str(error))
        return 0
    _remove(path.parent, fact.id)
    return 1


def _bring_in(
    folder: Path,
    fact: TakeFact,
    database: Database,
    store: FileStore,
    follow: Callable[[TenantSession, Voice], None],
) -> None:
    refusal: CallerFault | None = None
    with database.transaction(fact.tenant_id) as session:
        if session.scalar(select(VoiceTake.id).where(VoiceTake.take == fact.id)) is not None:
            return
        try:
            maker = session.get(Account, fact.account_id)
            voice = _voice(session, store, fact, maker, _sound(folder / fact.file))
            session.add(VoiceTake(take=fact.id, voice_id=voice.id))
            _log(session, fact, maker, voice)
            follow(session, voice)
            session.commit()
        except CallerFault as error:
            session.rollback()
            refusal = error
    if refusal is not None:
        log.warning("take_not_taken", take=fact.id, tenant=fact.tenant_id, why=refusal.id)
        with database.transaction(fact.tenant_id) as session:
            details = msgspec.json.encode({name: str(value) for name, value in refusal.details.items()})
            session.add(VoiceTake(take=fact.id, refusal=refusal.id, details=details.decode()))
            session.commit()


def _sound(path: Path) -> convert.Sound:
    """Return it as the library stores it. Raises the errors of `ivr.voices.errors`."""
    try:
        return convert.convert(path.read_bytes())
    except FileNotFoundError as error:
        raise SoundDamaged() from error


def _voice(
    session: TenantSession, store: FileStore, fact: TakeFact, maker: Account | None, sound: convert.Sound
) -> Voice:
    origin = service.Origin(source=VoiceSource.PHONE, account_id=maker.id if maker is not None else None)
    if fact.voice_id:
        voice = service.voice_of(session, fact.voice_id)
        service.replace(session, store, voice, sound, origin, key=fact.id)
        return voice
    name = _free_name(session, fact.name)
    return service.add(session, store, name, sound, origin, key=fact.id)


def _free_name(session: TenantSession, wanted: str) -> str:
    """Return the name, or one beside it that is free: nobody is to speak again for a name. Raises `VoiceNameTaken`."""
    name = service.clean_name(wanted)
    for number in range(2, NAMES + 2):
        try:
            service.require_free(session, name)
        except VoiceNameTaken:
            name = f"{service.clean_name(wanted)[: service.NAME_LENGTH - 4]} ({number})"
        else:
            return name
    raise VoiceNameTaken(name=service.clean_name(wanted))


def _log(session: TenantSession, fact: TakeFact, maker: Account | None, voice: Voice) -> None:
    """Write who did it; the line must be whole before anything is flushed, since no line is ever changed."""
    entry = audit.record(session, None, "voices.replace" if fact.voice_id else "voices.add", voice, {})
    if maker is not None:
        entry.account_id, entry.account_name = maker.id, maker.name


def _remove(folder: Path, take_id: str) -> None:
    """Remove the sounds before the fact: what is left of a kill in between is removed again."""
    for path in folder.glob(f"{take_id}-*.wav"):
        path.unlink(missing_ok=True)
    (folder / f"{take_id}.json").unlink(missing_ok=True)


def _put_aside(path: Path, why: str) -> None:
    target = path.parent / BAD
    target.mkdir(exist_ok=True)
    path.replace(target / path.name)
    log.error("a recording by telephone was put aside", file=path.name, why=why)


def _sweep(folder: Path, now_s: float) -> None:
    """Remove what a take left whose end nobody saw."""
    for path in folder.glob("*.wav"):
        with contextlib.suppress(FileNotFoundError):
            if now_s - path.stat().st_mtime > ABANDONED_S:
                path.unlink()
