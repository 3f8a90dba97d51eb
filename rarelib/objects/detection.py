"""Find objects in pictures, cut their crops, and write both as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..engines import Workers
from ..models.detector import Detector, load_detector
from ..models.runtime import ordered_map
from ..pictures.boxes import Boxes, join_boxes, suppress
from ..pictures.crops import crop_path_of, cut_crop, keep_crop, measure_crop, touches_border
from ..pictures.decoding import ImageError, read_with_content
from ..pictures.proposals import add_agreement, find_proposals, objectness_of
from ..pictures.sources import Folder, read_ahead, source_of
from ..run.parts import Parts, check_nothing_lost
from ..run.progress import Progress
from ..settings import DetectSettings
from ..tables import BOX, DETECTED, LABEL, PROPOSAL
from .labelled import LabelledBoxes
from .object_rows import as_table, finished_rows, split_errors

__all__ = ["Detector", "detect_objects", "load_detector", "made_of"]

CHUNK_BYTES = 128 << 20  # decoded pictures that one worker holds at once
MAX_CANDIDATES = 1500  # cells that are looked at for proposals, the first by each order; more change nothing
WITHOUT_EFFECT = ("task_size", "keep_crops")  # on which objects are found
PIXEL_DECIMALS, SCORE_DECIMALS = 2, 4


class Chosen(NamedTuple):
    """Boxes of one picture that become objects: xyxy (n, 4) [px], and of each class, origin and scores (n,)."""

    xyxy: np.ndarray
    class_names: list[str]
    origins: list[str]
    scores: dict[str, np.ndarray]


def detect_objects(
    images: pd.DataFrame,
    folder: str | Folder,
    detector: Detector | LabelledBoxes,
    crops_root: str | Path,
    parts: str | Path,
    *,
    settings: DetectSettings | Mapping[str, Any] | None = None,
    workers: Workers = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Detect the objects of all pictures, task by task; pictures of finished tasks are not done again.

    Pictures are read, detected, cut and written by threads at once. Boxes are rounded to 0.01 px, scores to 0.0001, so
    that batch sizes and numbers of workers give the same table.

    Args:
        images: Rows with image_id, path, width and height; a column stamp, where there is one, tells a picture's file
            from what it was before.
        folder: Folder or address that the paths are relative to.
        detector: From load_detector; or labels, whose boxes are all cut, as sure as can be (labelled.read_boxes).
        crops_root: The run's folder; crops go where crops.crop_path_of says.
        parts: Folder for finished tasks; delete it when the table is written.
        settings: Which boxes are kept, or options by name, such as {"conf": 0.4}; by default as in params.py.
        workers: Threads, 1 works in this one; or a pool of other processes, which see the same folders.

    Returns:
        The objects table (objects of one picture together, best first, proposals last), and a table of pictures that
        could not be read: image_id, error.
    """
    settings, images = DetectSettings.taken(settings), _with_stamp(images)
    kept = Parts(Path(parts), made_of(detector, settings))
    finished = finished_rows(kept, images)
    todo = images[~images["image_id"].isin(finished["image_id"])]
    starts = range(0, len(todo), settings.task_size)
    tasks = [(number, todo.iloc[at : at + settings.task_size]) for number, at in enumerate(starts)]
    places = (_absolute(folder), Path(crops_root).absolute(), settings)
    with Progress(len(images), "images", done=len(images) - len(todo)) as progress:
        if isinstance(workers, int):
            done = _detect_here(tasks, detector, kept, *places, workers=workers)
        else:
            own = (detector.reload, made_of(detector, settings), (kept.folder.parent, kept.go))
            done = workers.run(partial(_detecting_worker, *own, *places), tasks)
        for count in done:
            progress.add(count)
    finished = finished_rows(kept, images)
    check_nothing_lost(finished["image_id"].nunique(), images["image_id"].nunique(), "pictures")
    return split_errors(finished)


def _detect_here(
    tasks: Sequence[tuple[int, pd.DataFrame]],
    detector: Detector,
    kept: Parts,
    folder: Folder,
    crops_root: Path,
    settings: DetectSettings,
    *,
    workers: int,
) -> Iterator[int]:
    """Detect tasks in threads, write each as a part, and yield how many pictures were done."""
    if tasks:
        detector.open(workers)
    work = [(number, chunk) for number, task in tasks for chunk in _split(task, detector.batch)]
    with read_ahead(folder, [path for _, task in tasks for path in task["path"]]) as source:
        found = ordered_map(
            lambda item: detect_chunk(item[1], source, detector, crops_root, settings), work, workers=workers
        )
        rows: list[dict[str, Any]] = []
        for position, ((number, chunk), chunk_rows) in enumerate(zip(work, found, strict=True)):
            rows += chunk_rows
            yield len(chunk)
            if position + 1 == len(work) or work[position + 1][0] != number:
                kept.write_table(number, as_table(rows))
                rows = []


def _detecting_worker(
    reload: Callable[[], Detector | LabelledBoxes],
    about: dict[str, Any],
    place: tuple[Path, str],
    folder: Folder,
    crops_root: Path,
    settings: DetectSettings,
    threads: int,
) -> Callable[[int, pd.DataFrame], int]:
    """Return what detects one task in another process and writes its part, in a driver's go, and its crops."""
    detector = reload()
    found = made_of(detector, settings)
    if found != about:
        raise ValueError(
            f"A worker detects with {found['model']} and the run with {about['model']}; give all the same."
        )
    kept, places = Parts(place[0], about, go=place[1]), (folder, crops_root, settings)
    return lambda number, task: sum(_detect_here([(number, task)], detector, kept, *places, workers=threads))


def _absolute(folder: str | Folder) -> Folder:
    place = source_of(folder)
    return place.absolute() if isinstance(place, Path) else place


