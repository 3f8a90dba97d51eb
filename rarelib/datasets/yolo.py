"""YOLO: a text file of labels beside each picture, or in labels/ where the picture is in images/."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from .layout import Layout, described, drive_of, most, without_labels

LABEL = re.compile(r"^\s*\d+(\s+-?\d*\.?\d+(e-?\d+)?){4,}\s*$", re.IGNORECASE)
LOOKED_AT = 200  # pictures, spread over the folder


@dataclass(frozen=True)
class Yolo(Layout):
    """YOLO's labels; folders that only divide the set are no drives."""

    name: ClassVar[str] = "yolo"

    @classmethod
    def find(cls, folder: Path, paths: Sequence[str]) -> Self | None:
        """Recognise lines of five numbers in the text files of at least half of the pictures."""
        some = looked_at(paths)
        some = [path for path, is_one in zip(some, without_labels(some), strict=True) if is_one]
        return cls(folder) if most([_is_label(label_path(folder, path)) for path in some]) else None

    def describe(self, paths: Sequence[str]) -> pd.DataFrame:
        """Return the drive, as folders tell it."""
        return described(len(paths), group=[drive_of(path) for path in paths])

    def is_picture(self, paths: Sequence[str]) -> np.ndarray:
        """Return which lie in no folder of labels."""
        return without_labels(paths)


def looked_at(paths: Sequence[str]) -> list[str]:
    """Return the pictures whose labels are looked at, spread over all."""
    return [paths[at] for at in np.unique(np.linspace(0, len(paths) - 1, LOOKED_AT).astype(int))] if paths else []


def label_path(folder: Path, path: str) -> Path:
    """Return where a picture's labels lie: labels/ for the last images/ of its path, else beside it."""
    picture = folder / path
    head, found, tail = picture.absolute().as_posix().rpartition("/images/")
    within = Path(f"{head}/labels/{tail}").with_suffix(".txt")
    return within if found and within.is_file() else picture.with_suffix(".txt")


def _is_label(path: Path) -> bool:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return all(LABEL.match(line) for line in lines if line.strip())
