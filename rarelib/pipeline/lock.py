"""One run at a time in a folder; the lock is the operating system's and does not outlive a dead process."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..params import ParameterError
from ..run.claim import lives, start_of

ORPHAN_WAIT_S = 5.0  # a kernel whose run was killed notices within a second


class RunLock:
    """Who works in a run's folder: this process and the kernels it started."""

    def __init__(self, about: Path) -> None:
        """Keep the record in this file."""
        self._about = about
        self._holder: dict[str, Any] = {
            "pid": os.getpid(),
            "started": start_of(os.getpid()),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "kernels": [],
        }
        self._write()

    def record_kernel(self, pid: int) -> None:
        """Remember a kernel, so that the next run can make sure that it is gone."""
        self._holder["kernels"].append({"pid": pid, "started": start_of(pid)})
        self._write()

    def _write(self) -> None:
        self._about.write_text(json.dumps(self._holder), encoding="utf-8")


@contextmanager
def run_lock(root: Path) -> Iterator[RunLock]:
    """Hold a run's folder for this process; kernels that a killed run left behind are ended first.

    Raises:
        ParameterError: If another live process holds it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    about = root / "stages" / "lock.json"
    lock = FileLock(root / "stages" / ".lock", timeout=0)
    try:
        about.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        holder = _read(about)
        named = f"process {holder['pid']}, started {holder['since']}" if holder else "another process"
        raise ParameterError(
            f"The run folder {root} is in use by {named}; wait for it or give another --name."
        ) from error
    except OSError as error:
        raise ParameterError(f"The run folder {root} cannot be written: {error.strerror}.") from error
    try:
        _end_orphans(_read(about).get("kernels", []))
        yield RunLock(about)
    finally:
        about.unlink(missing_ok=True)
        Path(lock.lock_file).unlink(missing_ok=True)  # while it is held: filelock does not take an unlinked file
        lock.release()


def _read(about: Path) -> dict[str, Any]:
    try:
        holder = json.loads(about.read_text(encoding="utf-8"))
        return {
            "pid": holder["pid"],
            "since": holder["since"],
            "kernels": [(int(kernel["pid"]), float(kernel["started"])) for kernel in holder["kernels"]],
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _end_orphans(kernels: list[tuple[int, float]]) -> None:
    import psutil

    alike = [pid for pid, started in kernels if lives({"pid": pid, "started": started})]
    orphans = [psutil.Process(pid) for pid in alike if psutil.pid_exists(pid)]
    orphans = [process for process in orphans if _is_kernel(process)]
    _, alive = psutil.wait_procs(orphans, timeout=ORPHAN_WAIT_S)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=ORPHAN_WAIT_S)


def _is_kernel(process: Any) -> bool:
    import psutil

    try:
        return process.status() != psutil.STATUS_ZOMBIE and any("ipykernel" in part for part in process.cmdline())
    except psutil.Error:
        return False
