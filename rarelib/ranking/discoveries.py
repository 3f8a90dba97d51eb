"""Which events conformal selection takes for rare, and what a page says of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..language import say
from ..settings import ScoreSettings
from ..tables import is_proposal
from .conformal import LEAST_CALIBRATION, cross_selection

FREQUENT_SHARE = 0.05  # of the detected boxes; a class of so many is common, and stands for what is not to be found


def find_discoveries(table: pd.DataFrame, heads: np.ndarray, settings: ScoreSettings) -> np.ndarray:
    """Mark the heads of events that conformal selection takes for rare.

    Args:
        table: The scored objects: rarity, class_name, class_count, origin and verdict.
        heads: Bool array (n,), one object of each event.
        settings: For `fdr_level` and `seed`.

    Returns:
        Bool array (n,).
    """
    rows = np.flatnonzero(heads)
    rarity, common = table["rarity"].to_numpy()[rows], _is_common(table)[rows]
    found = np.zeros(len(table), bool)
    found[rows[cross_selection(rarity, common, level=settings.fdr_level, seed=settings.seed)]] = True
    return found


def discoveries_sentence(
    scores: pd.DataFrame, objects: pd.DataFrame, verdicts: np.ndarray | None, *, settings: ScoreSettings
) -> str:
    """Return beside how many common events the selection was made, or why nothing is selected; "" without fdr.

    Args:
        scores: Of `score_objects`.
        objects: All boxes of the run: object_id, class_name, origin.
        verdicts: Float array (n,) in the order of the scores: 1 rare, 0 common, NaN unknown; None for none.
        settings: Those of the scores.
    """
    if settings.selection != "fdr":
        return ""
    about = objects.set_index("object_id").loc[scores["object_id"], ["class_name", "origin"]].reset_index(drop=True)
    said = np.nan if verdicts is None else np.asarray(verdicts, dtype=float)
    table = about.assign(class_count=scores["class_count"].to_numpy(), verdict=said)
    heads = (scores["event"] == scores["object_id"]).to_numpy()
    counts = {
        "events": int(heads.sum()),
        "common": int((_is_common(table) & heads).sum()),
        "selected": int(scores["selected"].sum()),
        "least": 2 * LEAST_CALIBRATION,
        "level": 100 * settings.fdr_level,
    }
    key = "few" if counts["common"] < counts["least"] else "some" if counts["selected"] else "none"
    return say(f"discoveries.{key}", settings.language, **counts)


def _is_common(table: pd.DataFrame) -> np.ndarray:
    """Mark detected boxes of the classes that this data is full of, but for those judged rare."""
    boxes = table.drop_duplicates("class_name")["class_count"].sum()
    frequent = table["class_count"] >= FREQUENT_SHARE * boxes
    return (frequent & ~is_proposal(table) & (table["verdict"] != 1)).to_numpy()
