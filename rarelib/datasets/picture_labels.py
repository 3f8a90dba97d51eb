"""Boxes from label files that belong to single pictures, sequences or videos: KITTI, YOLO and BDD100K."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from .bdd100k import Bdd100k
from .label_rows import LabelRow, as_promised
from .records import LabelError
from .yolo import label_path

NOBODY_LABELLED = "dontcare"
KITTI_OBJECT = re.compile(r"^(?P<head>.*/|)image_2/(?P<frame>[^/]+)\.\w+$")
KITTI_TRACKING = re.compile(r"^(?P<head>.*/|)image_02/(?P<sequence>\d{4})/(?P<frame>\d{6})\.\w+$")
NAME_FILES = ("data.yaml", "dataset.yaml", "*.yaml", "classes.txt", "obj.names", "labels/classes.txt")
FLOORS_UP = 3  # where YOLO's names are looked for


def read_kitti(folder: Path, images: pd.DataFrame) -> Iterator[LabelRow]:
    """Yield the boxes of the left colour camera: label_2/ of the object benchmark, label_02/ of tracking.

    KITTI labels no other camera; the raw recordings have no boxes in the picture.
    """
    for path in images["path"]:
        full = (folder.resolve() / path).as_posix()
        if match := KITTI_TRACKING.match(full):
            lines = _tracks(Path(f"{match['head']}label_02/{match['sequence']}.txt")).get(int(match["frame"]), [])
            yield from (_kitti_row(path, words[2:], instance=f"{match['sequence']}-{words[1]}") for words in lines
                        if words[2].lower() != NOBODY_LABELLED)  # fmt: skip
            continue
        match = KITTI_OBJECT.match(full)
        file = Path(f"{match['head']}label_2/{match['frame']}.txt") if match else Path(full).with_suffix(".txt")
        for words in _lines(file):
            if words[0].lower() != NOBODY_LABELLED:
                yield _kitti_row(path, words)


def read_yolo(folder: Path, images: pd.DataFrame) -> Iterator[LabelRow]:
    """Yield boxes, and boxes around polygons; names come from data.yaml or classes.txt, else a class is a number."""
    names, keypoints = read_class_names(folder)
    for row in images.itertuples():
        file = label_path(folder, row.path)
        if row.width <= 0 or not file.is_file():
            continue
        for words in _lines(file):
            with as_promised(file.name, "line must hold a class number and 4 or more numbers", " ".join(words)):
                number, values = int(words[0]), np.array(words[1:], float)
                x_min, y_min, x_max, y_max = _yolo_box(values, keypoints)
            yield LabelRow(
                row.path, x_min * row.width, y_min * row.height, x_max * row.width, y_max * row.height,
                names.get(number, f"class {number}"),
            )  # fmt: skip


def read_bdd100k(layout: Bdd100k, images: pd.DataFrame) -> Iterator[LabelRow]:
    """Yield the boxes of labels with a box2d; lanes and drivable areas have none."""
    paths_of: dict[str, list[str]] = defaultdict(list)  # a name is the same picture in every folder
    for path in images["path"]:
        paths_of[path.rpartition("/")[2]].append(path)
    done: set[str] = set()
    for frame in layout.frames(set(paths_of)):
        if frame["name"] in done:
            continue  # known from another label file
        done.add(frame["name"])
        for label in frame["labels"]:
            with as_promised(frame["name"], "label must have a category and a box2d of x1, y1, x2, y2", label):
                box = [float(label["box2d"][side]) for side in ("x1", "y1", "x2", "y2")]
                told = {
                    "crowd": bool((label.get("attributes") or {}).get("crowd")),
                    "label_id": str(label.get("id", "")),
                }
                name = str(label["category"])
            for path in paths_of[frame["name"]]:
                yield LabelRow(path, *box, name, **told)


def read_class_names(folder: Path) -> tuple[dict[int, str], bool]:
    """Return YOLO's class names by number, and whether labels carry key points after the box; {} if there are none."""
    folder = folder.resolve()
    for place in (folder, *folder.parents[:FLOORS_UP]):
        for file in (found for pattern in NAME_FILES for found in sorted(place.glob(pattern))):
            if file.suffix != ".yaml":
                lines = _text(file).splitlines()
                return {number: line.strip() for number, line in enumerate(lines) if line.strip()}, False
            known = _yaml(file)
            if isinstance(known, dict) and (names := _numbered(known.get("names"))):
                return names, "kpt_shape" in known
    return {}, False


def _numbered(names: Any) -> dict[int, str]:
    """Return YOLO's names by number, from a list or a mapping; {} for what another tool calls names."""
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if isinstance(names, dict) and all(str(number).isdecimal() for number in names):
        return {int(number): str(name) for number, name in names.items()}
    return {}


def _yolo_box(values: np.ndarray, keypoints: bool) -> tuple[float, float, float, float]:
    if len(values) > 5 and len(values) % 2 == 0 and not keypoints:
        points = values.reshape(-1, 2)
        return (*points.min(axis=0), *points.max(axis=0))
    x, y, width, height = values[:4]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _kitti_row(path: str, words: list[str], **more: str) -> LabelRow:
    """Read type, truncated, occluded, alpha, left, top, right, bottom, …"""
    must = "KITTI label must have 8 or more words, the fifth to eighth of them numbers"
    with as_promised(f"the labels of {path}", must, " ".join(words)):
        left, top, right, bottom = (float(word) for word in words[4:8])
    return LabelRow(path, left, top, right, bottom, words[0], **more)


@lru_cache(maxsize=4)
def _tracks(file: Path) -> dict[int, list[list[str]]]:
    frames: dict[int, list[list[str]]] = {}
    for words in _lines(file):
        with as_promised(file.name, "KITTI track must have a frame's number, its own and a type", " ".join(words)):
            number, _, _ = int(words[0]), words[1], words[2]
        frames.setdefault(number, []).append(words)
    return frames


def _lines(file: Path) -> list[list[str]]:
    if not file.is_file():
        return []
    return [line.split() for line in _text(file).splitlines() if line.strip()]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelError(f"The label file {file.name} is not text: {error}.") from error


def _yaml(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return None  # another tool's file
