"""Videos: each is a drive, its frames are pictures; pictures beside them keep the layout that they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from ..pictures.decoding import ImageError
from ..pictures.listing import group_of
from ..pictures.paths import is_video, split_frame
from ..pictures.sources import Folder
from .layout import Layout, described


@dataclass(frozen=True)
class Video(Layout):
    """Frames of videos; a video that cannot be read belongs to them.

    Attributes:
        version: How many videos there are.
        pictures: Layout of the pictures that lie beside the videos; None where there are none.
    """

    pictures: Layout | None = None
    name: ClassVar[str] = "video"

    @classmethod
    def find(cls, folder: Folder, paths: Sequence[str]) -> Self | None:
        """Recognise a folder with a video, and the pictures beside as a plain folder."""
        videos = {group_of(path) for path in paths if of_video(path)}
        if not videos:
            return None
        beside = Layout(folder) if _are_of_video(paths).sum() < len(paths) else None
        return cls(folder, f"{len(videos):,}", beside)

    def describe(self, paths: Sequence[str]) -> pd.DataFrame:
        """Return the video as drive, and as time when the frame was taken.

        Where a video does not say when it began, the time is that since its first frame.
        """
        table = described(
            len(paths), group=[group_of(path) for path in paths], timestamp=[self._time(path) for path in paths]
        )
        beside = ~_are_of_video(paths)
        if self.pictures is not None and beside.any():
            known = self.pictures.describe(_picked(paths, beside))
            for column in table:
                table.loc[beside, column] = known[column].to_numpy()
        return table

    def cameras(self, paths: Sequence[str]) -> set[str]:
        """Return the cameras of the pictures that lie beside."""
        return set() if self.pictures is None else self.pictures.cameras(_picked(paths, ~_are_of_video(paths)))

    def is_picture(self, paths: Sequence[str]) -> np.ndarray:
        """Return which are frames, or pictures in the layout of what lies beside."""
        keep = _are_of_video(paths)
        beside = ~keep
        if self.pictures is not None and beside.any():
            keep[beside] = self.pictures.is_picture(_picked(paths, beside))
        return keep

    def _time(self, path: str) -> float:
        frame = split_frame(path)
        if frame is None:
            return np.nan
        from ..pictures.video import video_facts  # FFmpeg is loaded where there is a video

        try:
            began = video_facts(self.folder / frame[0]).began
        except ImageError:  # its frames will say so when they are read
            began = np.nan
        return frame[1] if np.isnan(began) else began + frame[1]


def of_video(path: str) -> bool:
    """Tell whether a path is that of a video or of one of its frames."""
    return is_video(path) or split_frame(path) is not None


def _are_of_video(paths: Sequence[str]) -> np.ndarray:
    return np.array([of_video(path) for path in paths], bool)


def _picked(paths: Sequence[str], which: np.ndarray) -> list[str]:
    return [path for path, take in zip(paths, which, strict=True) if take]
