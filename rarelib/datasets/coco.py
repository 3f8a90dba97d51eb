"""COCO: pictures beside a JSON file with images, annotations and categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from .layout import Layout, described, drive_of, stem, without_labels
from .records import LabelError, OtherForm, all_keys, read_records, top_level_keys

PLACES = ("*.json", "annotations/*.json", "../annotations/*.json", "../../annotations/*.json", "../*.json")
ARRAYS = {"images", "annotations"}  # that may fill the beginning of a file
MANY = 50  # a folder with more JSON files has one for each picture
NO_BOXES = ("captions_", "panoptic_", "stuff_")


@dataclass(frozen=True)
class Coco(Layout):
    """COCO; folders that only divide the set are no drives."""

    files: tuple[Path, ...] = ()
    name: ClassVar[str] = "coco"

    @classmethod
    def find(cls, folder: Path, paths: Sequence[str]) -> Self | None:
        """Recognise a JSON file of that form in the folder, in annotations/, or one or two folders above."""
        stems = {stem(path) for path in paths}
        files = tuple(file for file in find_annotations(folder) if _names_some(file, stems))
        return cls(folder, ", ".join(file.stem for file in files[:3]), files) if files else None

    def describe(self, paths: Sequence[str]) -> pd.DataFrame:
        """Return the drive, as folders tell it."""
        return described(len(paths), group=[drive_of(path) for path in paths])

    def is_picture(self, paths: Sequence[str]) -> np.ndarray:
        """Return which lie in no folder of masks."""
        return without_labels(paths)


def find_annotations(folder: Path) -> tuple[Path, ...]:
    """Return the files of COCO's form in the first place that has some."""
    for place in PLACES:
        candidates = sorted(folder.glob(place)) if ".." not in place else sorted(_above(folder, place))
        if not 0 < len(candidates) <= MANY:
            continue
        found = [path for path in candidates if not path.name.startswith(NO_BOXES) and is_coco(path)]
        if found:
            return tuple(found)
    return ()


def is_coco(path: Path) -> bool:
    """Tell whether a JSON file has COCO's form; one that begins with a long array is read on until it tells."""
    keys = set(top_level_keys(path))
    return _are_cocos(keys) or (bool(keys & ARRAYS) and _becomes_coco(path))


def _are_cocos(keys: set[str]) -> bool:
    return "images" in keys and bool(keys & {"annotations", "info", "licenses", "categories"})


def _becomes_coco(path: Path) -> bool:
    keys: set[str] = set()
    try:
        return any(_are_cocos(keys := keys | {key}) for key in all_keys(path))
    except LabelError:  # another tool's file, or one that is cut off
        return False


def _names_some(file: Path, stems: set[str]) -> bool:
    records = (record for record in read_records(file, "images") if isinstance(record, dict))
    try:
        return any(stem(str(record.get("file_name", ""))) in stems for record in records)
    except OtherForm:
        return False  # a file of another tool


def _above(folder: Path, place: str) -> list[Path]:
    steps = place.count("../")
    base = folder.resolve()
    return [] if len(base.parents) <= steps else list(base.parents[steps - 1].glob(place.replace("../", "")))
