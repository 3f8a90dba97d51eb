"""SearchAD: boxes of 90 rare classes over eleven data sets (Embacher, 2026, arXiv:2604.08008)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from .label_rows import LabelRow, paths_meant
from .records import LabelError

FORM = 'an object of {path: [{"label": …, "bbox": [x_min, y_min, x_max, y_max]}]}'


def read_searchad(file: Path, folder: Path, images: pd.DataFrame) -> Iterator[LabelRow]:
    """Yield the boxes of these pictures; every one is of a rare class.

    Raises:
        LabelError: If the file has another form.
    """
    try:
        known: Any = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise LabelError(f"The label file {file.name} cannot be read as JSON: {error}.") from error
    if not isinstance(known, dict) or not all(isinstance(labels, list) for labels in known.values()):
        raise LabelError(f"The label file {file.name} must be of COCO's form or {FORM}.")
    meant = paths_meant(list(known), folder, images["path"].tolist())
    for name, path in meant.items():
        for number, label in enumerate(known[name]):
            yield LabelRow(path, *_box(label, file), str(label["label"]), rare="yes", label_id=f"{name}#{number}")


def _box(label: Any, file: Path) -> tuple[float, float, float, float]:
    try:
        x_min, y_min, x_max, y_max = (float(side) for side in label["bbox"])
        _ = label["label"]
    except (KeyError, TypeError, ValueError) as error:
        raise LabelError(f"A label of {file.name} must have label and bbox, as in {FORM}. Got {label!r}.") from error
    return x_min, y_min, x_max, y_max
