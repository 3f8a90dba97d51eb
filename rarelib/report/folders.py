"""The crops of a run in folders for people: the selected, the others, and the classes asked for."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from ..run.folder import RunFolder

RESULT_FOLDERS = ("final_outliers", "inliers", "targets")
MAX_SLUG = 40
# device names that Windows does not allow as a file's or folder's name
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def copy_result_folders(run: RunFolder, results: pd.DataFrame) -> dict[str, Any]:
    """Put each crop into final_outliers/ or inliers/, and into targets/<class>/ where its class was asked for.

    Files are hard links where the disk allows it, else copies, and their names sort by rank. Each folder is made
    beside the old one and then takes its place, so that nothing of an earlier run stays.

    Args:
        run: The run.
        results: Table of `report.collect_results`.

    Returns:
        How many crops each folder holds, and how many are missing.
    """
    counts: dict[str, Any] = {folder: _fill(run.root, folder, crops) for folder, crops in _placement(results).items()}
    asked = results["target_classes"].explode().dropna().value_counts()
    counts["targets"] = {name: int(count) for name, count in asked.items()}
    return {**counts, "missing_crops": len(results) - counts["final_outliers"] - counts["inliers"]}


def expected_crops(run: RunFolder, results: pd.DataFrame) -> set[str]:
    """Return the relative paths of the crops that the result folders should hold.

    Args:
        run: The run.
        results: Rows with crop_path, rank, class_name, object_id, selected and target_classes.
    """
    return {
        f"{folder}/{name}"
        for folder, crops in _placement(results).items()
        for path, name in crops
        if path and run.has(path)
    }


def placed_crops(run: RunFolder) -> set[str]:
    """Return the relative paths of the crops that the result folders hold; what else lies there does not count."""
    found = (path for folder in RESULT_FOLDERS for path in (run.root / folder).rglob("*.jpg"))
    here = {path.relative_to(run.root).as_posix() for path in found if not path.name.startswith(".")}
    return here | {path for path in run.elsewhere if path.startswith(tuple(f"{name}/" for name in RESULT_FOLDERS))}


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


def _placement(results: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Return for each result folder its crops: where each lies, and its name in the folder."""
    digits = max(len(str(len(results))), 4)
    chosen = results["selected"].astype(bool)
    asked = results.explode("target_classes").dropna(subset="target_classes")
    folders = slugs(asked["target_classes"].unique())
    targets = zip(_named(asked, digits), asked["target_classes"], strict=True)
    return {
        "final_outliers": _named(results[chosen], digits),
        "inliers": _named(results[~chosen], digits),
        "targets": [(path, f"{folders[target]}/{name}") for (path, name), target in targets],
    }


def _named(rows: pd.DataFrame, digits: int) -> list[tuple[str, str]]:
    """Return for each row its crop's path and the file name that it gets."""
    columns = zip(rows["crop_path"], rows["rank"], rows["class_name"], rows["object_id"], strict=True)
    return [(path, f"{int(rank):0{digits}}_{class_slug(name)}_{key}.jpg") for path, rank, name, key in columns]


def _fill(root: Path, folder: str, crops: Iterable[tuple[str, str]]) -> int:
    """Make a folder of these crops in place of the old one; return how many it holds."""
    partial = root / f".{folder}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    placed = sum(_place(root, path, partial / name) for path, name in crops)
    shutil.rmtree(root / folder, ignore_errors=True)
    partial.replace(root / folder)
    return placed


def _place(root: Path, path: str, target: Path) -> bool:
    source = root / path
    if not path or not source.is_file() or not source.resolve().is_relative_to(root.resolve()):
        return False
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)
    return True
