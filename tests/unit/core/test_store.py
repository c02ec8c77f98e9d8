"""The file store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store import FileStore, NoSuchFileError


def test_a_file_is_put_read_in_ranges_and_deleted(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    stored = store.put("recordings/1/2026-11/a-1.wav", [b"0123", b"456789"])
    assert (stored.bytes, stored.sha256) == (10, hashlib.sha256(b"0123456789").hexdigest())
    assert store.size(stored.key) == 10
    assert b"".join(store.read(stored.key, 3, 7)) == b"3456"
    assert b"".join(store.read(stored.key, 8)) == b"89"
    store.delete(stored.key)
    store.delete(stored.key)
    with pytest.raises(NoSuchFileError):
        store.read(stored.key)


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../b", "a//b", ".hidden", "a/.part", "a\0b", "a\n", "x" * 201]
)
def test_a_key_never_leaves_the_store(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        FileStore(tmp_path / "store").put(key, [b"x"])
    assert list(tmp_path.iterdir()) == []


def test_a_put_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a", [b"old"])

    def broken() -> Iterator[bytes]:
        yield b"new"
        raise OSError("the source broke")

    with pytest.raises(OSError, match="broke"):
        store.put("a", broken())
    assert b"".join(store.read("a")) == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_leftovers_of_dead_writers_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".a.0011.part").write_bytes(b"half")
    store = FileStore(tmp_path)
    assert (
        store.remove_leftovers(older_than_s=3600, now_s=(tmp_path / ".a.0011.part").stat().st_mtime + 10) == 0
    )
    assert store.remove_leftovers(older_than_s=5, now_s=(tmp_path / ".a.0011.part").stat().st_mtime + 10) == 1
