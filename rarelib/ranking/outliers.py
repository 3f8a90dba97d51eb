"""Outlier scores of vectors: arrays in, scores out, higher is rarer everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .nearest import REFERENCE_ROWS, distances_elsewhere, draw_rows, find_nearest
from .whitening import TRIMMED_SHARE, fit_whitening

FOREST_ROWS = 20_000  # each tree sees 256 of them
CLASS_ROWS = 5_000  # reference objects of one class
BLOCK_ROWS = 50_000
FUSED_NEIGHBOURS, HALF_WHITENED_NEIGHBOURS = 10, 3  # neighbours in the default fusion
MAHALANOBIS, HALF_WHITENED_KNN, KNN, OWN_CLASS_KNN = 2, 2, 1, 2  # weights in the default fusion
DECIMALS = 6  # rounding of the last float32 digits, so that row order does not decide between equals


def isolation_forest(vectors: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Score objects by how few random cuts set them apart (Liu et al., 2008).

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        seed: Seed of the trees.

    Returns:
        Float array (n,) in (0, 1], about 0.4 for a common object, higher is rarer.
    """
    vectors = _as_rows(vectors)
    if len(vectors) < 2:
        return np.zeros(len(vectors))
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=seed).fit(vectors[draw_rows(vectors, FOREST_ROWS, seed=seed)])
    return -_by_blocks(forest.score_samples, vectors)


def lof_scores(vectors: np.ndarray, *, n_neighbors: int = 20) -> np.ndarray:
    """Score objects by how sparse their neighbourhood is beside their neighbours' (LOF, Breunig et al., 2000).

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        n_neighbors: Neighbours that make up a neighbourhood, by cosine distance; at most all others.

    Returns:
        Float array (n,), about 1 for a common object, higher is rarer.
    """
    vectors = _as_rows(vectors)
    if len(vectors) < 3:
        return np.ones(len(vectors))
    reference, own_rows = _reference(vectors)
    distance, rows = _distances(vectors, vectors[reference], n_neighbors, own_rows)
    inside = own_rows >= 0
    reach_of = np.empty(len(reference), np.float32)  # distance to the last neighbour
    reach_of[own_rows[inside]] = distance[inside, -1]
    density = 1 / (np.maximum(distance, reach_of[rows]).mean(axis=1) + 1e-6)
    density_of = np.empty(len(reference), np.float32)
    density_of[own_rows[inside]] = density[inside]
    return (density_of[rows].mean(axis=1) / density).astype(np.float64)


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
    vectors = _as_rows(vectors)
    if reference is None:
        return _mean_distance(vectors, n_neighbors)
    distance, _ = _distances(vectors, _as_rows(reference), n_neighbors, None)
    return _mean(distance)


def mahalanobis_scores(vectors: np.ndarray, *, trimmed_share: float = TRIMMED_SHARE, seed: int = 0) -> np.ndarray:
    """Score objects by their distance from the centre in units of the spread (PCA, then Ledoit and Wolf, 2004).

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        trimmed_share: Share of the rows, the most suspicious, that do not shape the spread.
        seed: Seed of the sample that large inputs are fitted on.

    Returns:
        Float array (n,), the distance, at least 0, higher is rarer.
    """
    vectors = _as_rows(vectors)
    whiten = fit_whitening(vectors, trimmed_share=trimmed_share, seed=seed)
    if whiten is None:
        return np.zeros(len(vectors))
    return _by_blocks(lambda rows: np.linalg.norm(whiten(rows), axis=1), vectors)


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
    vectors = _as_rows(vectors)
    names, class_of = np.unique(np.asarray(class_names, dtype=str), return_inverse=True)
    scores, small = np.zeros(len(vectors)), np.zeros(len(vectors), bool)
    for number in range(len(names)):
        rows = np.flatnonzero(class_of == number)
        small[rows] = len(rows) <= n_neighbors
        if not small[rows[0]]:
            scores[rows] = _mean_distance(vectors[rows], n_neighbors, limit=CLASS_ROWS, seed=seed)
    if small.any():
        scores[small] = _mean_distance(vectors, n_neighbors, queries=small, seed=seed)
    return scores


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
        methods: Names among isolation_forest, lof, knn, mahalanobis, class_conditional_knn.
        class_names: Class of each row; without them class_conditional_knn takes all as one class.
        n_neighbors: Neighbours of LOF and of the nearest-neighbour scores.
        seed: Seed of everything random.

    Returns:
        One float array (n,) per method in the order asked for, finite, higher is rarer.

    Raises:
        ValueError: If a method is unknown.
    """
    vectors = _as_rows(vectors)
    names = [""] * len(vectors) if class_names is None else class_names
    known = {
        "isolation_forest": lambda: isolation_forest(vectors, seed=seed),
        "lof": lambda: lof_scores(vectors, n_neighbors=n_neighbors),
        "knn": lambda: knn_scores(vectors, n_neighbors=n_neighbors),
        "mahalanobis": lambda: mahalanobis_scores(vectors, seed=seed),
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


def embedding_rarity(
    vectors: np.ndarray,
    *,
    class_names: Sequence[str] | None = None,
    scenes: Sequence[str] | None = None,
    reference: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Return how rare each object looks, by the surprise of measures that err differently.

    They are its distance from the centre in whitened space, from its nearest neighbours in half-whitened space, from
    its nearest neighbours as they are, and, where classes are known, from those of its own class. What surprises is
    added up as -log(1 - percentile), so that a top place in one measure outweighs middling ones in others.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        class_names: Class of each row; with them an odd object within its class counts as well.
        scenes: Drive or picture of each row; neighbours count only from others, as copies tell nothing of rarity. By
            default each row is a scene of its own.
        reference: Bool array (n,), True for objects that show what is normal; by default all.
        seed: Seed of the samples that large inputs are fitted on.

    Returns:
        Float array (n,) in [0, 1], higher is rarer; 0.5 where all are alike.
    """
    vectors = _as_rows(vectors)
    normal = np.ones(len(vectors), bool) if reference is None else np.asarray(reference, dtype=bool)
    normal = normal if normal.any() else ~normal
    scene = np.arange(len(vectors)) if scenes is None else np.unique(np.asarray(scenes, str), return_inverse=True)[1]
    parts = [(KNN, _distance_elsewhere(vectors, normal, scene, FUSED_NEIGHBOURS, seed=seed))]
    whiten = fit_whitening(vectors if normal.all() else vectors[normal], seed=seed)
    if whiten is not None:
        parts.append((MAHALANOBIS, _by_blocks(lambda rows: np.linalg.norm(whiten(rows), axis=1), vectors)))
        half = whiten(vectors, strength=0.5)
        parts.append((HALF_WHITENED_KNN, _distance_elsewhere(half, normal, scene, HALF_WHITENED_NEIGHBOURS, seed=seed)))
        del half
    if class_names is not None and len(set(class_names)) > 1:
        names = np.unique(np.asarray(class_names, str), return_inverse=True)[1]
        parts.append((OWN_CLASS_KNN, _distance_in_class(vectors, normal, scene, names, parts[0][1], seed=seed)))
    surprise = [-weight * np.log1p(-percentiles(part)) for weight, part in parts]
    return percentiles(np.sum(surprise, axis=0))


