"""Nearest neighbours by cosine: exact among few objects, by an inverted file of faiss among many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from .indexes import MORE_EXACT, Nearest, build_index, index_bytes, index_kind
from .stored import BLOCK_ROWS, row_blocks

REFERENCE_ROWS = 20_000  # more than these are represented by a sample, so that time grows in step with the objects


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
    index = build_index(reference)
    similarity = np.empty((len(queries), wanted), np.float32)
    rows = np.empty((len(queries), wanted), np.int64)
    for start in range(0, len(queries), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        found = index.search(queries[block], wanted + (own_rows is not None))
        own = None if own_rows is None else own_rows[block]
        similarity[block], rows[block] = _fill_gaps(*(found if own is None else _without_own(*found, own)))
    return np.clip(similarity, -1, 1), rows


def find_elsewhere(
    vectors: np.ndarray,
    reference: np.ndarray,
    *,
    k: int,
    scenes: np.ndarray,
    reference_scenes: np.ndarray,
    rows: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the most similar rows of other scenes, as those of the own scene may show parts of the same thing.

    Args:
        vectors: Unit rows, float array of shape (n, dim), read block by block.
        reference: Unit rows (m, dim).
        k: Neighbours wanted.
        scenes: Scene of each of the vectors (n,).
        reference_scenes: Scene of each row of the reference (m,).
        rows: Rows of the vectors that are asked for, int array; by default all.

    Returns:
        Similarity, highest first, float32 (n, at most k), NaN where other scenes have too few among the most similar;
        and rows in the reference, int64 of the same shape, -1 there.
    """
    asked = np.arange(len(vectors)) if rows is None else rows
    looked_at = min(k + MORE_EXACT, len(reference))
    best = np.full((len(asked), min(k, looked_at)), np.nan, np.float32)
    found = np.full(best.shape, -1, np.int64)
    if not best.size:
        return best, found
    index = build_index(np.ascontiguousarray(reference, dtype=np.float32))
    for block, values in row_blocks(vectors, rows=asked, size=BLOCK_ROWS // 25):  # each with hundreds of neighbours
        similarity, near = _fill_gaps(*index.search(values, looked_at))
        elsewhere = reference_scenes[near] != scenes[asked[block]][:, None]
        first = np.argsort(~elsewhere, axis=1, kind="stable")[:, :k]
        told = np.take_along_axis(elsewhere, first, axis=1)
        similarity, near = (np.take_along_axis(values, first, axis=1) for values in (similarity, near))
        best[block] = np.where(told, np.minimum(similarity, 1), np.float32(np.nan))
        found[block] = np.where(told, near, -1)
    return best, found


def nearest_blocks(
    vectors: np.ndarray, reference: np.ndarray, *, k: int, rows: np.ndarray | None = None
) -> Iterator[tuple[slice | np.ndarray, np.ndarray, np.ndarray]]:
    """Yield block by block the cosine distance to the nearest rows of a reference, a row itself left out.

    Args:
        vectors: Unit rows, float array of shape (n, dim), read block by block.
        reference: Rows to be near to, int array (m,), each once.
        k: Neighbours wanted; fewer come back where the reference is smaller.
        rows: Rows that are measured, int array; by default all.

    Yields:
        Which of the rows are measured, a slice or int array (b,); distance in [0, 2], nearest first, float32 (b, at
        most k); and the neighbours' positions in the reference, int64 of the same shape.
    """
    position = np.full(len(vectors), -1, np.int32)
    position[reference] = np.arange(len(reference))
    near = _Others(vectors, reference, k)
    for block, values in row_blocks(vectors, rows=rows):
        yield block, *near.distances(values, position[block] if rows is None else position[rows[block]])


def nearest_in_parts(
    vectors: np.ndarray, references: Mapping[int, np.ndarray], part: np.ndarray, *, k: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield, as nearest_blocks, how far the nearest rows of each row's own part are, in one reading.

    Args:
        vectors: Unit rows, float array of shape (n, dim), read block by block; read again for further parts where the
            indexes of all would take more memory than they may.
        references: Rows to be near to by number of the part, int arrays; no row in two of them.
        part: Int array (n,), the part of each row; what has no reference is passed over.
        k: Neighbours wanted.

    Yields:
        Number of the part; rows of it, int array (b,); distance and positions in its reference as in nearest_blocks.
    """
    position = np.full(len(vectors), -1, np.int32)
    for reference in references.values():
        position[reference] = np.arange(len(reference))
    for numbers in _held_together(vectors, references):
        near = {number: _Others(vectors, references[number], k) for number in numbers}
        for number, rows, values in _blocks_of_parts(vectors, part, numbers, size=BLOCK_ROWS):
            yield number, rows, *near[number].distances(values, position[rows])


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
    if min(k, len(reference)) < 1 or not len(measured):
        return measured
    near = Nearest(vectors, reference, k=k, scenes=scenes, transform=transform)
    for block, values in row_blocks(vectors, rows=rows, size=BLOCK_ROWS // 4):
        measured[block] = near.mean_distance(values, scenes[block] if rows is None else scenes[rows[block]])
    return measured


def mean_distances_in_parts(
    vectors: np.ndarray, references: Mapping[int, np.ndarray], part: np.ndarray, *, k: int, scenes: np.ndarray
) -> np.ndarray:
    """Measure, as mean_distance_elsewhere, how far the nearest rows of each row's own part are, in one reading.

    Args:
        vectors: Float array (n, dim), read block by block; read again for further parts where the indexes of all would
            take more memory than they may.
        references: Rows to be near to by number of the part, int arrays.
        part: Int array (n,), the part of each row.
        k: Neighbours that count.
        scenes: Int array (n,), the scene of each row.

    Returns:
        Mean Euclidean distance, float64 (n,); NaN for rows whose part has no reference.
    """
    measured = np.full(len(vectors), np.nan)
    for numbers in _held_together(vectors, references):
        near = {number: Nearest(vectors, references[number], k=k, scenes=scenes, transform=None) for number in numbers}
        for number, rows, values in _blocks_of_parts(vectors, part, numbers, size=BLOCK_ROWS // 4):
            measured[rows] = near[number].mean_distance(values, scenes[rows])
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
    own = ids.index(object_id)
    similarity = vectors @ np.asarray(vectors[own])  # (n_objects,)
    order = np.argsort(-similarity, kind="stable")
    nearest = np.append(own, order[order != own])[:n_similar]
    return pd.DataFrame({"object_id": [ids[row] for row in nearest], "similarity": similarity[nearest]})


def _blocks_of_parts(
    vectors: np.ndarray, part: np.ndarray, numbers: list[int], *, size: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield number, rows and values of each part in each block of the vectors."""
    for block, values in row_blocks(vectors, size=size):
        rows = np.arange(len(vectors))[block] if isinstance(block, slice) else block
        here = part[rows]
        for number in np.intersect1d(here, numbers):
            mine = here == number
            yield int(number), rows[mine], values[mine]


def _held_together(vectors: np.ndarray, references: Mapping[int, np.ndarray]) -> list[list[int]]:
    """Return the numbers of the parts in groups whose indexes fit into memory together."""
    limit = index_bytes(vectors) / (4 * vectors.shape[1])
    group = np.cumsum([len(rows) for rows in references.values()]) // max(limit, 1)
    return [[number for number, of in zip(references, group, strict=True) if of == each] for each in np.unique(group)]


class _Others:
    """The nearest rows of a reference by cosine, a row itself left out."""

    def __init__(self, vectors: np.ndarray, reference: np.ndarray, k: int) -> None:
        self.wanted = max(min(k, len(reference) - 1), 0)
        if self.wanted:
            values = np.asarray(vectors[reference], dtype=np.float32)
            self.index = build_index(values, kind=index_kind(vectors, len(reference)))

    def distances(self, values: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return distances (b, k) and positions (b, k) for rows that are themselves at `own`, -1 for nowhere."""
        if not self.wanted:
            return np.zeros((len(values), 0), np.float32), np.zeros((len(values), 0), np.int64)
        similarity, found = _fill_gaps(*_without_own(*self.index.search(values, self.wanted + 1), own))
        return np.clip(1 - similarity, 0, 2), found


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
