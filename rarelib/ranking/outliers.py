"""Outlier scores of vectors: arrays in, scores out, higher is rarer everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from .looks import CLASS_ROWS
from .looks import embedding_rarity as embedding_rarity
from .nearest import REFERENCE_ROWS, find_nearest, nearest_blocks, nearest_in_parts
from .percentiles import DECIMALS as DECIMALS
from .percentiles import percentiles as percentiles
from .percentiles import round_scores
from .percentiles import surprise as surprise
from .stored import as_rows, draw_rows, row_blocks
from .whitening import TRIMMED_SHARE, fit_whitening

FOREST_ROWS = 20_000  # each tree sees 256 of them
PLAIN_METHODS = ("isolation_forest", "lof")  # whose outliers the plain recipe joins


def isolation_forest(vectors: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Score objects by how few random cuts set them apart (Liu et al., 2008).

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        seed: Seed of the trees.

    Returns:
        Float array (n,) in (0, 1], about 0.4 for a common object, higher is rarer.
    """
    vectors = as_rows(vectors)
    if len(vectors) < 2:
        return np.zeros(len(vectors))
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=seed).fit(vectors[draw_rows(vectors, FOREST_ROWS, seed=seed)])
    scores = np.zeros(len(vectors))
    for block, rows in row_blocks(vectors):
        scores[block] = -forest.score_samples(rows)
    return scores


def lof_scores(vectors: np.ndarray, *, n_neighbors: int = 20) -> np.ndarray:
    """Score objects by how sparse their neighbourhood is beside their neighbours' (LOF, Breunig et al., 2000).

    Where they are many, a sample of them stands for all.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        n_neighbors: Neighbours that make up a neighbourhood, by cosine distance; at most all others.

    Returns:
        Float array (n,), about 1 for a common object, higher is rarer.
    """
    vectors = as_rows(vectors)
    scores = np.ones(len(vectors))
    if len(vectors) < 3:
        return scores
    reference = draw_rows(vectors, REFERENCE_ROWS)
    among = _densities(vectors, reference, n_neighbors)
    for block, distance, found in nearest_blocks(vectors, reference, k=n_neighbors):
        scores[block] = _local_outlier_factor(distance, found, *among)
    return scores


def lof_per_class_scores(
    vectors: np.ndarray, class_names: Sequence[str], *, n_neighbors: int = 20, seed: int = 0
) -> np.ndarray:
    """Score objects by how sparse their neighbourhood is beside their neighbours' within their class (LOF by class).

    A class too small to have that many others is compared with all objects.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        class_names: Class of each row.
        n_neighbors: Neighbours that make up a neighbourhood, by cosine distance.
        seed: Seed of the sample that stands for a large class.

    Returns:
        Float array (n,), about 1 for an object common in its class, higher is rarer.
    """
    vectors = as_rows(vectors)
    scores, (large, part, small) = np.ones(len(vectors)), _parts_of_classes(class_names, n_neighbors)
    references = {number: draw_rows(vectors, CLASS_ROWS, rows=rows, seed=seed) for number, rows in large.items()}
    among = {number: _densities(vectors, rows, n_neighbors) for number, rows in references.items()}
    for number, rows, distance, found in nearest_in_parts(vectors, references, part, k=n_neighbors):
        scores[rows] = _local_outlier_factor(distance, found, *among[number])
    if len(small):
        scores[small] = lof_scores(vectors, n_neighbors=n_neighbors)[small]
    return scores


def knn_scores(vectors: np.ndarray, *, n_neighbors: int = 10, reference: np.ndarray | None = None) -> np.ndarray:
    """Score objects by the mean cosine distance to their nearest neighbours.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        n_neighbors: Neighbours that count; at most all others.
        reference: Unit rows (m, dim) that stand for what is normal, none of them among the vectors; by default the
            vectors themselves, or a sample where they are many.

    Returns:
        Float array (n,) in [0, 2], higher is rarer.
    """
    vectors = as_rows(vectors)
    if reference is None:
        return _mean_distance(vectors, n_neighbors)
    similarity, _ = find_nearest(vectors, reference, k=n_neighbors)
    return _mean(np.maximum(1 - similarity, 0))


def mahalanobis_scores(vectors: np.ndarray, *, trimmed_share: float = TRIMMED_SHARE, seed: int = 0) -> np.ndarray:
    """Score objects by their distance from the centre in units of the spread (PCA, then Ledoit and Wolf, 2004).

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        trimmed_share: Share of the rows, the most suspicious, that do not shape the spread.
        seed: Seed of the sample that large inputs are fitted on.

    Returns:
        Float array (n,), the distance, at least 0, higher is rarer.
    """
    vectors = as_rows(vectors)
    whitening = fit_whitening(vectors, trimmed_share=trimmed_share, seed=seed)
    if whitening is None:
        return np.zeros(len(vectors))
    return whitening.distances(vectors)


def class_conditional_knn_scores(
    vectors: np.ndarray, class_names: Sequence[str], *, n_neighbors: int = 10, seed: int = 0
) -> np.ndarray:
    """Score objects by the mean cosine distance to their nearest neighbours of the same class.

    A class too small to have that many others is compared with all objects.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        class_names: Class of each row.
        n_neighbors: Neighbours that count.
        seed: Seed of the sample that stands for a large class.

    Returns:
        Float array (n,) in [0, 2], higher is rarer.
    """
    vectors = as_rows(vectors)
    scores, (large, part, small) = np.zeros(len(vectors)), _parts_of_classes(class_names, n_neighbors)
    references = {number: draw_rows(vectors, CLASS_ROWS, rows=rows, seed=seed) for number, rows in large.items()}
    for _, rows, distance, _ in nearest_in_parts(vectors, references, part, k=n_neighbors):
        scores[rows] = _mean(distance)
    if len(small):
        scores[small] = _mean_distance(vectors, n_neighbors, rows=small, seed=seed)
    return scores


