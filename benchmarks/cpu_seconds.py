"""Seconds of CPU that this process and all that it starts have used, whoever reaps them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

LOOK_S = 0.5  # a process that lives shorter may be missed


@dataclass
class Spent:
    """Seconds of a block: on the clock, and of all CPUs together."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure a block; on a machine that others use as well, the CPU seconds say more than those of the clock."""
    spent, ended = Spent(), threading.Event()
    before, seen = _used(psutil.Process()), {}

    def look() -> None:
        while not ended.wait(LOOK_S):
            _look(seen)

    looker = threading.Thread(target=look, daemon=True)
    _look(first := {})  # what ran before the block
    looker.start()
    start = time.perf_counter()
    try:
        yield spent
    finally:
        spent.wall_s = time.perf_counter() - start
        ended.set()
        looker.join()
        _look(seen)
        children = sum(used - first.get(process, 0.0) for process, used in seen.items())
        spent.cpu_s = _used(psutil.Process()) - before + children


def _look(seen: dict[psutil.Process, float]) -> None:
    for process in psutil.Process().children(recursive=True):
        try:
            seen[process] = _used(process)
        except psutil.Error:
            continue


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
