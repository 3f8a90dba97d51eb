"""What a run tells in the terminal: one line a stage, with rate and remaining time while it works."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ..language import say
from ..run.progress import progress_line, unit_name
from ..tables import STAGES

POLL_S = 0.5
PLAIN_EVERY_S = 30.0
ANEW = "\r\033[K"  # begins the line of a terminal again, without what stood there


class Terminal:
    """One line per stage: rewritten in place on a terminal, printed now and then into a log."""

    def __init__(self, stream: TextIO | None = None, prefix: str = "", *, language: str = "en") -> None:
        """Write to a stream, by default standard output, in a language."""
        self._stream = stream or sys.stdout
        self._prefix, self._language = prefix, language
        self._live = self._stream.isatty()

    def stage(self, number: int, name: str) -> Terminal:
        """Return a terminal whose lines begin with the stage."""
        return Terminal(self._stream, f"[{number}/{len(STAGES)}] {name:<20}", language=self._language)

    def skipped(self, parameter: str) -> None:
        """Tell that a stage is left out."""
        self._end_line(say("terminal.skipped", self._language, parameter=parameter))

    def up_to_date(self) -> None:
        """Tell that nothing has to be done."""
        self._end_line(say("terminal.up_to_date", self._language))

    def done(self, seconds: float) -> None:
        """Tell that a stage is finished."""
        self._end_line(say("terminal.done", self._language, seconds=seconds) + self._last)

    def working_in(self, root: Path, place: object, came: int) -> None:
        """Tell where a run at an address works, and how many files were fetched for it."""
        self._stream.write(f"{say('terminal.working_in', self._language, root=root, place=place, came=came)}\n")
        self._stream.flush()

    def end(self, root: Path, place: object = None) -> None:
        """Tell where the results are."""
        if place is not None:
            self._stream.write(f"{say('terminal.saved', self._language, place=place)}\n")
        said = say("terminal.end", self._language, root=root, report=root / "report.html")
        self._stream.write(f"{said}\n")

    @contextmanager
    def following(self, progress_file: Path) -> Iterator[None]:
        """Show the progress that a kernel writes to a file, until the stage ends."""
        progress_file.unlink(missing_ok=True)
        self._last = ""
        stop = threading.Event()
        thread = threading.Thread(target=self._follow, args=(progress_file, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            if state := _read_state(progress_file):
                unit = unit_name(str(state["unit"]), int(state["done"]), self._language)
                self._last = " · " + say("terminal.counted", self._language, done=state["done"], unit=unit)
            progress_file.unlink(missing_ok=True)

    def _follow(self, progress_file: Path, stop: threading.Event) -> None:
        self._show(say("terminal.starting", self._language), lasting=False)
        while not stop.wait(POLL_S if self._live else PLAIN_EVERY_S):
            if state := _read_state(progress_file):
                self._show(progress_line(state, self._language))

    def _show(self, text: str, *, lasting: bool = True) -> None:
        if self._live:
            self._stream.write(f"{ANEW}{self._prefix} {text}")
        elif lasting:
            self._stream.write(f"{self._prefix} {text}\n")
        self._stream.flush()

    def _end_line(self, text: str) -> None:
        self._stream.write(f"{ANEW if self._live else ''}{self._prefix} {text}\n")
        self._stream.flush()


def _read_state(progress_file: Path) -> dict[str, float | int | str] | None:
    try:
        return json.loads(progress_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
