"""Boxes from files of COCO's form; CODA's tell which of them are corner cases (Li, 2022, arXiv:2203.07724)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .label_rows import LabelRow, as_promised, pictures_fitting
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
    paths_of, class_of = _pictures_of(file, folder, images), _classes_of(file)
    for record in read_records(file, "annotations"):
        with as_promised(file.name, "annotation must have an image_id, a bbox of 4 numbers and a category_id", record):
            paths = paths_of.get(record["image_id"], [])
            if not paths or not record.get("bbox"):
                continue
            left, top, width, height = (float(side) for side in record["bbox"])
            category, corner_case = record["category_id"], record.get("corner_case")
        if category not in class_of:
            raise LabelError(f"An annotation of {file.name} has the category_id {category!r}, which no category has.")
        if len(paths) > 1:
            raise LabelError(
                f"{file.name} must say the folder of the picture {paths[0].rpartition('/')[2]} in its file_name, as "
                f"there is one in several: {', '.join(paths[:2])}."
            )
        yield LabelRow(
            paths[0], left, top, left + width, top + height, class_of[category], crowd=bool(record.get("iscrowd")),
            label_id=str(record.get("id", "")), rare="" if corner_case is None else "yes" if corner_case else "no",
        )  # fmt: skip


def _pictures_of(file: Path, folder: Path, images: pd.DataFrame) -> dict[Any, list[str]]:
    named: dict[Any, str] = {}
    for record in read_records(file, "images"):
        with as_promised(file.name, "image must have an id and a file_name", record):
            number, name = record["id"], str(record.get("file_name", ""))
        if named.setdefault(number, name) != name:
            raise LabelError(f"{file.name} gives two pictures the id {number!r}: {named[number]} and {name}.")
    meant = pictures_fitting(list(named.values()), folder, images["path"].tolist())
    return {number: meant[name] for number, name in named.items() if name in meant}


def _classes_of(file: Path) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for record in read_records(file, "categories"):
        with as_promised(file.name, "category must have an id and a name", record):
            number, name = record["id"], record["name"]
            if name is None or not str(name).strip():
                raise ValueError("a category without a name")
        names[number] = str(name)
    return names
