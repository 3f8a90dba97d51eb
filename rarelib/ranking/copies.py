"""Near-duplicates among many: lists of what is alike, and within each the first that a thing is a copy of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .stored import draw_rows, row_blocks
from .tracks import MEMORY_FRAMES, Views

LIST_ROWS = 1_000  # of about so many that are alike each is compared with each
EXACT_ROWS = 8_000  # up to here all with all; in longer lists with so many heads, so that time grows in step
LIST_DIMENSIONS = 32  # leading directions in which lists are found, and distances are bounded from below
LIST_FIT_ROWS, AXES_FIT_ROWS = 40, 20_000  # rows that a list, and the directions, are learned from
BLOCK_ROWS, PAIRS, DENSE = 512, 20_000, 20  # rows and pairs at once; one pair takes the time of so many of a product
ROUNDING = 1e-6  # of a cosine of float32
HALF_ROUNDING = 1e-3  # of a squared distance below 0.2 between rows of at most unit length, of float16
COPY_SHARE = 0.05  # of the distance of near-duplicates: so close is a copy, though it is from another drive


def join_copies(
    vectors: np.ndarray, rows: np.ndarray, close: float, views: Views | None, tracks: np.ndarray
) -> np.ndarray:
    """Return for each of the rows, rarest first, the row before it that it is a near-duplicate of, or itself.

    Args:
        vectors: Unit rows, float array of shape (n, dim), read block by block.
        rows: Int array, rarest first.
        close: Cosine distance of near-duplicates.
        views: Where they were seen, in the order of the vectors; None where vectors alone decide.
        tracks: Int array, equal for the views of one track, in the order of the vectors; each row speaks for its own.
    """
    if not len(rows):
        return rows
    head = np.arange(len(rows))  # places in rows
    places, round_of = _coordinates(vectors, rows)
    events = _Events(vectors, rows, places, close, views, tracks)
    for lists in round_of:  # what the first leaves alone is compared once more in the second
        left = np.flatnonzero(head == np.arange(len(rows)))
        left = left[np.argsort(lists[left], kind="stable")]
        for start, end in pairwise(np.flatnonzero(np.diff(lists[left], prepend=-1, append=-1)).tolist()):
            head[left[start:end]] = events.join(left[start:end])
    while (head[head] != head).any():  # what it joined first may have joined another in the second
        head = head[head]
    return rows[head]


def _coordinates(vectors: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return leading coordinates of the rows, and numbers of the lists that each belongs to, nearest and second.

    Distances in these coordinates are never larger than those of the vectors, as the turn to them keeps lengths.
    """
    if len(rows) <= EXACT_ROWS:
        return np.asarray(vectors[rows], dtype=np.float32), [np.zeros(len(rows), np.int64)]
    import faiss

    count = len(rows) // LIST_ROWS
    drawn = draw_rows(vectors, max(LIST_FIT_ROWS * count, EXACT_ROWS), rows=rows)
    some = drawn[np.linspace(0, len(drawn) - 1, min(len(drawn), AXES_FIT_ROWS)).astype(int)]
    _, axes = np.linalg.eigh(np.cov(np.asarray(vectors[some], np.float32), rowvar=False))
    turn = np.ascontiguousarray(axes[:, -LIST_DIMENSIONS:], dtype=np.float32)
    means = faiss.Kmeans(turn.shape[1], count, niter=5, seed=0, min_points_per_centroid=1)
    means.train(np.concatenate([values @ turn for _, values in row_blocks(vectors, rows=drawn)]))
    places = np.empty((len(rows), turn.shape[1]), np.float16)
    nearest = np.zeros((2, len(rows)), np.int32)
    for block, values in row_blocks(vectors, rows=rows):
        turned = np.ascontiguousarray(values @ turn)
        places[block], nearest[:, block] = turned, means.index.search(turned, 2)[1].T
    return places, list(nearest)


