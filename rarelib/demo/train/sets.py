"""Draw what the demo models learn from: pictures with labels for the detector, crops with phrases for CLIP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...pictures.boxes import join_boxes, match_boxes, overlaps
from ...pictures.crops import cut_crop, write_jpeg
from ...settings import DetectSettings
from ...tables import BOX
from ..draw.kinds import DETECTOR_CLASSES, KINDS, SCENERY
from ..draw.layout import Mix
from ..draw.world import FRAMES_PER_DRIVE, draw_scene, map_scenes

LEAST_CROP_VISIBLE = 0.3  # a crop of less shows what is in front
LEAST_PIECE = 0.12  # of a box that a strange object fills
NOTHING = {"class_name": SCENERY.name, "colour": ""}


@dataclass(frozen=True)
class CropSet:
    """Crops of what the detector found.

    Attributes:
        crops: Squares of shape (n_crops, size, size, 3), uint8 RGB.
        kinds: Kind of what each shows; that of the scenery where it shows no object by the rule of match_boxes.
        colours: Paint of each object, "" where it has none worth saying.
    """

    crops: np.ndarray
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
    detector: Path,
    imgsz: int,
    workers: int | None = None,
) -> CropSet:
    """Return crops of what a detector finds, and of its proposals, in some scenes, every scene of another drive.

    Args:
        n_scenes: How many scenes.
        seed: Seed of the world.
        mix: How many objects of each role.
        size: Side of the squares [px].
        colour: RGB of the padding, 0 to 255.
        detector: Its weights.
        imgsz: Longer side of its input [px].
        workers: Processes that draw; None takes all cores.
    """
    cut = partial(_cut_scene, seed, mix, size, tuple(colour), (str(detector), imgsz))
    kinds, colours, crops = zip(*chain.from_iterable(map_scenes(cut, n_scenes, workers=workers)), strict=True)
    return CropSet(np.stack(crops), np.array(kinds), np.array(colours))


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
    seed: int, mix: Mix, size: int, colour: tuple[int, int, int], model: tuple[str, int], index: int
) -> list[tuple[str, str, np.ndarray]]:
    from ...objects.embedding import square_crop

    picture, rows = _draw_frame(seed, index, mix)
    found = []
    for box in _find(picture, model):
        row = what_shows(box, rows)
        if row is not None:
            crop = square_crop(cut_crop(picture, box), size=size, colour=colour)
            found.append((row["class_name"], row["colour"], crop))
    return found


def _find(picture: np.ndarray, model: tuple[str, int]) -> np.ndarray:
    """Return the boxes (n, 4) [px] that a run with default parameters cuts out."""
    from ...objects.detection import MAX_CANDIDATES, select_boxes

    settings = DetectSettings()
    found = _load(*model).find_boxes([picture], least=settings.conf, candidates=MAX_CANDIDATES)[0]
    return join_boxes(select_boxes(found, settings, picture_wh=picture.shape[1::-1])).xyxy


@lru_cache(maxsize=1)
def _load(model: str, imgsz: int) -> Any:
    from ...models.detector import load_detector

    detector = load_detector(model, imgsz=imgsz)
    detector.open()
    return detector


def what_shows(box: np.ndarray, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the true object that a box shows, before all a strange one; the scenery where it shows none.

    Args:
        box: x_min, y_min, x_max, y_max [px].
        rows: The scene's objects.

    Returns:
        The object's row, or one of the scenery; None where nobody could say what to call it: an object that is mostly
        hidden, a piece of a strange one, a sculpture.
    """
    true = np.array([[row[name] for name in BOX] for row in rows]).reshape(-1, 4)
    strange = np.array([row["role"] not in ("common", "clutter") for row in rows], bool)
    matched = match_boxes(true, box[None])[:, 0]
    if not matched.any():
        of_box = overlaps(box[None], true)[1][0]
        return None if (of_box[strange] > LEAST_PIECE).any() else NOTHING
    row = rows[int(np.argmax(matched + (strange & (matched > 0))))]
    return None if row["visible"] < LEAST_CROP_VISIBLE or row["role"] == "sculpture" else row
