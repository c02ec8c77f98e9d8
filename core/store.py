"""The file store: recordings and uploads under keys, on a disk of ours; records hold keys, never paths.

A file appears whole or not at all, is on the disk when :meth:`FileStore.put` returns, and never changes afterwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*(/[A-Za-z0-9][A-Za-z0-9_.\-]*)*\Z")


class NoSuchFileError(Exception):
    """The store has no file under this key."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stored:
    """A file in the store."""

    key: str
    bytes: int
    sha256: str


class FileStore:
    """Files below `root`. A key is a relative path of plain names, such as ``recordings/1/2026-11/ab….wav``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, chunks: Iterable[bytes]) -> Stored:
        """Store `chunks` under `key`, replacing a file of that key. Raises ``ValueError``, ``OSError``."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.parent / f".{path.name}.{secrets.token_hex(8)}.part"
        checksum = hashlib.sha256()
        size = 0
        try:
            with part.open("xb") as file:
                for chunk in chunks:
                    checksum.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
            raise
        _sync_folder(path.parent)
        return Stored(key=key, bytes=size, sha256=checksum.hexdigest())

    def open(self, key: str) -> BinaryIO:
        """Return the file, to be closed by the caller. Raises :class:`NoSuchFileError`, ``ValueError``."""
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NoSuchFileError(key) from None

    def size(self, key: str) -> int:
        """Return the file's length in bytes. Raises :class:`NoSuchFileError`, ``ValueError``."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            raise NoSuchFileError(key) from None

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to and without `end`, in chunks. Raises :class:`NoSuchFileError` at once."""
        return _chunks(self.open(key), start, end)

    def delete(self, key: str) -> None:
        """Remove the file; one that is not there is no error. Raises ``ValueError``."""
        with contextlib.suppress(FileNotFoundError):
            self._path(key).unlink()

    def remove_below(self, prefix: str, older_than_s: float, now_s: float) -> int:
        """Remove the files below the folder `prefix` last written more than `older_than_s` ago; return how many."""
        count = 0
        for path in self._path(prefix).rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and now_s - path.stat().st_mtime > older_than_s:
                    path.unlink()
                    count += 1
        return count

    def remove_leftovers(self, older_than_s: float, now_s: float) -> int:
        """Remove parts of files whose writer died; return how many."""
        count = 0
        for part in self.root.rglob(".*.part"):
            with contextlib.suppress(FileNotFoundError):
                if now_s - part.stat().st_mtime > older_than_s:
                    part.unlink()
                    count += 1
        return count

    def _path(self, key: str) -> Path:
        if not _KEY.match(key) or len(key) > 200:
            raise ValueError(f"{key!r} is no key")
        return self.root / key


def file_chunks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes in chunks."""
    return _chunks(path.open("rb"), 0, None)


def _chunks(file: BinaryIO, start: int, end: int | None) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = None if end is None else max(0, end - start)
        while left is None or left > 0:
            chunk = file.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
            if not chunk:
                return
            left = None if left is None else left - len(chunk)
            yield chunk


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
