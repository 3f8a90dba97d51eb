"""Finished parts of a long stage, which make a killed run go on where it was."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .folder import fingerprint, whole_file


class Parts:
    """Finished parts of a long stage; they make a killed run go on where it was.

    Parts made with other settings are deleted, so that nothing stale is taken up. A part is named by its number and by
    the go at the stage that made it: workers on other machines work on for seconds after their driver was killed, and
    must not write over the parts of the next go.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, go: str = "") -> None:
        """Keep parts in a sub-folder named by the hash of the settings that make their content.

        Args:
            folder: Of all parts of a stage.
            settings: What decides what the parts hold.
            go: Of the driver whose task this is; without, a go begins.
        """
        key = fingerprint(settings)
        self.folder, self.go = folder / key, go or uuid.uuid4().hex[:8]
        stale = [] if go else [old for old in folder.glob("*") if old.name != key]  # the driver's business, no worker's
        for old in stale:
            shutil.rmtree(old)
        self.folder.mkdir(parents=True, exist_ok=True)

    def tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield names and tables of all finished parts, in order of their names."""
        yield from ((path.stem, pd.read_parquet(path)) for path in sorted(self.folder.glob("*.parquet")))

    def vectors(self, name: str) -> np.ndarray:
        """Return the vectors of a finished part, memory-mapped."""
        return np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

    def write_table(self, number: int, frame: pd.DataFrame) -> None:
        """Write a part of this go whole or not at all."""
        with whole_file(self._path(number, ".parquet")) as partial:
            frame.to_parquet(partial, index=False)

    def write_vectors(self, number: int, vectors: np.ndarray) -> None:
        """Write rows of vectors whole or not at all."""
        with whole_file(self._path(number, ".npy")) as partial, partial.open("wb") as file:
            np.save(file, vectors, allow_pickle=False)

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:06d}-{self.go}{suffix}"


def check_nothing_lost(n_done: int, n_asked: int, what: str) -> None:
    """Check that all that was asked for is in the parts.

    Raises:
        RuntimeError: If something is not, as where a worker sees another folder of the same name.
    """
    if n_done < n_asked:
        raise RuntimeError(
            f"{n_asked - n_done} of {n_asked} {what} were worked on, but what came of them is not in the run's folder. "
            "All machines must see that folder under the same path (runs_dir)."
        )
