"""Verify a finished run: every id resolves, every file is there, the counts agree along the funnel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ..run.folder import RunFolder
from ..tables import STAGES, TABLES, TableError
from .preflight import file_fingerprint

# child table -> (its column, parent table): every value stands in the parent's id column
FOREIGN_KEYS = (
    ("objects", "image_id", "images"), ("unreadable", "image_id", "images"), ("early_filter", "object_id", "objects"),
    ("embeddings", "object_id", "objects"), ("zero_shot", "object_id", "embeddings"),
    ("scores", "object_id", "embeddings"), ("scores", "event", "embeddings"),
    ("neighbours", "object_id", "scores"), ("neighbours", "neighbour_id", "scores"),
    ("map", "object_id", "embeddings"), ("captions", "object_id", "scores"),
)  # fmt: skip
ID_COLUMN = {"images": "image_id"}
MAY_BE_SKIPPED = {"05_map_objects": "skip_visualization", "06_caption_objects": "skip_caption"}
FILES = ("config.json", "detection_results.json", "statistics.json", "timing.txt", "report.html")


def check_run(root: Path) -> list[str]:
    """Return the problems of a run, one line each; an empty list means that all is well."""
    run = RunFolder(root)
    try:
        skipped = _skipped(run)
        tables = _read_tables(run, skipped)
        problems = [*_check_files(run, skipped), *_check_ids(tables), *_check_crops(run, tables)]
        return [*problems, *_check_ranking(tables), *_check_markers(run, skipped), *_check_counts(run, tables)]
    except (TableError, KeyError, TypeError, AttributeError) as error:
        return [f"The run cannot be read: {' '.join(str(error).split())}"]


def _skipped(run: RunFolder) -> set[str]:
    parameters = run.read_json("config.json")["parameters"]
    return {stage for stage, name in MAY_BE_SKIPPED.items() if parameters[name]}


def _read_tables(run: RunFolder, skipped: set[str]) -> dict[str, pd.DataFrame]:
    tables = {name: run.read_table(name) for name, table in TABLES.items() if table.stage not in skipped}
    run.read_vectors()
    return tables


def _check_files(run: RunFolder, skipped: set[str]) -> Iterator[str]:
    notebooks = [f"{stage}.ipynb" for stage in STAGES if stage not in skipped]
    for name in (*FILES, *notebooks):
        if not (run.root / name).is_file():
            yield f"{name} is missing."


def _check_ids(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    for child, column, parent in FOREIGN_KEYS:
        if child in tables and column in tables[child]:
            known = tables[parent][ID_COLUMN.get(parent, "object_id")]
            lost = ~tables[child][column].isin(known)
            if lost.any():
                example = tables[child].loc[lost, column].iloc[0]
                yield f"{child}.{column}: {lost.sum()} ids are not in {parent}, such as {example!r}."
    for name in ("images", "objects", "early_filter", "embeddings", "scores", "map", "captions"):
        if name in tables and tables[name][ID_COLUMN.get(name, "object_id")].duplicated().any():
            yield f"{name}: an id stands in two rows."


def _check_crops(run: RunFolder, tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    inside = run.root.resolve()
    for path in tables["objects"]["crop_path"]:
        crop = (run.root / path).resolve()
        if not crop.is_relative_to(inside):
            yield f"objects.crop_path {path!r} leads out of the run folder."
        elif path and not crop.is_file():
            yield f"{path} is missing."


def _check_ranking(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    scores = tables["scores"]
    if sorted(scores["rank"]) != list(range(1, len(scores) + 1)):
        yield "scores.rank is not 1 to n."


def _check_markers(run: RunFolder, skipped: set[str]) -> Iterator[str]:
    markers: dict[str, dict[str, Any]] = {}
    for stage in (stage for stage in STAGES if stage not in skipped):
        try:
            markers[stage] = json.loads(run.marker_path(stage).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            yield f"Stage {stage} is not finished; run it again."
            continue
        if not {"fingerprint", "inputs", "files", "counts", "seconds", "versions"} <= set(markers[stage]):
            yield f"stages/{stage}.json is not a marker."
            continue
        yield from _check_marker(run, stage, markers)


def _check_marker(run: RunFolder, stage: str, markers: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, wanted in markers[stage]["inputs"].items():
        if wanted != markers.get(name, {}).get("fingerprint"):
            yield f"Stage {stage} was made from another result of {name} than the one that is here."
    for name, sha256 in markers[stage]["files"].items():
        if not (run.root / name).is_file():
            yield f"{name} is missing."
        elif file_fingerprint(run.root / name) != sha256:
            yield f"{name} is not what stage {stage} has written."


def _check_counts(run: RunFolder, tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    funnel = run.read_json("statistics.json")["funnel"]
    images, scores = tables["images"], tables["scores"]
    counted = {
        "listed": len(images),
        "sampled": int(images["sampled"].sum()),
        "objects": len(tables["objects"]),
        "kept": int(tables["early_filter"]["keep"].sum()),
        "embedded": len(tables["embeddings"]),
        "outliers": int(scores["is_outlier"].sum()),
        "rare_class": int(scores["is_rare_class"].sum()),
        "selected": int(scores["selected"].sum()),
    }
    for name, count in counted.items():
        if funnel.get(name) != count:
            yield f"statistics.json says {name} = {funnel.get(name)}, the tables say {count}."
    results = run.read_json("detection_results.json")
    if len(results) != len(scores):
        yield f"detection_results.json has {len(results)} objects, the scores have {len(scores)}."
    selected = len(list((run.root / "final_outliers").glob("*"))) if (run.root / "final_outliers").is_dir() else 0
    if selected != counted["selected"]:
        yield f"final_outliers/ holds {selected} crops for {counted['selected']} selected objects."
