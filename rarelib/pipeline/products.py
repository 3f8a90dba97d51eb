"""What a stage leaves: its marker, the files that the marker names, crops and folders; and what of it is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

from ..params import Params
from ..pictures.crops import FOLDER, recut_crops
from ..report.folders import compared_folders
from ..run.asked import asked_parameters
from ..run.files import files_below, path_tables
from ..run.folder import RunFolder, fingerprint
from ..run.queries import ROW, Tables
from ..tables import DETECT, REPORT, SCORE, SELECT, TableError
from .plan import Planned
from .preflight import sha256_at

MARKER_FIELDS = {"fingerprint", "inputs", "contents", "files", "products", "counts", "seconds", "versions"}
GIVEN = f"WHERE crop_path <> '' ORDER BY {ROW}"


def read_marker(run: RunFolder, stage: str) -> dict[str, Any] | None:
    """Return the marker of a finished stage; None where there is none that can be read."""
    try:
        marker = json.loads(run.marker_path(stage).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) and set(marker) >= MARKER_FIELDS else None


def write_marker(run: RunFolder, planned: Planned, seconds: float) -> None:
    """Turn what a stage's notebook has left into its marker; from now on the stage is finished.

    Args:
        run: The run.
        planned: The stage.
        seconds: From the start of its kernel to its end.
    """
    stage = planned.stage.name
    result = run.read_json(f"stages/{stage}.result.json")
    start_up = max(seconds - result["seconds"]["total"], 0.0)
    timing = {**result["seconds"], "total": round(seconds, 3), "start_up": round(start_up, 3)}
    tables = {path.relative_to(run.root).as_posix(): sha256_at(path) for path in run.table_files(stage)}
    marker = {
        "fingerprint": planned.wanted,
        "inputs": planned.inputs,
        "contents": contents_of_inputs(run, planned.inputs),
        "files": tables,
        "products": [name for name in result["written"] if name not in tables],
        "counts": result["counts"],
        "seconds": timing,
        "versions": run.read_json("config.json")["versions"],
    }
    run.write_json(f"stages/{stage}.json", marker)
    run.result_path(stage).unlink()
    run.aside_path(stage).unlink(missing_ok=True)


def contents_of_inputs(run: RunFolder, inputs: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return a hash of the tables that each of these stages has left; None for a stage that is skipped."""
    found = {}
    for name, wanted in inputs.items():
        marker = read_marker(run, name) if wanted is not None else None
        found[name] = fingerprint(marker["files"]) if marker else None
    return found


def is_finished(run: RunFolder, planned: Planned) -> bool:
    """Tell whether a stage's results were made from just this, and all that it has left is still there."""
    marker = read_marker(run, planned.stage.name)
    if marker is None or marker["fingerprint"] != planned.wanted:
        return False
    if marker["contents"] != contents_of_inputs(run, planned.inputs):
        return False
    changed = (name for name, sha256 in marker["files"].items() if sha256_at(run.root / name) != sha256)
    return next(missing_products(run, planned.stage.name, marker), None) is None and next(changed, None) is None


def missing_products(run: RunFolder, stage: str, marker: Mapping[str, Any]) -> Iterator[str]:
    """Yield the relative path of each file that a finished stage has left and that is no longer there."""
    named = (f"{stage}.ipynb", *marker["files"], *marker["products"])
    yield from (name for name in named if not run.has(name))
    if stage in EXTRA:
        try:
            yield from EXTRA[stage](run)
        except (TableError, KeyError, TypeError) as error:
            yield " ".join(str(error).split())  # a table that cannot be read has to be made again


def missing_crops(run: RunFolder) -> Iterator[str]:
    """Yield the crops of the objects table that should be there and are not; none where only the selected are kept."""
    if _parameter(run, "keep_crops") != "selected":
        with _compared_crops(run) as tables:
            yield from _paths(tables, f"SELECT crop_path FROM objects ANTI JOIN present ON crop_path = path {GIVEN}")


def missing_selected_crops(run: RunFolder) -> Iterator[str]:
    """Yield the crops of selected objects that are not there and could be cut, where only these are kept."""
    if _parameter(run, "keep_crops") == "selected":
        with _compared_crops(run) as tables:
            selected = "objects SEMI JOIN (SELECT object_id FROM scores WHERE selected) USING (object_id)"
            yield from _paths(tables, f"SELECT crop_path FROM {selected} ANTI JOIN present ON crop_path = path {GIVEN}")


