"""KITTI: the object, tracking and raw recordings, known by their folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from .layout import Layout, described, full_paths, most, without_labels

RAW = re.compile(r"(?P<drive>\d{4}_\d\d_\d\d_drive_\d{4}\w*)/(?P<camera>image_0\d)/data/(?P<frame>\d{10})\.")
TRACKING = re.compile(r"(?P<camera>image_0\d)/(?P<drive>\d{4})/(?P<frame>\d{6})\.")
OBJECT = re.compile(r"(?P<camera>image_[23])/(?P<frame>\d{6})(_\d\d)?\.")
NAMED = re.compile(r"(^|/)kitti/([^/]+/)*(?P<frame>\d{6})\.", re.IGNORECASE)
KINDS = {"raw": RAW, "tracking": TRACKING, "object": OBJECT, "": NAMED}


@dataclass(frozen=True)
class Kitti(Layout):
    """KITTI; a drive or sequence is a group, a picture of the object benchmark belongs to none."""

    name: ClassVar[str] = "kitti"

    @classmethod
    def find(cls, folder: Path, paths: Sequence[str]) -> Self | None:
        """Recognise image_2/000000.png, image_02/0000/000000.png, or <drive>/image_02/data/0000000000.png."""
        full = full_paths(folder, paths)
        for kind, pattern in KINDS.items():
            if most([pattern.search(path) is not None for path in full]):
                return cls(folder, kind)
        return None

    def describe(self, paths: Sequence[str]) -> pd.DataFrame:
        """Return drive, camera and, for raw recordings, time; KITTI was driven in Karlsruhe by day."""
        parts = self._parts(paths)
        times = [np.nan] * len(paths)
        if self.version == "raw":
            times = [_time(self.folder / path, part) for path, part in zip(paths, parts, strict=True)]
        return described(
            len(paths),
            group=[part.get("drive", "") for part in parts],
            camera=[part.get("camera", "") for part in parts],
            location=["karlsruhe"] * len(paths),
            time_of_day=["day"] * len(paths),
            timestamp=times,
        )

    def cameras(self, paths: Sequence[str]) -> set[str]:
        """Return the cameras that folders tell."""
        return {part.get("camera", "") for part in self._parts(paths)} - {""}

    def is_picture(self, paths: Sequence[str]) -> np.ndarray:
        """Return which are camera pictures; depth and semantics are drawn as pictures too."""
        return without_labels(paths)

    def _parts(self, paths: Sequence[str]) -> list[dict[str, str]]:
        matches = [KINDS[self.version].search(path) for path in full_paths(self.folder, paths)]
        return [match.groupdict() if match else {} for match in matches]


def _time(path: Path, part: dict[str, str]) -> float:
    if not part:
        return np.nan
    times = _timestamps(path.parents[1] / "timestamps.txt")
    return times[int(part["frame"])] if int(part["frame"]) < len(times) else np.nan


@cache
def _timestamps(path: Path) -> list[float]:
    if not path.is_file():
        return []
    lines = pd.Series(path.read_text(encoding="utf-8").split("\n"), dtype="str").str.strip()
    times = pd.to_datetime(lines, errors="coerce", format="ISO8601")
    return [time.timestamp() if pd.notna(time) else np.nan for time in times]
