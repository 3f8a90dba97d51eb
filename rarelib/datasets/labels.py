"""Read the boxes that a labelled data set comes with, whatever its form, as one table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from .bdd100k import Bdd100k
from .coco import Coco
from .coco_labels import read_coco
from .kitti import Kitti
from .label_rows import LabelRow, has_area, label_table
from .layout import Layout
from .nuscenes import Nuscenes
from .nuscenes_labels import read_nuscenes
from .picture_labels import read_bdd100k, read_kitti, read_yolo
from .records import LabelError
from .searchad import read_searchad
from .yolo import Yolo


def read_labels(
    layout: Layout, folder: str | Path, images: pd.DataFrame, *, without_area: bool = False
) -> pd.DataFrame:
    """Read all labels that a data set has for these pictures.

    Args:
        layout: What `recognition.recognise` found.
        folder: The pictures' folder, to which paths are relative.
        images: Pictures to read labels of: path, width and height [px] (0 unknown).
        without_area: Return boxes without an area inside the picture too, to count them (label_rows.has_area).

    Returns:
        One row per label in the order of the pictures: path, x_min, y_min, x_max, y_max [px, inside the picture],
        class_name as the data set spells it, crowd (one box over many things), rare ("yes" or "no" where the label
        says so, else ""), label_id and instance (the same thing in other pictures), "" where the form has none.
        Areas that nobody labelled (KITTI's DontCare) are no labels; a box without an area inside the picture is left
        out.

    Raises:
        LabelError: If a label file is not what its form promises.
    """
    labels = label_table(_rows(layout, Path(folder), images), images)
    return labels if without_area else _with_area(labels)


def read_label_file(path: str | Path, folder: str | Path, images: pd.DataFrame) -> pd.DataFrame:
    """Read a JSON file of labels made elsewhere: COCO's form (CODA's too) or SearchAD's.

    Args:
        path: JSON file.
        folder: The pictures' folder.
        images: As in read_labels.

    Returns:
        As read_labels.

    Raises:
        LabelError: If the file has neither form.
    """
    from .coco import is_coco

    path, folder = Path(path), Path(folder)
    if is_coco(path):
        return _with_area(label_table(read_coco((path,), folder, images), images))
    return _with_area(label_table(read_searchad(path, folder, images), images))


def has_labels(layout: Layout) -> bool:
    """Tell whether the form of a data set comes with boxes at all."""
    return isinstance(layout, Kitti | Yolo) or bool(getattr(layout, "files", ()) or getattr(layout, "tables", ()))


def _with_area(labels: pd.DataFrame) -> pd.DataFrame:
    return labels[has_area(labels)].reset_index(drop=True)


def _rows(layout: Layout, folder: Path, images: pd.DataFrame) -> Iterator[LabelRow]:
    match layout:
        case Nuscenes():
            yield from read_nuscenes(layout.tables, images)
        case Kitti():
            yield from read_kitti(folder, images)
        case Bdd100k():
            yield from read_bdd100k(layout, images)
        case Coco():
            yield from read_coco(layout.files, folder, images)
        case Yolo():
            yield from read_yolo(folder, images)
        case _:
            raise LabelError(
                f"Labels are read of nuScenes, KITTI, BDD100K, COCO and YOLO. Got the layout '{layout.name}' instead."
            )
