"""Search indexes of faiss: exact for few rows, an inverted file for many, in bytes or codes beyond memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .stored import as_rows

EXACT_ROWS = 10_000  # up to here every pair is compared
TRAINED_ROWS = 20_000  # rows that lists and codes are learned from
PROBES = 8  # lists that are searched: recall 1.0 among clusters, 0.73 without any; scores then correlate at 0.998
LISTS_PER_ROOT = 2  # lists of the inverted file per square root of its rows
FIRST_PROBES, FAR_PROBES, FAR_SHARE = 2, 32, 0.1  # of a coarse index; share of the rows that are asked for again
COARSE_ROWS = 2_000  # from here on vectors that are read from disk are searched by an inverted file of bytes
MORE_EXACT, MORE_AMONG_MANY = 512, 64  # neighbours of the own scene that are looked past at most
CODE_DIMENSIONS = 4  # of a vector that one code of four bits stands for


def build_index(reference: np.ndarray, *, euclidean: bool = False, kind: str = "float") -> Any:
    """Return a faiss index of rows.

    Args:
        reference: Float32 rows (m, dim).
        euclidean: By squared distance, lowest first, instead of inner product, highest first.
        kind: From index_kind.
    """
    import faiss

    rows, dim = reference.shape
    metric = faiss.METRIC_L2 if euclidean else faiss.METRIC_INNER_PRODUCT
    flat = faiss.IndexFlat(dim, metric)
    if rows <= (EXACT_ROWS if kind == "float" else COARSE_ROWS):
        flat.add(reference)
        return flat
    lists = int(LISTS_PER_ROOT * rows**0.5)
    index = {
        "float": lambda: faiss.IndexIVFFlat(flat, dim, lists, metric),
        "bytes": lambda: faiss.IndexIVFScalarQuantizer(flat, dim, lists, faiss.ScalarQuantizer.QT_8bit, metric),
        "codes": lambda: faiss.IndexIVFPQFastScan(flat, dim, lists, dim // CODE_DIMENSIONS, 4, metric),
    }[kind]()
    index.nprobe, index.cp.min_points_per_centroid = PROBES, 1
    index.train(reference[:: max(rows // TRAINED_ROWS, 1)])
    index.add(reference)
    return index


def index_kind(vectors: np.ndarray, rows: int) -> str:
    """Return what an index of so many rows is made of: "float", "bytes" (SQ8, a quarter) or "codes" (PQ, a 32nd).

    Vectors that are held in memory are searched as they are. Those that are read from disk are so many that bytes are
    wanted for speed (2.2 times as fast), and codes where bytes would not fit into what indexes may take.

    Args:
        vectors: Float array (n, dim) or what stands for it.
        rows: Of the reference.
    """
    if index_bytes(vectors) == np.inf:
        return "float"
    fits = rows * vectors.shape[1] <= index_bytes(vectors)
    return "bytes" if fits or vectors.shape[1] % CODE_DIMENSIONS else "codes"


def index_bytes(vectors: np.ndarray) -> float:
    """Return what search indexes may take; without a limit where vectors are held in memory."""
    return getattr(vectors, "index_bytes", np.inf)


class Nearest:
    """The nearest rows of a reference, of other scenes than a row's own; built once, asked block by block."""

    def __init__(
        self,
        vectors: np.ndarray,
        reference: np.ndarray,
        *,
        k: int,
        scenes: np.ndarray,
        transform: Callable[[np.ndarray], np.ndarray] | None,
    ) -> None:
        """Build the index; the arguments are those of nearest.mean_distance_elsewhere."""
        self.transform, self.scenes = transform or np.asarray, scenes[reference]
        rows = as_rows(self.transform(np.asarray(vectors[reference], dtype=np.float32)))
        own = int(np.unique(self.scenes, return_counts=True)[1].max())  # of the own scene that can stand before
        more = MORE_EXACT if len(reference) <= EXACT_ROWS else MORE_AMONG_MANY
        self.wanted = min(k, len(reference))
        self.asked = min(self.wanted + min(own, more), len(reference))
        kind = index_kind(vectors, len(reference))
        self.index = build_index(rows, euclidean=True, kind=kind)
        self.coarse = kind != "float" and hasattr(self.index, "nprobe")

    def mean_distance(self, values: np.ndarray, own_scene: np.ndarray) -> np.ndarray:
        """Return the mean Euclidean distance (b,) of rows (b, dim) to the nearest of other scenes.

        A coarse index is asked twice: few lists tell that a row is near enough to others to be common, since more lists
        only bring nearer ones; what then is far is asked for again in many lists, so that it is nearly exact.
        """
        rows = as_rows(self.transform(values))
        if not self.coarse:
            return self._mean_distance(rows, own_scene)
        self.index.nprobe = FIRST_PROBES
        distance = self._mean_distance(rows, own_scene)
        far = np.flatnonzero(distance >= np.quantile(distance, 1 - FAR_SHARE))
        self.index.nprobe = FAR_PROBES
        distance[far] = self._mean_distance(rows[far], own_scene[far])
        return distance

    def _mean_distance(self, rows: np.ndarray, own_scene: np.ndarray) -> np.ndarray:
        squared, found = self.index.search(rows, self.asked)
        distance = np.sqrt(np.maximum(np.where(found < 0, 0, squared), 0))
        elsewhere = (found >= 0) & (self.scenes[found] != own_scene[:, None])
        first = np.argsort(~elsewhere, axis=1, kind="stable")[:, : self.wanted]
        farthest = distance.max(axis=1, keepdims=True)
        nearest = np.take_along_axis(np.where(elsewhere, distance, farthest), first, axis=1)
        return nearest.mean(axis=1, dtype=np.float64)
