"""Kernels for the stages, the next one started and warmed up while the current one works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .run_folder import STAGES

WARM_UP = "import pandas, pyarrow.parquet, IPython.display"
WARM_UP_PLOTS = WARM_UP + ", rarelib.plots"


class KernelRelay:
    """Hands out one kernel a stage; a kernel starts cold in a second or two, so the next one starts ahead."""

    def __init__(self, cwd: Path, on_start: Callable[[int], None]) -> None:
        """Start kernels in this folder and tell the process id of each."""
        self._cwd, self._on_start = cwd, on_start
        self._current: Any = None
        self._ahead: Any = None

    def __enter__(self) -> KernelRelay:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._shut_down(self._ahead)
        self._ahead = None

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

        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(
            cwd=str(self._cwd),
            extra_arguments=[
                f"--IPKernelApp.exec_lines={WARM_UP_PLOTS}",
                "--HistoryManager.hist_file=:memory:",
            ],
        )
        self._on_start(manager.provisioner.pid)
        return manager

    @staticmethod
    def _shut_down(manager: Any) -> None:
        if manager is not None and manager.has_kernel:
            manager.shutdown_kernel(now=True)
