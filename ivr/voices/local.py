"""Approved voices on the cell's own disk, where the switch plays them from.

The file store is read once for each sound: what is copied here is played when the store is away (a network disk), and
does not change under a call. A store that hangs is waited for a moment, and not again for some seconds. A copy is
checked against the published digest, so that half a file, or another one, is never heard; a voice whose file cannot be
had says "not available" and is tried again with the next caller.

The store's folder must be reachable from the cell, as it is for the shipper, which puts recordings into it: on a
machine of its own a cell mounts it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from core import real_threads
from core.documents import VoiceDoc
from core.store import FileStore, NoSuchFileError
from ivr.tts.audio import write_atomically

log = structlog.get_logger(__name__)

AGAIN_S = 2.0
"""A file that was not there is looked for again after so long, so that a burst of callers does not hammer the store."""
PATIENCE_S = 2.0
"""A caller waits so long for a copy; what comes later is there for the next."""
HUNG_AGAIN_S = 10.0
"""A file that took longer is waited for again after so long."""
COPIES = 4
"""Copies under way at a time; with a store that hangs, further voices are unavailable at once."""
KEEP_S = 86_400.0
"""How long a copy nobody needs any more stays: a call may be about to play it."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class LocalVoices:
    """The copies in `folder`; `published` finds a voice's document by its id."""

    def __init__(self, folder: Path, store: FileStore, published: Callable[[int], VoiceDoc | None]) -> None:
        self._folder = folder
        self._store = store
        self._published = published
        self._failed: dict[str, tuple[float, bool]] = {}
        """When each file was last not to be had, and whether it hung."""
        self._lane = real_threads.Lane(COPIES)
        self._copying: set[str] = set()
        self._locks: dict[str, threading.Lock] = {}

    def voice(self, tenant_id: int, voice_id: int) -> Path | None:
        """Return the file of an approved voice of the tenant, or None. A voice's first caller waits for the copy."""
        document = self._published(voice_id)
        if document is None or document.tenant_id != tenant_id:
            return None
        return self.path_of(document)

    def path_of(self, document: VoiceDoc) -> Path | None:
        """Return the copy of a published voice, made now if need be; None when it cannot be had, or not within some
        `PATIENCE_S`.
        """
        if not _DIGEST.match(document.digest):
            return None
        path = self._folder / str(document.tenant_id) / f"{document.digest}.wav"
        if path.is_file():
            return path
        if self._failed_lately(document.digest):
            return None
        lock = self._locks.setdefault(document.digest, threading.Lock())
        if not lock.acquire(timeout=PATIENCE_S):
            return None
        try:
            if not path.is_file() and (
                self._failed_lately(document.digest) or not self._fetch(document, path)
            ):
                return None
        finally:
            lock.release()
        self._failed.pop(document.digest, None)
        self._locks.pop(document.digest, None)
        return path

    def tidy(self, documents: Iterable[VoiceDoc]) -> int:
        """Remove copies that belong to none of `documents` and are older than `KEEP_S`; return how many."""
        wanted = {(str(each.tenant_id), f"{each.digest}.wav") for each in documents}
        removed = 0
        for path in self._folder.glob("*/*.wav"):
            with contextlib.suppress(FileNotFoundError):
                old = time.time() - path.stat().st_mtime > KEEP_S
                if old and (path.parent.name, path.name) not in wanted:
                    path.unlink()
                    removed += 1
        return removed

    def _failed_lately(self, digest: str) -> bool:
        when, hung = self._failed.get(digest, (float("-inf"), False))
        return time.monotonic() - when < (HUNG_AGAIN_S if hung else AGAIN_S)

    def _fetch(self, document: VoiceDoc, path: Path) -> bool:
        """Have the copy made, one at a time of each file; what is given up is finished when the store answers."""
        made = hung = False
        if document.digest in self._copying:
            hung = True
        else:
            self._copying.add(document.digest)
            try:
                made = self._lane.run(PATIENCE_S, self._copy_one, document, path)
            except TimeoutError as error:
                hung = True
                if isinstance(error, real_threads.LaneFullError):
                    self._copying.discard(document.digest)
                log.warning(
                    "voice store hangs", voice=document.id, tenant=document.tenant_id, reason=str(error)
                )
        if not made:
            self._failed[document.digest] = (time.monotonic(), hung)
        return made

    def _copy_one(self, document: VoiceDoc, path: Path) -> bool:
        try:
            return self._copy(document, path)
        finally:
            self._copying.discard(document.digest)

    def _copy(self, document: VoiceDoc, path: Path) -> bool:
        try:
            data = b"".join(self._store.read(document.file_key))
        except (NoSuchFileError, OSError, ValueError) as error:
            if document.digest not in self._failed:  # once, not with every look
                log.warning(
                    "voice file missing", voice=document.id, tenant=document.tenant_id, reason=str(error)
                )
            return False
        if hashlib.sha256(data).hexdigest() != document.digest:
            log.error("voice file damaged", voice=document.id, tenant=document.tenant_id)
            return False
        try:
            write_atomically(path, data)
        except OSError as error:
            log.error("voice not copied", voice=document.id, reason=str(error))
            return False
        return True