def select_boxes(
    found: Boxes, settings: DetectSettings, *, picture_wh: tuple[int, int], second: Boxes | None = None
) -> tuple[Boxes, Boxes]:
    """Return the detected objects of one picture, most confident first, and its proposals, best first.

    Args:
        found: From Detector.find_boxes.
        settings: Which boxes are kept.
        picture_wh: Width and height of the picture [px].
        second: From Detector.find_second; whatever their confidence, they are proposals.
    """
    sure, others = (found[rows] for rows in (found.confidence > settings.conf, found.confidence <= settings.conf))
    confident = suppress(sure, iou=settings.iou, limit=settings.max_det)
    detected = add_agreement(confident[: settings.max_objects], sure)
    limit = _max_proposals(settings)
    return detected, find_proposals(others, confident, limit=limit, picture_wh=picture_wh, second=second)


def _max_proposals(settings: DetectSettings) -> int:
    return settings.max_proposals if settings.proposals else 0


def made_of(detector: Detector | LabelledBoxes, settings: DetectSettings) -> dict[str, Any]:
    """Return what decides which objects a picture has."""
    kept = {name: value for name, value in vars(settings).items() if name not in WITHOUT_EFFECT}
    return {"settings": kept, "model": detector.decided_by}


def _with_stamp(images: pd.DataFrame) -> pd.DataFrame:
    return images if "stamp" in images else images.assign(stamp="")


def _split(task: pd.DataFrame, batch: int) -> Iterator[pd.DataFrame]:
    start, size = 0, 0
    for end, pixels in enumerate(task["width"].to_numpy() * task["height"].to_numpy(), start=1):
        size += 3 * int(pixels)
        if end - start == batch or size >= CHUNK_BYTES or end == len(task):
            yield task.iloc[start:end]
            start, size = end, 0


def detect_chunk(
    chunk: pd.DataFrame, folder: Folder, detector: Detector | LabelledBoxes, root: Path, settings: DetectSettings
) -> list[dict[str, Any]]:
    """Detect the objects of a few pictures at once, and cut them.

    Args:
        chunk: Rows with image_id, path and stamp.
        folder: Folder or address that the paths are relative to.
        detector: From load_detector.
        root: What crops are written below.
        settings: Which boxes are kept.

    Returns:
        For each picture a row with its id, content and error, and a row for each of its objects, best first.
    """
    read, pictures, rows = [], [], []
    for image_id, path, stamp in zip(chunk["image_id"], chunk["path"], chunk["stamp"], strict=True):
        about = {"image_id": image_id, "stamp": stamp}
        try:
            picture, about["content"] = read_with_content(folder / path, max_megapixels=settings.max_megapixels)
        except ImageError as error:
            rows.append({**about, "error": str(error)})
            continue
        read.append(about)
        pictures.append(picture)
    if isinstance(detector, LabelledBoxes):
        chosen = [_choose_labels(detector.of_picture(about["image_id"])) for about in read]
    else:
        candidates = MAX_CANDIDATES if _max_proposals(settings) else 0
        found = detector.find_boxes(pictures, least=settings.conf, candidates=candidates)
        second = detector.find_second(pictures if candidates else [])
        chosen = [
            _choose(boxes, more, detector, settings, picture_wh=picture.shape[1::-1])
            for boxes, more, picture in zip_longest(found, second, pictures)
        ]
    keep = settings.keep_crops == "all"
    for about, picture, boxes in zip(read, pictures, chosen, strict=True):
        rows += [about, *({**about, **row} for row in _cut_objects(about["image_id"], picture, boxes, root, keep))]
    return rows


def _choose(
    found: Boxes, second: Boxes | None, detector: Detector, settings: DetectSettings, *, picture_wh: tuple[int, int]
) -> Chosen:
    detected, proposals = select_boxes(found, settings, picture_wh=picture_wh, second=second)
    boxes, names, own = join_boxes([detected, proposals]), detector.names, len(detector.class_names)
    origins = [DETECTED] * len(detected)
    origins += [PROPOSAL if number < own else detector.proposer.name for number in proposals.class_id]
    scores = {"confidence": boxes.confidence, "objectness": objectness_of(boxes.evidence), "energy": boxes.energy}
    return Chosen(boxes.xyxy, [names[number] for number in boxes.class_id], origins, scores)


def _choose_labels(labels: pd.DataFrame) -> Chosen:
    sure, unknown = np.ones(len(labels)), np.full(len(labels), np.nan)
    scores = {"confidence": sure, "objectness": sure, "energy": unknown}
    return Chosen(labels[BOX].to_numpy(float), labels["class_name"].tolist(), [LABEL] * len(labels), scores)


def _cut_objects(image_id: str, picture: np.ndarray, boxes: Chosen, root: Path, keep: bool) -> list[dict[str, Any]]:
    height, width = picture.shape[:2]
    xyxy = boxes.xyxy.round(PIXEL_DECIMALS)
    cut_off = touches_border(xyxy, width=width, height=height)
    rows: list[dict[str, Any]] = []
    for number, origin in enumerate(boxes.origins):
        object_id = f"{image_id}-{number:02d}"
        crop = cut_crop(picture, xyxy[number])
        keep_crop(root / crop_path_of(object_id), crop, whether=keep)
        rows.append(
            {
                "object_id": object_id,
                "class_name": boxes.class_names[number],
                **dict(zip(BOX, xyxy[number].tolist(), strict=True)),
                "crop_path": crop_path_of(object_id),
                "origin": origin,
                **{name: round(float(values[number]), SCORE_DECIMALS) for name, values in boxes.scores.items()},
                **measure_crop(crop),
                "touches_border": bool(cut_off[number]),
            }
        )
    return rows
