"""Lay vectors out in two dimensions, near ones near each other: t-SNE and UMAP."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from ..run.folder import RunFolder
from ..run.queries import ROW, Tables

METHODS = ("tsne", "umap")
PERPLEXITY = 30.0
UMAP_NEIGHBORS = 15
REDUCED_DIM = 50  # van der Maaten and Hinton (2008): PCA first, against noise and for speed
EXACT_UP_TO = 3  # so few points lie in a plane; no method is needed


def ranked_vectors(run: RunFolder) -> pd.DataFrame:
    """Return selected (bool) and rank of each vector of a run, in their order; not selected, 0 where not scored."""
    with Tables(run, "embeddings", "scores") as tables:
        count = int(tables.value("SELECT count(*) FROM embeddings"))
        selected, rank = np.zeros(count, bool), np.zeros(count, np.int32)
        rows = f"SELECT e.{ROW} AS row, selected, rank FROM embeddings e JOIN scores s USING (object_id)"
        for part in tables.batches(rows):
            selected[part["row"]], rank[part["row"]] = part["selected"], part["rank"]
    return pd.DataFrame({"selected": selected, "rank": rank})


def choose_rows(selected: np.ndarray, rank: np.ndarray, *, max_points: int = 5000, seed: int = 0) -> np.ndarray:
    """Return the rows of the vectors that a map shows: the selected by rank, then others drawn at random.

    Args:
        selected: Bool array (n,) in the order of the vectors.
        rank: Number array (n,), in the same order.
        max_points: At most this many rows.
        seed: Of the draw.

    Returns:
        Integer array in rising order.
    """
    selected, rank = np.asarray(selected, bool), np.asarray(rank)
    chosen = np.flatnonzero(selected)[np.argsort(rank[selected], kind="stable")]
    others = np.random.default_rng(seed).permutation(np.flatnonzero(~selected))
    return np.sort(np.concatenate([chosen, others])[:max_points])


def project_table(run: RunFolder, rows: np.ndarray, *, method: str = "tsne", seed: int = 0) -> pd.DataFrame:
    """Return the map table, object_id, x, y, of these rows of a run's vectors, which must be in rising order."""
    with Tables(run, "embeddings") as tables:
        tables.keep("rows", pd.DataFrame({"row": np.asarray(rows, np.int64)}))
        ids = tables.rows(f"SELECT object_id FROM embeddings JOIN rows ON row = {ROW} ORDER BY row")["object_id"]
        vectors = run.map_vectors(int(tables.value("SELECT count(*) FROM embeddings")))
    positions = project_vectors(np.asarray(vectors[rows]), method=method, seed=seed)
    return pd.DataFrame({"object_id": ids, "x": positions[:, 0], "y": positions[:, 1]})


def project_vectors(vectors: np.ndarray, *, method: str = "tsne", seed: int = 0) -> np.ndarray:
    """Lay vectors out in two dimensions; any number of them, none and identical ones included.

    Args:
        vectors: Unit rows, float array of shape (n_objects, dim).
        method: "tsne" (van der Maaten and Hinton, 2008) or "umap" (McInnes et al., 2018).
        seed: Of all that is random; both methods start from the principal components.

    Returns:
        Float array of shape (n_objects, 2); only nearness has a meaning, not the axes.

    Raises:
        ValueError: If the method is unknown or the vectors are not a table of numbers.
    """
    if method not in METHODS:
        raise ValueError(f"The 'method' parameter of project_vectors must be one of {METHODS}. Got {method!r} instead.")
    if vectors.ndim != 2:
        raise ValueError(
            f"The 'vectors' parameter of project_vectors must have shape (n, dim). Got {vectors.shape} instead."
        )
    import sklearn.manifold  # noqa: F401 - loaded first, since only what is loaded can be held to one thread
    from threadpoolctl import threadpool_limits

    # threads add up in no fixed order, so one alone gives the same map again; on a busy machine it is quicker as well
    with threadpool_limits(limits=1):
        reduced = _principal_components(np.asarray(vectors, dtype=np.float64), seed)
        if len(reduced) <= EXACT_UP_TO or not reduced.any():
            return reduced[:, :2].copy()
        positions = {"tsne": _tsne, "umap": _umap}[method](reduced, seed)
    return np.asarray(positions, dtype=np.float64)


def _principal_components(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Return (n, k) principal components, 2 <= k <= REDUCED_DIM; missing ones and rounding noise are zero."""
    from sklearn.decomposition import PCA

    components = min(REDUCED_DIM, *vectors.shape)
    found = np.zeros((len(vectors), max(components, 2)))
    if len(vectors) > 1 and components and np.ptp(vectors, axis=0).max() > 1e-9:
        found[:, :components] = PCA(n_components=components, random_state=seed).fit_transform(vectors)
    return found


def _tsne(reduced: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(reduced) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced)


def _umap(reduced: np.ndarray, seed: int) -> np.ndarray:
    with warnings.catch_warnings():
        # the only thing that umap says at import is that its neural variant, not used here, lacks tensorflow
        warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
        from umap import UMAP

    neighbors = min(UMAP_NEIGHBORS, len(reduced) - 1)
    layout = UMAP(n_neighbors=neighbors, init="pca", random_state=seed, n_jobs=1)
    return layout.fit_transform(reduced.astype(np.float32))
