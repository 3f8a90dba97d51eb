"""BDD100K: pictures named by their videos; weather, kind of road and time of day from its label files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from .label_rows import as_promised
from .layout import Layout, described, most, without_labels
from .records import read_records

PICTURE = re.compile(r"^(?P<video>[0-9a-f]{8}-[0-9a-f]{8})(-\d{7})?\.(jpg|png)$")
LABELS = ("bdd100k_labels_images_*.json", "det_20/det_*.json", "det_*.json", "labels/bdd100k_labels_images_*.json",
          "labels/det_20/det_*.json", "labels/det_*.json", "labels/box_track_20/*/*.json",
          "labels/100k/*/*.json")  # fmt: skip
TIME_OF_DAY = {"daytime": "day", "night": "night", "dawn/dusk": "dusk"}


@dataclass(frozen=True)
class Bdd100k(Layout):
    """BDD100K; a video is a group."""

    files: tuple[Path, ...] = ()
    name: ClassVar[str] = "bdd100k"

    @classmethod
    def find(cls, folder: Path, paths: Sequence[str]) -> Self | None:
        """Recognise the names of its pictures, and find label files beside them."""
        if not most([PICTURE.match(path.rpartition("/")[2]) is not None for path in paths]):
            return None
        files = find_labels(folder)
        return cls(folder, files[0].parent.name if files else "", files)

    def describe(self, paths: Sequence[str]) -> pd.DataFrame:
        """Return video, weather, kind of road (as location) and time of day."""
        names = [path.rpartition("/")[2] for path in paths]
        matches = [PICTURE.match(name) for name in names]
        known = {frame["name"]: frame["attributes"] for frame in self.frames(set(names))}
        told = [known.get(name, {}) for name in names]
        return described(
            len(paths),
            group=[match["video"] if match else "" for match in matches],
            location=[_known(each.get("scene")) for each in told],
            time_of_day=[TIME_OF_DAY.get(each.get("timeofday", ""), "") for each in told],
            weather=[_known(each.get("weather")) for each in told],
        )

    def is_picture(self, paths: Sequence[str]) -> np.ndarray:
        """Return which are camera pictures; drivable areas and lanes are drawn as pictures too."""
        return without_labels(paths)

    def frames(self, names: set[str]) -> Iterator[dict[str, Any]]:
        """Yield what the label files tell of these pictures: name, attributes, labels (category, box2d)."""
        stems = {name.rpartition(".")[0]: name for name in names}
        for path in self.files:
            if len(self.files) > 2 and PICTURE.match(f"{path.stem}.jpg") and path.stem not in stems:
                continue  # a file a picture: only those that are looked at
            for frame in _frames_of(path):
                with as_promised(path.name, "frame must have a name", frame):
                    stem = frame["name"].rpartition(".")[0] or frame["name"]
                if stem in stems:
                    labels = frame.get("labels") or frame.get("objects") or []
                    yield {
                        "name": stems[stem],
                        "attributes": frame.get("attributes") or {},
                        "labels": [label for label in labels if isinstance(label, dict) and label.get("box2d")],
                    }


def find_labels(folder: Path) -> tuple[Path, ...]:
    """Return the label files in a folder or the nearest of four above it that has some."""
    folder = folder.resolve()
    for place in (folder, *folder.parents[:4]):
        for pattern in LABELS:
            found = sorted(place.glob(pattern))
            if found:
                return tuple(found)
    return ()


def _frames_of(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        first = file.read(64).lstrip()[:1]
    if first == "[":
        yield from read_records(path)
    else:  # the labels of one picture
        record = json.loads(path.read_text(encoding="utf-8"))
        for frame in record.get("frames", [record]):
            attributes = record.get("attributes") or {}
            yield {"name": frame.get("name") or record["name"], "attributes": attributes, **frame}


def _known(text: str | None) -> str:
    return "" if text in (None, "undefined") else str(text)
