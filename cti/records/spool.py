"""A folder another program writes files into: what can be read now, what must wait, what is spoilt."""

from __future__ import annotations

import dataclasses
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

Value = TypeVar("Value")
logger = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item(Generic[Value]):
    """A file and what it says."""

    path: Path
    value: Value


class Spool(Generic[Value]):
    """The files in `folder` whose names end with `suffix`, read by `parse`."""

    def __init__(self, folder: Path, suffix: str, parse: Callable[[bytes], Value]) -> None:
        self.folder = folder
        self.suffix = suffix
        self.parse = parse

    def take(
        self, now_s: float, limit: int = BATCH, wanted: Callable[[str], bool] = lambda name: True
    ) -> list[Item[Value]]:
        """Return up to `limit` readable files whose name is `wanted`, oldest first; spoilt ones are put aside."""
        items: list[Item[Value]] = []
        for path, written_s in self._listed():
            if len(items) >= limit:
                break
            if not wanted(path.name):
                continue
            try:
                items.append(Item(path=path, value=self.parse(path.read_bytes())))
            except FileNotFoundError:
                continue
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

    def put_aside(self, path: Path, where: str, why: str) -> None:
        """Move a file into a folder of its own and note the reason, for a person to look at."""
        target = self.folder / where
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{path.name}.why").write_text(why + "\n")
        path.replace(target / path.name)
        logger.error("a record was put aside", file=path.name, folder=where, why=why)

    def aside(self, where: str) -> int:
        """Return how many files are put aside in `where`."""
        folder = self.folder / where
        return sum(1 for path in folder.glob(f"*{self.suffix}")) if folder.is_dir() else 0

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        if not self.folder.is_dir():
            return
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(self.suffix) and entry.is_file(follow_symlinks=False):
                    yield entry

    def _listed(self) -> list[tuple[Path, float]]:
        found = []
        for entry in self._entries():
            try:
                found.append((Path(entry.path), entry.stat(follow_symlinks=False).st_mtime))
            except FileNotFoundError:
                continue
        return sorted(found, key=lambda pair: (pair[1], pair[0].name))
