"""Verify a finished run: every id resolves, every file is there, the counts agree along the funnel."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from ..report.results import RESULTS, funnel_counts
from ..run.asked import asked_parameters
from ..run.files import Inside
from ..run.folder import RunFolder, file_sha256
from ..run.queries import ROW, Tables
from ..run.rows import table_blocks
from ..tables import STAGES, TABLES, TableError, check_table
from .plan import PIPELINE
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
# numbers of the funnel that the tables must say too
COUNTED = ("listed", "sampled", "objects", "kept", "embedded", "outliers", "rare_class", "selected")


def check_run(root: Path) -> list[str]:
    """Return the problems of a run, one line each; an empty list means that all is well.

    Tables are read in blocks, and what is compared is held in the memory that the run's `memory_gb` allows.
    """
    run = RunFolder(root)
    if not run.has("config.json"):
        return [f"{root} has no config.json, so that it is no run, or not a whole one; `rarelib run` writes it."]
    try:
        skipped = _skipped(run)
        names = [name for name, table in TABLES.items() if table.stage not in skipped]
        with Tables(run, *names) as tables:
            for name in names:
                _check_values(run, name)
            run.map_vectors(int(tables.value("SELECT count(*) FROM embeddings")))
            problems = [*_check_ids(tables), *_check_paths(run, tables), *_check_ranking(tables)]
            return [*problems, *_check_markers(run, skipped), *_check_left_over(run), *_check_counts(run, tables)]
    except TableError as error:
        return [f"The run cannot be read: {' '.join(str(error).split())}"]
    except (LookupError, TypeError, AttributeError) as error:
        files = "config.json, statistics.json or a record in stages/"
        return [f"The run cannot be read: {files} is not what `rarelib run` writes ({type(error).__name__}: {error})."]


def _skipped(run: RunFolder) -> set[str]:
    parameters = asked_parameters(run)
    return {stage.name for stage in PIPELINE if stage.skipped_by and parameters[stage.skipped_by]}


def _check_values(run: RunFolder, name: str) -> None:
    for frame in table_blocks(run, name):
        check_table(name, frame, where=str(run.table_path(name)))


def _check_ids(tables: Tables) -> Iterator[str]:
    for child, column, parent in FOREIGN_KEYS:
        if column in tables.columns.get(child, ()):
            known = f"{parent}.{ID_COLUMN.get(parent, 'object_id')}"
            lost = f"FROM {child} ANTI JOIN {parent} ON {child}.{column} = {known}"
            count = tables.value(f"SELECT count(*) {lost}")
            if count:
                example = tables.value(f"SELECT {column} {lost} ORDER BY {ROW} LIMIT 1")
                yield f"{child}.{column}: {count} ids are not in {parent}, such as {example!r}."
    for name in ("images", "objects", "early_filter", "embeddings", "scores", "map", "captions"):
        column = ID_COLUMN.get(name, "object_id")
        if name in tables.columns and tables.value(f"SELECT count({column}) > count(DISTINCT {column}) FROM {name}"):
            yield f"{name}: an id stands in two rows."


def _check_paths(run: RunFolder, tables: Tables) -> Iterator[str]:
    inside = Inside(run.root)
    for rows in tables.batches(f"SELECT crop_path FROM objects ORDER BY {ROW}"):
        wrong = (path for path in rows["crop_path"] if not inside.holds(path))
        yield from (f"objects.crop_path {path!r} leads out of the run folder." for path in wrong)


def _check_ranking(tables: Tables) -> Iterator[str]:
    told = "count(*), count(DISTINCT rank), coalesce(min(rank), 1), coalesce(max(rank), 0)"
    count, different, lowest, highest = tables.rows(f"SELECT {told} FROM scores").iloc[0]
    if different != count or lowest != 1 or highest != count:
        yield "scores.rank is not 1 to n."


def _check_markers(run: RunFolder, skipped: set[str]) -> Iterator[str]:
    markers = {stage: read_marker(run, stage) for stage in STAGES}
    for stage in (stage for stage in STAGES if stage not in skipped):
        marker = markers[stage]
        if marker is None:
            yield f"Stage {stage} is not finished; run it again."
            continue
        yield from (f"{name} is missing." for name in missing_products(run, stage, marker))
        yield from _check_products(run, (f"{stage}.ipynb", *marker["products"]))
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


def _check_products(run: RunFolder, names: Iterable[str]) -> Iterator[str]:
    """Look into the files that have no hash: none is empty, and JSON is JSON."""
    for path in (run.root / name for name in names if run.has(name)):
        name = path.relative_to(run.root).as_posix()
        if not path.stat().st_size:
            yield f"{name} is empty; delete it and run again."
        elif path.suffix in (".json", ".ipynb") and name != RESULTS:  # that one is counted, in blocks
            try:
                json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                yield f"{name} is not JSON; delete it and run again."


def _check_left_over(run: RunFolder) -> Iterator[str]:
    for path in chain(left_over_crops(run), left_over_result_crops(run)):
        yield f"{path} belongs to no object."


def _check_counts(run: RunFolder, tables: Tables) -> Iterator[str]:
    funnel = run.read_json("statistics.json")["funnel"]
    counted = funnel_counts(tables)
    for name in COUNTED:
        if funnel.get(name) != counted[name]:
            yield f"statistics.json says {name} = {funnel.get(name)}, the tables say {counted[name]}."
    results, scores = tables.count_json(run, RESULTS), int(tables.value("SELECT count(*) FROM scores"))
    if results != scores:
        yield f"{RESULTS} has {results} objects, the scores have {scores}."
