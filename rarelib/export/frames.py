"""Frames to label or to train on: those with the rarest objects, capped per drive, and up to as many at random."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .rows import Export

COLUMNS = ("path", "kind", "group", "best_rank", "objects")


def list_frames(export: Export, images: pd.DataFrame, *, per_drive: int | None = 10, seed: int = 0) -> pd.DataFrame:
    """Return the frames to take, rarest first, and a random control, to tell what choosing them is worth.

    Args:
        export: Whose objects choose the frames.
        images: The images table; the control is drawn from its readable sampled pictures that show none of them, so
            that it can hold fewer frames.
        per_drive: At most this many frames of one drive in either list; None for no limit. Pictures without a drive
            have no limit.
        seed: Of the draw.

    Returns:
        path, kind (rare or control), group, best_rank (0 of a control frame), objects (how many of the export's).
    """
    of_image = export.objects.groupby("image_id")["rank"].agg(best_rank="min", objects="size")
    readable = images[images["sampled"] & (images["error"] == "")]
    rare = readable.merge(of_image, left_on="image_id", right_index=True).sort_values("best_rank", kind="stable")
    rare = _capped(rare, per_drive)
    others = readable[~readable["image_id"].isin(of_image.index)]
    order = np.random.default_rng(seed).permutation(len(others))
    control = _capped(others.iloc[order], per_drive).head(len(rare)).assign(best_rank=0.0, objects=0)
    both = pd.concat([rare.assign(kind="rare"), control.assign(kind="control")], ignore_index=True)
    return both[list(COLUMNS)].astype({"best_rank": int, "objects": int})


def _capped(frames: pd.DataFrame, limit: int | None) -> pd.DataFrame:
    if limit is None:
        return frames
    return frames[(frames.groupby("group").cumcount() < limit) | (frames["group"] == "")]
