"""How usable the picture of an object is: dark, flat, blurred, tiny or cut-off crops come close to 0."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..pictures.boxes import SAME_THING_IOU, box_corners, pair_overlaps
from ..run.ids import places_in
from ..tables import BOX, is_proposal
from .conditions import HALF_TRUST

# measure -> (where it begins to count as usable, where it is fully usable)
RAMPS = {
    "brightness": (0.02, 0.12),
    "contrast": (0.01, 0.06),
    "sharpness": (10.0, 150.0),
    "short_side_px": (8.0, 32.0),
}
CUT_OFF = 0.8  # an object at the picture's border may be seen in part only
FAULT_BELOW = 0.5
ROWS_AT_ONCE = 10_000  # objects that are compared at once with the others of their pictures
LEAD_RAMP = (0.0, 0.05)  # by how much further down one in front reaches, as share of the height of what it hides


def crop_quality(objects: pd.DataFrame) -> np.ndarray:
    """Return how usable each crop is.

    Args:
        objects: Rows with the boxes [px] and, where they were measured, brightness, contrast, sharpness and
            touches_border; what is missing counts as good. With a condition, such as night, these are judged by what
            is usual there.

    Returns:
        Float array (n,) in [0, 1]; 1 is good.
    """
    measures = _measures(objects)
    quality = np.ones(len(objects))
    for name, values in measures.items():
        quality *= ramp(values, *RAMPS[name])
    return quality * np.where(_cut_off(objects), CUT_OFF, 1.0)


def crop_faults(objects: pd.DataFrame) -> dict[str, np.ndarray]:
    """Tell what is wrong with each crop: dark, flat, blurred, tiny, cut_off; bool arrays (n,)."""
    names = dict(zip(RAMPS, ("dark", "flat", "blurred", "tiny"), strict=True))
    measures = _measures(objects)
    faults = {names[name]: ramp(values, *RAMPS[name]) < FAULT_BELOW for name, values in measures.items()}
    return {**faults, "cut_off": _cut_off(objects)}


def hidden_share(objects: pd.DataFrame, all_objects: pd.DataFrame) -> np.ndarray:
    """Return how much of each box a detected one in front of it covers; one in front reaches further down.

    Args:
        objects: Rows with image_id and the box [px].
        all_objects: All boxes of the run, in whose pictures they stand; proposals hide nothing.

    Returns:
        Float array (n,) in [0, 1], the share that the one that covers most covers, less where it hardly reaches
        further down; 0 for another box of the same thing.
    """
    detected = ~is_proposal(all_objects) if "origin" in all_objects else np.ones(len(all_objects), bool)
    in_front = all_objects.loc[detected, ["image_id", *BOX]]
    of_other, pictures = pd.factorize(in_front["image_id"])
    of_own = places_in(objects["image_id"], pd.Series(pictures).astype("str")).astype(np.int32)
    sequence = np.argsort(of_other, kind="stable")
    boxes, own = box_corners(in_front)[sequence], box_corners(objects)
    ends = np.cumsum(np.bincount(of_other, minlength=len(pictures)))
    hidden = np.zeros(len(objects), own.dtype)
    for rows in _in_parts(np.flatnonzero(of_own >= 0)):
        last = ends[of_own[rows]]
        first = np.where(of_own[rows] > 0, ends[of_own[rows] - 1], 0)
        count = last - first
        begins = np.cumsum(count) - count
        other = boxes[np.arange(count.sum()) + np.repeat(first - begins, count)].astype(np.float64)
        covered = _covered_shares(np.repeat(own[rows], count, axis=0), other)
        hidden[rows] = np.maximum.reduceat(covered, begins) if len(covered) else 0
    return hidden


def _covered_shares(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return for each pair of boxes (p, 4) how much of the first the other covers that stands before it."""
    iou, shared, _ = pair_overlaps(own, other)
    height = np.maximum(own[:, 3] - own[:, 1], 1.0)
    before = ramp((other[:, 3] - own[:, 3]) / height, *LEAD_RAMP)
    return np.where(iou < SAME_THING_IOU, before * shared, 0)


def _in_parts(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // ROWS_AT_ONCE)) if len(rows) else []


def _measures(objects: pd.DataFrame) -> dict[str, np.ndarray]:
    sides = [(objects[f"{axis}_max"] - objects[f"{axis}_min"]).to_numpy(float) for axis in "xy"]
    measures = {name: objects[name].to_numpy(float) * _worse_usual(objects, name) for name in RAMPS if name in objects}
    return {**measures, "short_side_px": np.minimum(*sides)}


def _worse_usual(objects: pd.DataFrame, name: str) -> np.ndarray | float:
    """Return by how much a measure is lower under the condition of each object than it is usually, at least 1."""
    if "condition" not in objects:
        return 1.0
    usual, of_condition = objects[name].median(), objects.groupby("condition")[name]
    trust = of_condition.transform("count") / (of_condition.transform("count") + HALF_TRUST)
    lower = usual / np.maximum(of_condition.transform("median"), 1e-9)
    return np.maximum(lower.fillna(1.0), 1.0).to_numpy(float) ** trust.to_numpy(float)


def _cut_off(objects: pd.DataFrame) -> np.ndarray:
    if "touches_border" not in objects:
        return np.zeros(len(objects), bool)
    return objects["touches_border"].to_numpy(bool)


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 up to low, 1 from high on and for NaN, and a line between."""
    return np.clip((np.nan_to_num(values, nan=high) - low) / (high - low), 0.0, 1.0)
