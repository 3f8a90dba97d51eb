"""Verify a finished run: every id resolves, every file is there, the counts agree along the funnel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..run.folder import RunFolder, file_sha256
from ..tables import STAGES, TABLES, TableError
from .products import contents_of_inputs, left_over_crops, left_over_result_crops, missing_products, read_marker

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


def check_run(root: Path) -> list[str]:
    """Return the problems of a run, one line each; an empty list means that all is well."""
    run = RunFolder(root)
    try:
        skipped = _skipped(run)
        tables = _read_tables(run, skipped)
        problems = [*_check_ids(tables), *_check_paths(run, tables), *_check_ranking(tables)]
        return [*problems, *_check_markers(run, skipped), *_check_left_over(run), *_check_counts(run, tables)]
    except (TableError, KeyError, TypeError, AttributeError) as error:
        return [f"The run cannot be read: {' '.join(str(error).split())}"]


def _skipped(run: RunFolder) -> set[str]:
    parameters = run.read_json("config.json")["parameters"]
    return {stage for stage, name in MAY_BE_SKIPPED.items() if parameters[name]}


def _read_tables(run: RunFolder, skipped: set[str]) -> dict[str, pd.DataFrame]:
    tables = {name: run.read_table(name) for name, table in TABLES.items() if table.stage not in skipped}
    run.read_vectors()
    return tables


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


def _check_paths(run: RunFolder, tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    inside = run.root.resolve()
    for path in tables["objects"]["crop_path"]:
        if not (run.root / path).resolve().is_relative_to(inside):
            yield f"objects.crop_path {path!r} leads out of the run folder."


def _check_ranking(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    scores = tables["scores"]
    if sorted(scores["rank"]) != list(range(1, len(scores) + 1)):
        yield "scores.rank is not 1 to n."


def _check_markers(run: RunFolder, skipped: set[str]) -> Iterator[str]:
    markers = {stage: read_marker(run, stage) for stage in STAGES}
    for stage in (stage for stage in STAGES if stage not in skipped):
        marker = markers[stage]
        if marker is None:
            yield f"Stage {stage} is not finished; run it again."
            continue
        yield from (f"{name} is missing." for name in missing_products(run, stage, marker))
        found = contents_of_inputs(run, marker["inputs"])
        made_from = [
            name
            for name, wanted in marker["inputs"].items()
            if wanted != (markers[name] or {}).get("fingerprint") or marker["contents"].get(name) != found[name]
        ]
        if made_from:
            yield f"Stage {stage} was made from other results of {', '.join(made_from)} than those that are here."
        for name, sha256 in marker["files"].items():
            if (run.root / name).is_file() and file_sha256(run.root / name) != sha256:
                yield f"{name} is not what stage {stage} has written."


def _check_left_over(run: RunFolder) -> Iterator[str]:
    for path in (*left_over_crops(run), *left_over_result_crops(run)):
        yield f"{path} belongs to no object."


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
