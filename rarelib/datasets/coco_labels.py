"""Boxes from files of COCO's form; CODA's tell which of them are corner cases (Li, 2022, arXiv:2203.07724)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from .label_rows import LabelRow, paths_meant
from .records import LabelError, read_records


def read_coco(files: Sequence[Path], folder: Path, images: pd.DataFrame) -> Iterator[LabelRow]:
    """Yield the boxes of these pictures, crowds too; in several files the same box counts once."""
    seen: set[tuple] = set()
    for file in files:
        for row in _read_file(file, folder, images):
            same = row[:6]
            if len(files) == 1 or same not in seen:
                seen.add(same)
                yield row


def _read_file(file: Path, folder: Path, images: pd.DataFrame) -> Iterator[LabelRow]:
    named = {record["id"]: str(record.get("file_name", "")) for record in read_records(file, "images")}
    meant = paths_meant(list(named.values()), folder, images["path"].tolist())
    path_of = {number: meant[name] for number, name in named.items() if name in meant}
    class_of = {record["id"]: str(record["name"]) for record in read_records(file, "categories")}
    for record in read_records(file, "annotations"):
        path, box = path_of.get(record.get("image_id")), record.get("bbox")
        if path is None or not box:
            continue
        if record["category_id"] not in class_of or len(box) != 4:
            raise LabelError(
                f"An annotation of {file.name} must have a bbox of 4 numbers and a category_id of its categories. "
                f"Got {record['category_id']!r} and {box!r} instead."
            )
        left, top, width, height = box
        corner_case = record.get("corner_case")
        yield LabelRow(
            path, left, top, left + width, top + height, class_of[record["category_id"]],
            crowd=bool(record.get("iscrowd")), label_id=str(record.get("id", "")),
            rare="" if corner_case is None else "yes" if corner_case else "no",
        )  # fmt: skip
