"""Kernels for the stages, the next one started and warmed up while the current one works."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..tables import SCORE, STAGES

WARM_UP = "import pandas, pyarrow.parquet, IPython.display, rarelib.figures.charts"  # what every stage imports
MORE = {SCORE: ", seaborn, sklearn.ensemble"}  # and what takes a while of what one imports
CLIENT = "jupyter_client.asynchronous.AsyncKernelClient"
SOCKET_BYTES = 103  # of the path of a socket that is a file, on macOS; Linux takes four more
CANCEL_ROUNDS, CANCEL_S = 3, 1.0  # how often and how long ended tasks are waited for
STOPPING = (signal.SIGINT, signal.SIGTERM)


class KernelRelay:
    """Hands out one kernel a stage; a kernel starts cold in a second or two, so the next one starts ahead."""

    def __init__(self, cwd: Path, on_start: Callable[[int], None], *, told: Mapping[str, str] | None = None) -> None:
        """Start kernels in this folder, with this beside in their environment, and tell the process id of each."""
        self._cwd, self._on_start, self._told = cwd, on_start, dict(told or {})
        self._temporary, self._sockets = (
            tempfile.TemporaryDirectory(prefix="rarelib-", dir=place, ignore_cleanup_errors=True)
            for place in (None, _place_of_sockets())
        )
        self._started = 0
        self._clients: dict[Any, list[Any]] = {}
        self._current: Any = None
        self._ahead: Any = None

    def __enter__(self) -> KernelRelay:
        return self

    def __exit__(self, *exception: object) -> None:
        for manager in list(self._clients):
            self._shut_down(manager)
        self._sockets.cleanup()
        self._temporary.cleanup()

    def take(self, stage: str) -> Any:
        """Return a kernel manager for this stage and start the next stage's kernel."""
        if self._ahead is not None and not self._ahead.is_alive():  # killed while it waited
            self._shut_down(self._ahead)
            self._ahead = None
        self._current = self._ahead or self._start(stage)
        self._ahead = self._start(STAGES[STAGES.index(stage) + 1]) if stage != STAGES[-1] else None
        return self._current

    def stop(self) -> None:
        """End the current kernel at once."""
        self._shut_down(self._current)
        self._current = None

    def _start(self, stage: str) -> Any:
        from jupyter_client.kernelspec import KernelSpecManager
        from jupyter_client.manager import KernelManager

        class Manager(KernelManager):
            """Remembers its clients: who is lent a manager does not close them."""

            def client(self, **options: Any) -> Any:
                clients.append(super().client(**options))
                return clients[-1]

        clients: list[Any] = []
        self._started += 1
        sockets = str(Path(self._sockets.name) / f"kernel-{self._started}")
        manager = Manager(  # sockets are files, so that no port is opened; only async clients notice a dead kernel
            kernel_name="python3", transport="ipc", ip=sockets, client_class=CLIENT,
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # this Python, whatever else is called python3
        )  # fmt: skip
        options = [f"--IPKernelApp.exec_lines={WARM_UP}{MORE.get(stage, '')}", "--HistoryManager.hist_file=:memory:"]
        with _signals_wait():  # a kernel that nobody knows of yet would not be ended
            manager.start_kernel(cwd=str(self._cwd), extra_arguments=options, env=self._environment())
            self._clients[manager] = clients
        self._on_start(manager.provisioner.pid)
        return manager

    def _environment(self) -> dict[str, str]:
        """Return the environment of a kernel: what it leaves besides results and caches goes with the relay."""
        here, home = Path(self._temporary.name), Path("~").expanduser()
        temporary = here / "temporary"
        temporary.mkdir(exist_ok=True)
        usual = {"IPYTHONDIR": str(here / "ipython"), "RAY_TMPDIR": tempfile.gettempdir()}
        if not (home.is_dir() and os.access(home, os.W_OK)):
            usual["MPLCONFIGDIR"] = str(here / "matplotlib")  # the list of fonts, made once
        return {**usual, **os.environ, "TMPDIR": str(temporary), **self._told}

    def _shut_down(self, manager: Any) -> None:
        clients = self._clients.pop(manager, [])
        if clients:
            _cancel_waiting()
        for client in clients:
            client.stop_channels()
        if manager is not None and manager.has_kernel:
            manager.shutdown_kernel(now=True)


def told_of_death(error: RuntimeError) -> str:
    """Return in words what nbclient and jupyter_client raise where a kernel died, or never answered."""
    return f"its kernel died, most often for want of memory ({' '.join(str(error).split())})"


def _place_of_sockets() -> str | None:
    """Return a folder whose path is short enough for sockets in it; None where that of temporary files is."""
    longest = Path(tempfile.gettempdir(), "rarelib-12345678", "kernel-12-5")
    return "/tmp" if len(os.fsencode(longest)) > SOCKET_BYTES and os.access("/tmp", os.W_OK) else None


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM until the block has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    previous = {each: signal.signal(each, lambda number, _: arrived.append(number)) for each in STOPPING}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
    for number in arrived[:1]:
        signal.raise_signal(number)


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _cancel_waiting() -> None:
    """End what still waits for the kernel's words: a signal leaves nbclient's tasks pending in the loop.

    A loop that runs is that of a notebook which called: its tasks are the caller's, nbclient's are in another loop.
    """
    from jupyter_core.utils import ensure_event_loop

    if _loop_runs():
        return
    loop = ensure_event_loop()
    for _ in range(CANCEL_ROUNDS):
        waiting = asyncio.all_tasks(loop)
        for task in waiting:
            task.cancel()
        if waiting:
            with suppress(KeyboardInterrupt):  # a task that a signal met hands it on to those that wait for it
                loop.run_until_complete(asyncio.wait(waiting, timeout=CANCEL_S))
        for task in waiting:
            if task.done() and not task.cancelled():
                task.exception()  # taken, so that asyncio does not print it
