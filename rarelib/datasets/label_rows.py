"""One label as a row, many as a table, and the pictures that a label file means."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..tables import BOX

LEAST_SIDE_PX = 0.5  # of a box inside its picture; less is what rounding leaves of a box beside it


class LabelRow(NamedTuple):
    """One labelled box [px of the upright picture] of the picture with this path."""

    path: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    class_name: str
    crowd: bool = False
    rare: str = ""
    label_id: str = ""
    instance: str = ""


TEXTS = ("path", "class_name", "rare", "label_id", "instance")


def label_table(rows: Iterable[LabelRow], images: pd.DataFrame) -> pd.DataFrame:
    """Return labels as a table in the order of the pictures, boxes clipped to them where their size is known."""
    table = pd.DataFrame(list(rows), columns=LabelRow._fields).astype(dict.fromkeys(TEXTS, "str"))
    table = table.astype({**dict.fromkeys(BOX, float), "crowd": bool})
    known = images.drop_duplicates("path").set_index("path")
    for side, low, high in (("width", "x_min", "x_max"), ("height", "y_min", "y_max")):
        size = table["path"].map(known[side]).fillna(0).to_numpy(float)
        limit = np.where(size > 0, size, np.inf)
        table[low], table[high] = table[low].clip(0, limit), table[high].clip(0, limit)
    there = (table["x_max"] - table["x_min"] >= LEAST_SIDE_PX) & (table["y_max"] - table["y_min"] >= LEAST_SIDE_PX)
    table = table[there & table["path"].isin(known.index)]
    order = np.argsort(known.index.get_indexer(table["path"]), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def paths_meant(names: Sequence[str], folder: Path, paths: Sequence[str]) -> dict[str, str]:
    """Return which picture each name in a label file means: name -> path.

    A name means the picture whose full path ends with it; of several, the one of just that path. Where folders were
    renamed, it means the only picture of that file name, provided that the label file has that file name once as well.
    Other names are left out.
    """
    above = folder.resolve().as_posix()
    by_file: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_file[_file(path)].append(path)
    times = Counter(_file(name) for name in set(names))
    meant: dict[str, str] = {}
    for name in dict.fromkeys(names):
        relative = name.replace("\\", "/").removeprefix("./").lstrip("/")
        of_name = by_file.get(_file(name), [])
        fit = [path for path in of_name if f"{above}/{path}".endswith(f"/{relative}")]
        if not fit and times[_file(name)] == 1:
            fit = of_name
        if relative in fit or len(fit) == 1:
            meant[name] = relative if relative in fit else fit[0]
    return meant


def _file(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
