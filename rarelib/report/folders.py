"""The crops of a run in folders for people: the selected, the others, and the classes asked for."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ..run.files import Inside, files_below, path_tables
from ..run.folder import RunFolder
from ..run.queries import Tables
from ..words.vocabulary import shown_name

RESULT_FOLDERS = ("final_outliers", "inliers", "targets")
MAX_SLUG = 40
# device names that Windows does not allow as a file's or folder's name
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def copy_result_folders(run: RunFolder, *, target_classes: Sequence[str] = ()) -> dict[str, Any]:
    """Put each crop into final_outliers/ or inliers/, and into targets/<class>/ where its class was asked for.

    Files are hard links where the disk allows it, else copies, and their names sort by rank. Each folder is made
    beside the old one and then takes its place, so that nothing of an earlier run stays.

    Args:
        run: A run whose stages 01 to 04 are finished; captions join where there are any.
        target_classes: Names of classes, or of kinds by captions, that get a folder of their own.

    Returns:
        How many crops each folder holds, and how many are missing.
    """
    placed, inside = dict.fromkeys(RESULT_FOLDERS, 0), Inside(run.root)
    partial = {folder: run.root / f".{folder}.partial" for folder in RESULT_FOLDERS}
    for path in partial.values():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    with _open_tables(run) as tables:
        for crop_path, folder, name in _placement(tables, target_classes):
            placed[folder] += _place(inside, crop_path, partial[folder] / name)
        asked, total = _asked(tables, target_classes), _total(tables)
    for folder, path in partial.items():
        shutil.rmtree(run.root / folder, ignore_errors=True)
        path.replace(run.root / folder)
    most_first = asked.sort_values("objects", ascending=False, kind="stable")["objects"]
    targets = {str(name): int(count) for name, count in most_first.items()}
    return {**placed, "targets": targets, "missing_crops": total - placed["final_outliers"] - placed["inliers"]}


@contextmanager
def compared_folders(run: RunFolder, *, target_classes: Sequence[str] = ()) -> Iterator[Tables]:
    """Give the tables `expected` and `present`: path of each crop that the result folders should hold, and do hold.

    Paths are relative to the run. A crop that is not there is not expected; of what else lies in the folders only
    pictures count.

    Args:
        run: A run whose stages 01 to 04 are finished.
        target_classes: As for `copy_result_folders`.
    """
    with _open_tables(run) as tables:
        crops = _placement(tables, target_classes)
        tables.keep(
            "expected", path_tables(f"{folder}/{name}" for path, folder, name in crops if path and run.has(path))
        )
        tables.keep("present", path_tables(_placed_files(run)))
        yield tables


def targets_of(class_names: Iterable[str], kinds: Iterable[str], target_classes: Sequence[str]) -> list[list[str]]:
    """Return for each object the target classes that its class, or its kind by its caption, is one of.

    A target class is found by its Japanese name as well, which captions of a Japanese run have.
    """
    wanted = {name: {name.casefold(), shown_name(name, "ja").casefold()} for name in target_classes}
    pairs = zip(map(str.casefold, class_names), map(str.casefold, kinds), strict=True)
    return [[name for name, names in wanted.items() if not names.isdisjoint(pair)] for pair in pairs]


def _open_tables(run: RunFolder) -> Tables:
    return Tables(run, "scores", "objects", optional=("captions",))


def _placed_files(run: RunFolder) -> Iterator[str]:
    for folder in RESULT_FOLDERS:
        found = (path.rpartition("/") for path in files_below(run.root, folder))
        yield from (f"{above}/{name}" for above, _, name in found if name.endswith(".jpg") and name[0] != ".")
    yield from (path for path in run.elsewhere if path.startswith(tuple(f"{name}/" for name in RESULT_FOLDERS)))


def class_slug(name: str) -> str:
    """Return a class name made safe as part of a file name: letters, digits and "-" only, never empty."""
    flat = unicodedata.normalize("NFKC", name).lower()
    slug = re.sub(r"[^\w]+|_", "-", flat).strip("-")[:MAX_SLUG].strip("-")
    return f"{slug}-class" if slug in RESERVED else slug or "unnamed"


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Return name -> slug; names whose slugs are equal are numbered, so that no two classes share a folder."""
    found: dict[str, str] = {}
    for name in names:
        slug, number = class_slug(name), 2
        while slug in found.values():
            slug, number = f"{class_slug(name)}-{number}", number + 1
        found[name] = slug
    return found


def _placement(tables: Tables, target_classes: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield for each place that a crop gets: the crop's path, the result folder, and the name in it."""
    digits, folders = max(len(str(_total(tables))), 4), slugs(_asked(tables, target_classes).index)
    for rows in _blocks(tables):
        targets = targets_of(rows["class_name"], rows["kind"], target_classes)
        columns = (rows[name] for name in ("object_id", "crop_path", "rank", "class_name", "selected"))
        for key, path, rank, class_name, selected, asked in zip(*columns, targets, strict=True):
            name = f"{int(rank):0{digits}}_{class_slug(class_name)}_{key}.jpg"
            yield path, "final_outliers" if selected else "inliers", name
            yield from ((path, "targets", f"{folders[target]}/{name}") for target in asked)


def _asked(tables: Tables, target_classes: Sequence[str]) -> pd.DataFrame:
    """Return how many objects each target class has that occurs, in the order of the first rank that shows it."""
    found = pd.DataFrame({"objects": [], "first": []})
    for rows in _blocks(tables) if target_classes else ():
        rows["target"] = targets_of(rows["class_name"], rows["kind"], target_classes)
        of_block = rows.explode("target").dropna(subset="target").groupby("target")["rank"].agg(["size", "min"])
        both = pd.concat([found, of_block.rename(columns={"size": "objects", "min": "first"})])
        found = both.groupby(level=0).agg({"objects": "sum", "first": "min"})
    return found.reindex(dict.fromkeys(target_classes)).dropna().sort_values("first", kind="stable")


def _blocks(tables: Tables) -> Iterator[pd.DataFrame]:
    """Yield all embedded objects, rarest first, with what decides where their crops stand."""
    for scores in tables.ranked_blocks(("object_id", "selected", "rank")):
        columns = ("object_id", "class_name", "crop_path")
        rows = scores.merge(tables.matching("objects", scores["object_id"], columns=columns), on="object_id")
        if "kind" in tables.columns.get("captions", ()):
            kinds = tables.matching("captions", rows["object_id"], columns=("object_id", "kind"))
            rows = rows.merge(kinds, on="object_id", how="left").fillna({"kind": ""})
        yield rows if "kind" in rows else rows.assign(kind="")


def _total(tables: Tables) -> int:
    return int(tables.value("SELECT count(*) FROM scores"))


def _place(inside: Inside, path: str, target: Path) -> bool:
    source = inside.root / path
    if not path or not source.is_file() or not inside.holds(path):
        return False
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)
    return True
