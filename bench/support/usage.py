"""What a process has cost, as the kernel counts it, and on which cores it may run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS_A_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the processor seconds (user and system, all threads) of a process so far (proc(5), fields 14, 15)."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_S


def busy_s(core: int) -> float:
    """Return the seconds `core` has worked for anybody since the machine started."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _wait, irq, softirq = (int(tick) for tick in ticks[:7])
            return (user + nice + system + irq + softirq) / _TICKS_A_S
    raise ValueError(f"there is no core {core}")


@contextmanager
def running_on(cores: Iterable[int]) -> Iterator[None]:
    """Have what this thread does and starts in the block run on `cores` only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