def percentiles(scores: np.ndarray) -> np.ndarray:
    """Return the share of rows with a lower score, equals counted half; float array (n,) in (0, 1)."""
    rounded = np.round(np.asarray(scores, dtype=np.float64), DECIMALS)
    _, position, counts = np.unique(rounded, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - counts / 2)[position] / max(len(rounded), 1)


def _as_rows(vectors: np.ndarray) -> np.ndarray:
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    return vectors if vectors.ndim == 2 else vectors.reshape(len(vectors), -1)


def _reference(
    vectors: np.ndarray, limit: int = REFERENCE_ROWS, *, normal: np.ndarray | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    if normal is None or normal.all():
        rows = draw_rows(vectors, limit, seed=seed)
    else:
        allowed = np.flatnonzero(normal)
        rows = allowed[draw_rows(vectors[allowed], limit, seed=seed)]
    own_rows = np.full(len(vectors), -1)
    own_rows[rows] = np.arange(len(rows))
    return rows, own_rows


def _distances(
    vectors: np.ndarray, reference: np.ndarray, n_neighbors: int, own_rows: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    similarity, rows = find_nearest(vectors, reference, k=n_neighbors, own_rows=own_rows)
    return np.maximum(1 - similarity, 0), rows


def _mean_distance(
    vectors: np.ndarray,
    n_neighbors: int,
    *,
    queries: np.ndarray | None = None,
    limit: int = REFERENCE_ROWS,
    seed: int = 0,
) -> np.ndarray:
    reference, own_rows = _reference(vectors, limit, seed=seed)
    asked = slice(None) if queries is None else queries
    distance, _ = _distances(vectors[asked], vectors[reference], n_neighbors, own_rows[asked])
    return _mean(distance)


def _distance_elsewhere(
    vectors: np.ndarray,
    normal: np.ndarray,
    scene: np.ndarray,
    n_neighbors: int,
    *,
    limit: int = REFERENCE_ROWS,
    seed: int,
) -> np.ndarray:
    rows, _ = _reference(vectors, limit, normal=normal, seed=seed)
    distance = distances_elsewhere(
        vectors, vectors[rows], k=n_neighbors, query_scenes=scene, reference_scenes=scene[rows]
    )
    return _mean(distance)


def _distance_in_class(
    vectors: np.ndarray, normal: np.ndarray, scene: np.ndarray, names: np.ndarray, among_all: np.ndarray, *, seed: int
) -> np.ndarray:
    """Measure the distance to the own class; a class with too few in other scenes keeps the distance to all."""
    distance = among_all.copy()
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        scenes = scene[rows[normal[rows]]]
        if len(scenes) and len(scenes) - np.bincount(scenes).max() >= FUSED_NEIGHBOURS:
            distance[rows] = _distance_elsewhere(
                vectors[rows], normal[rows], scene[rows], FUSED_NEIGHBOURS, limit=CLASS_ROWS, seed=seed
            )
    return distance


def _mean(distance: np.ndarray) -> np.ndarray:
    return distance.mean(axis=1, dtype=np.float64) if distance.shape[1] else np.zeros(len(distance))


def _by_blocks(score, vectors: np.ndarray) -> np.ndarray:  # noqa: ANN001
    blocks = [score(vectors[start : start + BLOCK_ROWS]) for start in range(0, len(vectors), BLOCK_ROWS)]
    return np.concatenate([np.zeros(0), *blocks])
