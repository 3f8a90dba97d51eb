"""One label as a row, many as a table, and the pictures that a label file means."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..tables import BOX
from .records import LabelError

LEAST_SIDE_PX = 0.5  # of a box inside its picture; less is what rounding leaves of a box beside it
MOST_SAID = 200  # characters of a record in an error


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


@contextmanager
def as_promised(file: str, must: str, record: Any) -> Iterator[None]:
    """Read one record of a label file; what fails says which record of which file it was, and what it must have.

    Raises:
        LabelError: In the place of what reading a record of another form raises.
    """
    try:
        yield
    except LabelError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        got = repr(record)
        got = got if len(got) <= MOST_SAID else f"{got[:MOST_SAID]}…"
        raise LabelError(f"Each {must}. Got {got} in {file} instead.") from error


def label_table(rows: Iterable[LabelRow], images: pd.DataFrame) -> pd.DataFrame:
    """Return labels as a table in the order of the pictures, boxes clipped to them where their size is known.

    Boxes that have no area inside their picture are there as well: see has_area.
    """
    table = pd.DataFrame(list(rows), columns=LabelRow._fields).astype(dict.fromkeys(TEXTS, "str"))
    table = table.astype({**dict.fromkeys(BOX, float), "crowd": bool})
    known = images.drop_duplicates("path").set_index("path")
    for side, low, high in (("width", "x_min", "x_max"), ("height", "y_min", "y_max")):
        size = table["path"].map(known[side]).fillna(0).to_numpy(float)
        limit = np.where(size > 0, size, np.inf)
        table[low], table[high] = table[low].clip(0, limit), table[high].clip(0, limit)
    table = table[table["path"].isin(known.index)]
    order = np.argsort(known.index.get_indexer(table["path"]), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def has_area(labels: pd.DataFrame) -> pd.Series:
    """Tell which boxes of label_table have an area; those beside their picture or of negative sizes have none."""
    wide, high = labels["x_max"] - labels["x_min"], labels["y_max"] - labels["y_min"]
    return (wide >= LEAST_SIDE_PX) & (high >= LEAST_SIDE_PX)


def paths_meant(names: Sequence[str], folder: Path, paths: Sequence[str]) -> dict[str, str]:
    """Return which picture each name in a label file means: name -> path; what may mean several is left out."""
    fitting = pictures_fitting(names, folder, paths)
    return {name: fit[0] for name, fit in fitting.items() if len(fit) == 1}


def pictures_fitting(names: Sequence[str], folder: Path, paths: Sequence[str]) -> dict[str, list[str]]:
    """Return which pictures each name in a label file may mean: name -> paths, more than one where it does not say.

    A name means the picture whose full path ends with it; of several, the one of just that path. Where folders were
    renamed, it means the only picture of that file name, provided that the label file has that file name once as well.
    Other names are left out.
    """
    above = folder.resolve().as_posix()
    by_file: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_file[_file(path)].append(path)
    times = Counter(_file(name) for name in set(names))
    fitting: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        relative = name.replace("\\", "/").removeprefix("./").lstrip("/")
        of_name = by_file.get(_file(name), [])
        fit = [path for path in of_name if f"{above}/{path}".endswith(f"/{relative}")]
        if not fit and times[_file(name)] == 1:
            fit = of_name
        if fit:
            fitting[name] = [relative] if relative in fit else fit
    return fitting


def _file(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
