"""How rare objects look: measures of their vectors that err differently, joined by what surprises."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from .conditions import Centred, fair_percentiles
from .nearest import REFERENCE_ROWS, mean_distance_elsewhere, mean_distances_in_parts
from .stored import draw_rows
from .whitening import Whitening, fit_whitening

CLASS_ROWS = 5_000  # reference objects of one class
FUSED_NEIGHBOURS, HALF_WHITENED_NEIGHBOURS = 10, 3  # neighbours in the fusion
MAHALANOBIS, HALF_WHITENED_KNN, KNN, OWN_CLASS_KNN = 2, 2, 1, 2  # weights in the fusion


def embedding_rarity(
    vectors: np.ndarray,
    *,
    class_names: Sequence[str] | None = None,
    scenes: Sequence[str] | None = None,
    reference: np.ndarray | None = None,
    among: np.ndarray | None = None,
    conditions: Sequence[str] | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Return how rare each object looks, by the surprise of measures that err differently.

    They are its distance from the centre in whitened space, from its nearest neighbours in half-whitened space, from
    its nearest neighbours as they are, and, where classes are known, from those of its own class. What surprises is
    added up as -log(1 - percentile), so that a top place in one measure outweighs middling ones in others. Each
    percentile is among detected objects alone, so that proposals cannot push them down.

    Args:
        vectors: Unit rows, float array of shape (n, dim); on disk or in memory, they are read block by block.
        class_names: Class of each row; with them an odd object within its class counts as well.
        scenes: Drive or picture of each row; neighbours count only from others, as copies tell nothing of rarity. By
            default each row is a scene of its own.
        reference: Bool array (n,), True for objects that show what is normal; by default all.
        among: Bool array (n,), True for the objects that percentiles are taken among, such as all that were detected;
            by default the reference.
        conditions: Condition of each row, from conditions.condition_labels; what is compared is then compared within
            its condition as well: vectors are centred and percentiles taken there, so that nothing is rare for being
            dark. By default all is one condition.
        seed: Seed of the samples that large inputs are fitted on.

    Returns:
        Float array (n,) in [0, 1], higher is rarer; 0.5 where all are alike.
    """
    normal = np.ones(len(vectors), bool) if reference is None else np.asarray(reference, dtype=bool)
    normal = normal if normal.any() else ~normal
    scene = np.arange(len(vectors)) if scenes is None else _numbered(scenes)
    compared = normal if among is None else np.asarray(among, dtype=bool)
    condition = None if conditions is None else _numbered(conditions)
    drawn = draw_rows(vectors, REFERENCE_ROWS, rows=np.flatnonzero(normal), seed=seed)
    looks = vectors if condition is None or not len(drawn) else Centred(vectors, condition, drawn)
    parts = [(KNN, mean_distance_elsewhere(looks, drawn, k=FUSED_NEIGHBOURS, scenes=scene))]
    whitening = fit_whitening(looks, rows=drawn, seed=seed)
    if whitening is not None:
        parts.append((MAHALANOBIS, whitening.distances(looks)))
        parts.append((HALF_WHITENED_KNN, _half_whitened(looks, drawn, scene, seed=seed)))
    if class_names is not None and pd.Series(class_names).nunique() > 1:
        names = _numbered(class_names)
        of_class = _draw_of_classes(vectors, normal, scene, names, seed=seed)
        parts.append((OWN_CLASS_KNN, _distance_in_class(looks, of_class, scene, names, parts[0][1])))
    fair = partial(fair_percentiles, among=compared, condition=condition)
    return fair(sum(-weight * np.log1p(-fair(part)) for weight, part in parts))


def _half_whitened(vectors: np.ndarray, drawn: np.ndarray, scene: np.ndarray, *, seed: int) -> np.ndarray:
    """Measure the distance to neighbours in a space that neither of both was fitted in.

    Rows that were fitted lie nearer to each other than to any other, most of all where they are few beside the
    dimensions. So one half of the reference is whitened by the other; what is in neither goes with the first.
    """
    own = np.zeros(len(vectors), np.int8)
    own[drawn[1::2]] = 1
    distance = np.zeros(len(vectors))
    for number, (half, other) in enumerate(((drawn[::2], drawn[1::2]), (drawn[1::2], drawn[::2]))):
        whitening = fit_whitening(vectors, rows=other, seed=seed)
        if whitening is None:  # too few: one space for all
            whole = fit_whitening(vectors, rows=drawn, seed=seed)
            everyone = np.arange(len(vectors))
            return _half_whitened_distance(vectors, everyone, drawn, scene, whole) if whole else distance
        rows = np.flatnonzero(own == number)
        distance[rows] = _half_whitened_distance(vectors, rows, half, scene, whitening)
    return distance


def _half_whitened_distance(
    vectors: np.ndarray, rows: np.ndarray, reference: np.ndarray, scene: np.ndarray, whitening: Whitening
) -> np.ndarray:
    return mean_distance_elsewhere(
        vectors,
        reference,
        k=HALF_WHITENED_NEIGHBOURS,
        scenes=scene,
        rows=rows,
        transform=lambda rows: whitening(rows, strength=0.5),
    )


def _draw_of_classes(
    vectors: np.ndarray, normal: np.ndarray, scene: np.ndarray, names: np.ndarray, *, seed: int
) -> dict[int, np.ndarray]:
    """Draw what each class is compared with; a class with too few in other scenes has nothing."""
    drawn = {}
    for number, rows in enumerate(_rows_of(names)):
        among = rows[normal[rows]]
        if len(among) and len(among) - np.unique(scene[among], return_counts=True)[1].max() >= FUSED_NEIGHBOURS:
            drawn[number] = draw_rows(vectors, CLASS_ROWS, rows=among, seed=seed)
    return drawn


def _distance_in_class(
    looks: np.ndarray | Centred,
    of_class: dict[int, np.ndarray],
    scene: np.ndarray,
    names: np.ndarray,
    among_all: np.ndarray,
) -> np.ndarray:
    """Measure the distance to the own class; where it has nothing to compare with, the distance to all is kept."""
    distance = mean_distances_in_parts(looks, of_class, names, k=FUSED_NEIGHBOURS, scenes=scene)
    return np.where(np.isnan(distance), among_all, distance)


def _rows_of(names: np.ndarray) -> list[np.ndarray]:
    return np.split(np.argsort(names, kind="stable"), np.cumsum(np.bincount(names))[:-1])


def _numbered(names: Sequence[str]) -> np.ndarray:
    return pd.factorize(pd.Series(names), sort=True)[0]
