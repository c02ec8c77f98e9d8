"""The shipper process's turns: what a refusing store or many recordings keep waiting."""

from __future__ import annotations

import threading
from typing import Any

from zongji.processes.shipper import BACKOFF_S, IDLE_S, _Loop


class Turns:
    """In place of the shipper: records and recordings as told."""

    def __init__(self, loop: _Loop, recordings: list[int | OSError]) -> None:
        self.loop = loop
        self.recordings = recordings
        self.seen: list[str] = []

    def step(self) -> int:
        self.seen.append("records")
        return 0

    def compare(self) -> int:
        self.seen.append("documents")
        return 0

    def ship_recordings(self) -> int:
        self.seen.append("recordings")
        result = self.recordings.pop(0)
        if not self.recordings:
            self.loop.stop.set()
        if isinstance(result, OSError):
            raise result
        return result


class Still:
    """Neighbours that have nothing to do."""

    def step(self) -> int:
        return 0

    def shutdown(self) -> None:
        """Nothing is served."""

    def dispose(self) -> None:
        """Nothing is open."""


class Waits(threading.Event):
    """An event nobody waits for; what was asked is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        return self.is_set()


class Refused(Still):
    """Messages in a folder the disk refuses."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def step(self) -> int:
        raise self.error


def run(recordings: list[int | OSError], messages: OSError | None = None) -> tuple[Turns, Waits]:
    loop: Any = object.__new__(_Loop)
    loop.stop = waits = Waits()
    loop.shipper = turns = Turns(loop, recordings)
    loop.page = loop.database = Still()
    loop.sms = Refused(messages) if messages is not None else Still()
    loop.well_at = 0.0
    loop._ship_takes = lambda: 0
    loop._republish = turns.compare
    loop.works = loop._works()
    loop.run()
    return turns, waits


def test_documents_are_compared_though_the_store_refuses() -> None:
    turns, _ = run([OSError("full")])
    assert turns.seen[:3] == ["records", "documents", "recordings"]


def test_records_have_their_turn_between_recordings_which_go_on_without_a_pause() -> None:
    turns, waits = run([20, 20, 0])
    assert [each for each in turns.seen if each != "documents"][:6] == ["records", "recordings"] * 3
    assert len(waits.asked) == 1


def test_a_folder_of_messages_that_is_refused_keeps_nothing_else_waiting() -> None:
    """Records go on at their own pace while there are any, and recordings as well."""
    turns, waits = run([20, 20, 0], messages=PermissionError("no"))
    assert [each for each in turns.seen if each != "documents"][:6] == ["records", "recordings"] * 3
    assert waits.asked == [IDLE_S, IDLE_S, BACKOFF_S[2]]
    assert turns.loop.well_at == 0.0, "and it is not called well"
