"""What a run found, gathered from its tables and markers: one row per object, the funnel, the times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..explore.rows import gather_objects, read_optional, with_captions
from ..language import say
from ..run.folder import RunFolder
from ..tables import STAGES
from .folders import copy_result_folders, expected_crops, placed_crops
from .html import write_html

__all__ = ["collect_results", "collect_statistics", "copy_result_folders", "timing_text", "write_html"]

COLUMNS = [
    "object_id", "is_outlier", "is_rare_class", "selected", "rarity", "rank", "reason", "reason_codes", "event",
    "event_size", "quality", "image_id", "class_name", "confidence", "bbox", "origin", "original_path", "crop_path",
    "caption", "caption_source", "caption_error", "kind", "first_caption", "disagrees",
]  # fmt: skip
MAX_REASONS = 20


def collect_results(run: RunFolder, *, target_classes: Sequence[str] = (), language: str = "en") -> pd.DataFrame:
    """Return one row per embedded object, rarest first, with all that the stages found out about it.

    Args:
        run: A run whose stages 01 to 04 are finished; captions join where there are any.
        target_classes: Names that mark an object whose class, or whose kind by its caption, is one of them.
        language: Of what the captions add to the reasons.

    Returns:
        Table with object_id, image_id, class_name, confidence, bbox ([x_min, y_min, x_max, y_max] in px of the
        upright original), origin, original_path (relative to images_folder), crop_path (relative to the run), flags,
        rarity, rank, reason, caption and what belongs to it, target_classes. No value is missing.
    """
    results = gather_objects(run, language=language)[COLUMNS]
    results["target_classes"] = _targets(results, target_classes)
    return results


def result_crops(run: RunFolder, *, target_classes: Sequence[str] = ()) -> tuple[set[str], set[str]]:
    """Return the crops that the result folders should hold, by the tables, and those that they do hold."""
    scores = run.read_table("scores", columns=["object_id", "selected", "rank"])
    objects = run.read_table("objects", columns=["object_id", "class_name", "crop_path"])
    captions = read_optional(run, "captions") if target_classes else None
    results = with_captions(scores.merge(objects, on="object_id").sort_values("rank", ignore_index=True), captions)
    results["target_classes"] = _targets(results, target_classes)
    return expected_crops(run, results), placed_crops(run)


def collect_statistics(run: RunFolder) -> dict[str, Any]:
    """Return the whole funnel, the classes, the captions' costs and the seconds of a run, JSON-able.

    A number whose stage was skipped, or did not run yet, is None and never 0.
    """
    funnel = funnel_counts(run)
    markers = stage_markers(run)
    classes = _class_rows(run)
    sentence = {name: funnel[name] or 0 for name in ("listed", "sampled", "objects", "embedded", "selected")}
    return {
        "sentence": {**sentence, "classes": len(classes)},
        "funnel": funnel,
        "classes": classes,
        "origins": _value_counts(read_optional(run, "objects"), "origin"),
        "early_filter_reasons": _value_counts(read_optional(run, "early_filter"), "reason"),
        "left_out": left_out_reasons(run),
        "captions": markers.get("06_caption_objects", {}).get("counts"),
        "counts": {stage: marker["counts"] for stage, marker in markers.items()},
        "seconds": {stage: marker["seconds"] for stage, marker in markers.items()},
    }


def funnel_counts(run: RunFolder) -> dict[str, int | None]:
    """Return how many pictures and objects are left after each step, from the tables; None where there is no table."""
    tables = {
        name: read_optional(run, name)
        for name in ("images", "unreadable", "objects", "early_filter", "embeddings", "scores", "captions")
    }
    images, scores = tables["images"], tables["scores"]
    bad = [t["error"].ne("").sum() for t in (images, tables["unreadable"]) if t is not None]
    return {
        "listed": _count(images),
        "sampled": _count(images, "sampled"),
        "unreadable": int(sum(bad)) if bad else None,
        "objects": _count(tables["objects"]),
        "kept": _count(tables["early_filter"], "keep"),
        "embedded": _count(tables["embeddings"]),
        "outliers": _count(scores, "is_outlier"),
        "rare_class": _count(scores, "is_rare_class"),
        "selected": _count(scores, "selected"),
        "captioned": None if tables["captions"] is None else int(tables["captions"]["source"].eq("model").sum()),
    }


def left_out_reasons(run: RunFolder) -> dict[str, dict[str, int]]:
    """Return why pictures could not be read, objects were not compared and captions failed: reason -> how many.

    The most frequent reasons of each come first; of many different ones, such as texts of a server, only these.
    """
    pictures = [read_optional(run, name) for name in ("images", "unreadable")]
    errors = pd.concat([pd.Series(dtype="str"), *(table["error"] for table in pictures if table is not None)])
    filtered, embedded = read_optional(run, "early_filter"), read_optional(run, "embeddings")
    captions = read_optional(run, "captions")
    if filtered is not None and embedded is not None:
        filtered = filtered[~filtered["object_id"].isin(embedded["object_id"])]
    if captions is not None:
        captions = captions[captions["source"] == "fallback"]
    found = {
        "pictures": _value_counts(errors[errors != ""].to_frame("error"), "error"),
        "objects": _value_counts(filtered, "reason"),
        "captions": _value_counts(captions, "error"),
    }
    return {what: dict(list(reasons.items())[:MAX_REASONS]) for what, reasons in found.items()}


def timing_text(run: RunFolder, *, language: str = "en") -> str:
    """Return the seconds of each finished stage as an aligned text: total, start-up, read, compute, write, share."""
    columns = ("total", "start_up", "read", "compute", "write")
    seconds = {stage: marker["seconds"] for stage, marker in stage_markers(run).items()}
    whole = sum(times.get("total", 0.0) for times in seconds.values())
    lines = [f"{'[s]':<20}" + "".join(f"{name:>10}" for name in columns) + f"{'share':>9}"]
    for stage in STAGES:
        if stage not in seconds:
            lines.append(f"{stage:<20}  {say('report.not_run', language)}")
            continue
        times = seconds[stage]
        cells = "".join(f"{times[name]:>10.2f}" if name in times else f"{'':>10}" for name in columns)
        lines.append(f"{stage:<20}{cells}{times.get('total', 0.0) / max(whole, 1e-9):>9.1%}")
    return "\n".join([*lines, f"{'':<20}{whole:>10.2f}", ""])


def stage_markers(run: RunFolder) -> dict[str, dict[str, Any]]:
    """Return what each finished stage says of itself, in order: counts, seconds, versions."""
    markers = {}
    for stage in STAGES:
        path = run.marker_path(stage) if run.marker_path(stage).is_file() else run.result_path(stage)
        if path.is_file():
            markers[stage] = run.read_json(path.relative_to(run.root).as_posix())
    return markers


def _targets(results: pd.DataFrame, target_classes: Sequence[str]) -> list[list[str]]:
    pairs = zip(results["class_name"].str.casefold(), results["kind"].str.casefold(), strict=True)
    return [[name for name in target_classes if name.casefold() in pair] for pair in pairs]


def _class_rows(run: RunFolder) -> list[dict[str, Any]]:
    objects, scores = read_optional(run, "objects"), read_optional(run, "scores")
    if objects is None:
        return []
    named = objects[["object_id", "class_name"]]
    rows = named.groupby("class_name").size().rename("objects").to_frame()
    if scores is not None:
        of_class = scores[["object_id", "selected"]].merge(named, on="object_id").groupby("class_name")["selected"]
        rows = rows.assign(embedded=of_class.size(), selected=of_class.sum()).fillna(0).astype(int)
    rows = rows.sort_values("objects", ascending=False, kind="stable").reset_index()
    return rows.to_dict("records")


def _count(table: pd.DataFrame | None, flag: str = "") -> int | None:
    if table is None:
        return None
    return int(table[flag].sum()) if flag else len(table)


def _value_counts(table: pd.DataFrame | None, column: str) -> dict[str, int]:
    return {} if table is None else {str(name): int(count) for name, count in table[column].value_counts().items()}
