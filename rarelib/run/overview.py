"""The runs of a folder, one row each: when, of what, how much, and how far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ..language import say
from ..pictures.sources import is_address
from ..tables import CAPTION, MAP, SCORE, SELECT, STAGES
from .claim import lives
from .folder import VERDICTS
from .remote_runs import fetch_overviews, is_written_elsewhere

HIDDEN = "<"  # how config.json begins what stands for a path of the machine
SKIPPED_BY = {MAP: "skip_visualization", CAPTION: "skip_caption"}
COLUMNS = ("name", "date", "input", "images", "embedded", "selected", "verdicts", "state")


def list_runs(runs_dir: str | Path, *, language: str = "en") -> pd.DataFrame:
    """Return the runs in a folder, the latest last; a folder without a run's config.json is none.

    Args:
        runs_dir: Folder that holds the runs, or its address.
        language: Of input and state.

    Returns:
        name, date (of the last finished stage, or of the start; local time, to the minute), input (the pictures'
        folder), images, embedded, selected (counts, <NA> where the stage is not finished), verdicts (rows of
        verdicts.csv) and state.
    """
    folders = fetch_overviews(str(runs_dir)) if is_address(runs_dir) else Path(runs_dir).glob("*")
    roots = sorted(folder for folder in folders if (folder / "config.json").is_file())
    rows = sorted((_row(root, language) for root in roots), key=lambda row: row["date"])
    counted = dict.fromkeys(("images", "embedded", "selected", "verdicts"), "Int64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(counted)


def run_state(root: Path, parameters: Mapping[str, Any], language: str = "en") -> str:
    """Return in words whether a run is finished, under way, or where it stopped."""
    if is_under_way(root) or is_written_elsewhere(root):
        return say("runs.under_way", language)
    expected = [stage for stage in STAGES if not parameters.get(SKIPPED_BY.get(stage, ""), False)]
    missing = [stage for stage in expected if not _json(root / "stages" / f"{stage}.json")]
    return say("runs.stopped", language, stage=missing[0]) if missing else say("runs.finished", language)


def _row(root: Path, language: str) -> dict[str, Any]:
    config = _json(root / "config.json")
    parameters = config.get("parameters") or {}
    counts = {stage: _json(root / "stages" / f"{stage}.json").get("counts") or {} for stage in (SELECT, SCORE)}
    times = [path.stat().st_mtime for path in (*(root / "stages").glob("0*.json"), root / "config.json")]
    return {
        "name": root.name,
        "date": datetime.fromtimestamp(max(times)).strftime("%Y-%m-%d %H:%M"),
        "input": _input(parameters, counts[SELECT], language),
        "images": counts[SELECT].get("sampled"),
        "embedded": counts[SCORE].get("embedded"),
        "selected": counts[SCORE].get("selected"),
        "verdicts": _verdict_count(root / VERDICTS),
        "state": run_state(root, parameters, language) if parameters else say("runs.unreadable", language),
    }


def _input(parameters: Mapping[str, Any], counts: Mapping[str, Any], language: str) -> str:
    """Return the pictures' folder; of one that was given by its full path, which a run does not keep, its layout."""
    folder, scenes = str(parameters.get("images_folder") or ""), parameters.get("demo_scenes")
    if folder.startswith(HIDDEN) and not counts:
        return "–"
    if folder.startswith(HIDDEN):
        return say("runs.layout", language, dataset=counts.get("dataset", "–"), drives=counts.get("groups", 0))
    return folder or (say("runs.demo", language, scenes=scenes) if scenes else "")


def _verdict_count(path: Path) -> int:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return max(sum(bool(line.strip()) for line in lines) - 1, 0)


def is_under_way(root: Path) -> bool:
    """Tell whether a process of this machine works in a run's folder."""
    return lives(_json(root / "stages" / "lock.json"))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
