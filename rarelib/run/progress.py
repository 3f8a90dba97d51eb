"""Progress of a stage: one bar in the notebook, one small file that the terminal's progress line reads."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from ..language import LANGUAGES, phrases, say

PROGRESS_FILE = "RARELIB_PROGRESS_FILE"  # set by the pipeline for the kernels that it starts
LANGUAGE = "RARELIB_LANGUAGE"  # so is this; set it for JupyterLab to see bars in Japanese
INTERVAL_S = 0.25

Item = TypeVar("Item")


class Progress:
    """A count that grows towards a total; shown as a bar in a notebook and written for the terminal."""

    def __init__(self, total: int, unit: str, *, done: int = 0) -> None:
        """Start at `done` of `total`; what was done before (a resumed run) does not count in the rate."""
        self.total, self.unit, self.done, self._before = total, unit, done, done
        self._start = time.monotonic()
        self._shown = float("-inf")
        self._handle = _notebook_handle()
        self._show()

    def add(self, count: int = 1) -> None:
        """Count finished items."""
        self.done += count
        if time.monotonic() - self._shown >= INTERVAL_S:
            self._show()

    def close(self) -> None:
        """Show the last state."""
        self._show()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def state(self) -> dict[str, float | int | str]:
        """Return done, total, unit, rate [1/s] and remaining time [s] (-1 when unknown)."""
        seconds = time.monotonic() - self._start
        rate = (self.done - self._before) / seconds if seconds > 0 else 0.0
        remaining_s = (self.total - self.done) / rate if rate > 0 else -1.0
        return {
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "rate": rate,
            "remaining_s": remaining_s,
        }

    def _show(self) -> None:
        self._shown = time.monotonic()
        state = self.state()
        if path := os.environ.get(PROGRESS_FILE):
            partial = Path(path + ".partial")
            partial.write_text(json.dumps(state), encoding="utf-8")
            partial.replace(path)
        if self._handle is not None:
            self._handle.update(_bar(state))


def track(items: Iterable[Item], unit: str, *, total: int | None = None) -> Iterator[Item]:
    """Yield the items and count each as done when the next one is asked for."""
    items = items if total is not None else list(items)
    with Progress(total if total is not None else len(items), unit) as progress:
        for item in items:
            yield item
            progress.add()


def progress_line(state: dict[str, float | int | str], language: str = "en") -> str:
    """Return the state as text: `1,200/4,000 images · 36.2/s · 1:17 left`."""
    left = int(state["remaining_s"])
    clock = f"{left // 3600}:{left % 3600 // 60:02}:{left % 60:02}" if left >= 3600 else f"{left // 60}:{left % 60:02}"
    unit = unit_name(str(state["unit"]), int(state["total"]), language)
    counted = say("progress.count", language, done=state["done"], total=state["total"], unit=unit)
    rate = [say("progress.rate", language, rate=state["rate"])] if state["rate"] else []
    remaining = [say("progress.left", language, time=clock)] if left >= 0 else []
    return " · ".join([counted, *rate, *remaining])


def unit_name(unit: str, count: int, language: str = "en") -> str:
    """Return what is counted, as so many of it are called, in a language; a unit without a phrase as it is."""
    key = f"progress.unit.{unit}"
    return say(key, language, count=count) if key in phrases() else unit


def _bar(state: dict[str, float | int | str]) -> object:
    from IPython.display import HTML

    done, total = state["done"], max(int(state["total"]), 1)
    return HTML(
        f'<progress value="{done}" max="{total}" style="width:60%"></progress> {progress_line(state, _language())}'
    )


def _notebook_handle() -> object | None:
    ipython = sys.modules.get("IPython")
    if ipython is None or getattr(ipython.get_ipython(), "kernel", None) is None:
        return None
    from IPython.display import HTML, display

    return display(HTML(""), display_id=True)


def _language() -> str:
    chosen = os.environ.get(LANGUAGE, "en")
    return chosen if chosen in LANGUAGES else "en"
