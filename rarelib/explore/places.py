"""Places on the map for objects that the map stage left out, or for all where it was skipped."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..ranking.nearest import find_nearest

NEIGHBOURS = 3


def places_on_map(places: pd.DataFrame, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """Return x and y of all objects.

    An object without a place stands between the placed objects most like it, each counted by its similarity (as
    openTSNE places what was not in its sample; Policar et al., 2019). Without any place, the two main components of
    the vectors stand in.

    Args:
        places: x and y of shape (n,), NaN where there is none.
        vectors: Unit rows, float array of shape (n, dim), in the same order.
    """
    xy = places[["x", "y"]].to_numpy(float, copy=True)
    placed = np.flatnonzero(~np.isnan(xy).any(axis=1))
    missing = np.flatnonzero(np.isnan(xy).any(axis=1))
    if not len(placed):
        xy = main_components(vectors)
    elif len(missing):
        similarity, rows = find_nearest(vectors[missing], vectors[placed], k=NEIGHBOURS)
        weight = np.exp(20 * (similarity - similarity[:, :1]))[..., None]  # the nearest counts most
        xy[missing] = (xy[placed[rows]] * weight).sum(axis=1) / weight.sum(axis=1)
    return {"x": xy[:, 0], "y": xy[:, 1]}


def main_components(vectors: np.ndarray) -> np.ndarray:
    """Return the (n, 2) coordinates of the rows along the two directions in which they differ most."""
    if len(vectors) < 2 or vectors.shape[1] < 2:
        return np.zeros((len(vectors), 2))
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return centred @ axes[:, :-3:-1]
