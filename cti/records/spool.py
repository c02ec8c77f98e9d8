"""A folder another program writes files into: what can be read now, what must wait, what is spoilt."""

from __future__ import annotations

import dataclasses
import errno
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from cti.records.cdr import IncompleteError, NotACdrError

GIVE_UP_AFTER_S = 180.0
"""A file that nobody wrote to for so long and that still ends in the middle is spoilt."""

BATCH = 200
BAD = "bad"
"""Name of the folder, beside the files, for those that cannot be read; each with its reason in ``<name>.why``."""
HOMELESS = "homeless"
"""Name of the folder for records of no tenant we know."""

REFUSED_FOR_S = 60.0
"""A file the disk refused is left alone for so long."""
REFUSED_AT_ONCE = 20
"""After so many a turn takes what it has: each may have kept us waiting for seconds."""
OF_NO_FILE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What no single file is to blame for: everything waits."""

Value = TypeVar("Value")
logger = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item(Generic[Value]):
    """A file and what it says."""

    path: Path
    value: Value


class Spool(Generic[Value]):
    """The files in `folder` whose names end with `suffix`, read by `parse`.

    A file the disk refuses to read, move or remove is left where it is and tried again after :data:`REFUSED_FOR_S`;
    it keeps no other waiting. ``OSError`` is raised when the folder is refused, or for what is :data:`OF_NO_FILE`.
    """

    def __init__(self, folder: Path, suffix: str, parse: Callable[[bytes], Value]) -> None:
        self.folder = folder
        self.suffix = suffix
        self.parse = parse
        self._now_s = 0.0
        self._refused: dict[str, float] = {}
        """Names of the files the disk refused, with when it last did."""

    def take(
        self, now_s: float, limit: int = BATCH, wanted: Callable[[str], bool] = lambda name: True
    ) -> list[Item[Value]]:
        """Return up to `limit` readable files whose name is `wanted`, oldest first; spoilt ones are put aside."""
        self._now_s = now_s
        items: list[Item[Value]] = []
        refused = 0
        for path, written_s in self._listed():
            if len(items) >= limit or refused >= REFUSED_AT_ONCE:
                break
            if not wanted(path.name):
                continue
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                self._refuse(path.name, error)
                refused += 1
                continue
            self._refused.pop(path.name, None)
            try:
                items.append(Item(path=path, value=self.parse(data)))
            except IncompleteError as error:
                if now_s - written_s > GIVE_UP_AFTER_S:
                    self.put_aside(path, BAD, str(error))
            except NotACdrError as error:
                self.put_aside(path, BAD, str(error))
        return items

    def waiting(self) -> int:
        """Return how many files lie in the folder."""
        return sum(1 for _ in self._entries())

    def names(self) -> set[str]:
        """Return the names of the files that lie in the folder."""
        return {entry.name for entry in self._entries()}

    def refused(self) -> set[str]:
        """Return the names of the files the disk refused when they were last tried."""
        return set(self._refused)

    def remove(self, path: Path) -> bool:
        """Remove a file that is dealt with; return whether it is gone. One that stays is taken again later."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._refuse(path.name, error)
            return False
        return True

    def put_aside(self, path: Path, where: str, why: str) -> None:
        """Move a file into a folder of its own and note the reason, for a person to look at."""
        target = self.folder / where
        try:
            target.mkdir(parents=True, exist_ok=True)
            (target / f"{path.name}.why").write_text(why + "\n")
            path.replace(target / path.name)
        except OSError as error:
            self._refuse(path.name, error)
            return
        logger.error("a record was put aside", file=path.name, folder=where, why=why)

    def aside(self, where: str) -> int:
        """Return how many files are put aside in `where`."""
        folder = self.folder / where
        return sum(1 for path in folder.glob(f"*{self.suffix}")) if folder.is_dir() else 0

    def _refuse(self, name: str, error: OSError) -> None:
        """Leave a file for later. Raises `error` when no file is to blame for it."""
        if error.errno in OF_NO_FILE:
            raise error
        self._refused[name] = self._now_s
        logger.error("a record waits", file=name, why=str(error), retry_s=REFUSED_FOR_S)

    def _left_alone(self, name: str) -> bool:
        return abs(self._now_s - self._refused.get(name, math.inf)) < REFUSED_FOR_S

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        if not self.folder.is_dir():
            return
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(self.suffix) and entry.is_file(follow_symlinks=False):
                    yield entry

    def _listed(self) -> list[tuple[Path, float]]:
        found = []
        there = set()
        for entry in self._entries():
            there.add(entry.name)
            if self._left_alone(entry.name):
                continue
            try:
                found.append((Path(entry.path), entry.stat(follow_symlinks=False).st_mtime))
            except FileNotFoundError:
                continue
            except OSError as error:
                self._refuse(entry.name, error)
        self._refused = {name: at for name, at in self._refused.items() if name in there}
        return sorted(found, key=lambda pair: (pair[1], pair[0].name))
