"""Vectors where they lie: read in blocks, in their stored order, whatever order the objects are numbered in."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from ..params import Params

BLOCK_ROWS = 50_000  # rows in memory at once
DENSE = 4  # of so many neighbouring rows one is wanted: they are read as a whole
FINGERPRINT_ROWS = 1_000  # rows whose products are in memory at once
HELD_SHARE, INDEX_SHARE = 1 / 8, 1 / 4  # of the memory: for vectors that are held as a whole, for search indexes
MEMORY_GB: float = Params.model_fields["memory_gb"].default
GB = 1e9


class StoredVectors:
    """Rows of a file, or of any array, numbered anew and read from where they lie; nothing is copied as a whole.

    What is expensive to find out of all rows is found once: their fingerprints and their mean.
    """

    def __init__(self, stored: np.ndarray, order: np.ndarray | None = None, *, memory_gb: float = MEMORY_GB) -> None:
        """Take vectors as they are stored.

        Args:
            stored: Float array (n, dim) of any precision, in memory or mapped.
            order: Int array (n,): where each row lies among the stored; None where they are in order.
            memory_gb: What scoring may take [GB], of which a quarter is for indexes.
        """
        self.stored, self.shape = stored, stored.shape
        self.order = None if order is None else np.asarray(order, dtype=np.int32 if len(order) < 2**31 else np.int64)
        self.index_bytes = int(INDEX_SHARE * memory_gb * GB)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.stored)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return some rows, float32, in the order asked for."""
        places = rows if self.order is None else self.order[rows]
        if isinstance(places, slice):
            read_ahead(self.stored, whether=True)
            return np.asarray(self.stored[places], dtype=np.float32)
        sequence = np.argsort(places, kind="stable")  # a disk is read forwards
        read_ahead(self.stored, whether=is_dense(places[sequence]))
        found = np.empty((len(places), self.shape[1]), np.float32)
        found[sequence] = self.stored[places[sequence]]
        return found

    def reading_order(self, rows: np.ndarray | None) -> np.ndarray | None:
        """Return in which order the rows, by default all, are best read; None where theirs is as good as any."""
        if self.order is None:
            return None
        return np.argsort(self.order if rows is None else self.order[rows], kind="stable").astype(self.order.dtype)

    @cached_property
    def fingerprints(self) -> np.ndarray:
        """A number for the content of each row, uint64 (n,)."""
        return self._found_in_one_pass[0]

    @cached_property
    def mean(self) -> np.ndarray:
        """The mean of all rows, float64 (dim,)."""
        return self._found_in_one_pass[1]

    @cached_property
    def _found_in_one_pass(self) -> tuple[np.ndarray, np.ndarray]:
        found, total = np.zeros(len(self), np.uint64), np.zeros(self.shape[1])
        for block, values in row_blocks(self):
            found[block] = _fingerprint(values)
            total += values.sum(axis=0, dtype=np.float64)
        return found, total / max(len(self), 1)


def read_ahead(stored: np.ndarray, *, whether: bool) -> None:
    """Let the system read more of a mapped file than is asked for, or not; of other arrays nothing.

    For rows here and there, what is read besides takes the place of what is needed again: where a file is larger than
    the memory, the system may read hundreds of times what is asked for.
    """
    mapped = getattr(stored, "_mmap", None)
    if hasattr(mapped, "madvise") and hasattr(mmap, "MADV_RANDOM"):
        mapped.madvise(mmap.MADV_NORMAL if whether else mmap.MADV_RANDOM)


def is_dense(places: np.ndarray) -> bool:
    """Return whether rows (n,), in order, are so near to one another that what lies between is worth reading."""
    return len(places) == 0 or int(places[-1]) - int(places[0]) < DENSE * len(places)


def fit_into_memory(vectors: np.ndarray, *, memory_gb: float = MEMORY_GB) -> bool:
    """Tell whether vectors (n, dim) are few enough to be held; else they stay on disk and tables are narrow."""
    return vectors.size * 4 <= HELD_SHARE * memory_gb * GB


def arrange(vectors: np.ndarray, order: np.ndarray, *, memory_gb: float = MEMORY_GB) -> np.ndarray | StoredVectors:
    """Return vectors in an order of the rows: as they are, as a copy that fits into memory, or read where they lie.

    Args:
        vectors: Float array (n, dim); mapped into memory where they are many.
        order: Int array (n,), the row that each place of the result takes.
        memory_gb: What scoring may take [GB]; an eighth of it is for vectors.

    Returns:
        Float32 array (n, dim), or the same behind StoredVectors.
    """
    in_order = (order[1:] > order[:-1]).all()
    if not fit_into_memory(vectors, memory_gb=memory_gb):
        return StoredVectors(vectors, None if in_order else order, memory_gb=memory_gb)
    return np.asarray(vectors if in_order else vectors[order], dtype=np.float32)


def as_rows(vectors: np.ndarray | StoredVectors) -> np.ndarray | StoredVectors:
    """Return vectors as float32 rows (n, dim); no copy where they are so already, on disk or in memory."""
    if not isinstance(vectors, np.ndarray) and hasattr(vectors, "reading_order"):
        return vectors
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    return rows if rows.ndim == 2 else rows.reshape(len(rows), -1)


def row_blocks(
    vectors: np.ndarray, *, rows: np.ndarray | None = None, size: int | None = None
) -> Iterator[tuple[slice | np.ndarray, np.ndarray]]:
    """Yield which of the rows wanted, as a slice or int array, and their float32 values; never all at once."""
    count = len(vectors) if rows is None else len(rows)
    size = size or BLOCK_ROWS
    sequence = vectors.reading_order(rows) if hasattr(vectors, "reading_order") else None
    for start in range(0, count, size):
        block = slice(start, min(start + size, count))
        block = block if sequence is None else sequence[block]
        values = vectors[block] if rows is None else vectors[rows[block]]
        yield block, np.ascontiguousarray(values, dtype=np.float32)


def mean_row(vectors: np.ndarray) -> np.ndarray:
    """Return the mean of all rows, float64 (dim,)."""
    if isinstance(vectors, StoredVectors):
        return vectors.mean
    total = np.zeros(vectors.shape[1])
    for _, rows in row_blocks(vectors):
        total += rows.sum(axis=0, dtype=np.float64)
    return total / max(len(vectors), 1)


def content_order(vectors: np.ndarray, *, rows: np.ndarray | None = None) -> np.ndarray:
    """Return an order of the rows that depends on their content alone, so that draws do not depend on row order.

    Args:
        vectors: Float array (n, dim); it is read block by block and never copied as a whole.
        rows: Int array of those wanted; by default all.

    Returns:
        Int array of row numbers.
    """
    order = np.argsort(_fingerprints(vectors, rows), kind="stable")
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


def _fingerprints(vectors: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    if isinstance(vectors, StoredVectors):
        return vectors.fingerprints if rows is None else vectors.fingerprints[rows]
    found = np.zeros(len(vectors) if rows is None else len(rows), np.uint64)
    for block, values in row_blocks(vectors, rows=rows):
        found[block] = _fingerprint(values)
    return found


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
