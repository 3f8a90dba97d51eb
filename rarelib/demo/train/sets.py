"""Draw what the demo models learn from: pictures with labels for the detector, crops with phrases for CLIP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...pictures.crops import write_jpeg
from ...tables import BOX
from ..draw.kinds import DETECTOR_CLASSES, KINDS, SCENERY
from ..draw.layout import Mix
from ..draw.world import FRAMES_PER_DRIVE, draw_scene, map_scenes

LEAST_CROP_VISIBLE = 0.4  # a crop of less shows what is in front
BOX_JITTER = 0.08  # standard deviation of a crop's edges, as share of the box, as a detector would miss them
LOOSE = (0.6, 1.5)  # a third of the views has sides of so many times the box's: a fragment, or the thing with more
LEAST_SIDE_PX = 4
SCENERY_CROPS = 2  # a scene, of no object
SCENERY_SIDES = (0.05, 0.35)  # as share of the picture's width


@dataclass(frozen=True)
class CropSet:
    """Crops of objects, some views of each.

    Attributes:
        views: Squares of shape (n_objects, n_views, size, size, 3), uint8 RGB; the first view is the exact box.
        kinds: Kind of each object.
        colours: Paint of each object, "" where it has none worth saying.
    """

    views: np.ndarray
    kinds: np.ndarray
    colours: np.ndarray


def save_detector_set(
    folder: Path, *, n_scenes: int, seed: int, mix: Mix, longer_side: int, workers: int | None = None
) -> Path:
    """Write `images/NNNNN.jpg` and `labels/NNNNN.txt` as ultralytics reads them, every scene of another drive."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    save = partial(_save_labelled, folder, seed, mix, longer_side)
    for _ in map_scenes(save, n_scenes, workers=workers):
        pass
    return folder / "images"


def draw_crops(
    *,
    n_scenes: int,
    seed: int,
    mix: Mix,
    size: int,
    colour: Sequence[int],
    n_views: int = 1,
    most_per_kind: int = 10**6,
    workers: int | None = None,
) -> CropSet:
    """Return crops of the objects of some scenes, every scene of another drive.

    Args:
        n_scenes: How many scenes.
        seed: Seed of the world.
        mix: How many objects of each role.
        size: Side of the squares [px].
        colour: RGB of the padding, 0 to 255.
        n_views: Views of each object; those after the first have their edges moved at random.
        most_per_kind: At most this many objects of each kind, the first ones.
        workers: Processes that draw; None takes all cores.
    """
    cut = partial(_cut_scene, seed, mix, size, tuple(colour), n_views)
    counts: dict[str, int] = {}
    kept = []
    for found in map_scenes(cut, n_scenes, workers=workers):
        for kind, paint, views in found:
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] <= most_per_kind:
                kept.append((kind, paint, views))
    kinds, colours, views = zip(*kept, strict=True)
    return CropSet(np.stack(views), np.array(kinds), np.array(colours))


def detector_class(kind: str) -> int | None:
    """Return the class number that a detector is to give this kind; None for rare kinds, which it never sees."""
    name = KINDS[kind].detector_class
    return DETECTOR_CLASSES.index(name) if name else None


def _draw_frame(seed: int, index: int, mix: Mix) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Draw one frame of each drive: the first of the first, the second of the second ..."""
    return draw_scene(seed, index * FRAMES_PER_DRIVE + index % FRAMES_PER_DRIVE, mix=mix)


def _save_labelled(folder: Path, seed: int, mix: Mix, longer_side: int, index: int) -> None:
    picture, rows = _draw_frame(seed, index, mix)
    height, width = picture.shape[:2]
    small_wh = (longer_side, round(longer_side * height / width))
    small = cv2.resize(picture, small_wh, interpolation=cv2.INTER_LINEAR)
    write_jpeg(folder / "images" / f"{index:05d}.jpg", small)
    lines = [line for row in rows for line in _label_lines(row, width, height)]
    (folder / "labels" / f"{index:05d}.txt").write_text("\n".join(lines), encoding="utf-8")


def _label_lines(row: dict[str, Any], width: int, height: int) -> Iterator[str]:
    number = detector_class(row["class_name"])
    if number is not None:
        centre = (row["x_min"] + row["x_max"]) / 2 / width, (row["y_min"] + row["y_max"]) / 2 / height
        size = (row["x_max"] - row["x_min"]) / width, (row["y_max"] - row["y_min"]) / height
        yield f"{number} " + " ".join(f"{value:.6f}" for value in (*centre, *size))


def _cut_scene(
    seed: int, mix: Mix, size: int, colour: tuple[int, int, int], n_views: int, index: int
) -> list[tuple[str, str, np.ndarray]]:
    from ...objects.embedding import square_crop

    picture, rows = _draw_frame(seed, index, mix)
    rng = np.random.default_rng([seed, index, 2])
    wanted = [row for row in rows if row["visible"] >= LEAST_CROP_VISIBLE and row["role"] != "sculpture"]
    wanted += [
        {**box, "class_name": SCENERY.name, "colour": ""} for box in _empty_boxes(rows, rng, picture.shape[1::-1])
    ]
    found = []
    for row in wanted:
        boxes = _jitter_box(row, n_views, rng, picture.shape[1::-1])
        views = [square_crop(picture[y0:y1, x0:x1], size=size, colour=colour) for x0, y0, x1, y1 in boxes]
        found.append((row["class_name"], row["colour"], np.stack(views)))
    return found


def _jitter_box(row: dict[str, Any], n_views: int, rng: np.random.Generator, picture_wh: tuple[int, int]) -> np.ndarray:
    box = np.array([row[name] for name in BOX])
    sides = np.tile(box[2:] - box[:2], 2)
    moves = rng.normal(0, BOX_JITTER, (n_views, 4)).clip(-0.2, 0.2)
    more = rng.uniform(*LOOSE, (n_views, 2)) - 1  # of each side
    shift = rng.uniform(-0.5, 0.5, (n_views, 2)) * more
    moves[2::3] = np.concatenate([shift - more / 2, shift + more / 2], axis=1)[2::3]
    moves[0] = 0
    edges = np.rint((box + moves * sides).clip(0, np.tile(picture_wh, 2))).astype(int)
    edges[:, :2] = np.minimum(edges[:, :2], np.array(picture_wh) - LEAST_SIDE_PX)
    edges[:, 2:] = np.maximum(edges[:, 2:], edges[:, :2] + LEAST_SIDE_PX)
    return edges


def _empty_boxes(
    rows: list[dict[str, Any]], rng: np.random.Generator, picture_wh: tuple[int, int]
) -> list[dict[str, float]]:
    """Return boxes of a picture that hold next to nothing of any object."""
    taken = np.array([[row[name] for name in BOX] for row in rows]).reshape(-1, 4)
    found = []
    for _ in range(4 * SCENERY_CROPS):
        size = picture_wh[0] * rng.uniform(*SCENERY_SIDES) * np.array([1, rng.uniform(0.4, 1.6)])
        corner = rng.uniform((0, 0), np.maximum(np.array(picture_wh) - size, 1))
        box = np.concatenate([corner, np.minimum(corner + size, picture_wh)])
        shared = np.minimum(taken[:, 2:], box[2:]) - np.maximum(taken[:, :2], box[:2])
        if not (shared > 0).all(axis=1).any() and len(found) < SCENERY_CROPS:
            found.append(dict(zip(BOX, box.tolist(), strict=True)))
    return found
