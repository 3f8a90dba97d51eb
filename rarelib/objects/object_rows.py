"""Rows of detected objects as a table, and those of finished parts put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..run.parts import Parts
from ..tables import BOX

NUMBERS = ("confidence", *BOX, "objectness", "energy", "brightness", "contrast", "sharpness")
TEXTS = ("object_id", "image_id", "class_name", "crop_path", "origin", "content")
COLUMNS = ("object_id", "image_id", "class_name", "confidence", *BOX, "crop_path", "origin", "objectness", "energy",
           "brightness", "contrast", "sharpness", "touches_border", "content")  # fmt: skip


def as_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows of `detect_chunk` as a table with all columns, typed; of a picture's own row object_id is ""."""
    table = pd.DataFrame(rows, columns=[*COLUMNS, "stamp", "error"])
    texts = {name: table[name].astype("object").fillna("").astype("str") for name in (*TEXTS, "stamp", "error")}
    numbers = {name: table[name].astype("float64") for name in NUMBERS}
    return table.assign(**texts, **numbers, touches_border=table["touches_border"].eq(True))


def split_errors(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the objects, and the pictures that could not be read: image_id, error."""
    unreadable = table.loc[table["error"] != "", ["image_id", "error"]].reset_index(drop=True)
    return table.loc[table["object_id"] != "", list(COLUMNS)].reset_index(drop=True), unreadable


def finished_rows(kept: Parts, images: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of finished parts for these pictures, in their order, each as it is now and of one part."""
    tables = [as_table([]), *(table.assign(part=name) for name, table in kept.tables())]
    rows = pd.concat(tables, ignore_index=True)
    order = pd.MultiIndex.from_frame(images[["image_id", "stamp"]])
    place = order.get_indexer(pd.MultiIndex.from_frame(rows[["image_id", "stamp"]]))
    rows = rows.iloc[np.argsort(place, kind="stable")][np.sort(place) >= 0].reset_index(drop=True)
    return rows if rows.empty else _of_one_part(rows).drop(columns="part")


def _of_one_part(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each picture's rows of the first part that could read it, where a lost worker has made a second one."""
    own = rows[rows["object_id"] == ""].sort_values("error", key=lambda errors: errors != "", kind="stable")
    part = rows["image_id"].map(own.drop_duplicates("image_id").set_index("image_id")["part"])
    return rows[rows["part"] == part].reset_index(drop=True)
