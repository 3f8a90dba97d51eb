"""Kernels for the stages, the next one started and warmed up while the current one works."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .run_folder import STAGES

WARM_UP = "import pandas, pyarrow.parquet, IPython.display, rarelib.plots"  # what every stage imports


class KernelRelay:
    """Hands out one kernel a stage; a kernel starts cold in a second or two, so the next one starts ahead."""

    def __init__(self, cwd: Path, on_start: Callable[[int], None]) -> None:
        """Start kernels in this folder and tell the process id of each."""
        self._cwd, self._on_start = cwd, on_start
        self._sockets = tempfile.TemporaryDirectory(prefix="rarelib-")
        self._started = 0
        self._clients: dict[Any, list[Any]] = {}
        self._current: Any = None
        self._ahead: Any = None

    def __enter__(self) -> KernelRelay:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._shut_down(self._ahead)
        self._ahead = None
        self._sockets.cleanup()

    def take(self, stage: str) -> Any:
        """Return a kernel manager for this stage and start the next stage's kernel."""
        self._current = self._ahead or self._start()
        self._ahead = self._start() if stage != STAGES[-1] else None
        return self._current

    def stop(self) -> None:
        """End the current kernel at once."""
        self._shut_down(self._current)
        self._current = None

    def _start(self) -> Any:
        from jupyter_client.manager import KernelManager

        class Manager(KernelManager):
            """Remembers its clients: who is lent a manager does not close them."""

            def client(self, **options: Any) -> Any:
                clients.append(super().client(**options))
                return clients[-1]

        clients: list[Any] = []
        self._started += 1
        sockets = str(Path(self._sockets.name) / f"kernel-{self._started}")
        manager = Manager(kernel_name="python3", transport="ipc", ip=sockets)  # files: no port is opened
        manager.start_kernel(
            cwd=str(self._cwd),
            extra_arguments=[
                f"--IPKernelApp.exec_lines={WARM_UP}",
                "--HistoryManager.hist_file=:memory:",
            ],
        )
        self._on_start(manager.provisioner.pid)
        self._clients[manager] = clients
        return manager

    def _shut_down(self, manager: Any) -> None:
        for client in self._clients.pop(manager, []):
            client.stop_channels()
        if manager is not None and manager.has_kernel:
            manager.shutdown_kernel(now=True)
