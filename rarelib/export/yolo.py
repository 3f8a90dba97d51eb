"""YOLO's folder: images/, labels/, data.yaml, and a table of what a label line cannot say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from ..run.folder import write_text
from ..tables import BOX
from .rows import FIELDS, Export


def write_yolo(export: Export, out: Path) -> None:
    """Write a text file of `class x y width height` (shares of the picture) a picture, data.yaml and objects.csv.

    In objects.csv, file_name and line (from 0) say which line of which file an object is.
    """
    number_of = {name: number for number, name in enumerate(export.class_names)}
    tables = []
    for image, objects in export.pictures():
        lines = []
        for row in objects.itertuples(index=False):
            x_min, y_min, x_max, y_max = (float(getattr(row, name)) for name in BOX)
            centre = (x_min + x_max) / 2 / image.width, (y_min + y_max) / 2 / image.height
            size = (x_max - x_min) / image.width, (y_max - y_min) / image.height
            lines.append(" ".join([str(number_of[row.class_name]), *(f"{value:.6f}" for value in (*centre, *size))]))
        write_text(out / "labels" / f"{Path(image.file_name).stem}.txt", "".join(f"{line}\n" for line in lines))
        tables.append(objects.assign(file_name=image.file_name, line=range(len(objects))))
    # without `path`, which would be looked for below a folder of the reader's own settings
    data = {"train": "images", "val": "images", "names": dict(enumerate(export.class_names))}
    write_text(out / "data.yaml", yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    columns = ["file_name", "line", "class_name", *FIELDS]
    table = pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)
    write_text(out / "objects.csv", table.to_csv(index=False))
