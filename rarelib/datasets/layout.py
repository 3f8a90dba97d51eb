"""What every layout can tell of a picture, and the plain folder, which knows nothing but its sub-folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from ..pictures.listing import group_of

TEXTS = ("group", "camera", "sample_token", "location", "time_of_day", "weather")
# folders that hold labels drawn as pictures
NO_PICTURES = re.compile(r"(^|/)(masks?|annot\w*|labels?\w*|maps?|seg\w*|semantic\w*|instance\w*|depth\w*|gtFine\w*)/")
# folders that say how a set is divided, not where a picture was taken
SPLITS = re.compile(
    r"^(images?|train|val|valid|validation|test|testing|training|all|data|jpegimages|(train|val|test)\d+)$"
)


@dataclass(frozen=True)
class Layout:
    """A plain folder: sub-folders are drives.

    Attributes:
        folder: What paths are relative to.
        version: What the layout found, such as v1.0-trainval; "" without tables.
    """

    folder: Path
    version: str = ""
    name: ClassVar[str] = "folder"

    @classmethod
    def find(cls, folder: Path, paths: Sequence[str]) -> Self | None:
        """Return this layout if the folder has it, else None; paths are those of its pictures, relative."""
        return cls(folder)

    def describe(self, paths: Sequence[str]) -> pd.DataFrame:
        """Return what is known of each picture, in the order of the paths; "" and NaN where nothing is.

        Returns:
            Columns group (drive or scene), camera, sample_token, location, time_of_day, weather: text; timestamp [s].
        """
        return described(len(paths), group=[group_of(path) for path in paths])

    def cameras(self, paths: Sequence[str]) -> set[str]:
        """Return the cameras that the names of pictures tell, without opening a file."""
        return set()

    def is_picture(self, paths: Sequence[str]) -> np.ndarray:
        """Return which files are pictures of the road and no labels drawn as pictures, bool array (n,)."""
        labels = ~without_labels(paths)
        pictures = {stem(path) for path, label in zip(paths, labels, strict=True) if not label}
        return np.array(
            [not label or stem(path) not in pictures for path, label in zip(paths, labels, strict=True)], bool
        )


def described(size: int, **known: Sequence[str] | Sequence[float]) -> pd.DataFrame:
    """Return a table of what is known of so many pictures, with "" and NaN for the rest."""
    texts = {name: pd.Series(known.get(name, [""] * size), dtype="str") for name in TEXTS}
    return pd.DataFrame({**texts, "timestamp": np.asarray(known.get("timestamp", np.full(size, np.nan)), float)})


def without_labels(paths: Sequence[str]) -> np.ndarray:
    """Return which paths lie in no folder of masks, maps or other labels, bool array (n,)."""
    return np.array([not NO_PICTURES.search(path) for path in paths], bool)


def drive_of(path: str) -> str:
    """Return a picture's folders without those that only divide a set (images, train, val2017)."""
    return "/".join(part for part in path.split("/")[:-1] if not SPLITS.fullmatch(part.lower()))


def stem(path: str) -> str:
    """Return a picture's name without folders and suffix."""
    return path.rpartition("/")[2].rpartition(".")[0]


def full_paths(folder: Path, paths: Sequence[str], *, depth: int = 4) -> list[str]:
    """Return the paths with the last few folders above them, as a layout may begin above what the user named."""
    above = "/".join(folder.resolve().parts[-depth:])
    return [f"{above}/{path}" for path in paths]


def most(hits: Sequence[bool]) -> bool:
    """Tell whether at least half, and one, of them holds."""
    return bool(len(hits)) and np.mean(hits) >= 0.5
