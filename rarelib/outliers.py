"""Outlier scores of vectors: arrays in, scores out, higher is rarer everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .nearest import REFERENCE_ROWS, draw_rows, find_nearest

FOREST_ROWS = 20_000  # each tree sees 256 of them
FIT_ROWS = 20_000  # enough for a covariance of the kept components
CLASS_ROWS = 5_000  # reference objects of one class
BLOCK_ROWS = 50_000
VARIANCE_KEPT = 0.999
TRIMMED_SHARE = 0.05  # the most suspicious rows do not shape what is normal
FUSED_NEIGHBOURS = 5  # neighbours in the default fusion
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
    if reference is not None:
        distance, _ = _distances(vectors, _as_rows(reference), n_neighbors, None)
    else:
        rows, own_rows = _reference(vectors)
        distance, _ = _distances(vectors, vectors[rows], n_neighbors, own_rows)
    return distance.mean(axis=1, dtype=np.float64) if distance.shape[1] else np.zeros(len(vectors))


def mahalanobis_scores(
    vectors: np.ndarray, *, variance_kept: float = VARIANCE_KEPT, trimmed_share: float = TRIMMED_SHARE, seed: int = 0
) -> np.ndarray:
    """Score objects by their distance from the centre in units of the spread (PCA, then Ledoit and Wolf, 2004).

    The fit is made twice, the second time without the rows that the first one finds most suspicious.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        variance_kept: Share of the variance that the principal components keep.
        trimmed_share: Share of the rows that the second fit leaves out.
        seed: Seed of the sample that large inputs are fitted on.

    Returns:
        Float array (n,), the distance, at least 0, higher is rarer.
    """
    vectors = _as_rows(vectors)
    sample = vectors[draw_rows(vectors, FIT_ROWS, seed=seed)]
    if len(sample) < 3 or np.ptp(sample, axis=0).max() < 1e-6:
        return np.zeros(len(vectors))
    project = _fit_whitening(sample, variance_kept)
    lengths = np.linalg.norm(project(sample), axis=1)
    usual = sample[lengths <= np.quantile(lengths, 1 - trimmed_share)]
    if trimmed_share and len(usual) >= 3 and np.ptp(usual, axis=0).max() >= 1e-6:
        project = _fit_whitening(usual, variance_kept)
    return _by_blocks(lambda rows: np.linalg.norm(project(rows), axis=1), vectors)


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
        if len(rows) > n_neighbors:
            of_class = vectors[rows]
            reference, own_rows = _reference(of_class, CLASS_ROWS, seed=seed)
            distance, _ = _distances(of_class, of_class[reference], n_neighbors, own_rows)
            scores[rows] = distance.mean(axis=1)
    if small.any():
        reference, own_rows = _reference(vectors, seed=seed)
        distance, _ = _distances(vectors[small], vectors[reference], n_neighbors, own_rows[small])
        scores[small] = distance.mean(axis=1) if distance.shape[1] else 0.0
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


def embedding_rarity(vectors: np.ndarray, *, class_names: Sequence[str] | None = None, seed: int = 0) -> np.ndarray:
    """Return how rare each object looks: the mean percentile over the methods that measured best together.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        class_names: Class of each row; with them an odd object within its class counts as well.
        seed: Seed of the samples that large inputs are fitted on.

    Returns:
        Float array (n,) in [0, 1], higher is rarer; 0.5 where all are alike.
    """
    vectors = _as_rows(vectors)
    parts = [mahalanobis_scores(vectors, seed=seed), knn_scores(vectors, n_neighbors=FUSED_NEIGHBOURS)]
    if class_names is not None and len(set(class_names)) > 1:
        parts.append(class_conditional_knn_scores(vectors, class_names, n_neighbors=FUSED_NEIGHBOURS, seed=seed))
    return percentiles(np.mean([percentiles(part) for part in parts], axis=0))


def percentiles(scores: np.ndarray) -> np.ndarray:
    """Return the share of rows with a lower score, equals counted half; float array (n,) in (0, 1)."""
    rounded = np.round(np.asarray(scores, dtype=np.float64), DECIMALS)
    _, position, counts = np.unique(rounded, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - counts / 2)[position] / max(len(rounded), 1)


def _as_rows(vectors: np.ndarray) -> np.ndarray:
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    return vectors if vectors.ndim == 2 else vectors.reshape(len(vectors), -1)


def _reference(vectors: np.ndarray, limit: int = REFERENCE_ROWS, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rows = draw_rows(vectors, limit, seed=seed)
    own_rows = np.full(len(vectors), -1)
    own_rows[rows] = np.arange(len(rows))
    return rows, own_rows


def _distances(
    vectors: np.ndarray, reference: np.ndarray, n_neighbors: int, own_rows: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    similarity, rows = find_nearest(vectors, reference, k=n_neighbors, own_rows=own_rows)
    return np.maximum(1 - similarity, 0), rows


def _fit_whitening(sample: np.ndarray, variance_kept: float):
    from sklearn.covariance import ledoit_wolf_shrinkage
    from sklearn.decomposition import PCA

    pca = PCA(n_components=variance_kept, svd_solver="covariance_eigh").fit(sample)
    shrinkage = ledoit_wolf_shrinkage(pca.transform(sample), assume_centered=True)
    variance = pca.explained_variance_  # the covariance of the components is diagonal
    variance = (1 - shrinkage) * variance + shrinkage * variance.mean()
    turn = (pca.components_ / np.sqrt(np.maximum(variance, 1e-12))[:, None]).T  # (dim, kept)
    return lambda rows: (rows - pca.mean_) @ turn


def _by_blocks(score, vectors: np.ndarray) -> np.ndarray:  # noqa: ANN001
    blocks = [score(vectors[start : start + BLOCK_ROWS]) for start in range(0, len(vectors), BLOCK_ROWS)]
    return np.concatenate([np.zeros(0), *blocks])
