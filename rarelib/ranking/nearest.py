"""Nearest neighbours by cosine: exact among few objects, by an inverted file of faiss among many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

EXACT_ROWS = 10_000  # up to here every pair is compared
REFERENCE_ROWS = 20_000  # more than these are represented by a sample, so that time grows in step with the objects
PROBES = 8  # lists that are searched: recall 1.0 among clusters, 0.73 without any; scores then correlate at 0.998
LISTS_PER_ROOT = 2  # lists of the inverted file per square root of its rows
BLOCK_ROWS = 50_000  # queries at once
FINGERPRINT_ROWS = 1_000  # rows whose products are in memory at once
MORE_EXACT, MORE_AMONG_MANY = 512, 64  # neighbours of the own scene that are looked past at most


def find_nearest(
    queries: np.ndarray, reference: np.ndarray, *, k: int, own_rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the most similar rows of a reference by cosine.

    Args:
        queries: Unit rows, float array of shape (n, dim).
        reference: Unit rows (m, dim).
        k: Neighbours wanted; fewer come back where the reference is smaller.
        own_rows: Int array (n,): where a query itself stands in the reference, -1 where it does not; it is never its
            own neighbour.

    Returns:
        Similarity in [-1, 1], highest first, float32 of shape (n, k), and their rows in the reference, int64 (n, k).
    """
    queries, reference = (np.ascontiguousarray(rows, dtype=np.float32) for rows in (queries, reference))
    wanted = min(k, len(reference) - (own_rows is not None))
    if wanted < 1 or not len(queries):
        return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
    index = _build_index(reference)
    similarity = np.empty((len(queries), wanted), np.float32)
    rows = np.empty((len(queries), wanted), np.int64)
    for start in range(0, len(queries), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        found = index.search(queries[block], wanted + (own_rows is not None))
        own = None if own_rows is None else own_rows[block]
        similarity[block], rows[block] = _fill_gaps(*(found if own is None else _without_own(*found, own)))
    return np.clip(similarity, -1, 1), rows


def find_elsewhere(
    queries: np.ndarray, reference: np.ndarray, *, k: int, query_scenes: np.ndarray, reference_scenes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the most similar rows of other scenes, as those of the own scene may show parts of the same thing.

    Args:
        queries: Unit rows, float array of shape (n, dim).
        reference: Unit rows (m, dim).
        k: Neighbours wanted.
        query_scenes: Scene of each query (n,).
        reference_scenes: Scene of each row of the reference (m,).

    Returns:
        Similarity, highest first, float32 (n, at most k), NaN where other scenes have too few among the most similar;
        and rows in the reference, int64 of the same shape, -1 there.
    """
    similarity, rows = find_nearest(queries, reference, k=k + MORE_EXACT)
    elsewhere = np.asarray(reference_scenes)[rows] != np.asarray(query_scenes)[:, None]
    first = np.argsort(~elsewhere, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(elsewhere, first, axis=1)
    similarity, rows = (np.take_along_axis(values, first, axis=1) for values in (similarity, rows))
    return np.where(found, similarity, np.float32(np.nan)), np.where(found, rows, -1)


def nearest_blocks(
    vectors: np.ndarray, reference: np.ndarray, *, k: int, rows: np.ndarray | None = None
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield block by block the cosine distance to the nearest rows of a reference, a row itself left out.

    Args:
        vectors: Unit rows, float array of shape (n, dim), read block by block.
        reference: Rows to be near to, int array (m,), each once.
        k: Neighbours wanted; fewer come back where the reference is smaller.
        rows: Rows that are measured, int array; by default all.

    Yields:
        The slice of the rows that are measured; distance in [0, 2], nearest first, float32 (b, at most k); and the
        neighbours' positions in the reference, int64 of the same shape.
    """
    position = np.full(len(vectors), -1, np.int32)
    position[reference] = np.arange(len(reference))
    wanted = max(min(k, len(reference) - 1), 0)
    index = _build_index(np.asarray(vectors[reference], dtype=np.float32)) if wanted else None
    for block, values in row_blocks(vectors, rows=rows):
        own = position[block] if rows is None else position[rows[block]]
        if index is None:
            yield block, np.zeros((len(values), 0), np.float32), np.zeros((len(values), 0), np.int64)
            continue
        similarity, found = _fill_gaps(*_without_own(*index.search(values, wanted + 1), own))
        yield block, np.clip(1 - similarity, 0, 2), found


def mean_distance_elsewhere(
    vectors: np.ndarray,
    reference: np.ndarray,
    *,
    k: int,
    scenes: np.ndarray,
    rows: np.ndarray | None = None,
    transform: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Measure how far the nearest rows of other scenes are, as copies in the own scene tell nothing of rarity.

    Args:
        vectors: Float array (n, dim), read block by block.
        reference: Rows to be near to, int array (m,); few enough to be in memory.
        k: Neighbours that count; fewer where the reference is smaller.
        scenes: Int array (n,), the scene of each row.
        rows: Rows that are measured, int array; by default all.
        transform: Applied to the rows before, such as a whitening.

    Returns:
        Mean Euclidean distance, float64, of all rows or of those asked for; where other scenes have too few rows, the
        farthest row that was looked at stands for them. 0 without a reference.
    """
    measured = np.zeros(len(vectors) if rows is None else len(rows))
    wanted = min(k, len(reference))
    if wanted < 1 or not len(measured):
        return measured
    transform = transform or np.asarray
    own = int(np.unique(scenes[reference], return_counts=True)[1].max())  # of the own scene that can stand before
    more = MORE_EXACT if len(reference) <= EXACT_ROWS else MORE_AMONG_MANY
    index = _build_index(transform(np.asarray(vectors[reference], dtype=np.float32)), euclidean=True)
    for block, values in row_blocks(vectors, rows=rows, size=BLOCK_ROWS // 4):
        squared, found = index.search(transform(values), min(wanted + min(own, more), len(reference)))
        distance = np.sqrt(np.maximum(np.where(found < 0, 0, squared), 0))
        own_scene = scenes[block] if rows is None else scenes[rows[block]]
        elsewhere = (found >= 0) & (scenes[reference[found]] != own_scene[:, None])
        first = np.argsort(~elsewhere, axis=1, kind="stable")[:, :wanted]
        farthest = distance.max(axis=1, keepdims=True)
        nearest = np.take_along_axis(np.where(elsewhere, distance, farthest), first, axis=1)
        measured[block] = nearest.mean(axis=1, dtype=np.float64)
    return measured


def most_similar(
    object_id: str, vectors: np.ndarray, object_ids: Sequence[str], *, n_similar: int = 12
) -> pd.DataFrame:
    """Return the objects nearest to one object by cosine, the object itself first.

    Args:
        object_id: The object to start from.
        vectors: Unit rows, float array of shape (n_objects, dim).
        object_ids: Their ids in row order.
        n_similar: How many rows to return at most.

    Returns:
        Table with object_id and similarity, highest first.

    Raises:
        ValueError: If the object has no vector.
    """
    ids = list(object_ids)
    if object_id not in ids:
        raise ValueError(f"The object {object_id!r} has no vector; the early filter may have left it out.")
    similarity = vectors @ np.asarray(vectors[ids.index(object_id)])  # (n_objects,)
    nearest = np.argsort(-similarity, kind="stable")[:n_similar]
    return pd.DataFrame({"object_id": [ids[row] for row in nearest], "similarity": similarity[nearest]})


def content_order(vectors: np.ndarray, *, rows: np.ndarray | None = None) -> np.ndarray:
    """Return an order of the rows that depends on their content alone, so that draws do not depend on row order.

    Args:
        vectors: Float array (n, dim); it is read block by block and never copied as a whole.
        rows: Int array of those wanted; by default all.

    Returns:
        Int array of row numbers.
    """
    fingerprints = np.zeros(len(vectors) if rows is None else len(rows), np.uint64)
    for block, values in row_blocks(vectors, rows=rows):
        fingerprints[block] = _fingerprint(values)
    order = np.argsort(fingerprints, kind="stable")
    return order if rows is None else np.asarray(rows)[order]


def draw_rows(vectors: np.ndarray, limit: int, *, rows: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """Return at most so many rows, drawn at random whatever their order; all of them where they are few enough.

    Args:
        vectors: Float array (n, dim).
        limit: So many rows at most.
        rows: Int array of those among which is drawn; by default all.
        seed: Seed of the draw.
    """
    order = content_order(vectors, rows=rows)
    if len(order) <= limit:
        return order
    return order[np.sort(np.random.default_rng(seed).choice(len(order), limit, replace=False))]


def row_blocks(
    vectors: np.ndarray, *, rows: np.ndarray | None = None, size: int = BLOCK_ROWS
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of the rows wanted and their float32 values, so that vectors on disk are never in memory whole."""
    count = len(vectors) if rows is None else len(rows)
    for start in range(0, count, size):
        block = slice(start, min(start + size, count))
        values = vectors[block] if rows is None else vectors[rows[block]]
        yield block, np.ascontiguousarray(values, dtype=np.float32)


def _fingerprint(values: np.ndarray) -> np.ndarray:
    """Return a number for the content of each float32 row, uint64 (n,): whole numbers add up alike in any order."""
    words = np.ascontiguousarray(values, dtype=np.float32).reshape(len(values), -1).view(np.uint32)
    factors = np.random.default_rng(0).integers(1, 2**63, words.shape[1], dtype=np.uint64) | np.uint64(1)
    mixed = np.zeros(len(words), np.uint64)
    for start in range(0, len(words), FINGERPRINT_ROWS):
        part = words[start : start + FINGERPRINT_ROWS]
        mixed[start : start + FINGERPRINT_ROWS] = (part * factors).sum(axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0x9E3779B97F4A7C15)  # golden ratio: neighbouring sums are scattered
    return mixed ^ (mixed >> np.uint64(29))


def _build_index(reference: np.ndarray, *, euclidean: bool = False):
    import faiss

    rows, dim = reference.shape
    metric = faiss.METRIC_L2 if euclidean else faiss.METRIC_INNER_PRODUCT
    flat = faiss.IndexFlat(dim, metric)
    if rows <= EXACT_ROWS:
        flat.add(reference)
        return flat
    index = faiss.IndexIVFFlat(flat, dim, int(LISTS_PER_ROOT * rows**0.5), metric)
    index.nprobe = PROBES
    index.train(reference[:: max(rows // REFERENCE_ROWS, 1)])
    index.add(reference)
    return index


def _without_own(similarity: np.ndarray, rows: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    others = rows != np.where(own < 0, len(rows) + rows.max(initial=0), own)[:, None]  # -1 is a gap, not itself
    others[others.all(axis=1), -1] = False  # itself not among those found: the last one goes
    shape = (len(rows), rows.shape[1] - 1)
    return similarity[others].reshape(shape), rows[others].reshape(shape)


def _fill_gaps(similarity: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    missing = rows < 0  # too few rows in the lists that were searched: repeat the last one found
    if missing.any():
        last = np.maximum((~missing).sum(axis=1) - 1, 0)[:, None]
        similarity = np.where(missing, np.take_along_axis(similarity, last, axis=1), similarity)
        rows = np.where(missing, np.take_along_axis(rows, last, axis=1), rows)
    return np.maximum(similarity, -1), np.maximum(rows, 0)
