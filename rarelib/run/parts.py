"""Finished parts of a long stage, which make a killed run go on where it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .folder import fingerprint, whole_file


class Parts:
    """Finished parts of a long stage; they make a killed run go on where it was.

    Parts made with other settings are deleted, so that nothing stale is taken up.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Keep parts in a sub-folder named by the hash of the settings that make their content."""
        key = fingerprint(settings)
        self.folder = folder / key
        for old in folder.glob("*"):
            if old.name != key:
                shutil.rmtree(old)
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, number: int, suffix: str) -> Path:
        """Return where a part lies."""
        return self.folder / f"{number:06d}{suffix}"

    def has(self, number: int, suffix: str = ".parquet") -> bool:
        """Tell whether a part is finished."""
        return self.path(number, suffix).is_file()

    def count(self) -> int:
        """Return how many numbers are in use: the next part may take this one."""
        return 1 + max((int(path.stem) for path in self.folder.glob("*.parquet")), default=-1)

    def tables(self) -> Iterator[tuple[int, pd.DataFrame]]:
        """Yield numbers and tables of all finished parts, in order."""
        yield from ((int(path.stem), pd.read_parquet(path)) for path in sorted(self.folder.glob("*.parquet")))

    def write_table(self, number: int, frame: pd.DataFrame) -> None:
        """Write a part whole or not at all."""
        with whole_file(self.path(number, ".parquet")) as partial:
            frame.to_parquet(partial, index=False)

    def write_vectors(self, number: int, vectors: np.ndarray) -> None:
        """Write rows of vectors whole or not at all."""
        with whole_file(self.path(number, ".npy")) as partial, partial.open("wb") as file:
            np.save(file, vectors, allow_pickle=False)
