"""One writer at a time for a run at an address: each puts an object of its own, and gives way to one already there."""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..addresses.remote import RemotePath
from .ledger import FOLDER

BEAT_S = 20.0  # how often a writer says that it lives
DEAD_S = 180.0  # without a sign of life: longer than a beat and an outage that is outlived
TRIES, YOUNG_S = 4, 5.0  # two that came at the same moment both give way, and try again
LEAVE_S = 5.0  # how long leaving may take
SAME_START_S = 1.0  # the clock that start times are taken from may be set meanwhile


class InUse(RuntimeError):
    """Another machine writes the run; the message says which, and since when."""


@dataclass(frozen=True)
class _Other:
    name: str
    about: dict[str, Any]
    silent_s: float

    @property
    def is_dead(self) -> bool:
        same_host = self.about.get("host") == socket.gethostname()
        return self.silent_s > DEAD_S or (same_host and not lives(self.about))


class Claim:
    """The right to write a run at its address; held from `take` to `leave` while a thread says that this one lives.

    No conditional request is needed: whoever puts its object later sees the earlier one, as all stores now list what
    was written before.
    """

    def __init__(self, place: RemotePath) -> None:
        """Take the place of a run."""
        self._place, self._folder = place, place / FOLDER / "writers"
        self._name = f"{uuid.uuid4().hex}.json"
        self._about = {"host": socket.gethostname(), "pid": os.getpid(), "started": start_of(os.getpid()),
                       "since": time.strftime("%Y-%m-%d %H:%M:%S %z")}  # fmt: skip
        self._left = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="claim", daemon=True)
        self._lost = False

    def take(self) -> None:
        """Claim the run.

        Raises:
            InUse: If another machine writes it.
            OSError: If nothing can be written or deleted there.
        """
        for attempt in range(TRIES):
            self._put()
            others = self._others()
            for other in (each for each in others if each.is_dead):
                (self._folder / other.name).delete()
            alive = [each for each in others if not each.is_dead]
            if not alive:
                self._beating.start()
                return
            (self._folder / self._name).delete()
            if min(each.silent_s for each in alive) > YOUNG_S or attempt == TRIES - 1:
                raise InUse(self._said(alive[0]))
            time.sleep(random.uniform(0.2, 1.0) * (attempt + 1))

    def check(self) -> None:
        """Make sure that the run is still claimed.

        Raises:
            InUse: If this process was silent for so long that another machine took over.
        """
        if self._lost or not self._is_there():
            self._lost = True
            raise InUse(f"{self._place} was taken over by another machine, as this one gave no sign of life for long")

    def leave(self) -> None:
        """Let the run go; where the store does not answer, the claim ends by itself."""
        self._left.set()
        leaving = threading.Thread(target=self._let_go, daemon=True)
        leaving.start()
        leaving.join(LEAVE_S)

    def _let_go(self) -> None:
        try:
            (self._folder / self._name).delete()
        except OSError:
            return  # it ends by itself

    def _beat(self) -> None:
        while not self._left.wait(BEAT_S):
            try:
                if not self._is_there():
                    self._lost = True
                    return
                self._put()
            except OSError:
                continue  # the next beat may come through

    def _put(self) -> None:
        about = {**self._about, "beat": time.time()}
        (self._folder / self._name).write_bytes(json.dumps(about).encode())

    def _is_there(self) -> bool:
        return self._name in self._folder.list_folder()[0]

    def _others(self) -> list[_Other]:
        files, _ = self._folder.list_folder()
        now = files.get(self._name, (0, -1))[1]
        found = []
        for name, (_, written) in files.items():
            if name != self._name:
                about = self._about_of(name)
                by_store = (now - written) / 1e9 if min(now, written) >= 0 else None
                silent_s = time.time() - float(about.get("beat", 0)) if by_store is None else by_store
                found.append(_Other(name, about, silent_s))
        return found

    def _about_of(self, name: str) -> dict[str, Any]:
        try:
            about = json.loads((self._folder / name).fetch())
        except (FileNotFoundError, ValueError):  # it has just left
            return {"beat": 0, "host": socket.gethostname(), "pid": -1}
        return about if isinstance(about, dict) else {}

    def _said(self, other: _Other) -> str:
        about = other.about
        return (
            f"The run {self._place} is being written by process {about.get('pid')} on {about.get('host')}, started "
            f"{about.get('since')}, last sign of life {max(other.silent_s, 0):.0f} s ago; wait until it has ended, or "
            f"{DEAD_S:.0f} s if it was killed, or give another --name."
        )


def is_written(place: RemotePath) -> bool:
    """Tell whether a process writes a run at its address now, by this machine's clock."""
    folder = place / FOLDER / "writers"
    try:
        told = [json.loads((folder / name).fetch()) for name in folder.list_folder()[0]]
    except (OSError, ValueError):
        return False
    return any(time.time() - float(about.get("beat", 0)) < DEAD_S for about in told)


def lives(about: Mapping[str, Any]) -> bool:
    """Tell whether the process of a record, told by its number and its start, still lives on this machine."""
    try:
        pid, started = int(about.get("pid", -1)), float(about.get("started", 0))
    except (TypeError, ValueError):
        return False
    now = start_of(pid)
    return now > 0 and abs(now - started) < SAME_START_S


def start_of(pid: int) -> float:
    """Return when a process started [s since 1970], which tells it from a later one of the same number; -1 for none."""
    import psutil

    try:
        return psutil.Process(pid).create_time() if pid >= 0 else -1.0
    except psutil.Error:
        return -1.0