def plain_outliers(scores: Mapping[str, np.ndarray], contamination: float) -> np.ndarray:
    """Mark the outliers of the plain recipe: those of IsolationForest and those of LOF, each so many, joined.

    With `selection: union` they are the outliers, so between one and two times the contamination of all objects is
    marked. The recipe knows no proposals: what is scored should then hold detected objects only, unless proposals
    were asked for.

    Args:
        scores: Float array (n,) by method, higher is rarer; isolation_forest and lof must be among them.
        contamination: Share of the objects that each method marks, in (0, 0.5].

    Returns:
        Bool array (n,). Equals at the edge are taken in the order of the rows.

    Raises:
        ValueError: If a method's scores are missing.
    """
    missing = [method for method in PLAIN_METHODS if method not in scores]
    if missing:
        raise ValueError(
            f"The 'scores' parameter of plain_outliers must hold {missing[0]}. Got {list(scores)} instead."
        )
    marked = np.zeros(len(scores[PLAIN_METHODS[0]]), bool)
    for method in PLAIN_METHODS:
        order = np.argsort(-round_scores(scores[method]), kind="stable")
        marked[order[: round(contamination * len(order))]] = True
    return marked


def outlier_scores(
    vectors: np.ndarray,
    *,
    methods: Sequence[str],
    class_names: Sequence[str] | None = None,
    n_neighbors: int = 20,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Score objects by several methods.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        methods: Names among isolation_forest, lof, lof_per_class, knn, mahalanobis, class_conditional_knn.
        class_names: Class of each row; without them all are of one class.
        n_neighbors: Neighbours of LOF and of the nearest-neighbour scores.
        seed: Seed of everything random.

    Returns:
        One float array (n,) per method in the order asked for, finite, higher is rarer.

    Raises:
        ValueError: If a method is unknown.
    """
    vectors = as_rows(vectors)
    names = [""] * len(vectors) if class_names is None else class_names
    known = {
        "isolation_forest": lambda: isolation_forest(vectors, seed=seed),
        "lof": lambda: lof_scores(vectors, n_neighbors=n_neighbors),
        "knn": lambda: knn_scores(vectors, n_neighbors=n_neighbors),
        "mahalanobis": lambda: mahalanobis_scores(vectors, seed=seed),
        "lof_per_class": lambda: lof_per_class_scores(vectors, names, n_neighbors=n_neighbors, seed=seed),
        "class_conditional_knn": lambda: class_conditional_knn_scores(
            vectors, names, n_neighbors=n_neighbors, seed=seed
        ),
    }
    for method in methods:
        if method not in known:
            raise ValueError(
                f"The 'methods' parameter of outlier_scores must name {', '.join(known)}. Got {method!r} instead."
            )
    return {method: known[method]() for method in methods}


def _parts_of_classes(
    class_names: Sequence[str], n_neighbors: int
) -> tuple[dict[int, np.ndarray], np.ndarray, np.ndarray]:
    """Return the rows of each class with enough neighbours by number, the number of each row, and all other rows."""
    part = pd.factorize(pd.Series(class_names, dtype="str"), sort=True)[0]
    counts = np.bincount(part)
    rows = np.split(np.argsort(part, kind="stable"), np.cumsum(counts)[:-1])
    large = {number: rows[number] for number in np.flatnonzero(counts > n_neighbors).tolist()}
    return large, part, np.concatenate([np.zeros(0, int), *(rows[n] for n in np.flatnonzero(counts <= n_neighbors))])


def _densities(vectors: np.ndarray, reference: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance to its last neighbour, and the density, of each row of a reference, float32 (m,)."""
    distance = np.empty((len(reference), max(min(n_neighbors, len(reference) - 1), 0)), np.float32)
    found = np.empty(distance.shape, np.int64)
    for block, *near in nearest_blocks(vectors, reference, k=n_neighbors, rows=reference):
        distance[block], found[block] = near
    reach = distance[:, -1]
    return reach, 1 / (np.maximum(distance, reach[found]).mean(axis=1) + 1e-6)


def _local_outlier_factor(
    distance: np.ndarray, found: np.ndarray, reach: np.ndarray, density: np.ndarray
) -> np.ndarray:
    own = 1 / (np.maximum(distance, reach[found]).mean(axis=1) + 1e-6)
    return density[found].mean(axis=1, dtype=np.float64) / own


def _mean_distance(
    vectors: np.ndarray,
    n_neighbors: int,
    *,
    rows: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    reference = draw_rows(vectors, REFERENCE_ROWS, seed=seed)
    measured = np.zeros(len(vectors) if rows is None else len(rows))
    for block, distance, _ in nearest_blocks(vectors, reference, k=n_neighbors, rows=rows):
        measured[block] = _mean(distance)
    return measured


def _mean(distance: np.ndarray) -> np.ndarray:
    return distance.mean(axis=1, dtype=np.float64) if distance.shape[1] else np.zeros(len(distance))
