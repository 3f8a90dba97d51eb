"""Where things stand in this data, and how large they are there: learned from its common objects, of any camera."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .crop_quality import ramp

LEAST_COMMON = 50  # fewer detected objects tell nothing of where the road lies
BINS = 20  # of the picture's height
ONSET = 0.2  # of the largest share of objects in a bin: from there down the common objects stand
ABOVE, BELOW = 0.15, 0.0  # share of the height from the onset up, where a thing counts as off the road, and down
SMALL = (1 / 6, 1 / 2)  # side as share of what is usual where it stands: a speck, large enough


def heights_on_road(table: pd.DataFrame, *, common: np.ndarray) -> np.ndarray:
    """Tell whether each object stands where the common ones do.

    The lower edges of common objects begin to be dense at some height of the picture: of a front camera just above the
    horizon, of a drone's at the very top, where then nothing is held down.

    Args:
        table: Objects with the box, and width and height of the picture [px]; 0 if unknown.
        common: Bool array (n,), the objects that tell where the road lies.

    Returns:
        Float array (n,) in [0, 1]; 1 on the road, and where nothing is known.
    """
    bottom, _, known = _places(table)
    told = bottom[known & common]
    if len(told) < LEAST_COMMON:
        return np.ones(len(table))
    counts = np.histogram(told, bins=BINS, range=(0, 1))[0]
    smooth = np.convolve(np.pad(counts, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    onset = np.flatnonzero(smooth >= ONSET * smooth.max())[0] / BINS
    if onset == 0:
        return np.ones(len(table))
    return np.where(known, ramp(bottom, onset - ABOVE, onset + BELOW), 1.0)


def sizes_on_road(table: pd.DataFrame, *, common: np.ndarray) -> np.ndarray:
    """Tell whether each object is large enough for where it stands, beside the common ones there.

    Args:
        table: As in heights_on_road.
        common: As in heights_on_road.

    Returns:
        Float array (n,) in [0, 1]; 0 for a speck of a sixth of the usual side, 1 from half of it, and where nothing
        is known.
    """
    bottom, side, known = _places(table)
    told = known & common
    if told.sum() < LEAST_COMMON:
        return np.ones(len(table))
    usual = _usual_sides(bottom[told], side[told])
    expected = np.interp(bottom, (np.arange(BINS) + 0.5) / BINS, usual)
    return np.where(known, ramp(np.log(side / expected), *np.log(SMALL)), 1.0)


def _usual_sides(bottom: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Return the median side in each bin of height, never smaller further down; empty bins take their neighbours'."""
    bins = np.minimum((bottom * BINS).astype(int), BINS - 1)
    medians = pd.Series(side).groupby(bins).median()
    medians = medians[pd.Series(bins).value_counts().reindex(medians.index) >= LEAST_COMMON / BINS]
    return np.maximum.accumulate(np.interp(np.arange(BINS), medians.index, medians.to_numpy()))


def _places(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lower edge and side of a square of the box's area as shares of the picture, and where they are known."""
    width, height = (table[name].to_numpy(float) for name in ("width", "height"))
    known = (width > 0) & (height > 0)
    area = ((table["x_max"] - table["x_min"]) * (table["y_max"] - table["y_min"])).to_numpy(float)
    side = np.sqrt(np.maximum(area, 1.0) / np.where(known, width * height, 1.0))
    return table["y_max"].to_numpy(float) / np.where(known, height, 1.0), side, known
