"""Where labels may lie that belong to a folder of pictures: what a run must look at to tell that they changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .bdd100k import find_labels
from .coco import find_annotations
from .nuscenes import find_tables

FLOORS_UP = 3
FOLDERS = ("labels", "label_2", "label_02")
NAMES = ("*.yaml", "classes.txt", "obj.names")  # of YOLO's classes
SAYS_NAMES = re.compile(r"""(^|[{,\s"'])names["']?\s*:""")  # what a YAML file of YOLO has, and parameter files have not
MAX_YAML_BYTES = 1_000_000


def label_places(folder: Path) -> list[Path]:
    """Return the files and folders near a folder of pictures that hold labels of any known layout, each once, sorted.

    Labels that lie among the pictures are not named: the folder itself holds them.
    """
    folder = folder.expanduser().resolve()
    found = {*find_tables(folder), *find_labels(folder), *find_annotations(folder), *_above(folder)}
    return sorted(path.resolve() for path in found if not path.resolve().is_relative_to(folder))


def _above(folder: Path) -> Iterator[Path]:
    for place in folder.parents[:FLOORS_UP]:
        yield from (place / name for name in FOLDERS if (place / name).is_dir())
        yield from (file for pattern in NAMES for file in place.glob(pattern) if _names_classes(file))


def _names_classes(file: Path) -> bool:
    if file.suffix != ".yaml":
        return True
    return (
        file.is_file()
        and file.stat().st_size <= MAX_YAML_BYTES
        and bool(SAYS_NAMES.search(file.read_text(encoding="utf-8-sig", errors="replace")))
    )