class _Events:
    """Heads of events and the pictures that each is seen in, of which another event's must be none."""

    def __init__(
        self,
        vectors: np.ndarray,
        rows: np.ndarray,
        places: np.ndarray,
        close: float,
        views: Views | None,
        tracks: np.ndarray,
    ) -> None:
        self.vectors, self.rows, self.places, self.close, self.views = vectors, rows, places, close, views
        self.tracks, self.by_track = tracks, np.argsort(tracks, kind="stable").astype(np.int32)
        self.pictures: dict[int, set[int]] = {}  # of events with followers, by place

    def join(self, places: np.ndarray) -> np.ndarray:
        """Join each of the rows to the first before it that is the same and a head; return heads of all.

        Of the heads the first EXACT_ROWS, the rarest, are compared with.
        """
        head, heads = places.copy(), np.zeros(0, np.int64)
        values = self.places[places].astype(np.float32)
        lengths = np.einsum("ij,ij->i", values, values)
        for start in range(0, len(places), BLOCK_ROWS):
            block = np.arange(start, min(start + BLOCK_ROWS, len(places)))
            candidates = np.concatenate([heads, block])
            squared = lengths[block][:, None] + lengths[candidates] - 2 * (values[block] @ values[candidates].T)
            near = squared <= 2 * (self.close + ROUNDING) + HALF_ROUNDING
            near &= np.arange(len(candidates)) < len(heads) + np.arange(len(block))[:, None]  # only those before
            is_head = np.ones(len(candidates), bool)
            for number, candidate in self._same(*np.nonzero(near), places[block], places[candidates]):
                first, own = places[candidates[candidate]], places[block[number]]
                if is_head[candidate] and head[block[number]] == own and self._take_in(first, own):
                    head[block[number]] = first
                    is_head[len(heads) + number] = False
            heads = candidates[is_head][:EXACT_ROWS]
        return head

    def _same(
        self, number: np.ndarray, candidate: np.ndarray, block: np.ndarray, candidates: np.ndarray
    ) -> list[tuple[int, int]]:
        """Return which of these pairs are the same, in order: within a row of the block the first candidate first."""
        own, other = self.rows[block[number]], self.rows[candidates[candidate]]
        limit = np.full(len(own), 1 - self.close - ROUNDING)
        possible = np.ones(len(own), bool)
        if self.views is not None:
            drive, other_drive = self.views.drive[own], self.views.drive[other]
            in_drives = (drive >= 0) & (other_drive >= 0)
            gap = np.abs(self.views.frame[own] - self.views.frame[other])
            followed = in_drives & (drive == other_drive) & (gap <= MEMORY_FRAMES)
            copies = 1 - COPY_SHARE * self.close - ROUNDING
            limit = np.where(in_drives & (drive != other_drive), copies, limit)
            possible = ~followed & (self.views.image[own] != self.views.image[other])
        pairs = np.flatnonzero(possible)
        if not len(pairs):
            return []
        same = pairs[pair_cosines(self.vectors, own[pairs], other[pairs]) >= limit[pairs]]
        return list(zip(number[same].tolist(), candidate[same].tolist(), strict=True))

    def _take_in(self, head: int, row: int) -> bool:
        """Join a row and its followers to a head unless a picture shows both."""
        if self.views is None:
            return True
        own, others = (self.pictures.get(place) or self._pictures_of(place) for place in (row, head))
        if own & others:
            return False
        self.pictures[head] = own | others
        return True

    def _pictures_of(self, place: int) -> set[int]:
        """Return the pictures of all views of a row's track."""
        track = self.tracks[self.rows[place]]
        start, end = (np.searchsorted(self.tracks, track, side, sorter=self.by_track) for side in ("left", "right"))
        return set(self.views.image[self.by_track[start:end]].tolist())


def pair_cosines(vectors: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine of each pair of rows; each row is read once.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        first: Int array (n_pairs,).
        second: Int array (n_pairs,).
    """
    (one, place), (two, other) = (np.unique(rows, return_inverse=True) for rows in (first, second))
    values, others = (np.asarray(vectors[rows], dtype=np.float32) for rows in (one, two))
    if DENSE * len(first) > len(one) * len(two):  # a product of all is quicker than one pair after the other
        return (values @ others.T)[place, other]
    return np.concatenate([
        np.einsum("ij,ij->i", values[place[start : start + PAIRS]], others[other[start : start + PAIRS]])
        for start in range(0, len(first), PAIRS)
    ])  # fmt: skip
