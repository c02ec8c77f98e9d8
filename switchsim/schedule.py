"""Tasks due later, in groups by channel: transfers and hang-ups that `sched_del` cancels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import gevent

if TYPE_CHECKING:
    from switchsim.core import Core


@dataclasses.dataclass
class Task:
    """One scheduled task."""

    id: int
    group: str
    description: str
    due_us: int
    greenlet: gevent.Greenlet

    def headers(self) -> dict[str, str]:
        """What the events about it say."""
        return {
            "Task-ID": str(self.id),
            "Task-Desc": self.description,
            "Task-Group": self.group,
            "Task-Runtime": str(self.due_us // 1_000_000),
        }


class Schedule:
    """The switch's scheduler."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._groups: dict[str, list[Task]] = {}
        self._last = 0

    def add(self, seconds: float, description: str, group: str, call: Callable[[], object]) -> Task:
        """Call `call` in `seconds` unless the group is deleted before."""
        self._last += 1
        due = self._core.clock.now_us() + int(seconds * 1e6)
        holder: list[Task] = []
        greenlet = self._core.spawn_later(seconds, lambda: self._run(holder[0], call))
        task = Task(self._last, group, description, due, greenlet)
        holder.append(task)
        self._groups.setdefault(group, []).append(task)
        self._core.fire("ADD_SCHEDULE", extra=task.headers())
        return task

    def _run(self, task: Task, call: Callable[[], object]) -> None:
        self._forget(task)
        self._core.fire("DEL_SCHEDULE", extra=task.headers())
        call()

    def _forget(self, task: Task) -> None:
        tasks = self._groups.get(task.group, [])
        if task in tasks:
            tasks.remove(task)
        if not tasks:
            self._groups.pop(task.group, None)

    def delete(self, group: str) -> int:
        """Cancel the tasks of a group (a channel's uuid, or a task's number); return how many there were."""
        tasks = self._groups.pop(group, [])
        if not tasks and group.isdigit():
            tasks = [task for each in self._groups.values() for task in each if task.id == int(group)]
        for task in tasks:
            self._forget(task)
            task.greenlet.kill(block=False)
            self._core.fire("DEL_SCHEDULE", extra=task.headers())
        return len(tasks)
