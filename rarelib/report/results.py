"""What a run found, gathered from its tables and markers: one row per object, the funnel, the times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ..explore.rows import gather_batches, gather_objects, open_tables
from ..language import padded, say
from ..run.folder import RunFolder
from ..run.json_rows import write_json_rows
from ..run.queries import ROW, Tables
from ..tables import DETECTED, LABEL, STAGES
from .folders import copy_result_folders, targets_of
from .html import TIMES, write_html

__all__ = [
    "collect_statistics",
    "copy_result_folders",
    "rarest_objects",
    "timing_rows",
    "timing_text",
    "write_html",
    "write_results",
]

COLUMNS = [
    "object_id", "is_outlier", "is_rare_class", "selected", "rarity", "rank", "reason", "reason_codes", "event",
    "event_size", "quality", "image_id", "class_name", "confidence", "bbox", "origin", "original_path", "crop_path",
    "caption", "caption_source", "caption_error", "kind", "first_caption", "disagrees",
]  # fmt: skip
COUNTED = ("images", "unreadable", "objects", "early_filter", "embeddings", "scores", "captions")
RESULTS = "detection_results.json"
MAX_REASONS = 20


def collect_results(
    run: RunFolder, *, target_classes: Sequence[str] = (), language: str = "en"
) -> Iterator[pd.DataFrame]:
    """Yield a row for each embedded object, rarest first, with all that the stages found out about it, in batches.

    Args:
        run: A run whose stages 01 to 04 are finished; captions join where there are any.
        target_classes: Names that mark an object whose class, or whose kind by its caption, is one of them.
        language: Of what the captions add to the reasons.

    Yields:
        Tables with object_id, image_id, class_name, confidence, bbox ([x_min, y_min, x_max, y_max] in px of the
        upright original), origin, original_path (relative to images_folder), crop_path (relative to the run), flags,
        rarity, rank, reason, caption and what belongs to it, target_classes. No value is missing.
    """
    with open_tables(run) as tables:
        for rows in gather_batches(tables, language=language):
            results = rows[COLUMNS]
            yield results.assign(target_classes=targets_of(results["class_name"], results["kind"], target_classes))


def write_results(run: RunFolder, *, target_classes: Sequence[str] = (), language: str = "en") -> int:
    """Write detection_results.json: the rows of `collect_results` as a list; return how many there are."""
    batches = collect_results(run, target_classes=target_classes, language=language)
    return write_json_rows(run, RESULTS, (rows.to_dict("records") for rows in batches))


def rarest_objects(run: RunFolder, *, count: int = 24, language: str = "en") -> pd.DataFrame:
    """Return the first selected objects of a run by rank, with the columns of `explore.rows.gather_objects`."""
    with Tables(run, "scores") as tables:
        first = tables.rows("SELECT object_id FROM scores WHERE selected ORDER BY rank LIMIT $count", count=count)
    return gather_objects(run, among=first["object_id"], language=language)


def collect_statistics(run: RunFolder) -> dict[str, Any]:
    """Return the whole funnel, the classes, the captions' costs and the seconds of a run, JSON-able.

    A number whose stage was skipped, or did not run yet, is None and never 0.
    """
    markers = stage_markers(run)
    with Tables(run, optional=COUNTED) as tables:
        funnel, classes = funnel_counts(tables), _class_rows(tables)
        origins, filtered = _value_counts(tables, "objects", "origin"), _value_counts(tables, "early_filter", "reason")
        left_out = left_out_reasons(tables)
        found = {"read": _pictures_read(tables), **_found(tables)}
    not_drawn = markers.get("01_select_images", {}).get("counts", {}).get("left_out", {})
    left_out["pictures"] = {**not_drawn, **left_out["pictures"]}
    sentence = {name: funnel[name] or 0 for name in ("listed", "sampled", "embedded", "selected")}
    return {
        "sentence": {**sentence, **found},
        "funnel": funnel,
        "classes": classes,
        "origins": origins,
        "early_filter_reasons": filtered,
        "left_out": left_out,
        "captions": markers.get("06_caption_objects", {}).get("counts"),
        "counts": {stage: marker["counts"] for stage, marker in markers.items()},
        "seconds": {stage: marker["seconds"] for stage, marker in markers.items()},
    }


def funnel_counts(tables: Tables) -> dict[str, int | None]:
    """Return how many pictures and objects are left after each step, from the tables; None where there is no table."""
    bad = [_count(tables, name, "error <> ''") for name in ("images", "unreadable")]
    found = [count for count in bad if count is not None]
    return {
        "listed": _count(tables, "images"),
        "sampled": _count(tables, "images", "sampled"),
        "unreadable": sum(found) if found else None,
        "objects": _count(tables, "objects"),
        "kept": _count(tables, "early_filter", "keep"),
        "embedded": _count(tables, "embeddings"),
        "outliers": _count(tables, "scores", "is_outlier"),
        "rare_class": _count(tables, "scores", "is_rare_class"),
        "selected": _count(tables, "scores", "selected"),
        "captioned": _count(tables, "captions", "source = 'model'"),
    }


def _pictures_read(tables: Tables) -> int:
    drawn = _count(tables, "images", "sampled AND error = ''") or 0
    return drawn - (_count(tables, "unreadable", "error <> ''") or 0)


def left_out_reasons(tables: Tables) -> dict[str, dict[str, int]]:
    """Return why pictures could not be read, objects were not compared and captions failed: reason -> how many.

    The most frequent reasons of each come first; of many different ones, such as texts of a server, only these.
    """
    here = [name for name in ("images", "unreadable") if name in tables.columns]
    errors = [f"SELECT error, {place} AS place, {ROW} FROM {name} WHERE error <> ''" for place, name in enumerate(here)]
    both = "early_filter" in tables.columns and "embeddings" in tables.columns
    apart = "early_filter ANTI JOIN embeddings USING (object_id)" if both else "early_filter"
    found = {
        "pictures": _counts(tables, f"({' UNION ALL '.join(errors)})", "error", f"place, {ROW}") if errors else {},
        "objects": _value_counts(tables, "early_filter", "reason", rows=apart),
        "captions": _value_counts(tables, "captions", "error", rows="captions WHERE source = 'fallback'"),
    }
    return {what: dict(list(reasons.items())[:MAX_REASONS]) for what, reasons in found.items()}


def timing_rows(run: RunFolder, *, running: str = "", language: str = "en") -> list[dict[str, str]]:
    """Return the seconds of each stage, and of all, as texts: stage, total, start_up, read, compute, write, share.

    Args:
        run: Whose stages.
        running: The stage that asks, which is not finished yet.
        language: Of what is said of a stage without seconds, and of the last row's name.
    """
    seconds = {stage: marker["seconds"] for stage, marker in stage_markers(run).items()}
    whole = {name: sum(times.get(name, 0.0) for times in seconds.values()) for name in TIMES}
    told = {stage: "under_way" if stage == running else "not_run" for stage in STAGES if stage not in seconds}
    unknown = {stage: {"total": say(f"report.{key}", language)} for stage, key in told.items()}
    known = {stage: _time_cells(times, whole["total"]) for stage, times in seconds.items()}
    rows = {**unknown, **known, say("report.all_stages", language): _time_cells(whole, whole["total"])}
    order = [*STAGES, *(name for name in rows if name not in STAGES)]
    return [{"stage": name, **dict.fromkeys((*TIMES, "share"), ""), **rows[name]} for name in order]


def timing_text(run: RunFolder, *, running: str = "", language: str = "en") -> str:
    """Return the rows of `timing_rows` as an aligned text, with heads in the language."""
    heads = {name: say(f"report.time_{name}", language) for name in (*TIMES, "share")}
    rows = [
        {"stage": say("report.time_unit", language), **heads},
        *timing_rows(run, running=running, language=language),
    ]
    widths = {**dict.fromkeys(TIMES, 10), "share": 9}
    lines = [
        padded(row["stage"], 20) + "".join(padded(row[name], width, right=True) for name, width in widths.items())
        for row in rows
    ]
    return "\n".join([*lines, ""])


def _time_cells(times: Mapping[str, float], whole: float) -> dict[str, str]:
    cells = {name: f"{times[name]:.2f}" for name in TIMES if name in times}
    return {**cells, "share": f"{times.get('total', 0.0) / max(whole, 1e-12):.1%}"}


def stage_markers(run: RunFolder) -> dict[str, dict[str, Any]]:
    """Return what each finished stage says of itself, in order: counts, seconds, versions."""
    markers = {}
    for stage in STAGES:
        path = run.marker_path(stage) if run.marker_path(stage).is_file() else run.result_path(stage)
        if path.is_file():
            markers[stage] = run.read_json(path.relative_to(run.root).as_posix())
    return markers


def _found(tables: Tables) -> dict[str, int]:
    """Return how many objects were detected or labelled, of how many classes, and how many proposals stand beside."""
    if "objects" not in tables.columns:
        return {"found": 0, "classes": 0, "proposals": 0}
    known = f"origin IN ('{DETECTED}', '{LABEL}')"
    classes = int(tables.value(f"SELECT count(DISTINCT class_name) FROM objects WHERE {known}"))
    counts = {name: _count(tables, "objects", where) or 0 for name, where in
              (("found", known), ("proposals", f"NOT {known}"))}  # fmt: skip
    return {**counts, "classes": classes}


def _class_rows(tables: Tables) -> list[dict[str, Any]]:
    if "objects" not in tables.columns:
        return []
    ranked = "scores" in tables.columns
    told = ", count(s.object_id) AS embedded, count(*) FILTER (WHERE s.selected) AS selected" if ranked else ""
    scores = "LEFT JOIN scores s USING (object_id)" if ranked else ""
    rows = tables.rows(f"""
        SELECT class_name, count(*) AS objects{told} FROM objects {scores}
        GROUP BY class_name ORDER BY objects DESC, class_name""")
    return rows.to_dict("records")


def _count(tables: Tables, name: str, where: str = "true") -> int | None:
    if name not in tables.columns:
        return None
    return int(tables.value(f"SELECT count(*) FROM {name} WHERE {where}"))


def _value_counts(tables: Tables, name: str, column: str, *, rows: str = "") -> dict[str, int]:
    return _counts(tables, rows or name, column, ROW) if name in tables.columns else {}


def _counts(tables: Tables, rows: str, column: str, order: str) -> dict[str, int]:
    """Return how often each value stands in the rows, the most frequent first, equals as they are first met."""
    found = tables.rows(f"""
        SELECT {column} AS name, count(*) AS count FROM {rows} GROUP BY name ORDER BY count DESC, min(({order}))""")
    return {str(name): int(count) for name, count in zip(found["name"], found["count"], strict=True)}