def left_over_crops(run: RunFolder) -> Iterator[str]:
    """Yield the crops that belong to no object, as those of an earlier setting."""
    with _compared_crops(run) as tables:
        yield from _paths(tables, "SELECT path FROM present ANTI JOIN objects ON crop_path = path ORDER BY path")


def mend_crops(run: RunFolder, params: Params) -> None:
    """Cut the crops of a finished detection again that are missing, and delete those that need not be there."""
    half = (path for path in files_below(run.root, FOLDER) if path.endswith(".partial"))  # of a killed worker
    for path in chain(half, left_over_crops(run)):
        (run.root / path).unlink(missing_ok=True)
    if params.keep_crops == "selected":
        for path in _crops_to_delete(run):
            (run.root / path).unlink(missing_ok=True)
    lost = list(missing_crops(run))
    if lost:
        objects = run.read_table("objects")
        recut_crops(
            objects[objects["crop_path"].isin(lost)],
            run.read_table("images"),
            run.images_root(params.images_folder),
            run.root,
            max_megapixels=params.max_megapixels,
        )


def _crops_to_delete(run: RunFolder) -> Iterator[str]:
    """Yield the crops that are there of objects that are not selected; all where nothing is ranked yet."""
    with _compared_crops(run) as tables:
        kept = "SELECT crop_path FROM objects JOIN scores USING (object_id) WHERE selected"
        kept = kept if "scores" in tables.columns else "SELECT '' AS crop_path"
        yield from _paths(tables, f"SELECT path FROM present ANTI JOIN ({kept}) ON crop_path = path")


@contextmanager
def _compared_crops(run: RunFolder) -> Iterator[Tables]:
    """Give the tables of objects and scores, and `present`: path of each crop that is there, here or elsewhere."""
    with Tables(run, "objects", optional=("scores",)) as tables:
        tables.keep("present", path_tables(present_crops(run)))
        yield tables


def present_crops(run: RunFolder) -> Iterator[str]:
    """Yield the relative path of each crop that is there, here or at the run's address."""
    named = (path for path in files_below(run.root, FOLDER) if path.endswith(".jpg"))
    yield from (path for path in named if not path.rpartition("/")[2].startswith("."))
    there = (path for path in run.elsewhere if path.startswith(f"{FOLDER}/") and path.endswith(".jpg"))
    yield from (path for path in there if not (run.root / path).is_file())


def _paths(tables: Tables, sql: str) -> Iterator[str]:
    for rows in tables.batches(sql):
        yield from rows.iloc[:, 0]


def _parameter(run: RunFolder, name: str) -> Any:
    return asked_parameters(run).get(name)


def missing_result_crops(run: RunFolder) -> Iterator[str]:
    """Yield the crops that final_outliers/, inliers/ and targets/ should hold and do not."""
    with compared_folders(run, target_classes=_target_classes(run)) as tables:
        yield from _paths(tables, "SELECT path FROM expected ANTI JOIN present USING (path) ORDER BY path")


def left_over_result_crops(run: RunFolder) -> Iterator[str]:
    """Yield the crops in final_outliers/, inliers/ and targets/ that belong to no object there."""
    with compared_folders(run, target_classes=_target_classes(run)) as tables:
        yield from _paths(tables, "SELECT path FROM present ANTI JOIN expected USING (path) ORDER BY path")


def _target_classes(run: RunFolder) -> list[str]:
    return _parameter(run, "target_classes") or []


def missing_demo_pictures(run: RunFolder) -> Iterator[str]:
    """Yield the pictures of the demo world that are no longer there; nothing where the pictures are a user's."""
    world = run.root / "demo_world"
    if _parameter(run, "demo_scenes"):
        drawn = (f"demo_world/images/{path}" for path in run.read_table("images", columns=["path"])["path"])
        yield from (path for path in drawn if not run.has(path))
        yield from (["demo_world/truth.parquet"] if not (world / "truth.parquet").is_file() else [])


EXTRA = {
    SELECT: missing_demo_pictures,
    DETECT: missing_crops,
    SCORE: missing_selected_crops,
    REPORT: missing_result_crops,
}
