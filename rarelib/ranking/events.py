"""One event, one entry: group near-duplicates behind the rarest of them, and choose what is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from .nearest import draw_rows, row_blocks
from .tracks import MEMORY_FRAMES, Views, follow_things

LIST_ROWS = 1_000  # of about so many that are alike each is compared with each
EXACT_ROWS = 8_000  # up to here all with all
LIST_DIMENSIONS, LIST_FIT_ROWS = 32, 40  # leading directions in which lists are found; rows a list is learned from
BLOCK_ROWS = 512
ROUNDING = 1e-6  # of a cosine of float32
TYPICAL_SHARE = 0.1  # near-duplicates are this much closer than two objects are on average
LEAST_SHARE = 0.2  # of the distance allowed; so close is a near-duplicate wherever it is
COPY_SHARE = 0.05  # of the distance of near-duplicates: so close is a copy, though it is from another drive


def group_duplicates(
    vectors: np.ndarray,
    rarity: np.ndarray,
    *,
    similarity: float,
    places: pd.DataFrame | None = None,
    tracks: np.ndarray | None = None,
) -> np.ndarray:
    """Group objects that show the same event, each behind the rarest of its group.

    What can be followed through the pictures of a drive, and boxes of one picture that overlap, are one thing. From
    the rarest down, each thing joins the first one before it that its rarest view is a near-duplicate of, else it
    stands for itself; so no chain of small steps joins what differs. Near-duplicates are much closer than is usual in
    this data (a tenth of the mean distance, and within the similarity); in two drives only copies are, as different
    things of two places look alike. Two boxes of one picture that do not overlap are never one event, nor are two in
    pictures of a drive so near that one thing would have been followed. Time grows in step with the objects.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        rarity: Float array (n,), higher is rarer.
        similarity: Cosine that near-duplicates reach at least.
        places: Rows in the order of the vectors: image_id, group (drive), frame (number of the picture within its
            drive), class_name, the box [px], and width and height of the picture where known; by default vectors
            alone decide.
        tracks: From find_tracks, where several groupings of the same objects are wanted; by default found here.

    Returns:
        Int array (n,): the row of the rarest object of each object's event, itself when it is that.
    """
    order = np.argsort(-np.asarray(rarity), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    close = duplicate_distance(vectors, similarity=similarity)
    views = None if places is None else Views.of(places)
    tracks = find_tracks(vectors, places) if tracks is None else tracks
    first = np.full(len(order), len(order))
    np.minimum.at(first, tracks, place)
    speaker = order[first[tracks]]  # the rarest view of each row's track
    speakers = order[np.flatnonzero(speaker[order] == order)]
    head = np.arange(len(order))
    head[speakers] = _join_copies(vectors, speakers, close, views)
    return head[speaker]


def find_tracks(vectors: np.ndarray, places: pd.DataFrame | None) -> np.ndarray:
    """Return for each row the first row of its track, what is surely one thing, whatever its rarity; int array (n,).

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        places: As for group_duplicates; without places each row is a track of its own.
    """
    if places is None:
        return np.arange(len(vectors))
    return follow_things(Views.of(places), vectors, mean_distance=mean_distance(vectors))


def mean_distance(vectors: np.ndarray) -> float:
    """Return the mean cosine distance of two objects."""
    if not len(vectors):
        return 1.0
    total = np.zeros(vectors.shape[1])
    for _, rows in row_blocks(vectors):
        total += rows.sum(axis=0, dtype=np.float64)
    centre = total / len(vectors)
    return float(1 - centre @ centre)


def duplicate_distance(vectors: np.ndarray, *, similarity: float) -> float:
    """Return the cosine distance within which two objects are near-duplicates wherever they are.

    A tenth of the mean distance of two objects, as the scale of cosines differs between embedders; at most what the
    similarity allows, and at least a fifth of that.
    """
    allowed = 1 - similarity
    return float(np.clip(TYPICAL_SHARE * mean_distance(vectors), LEAST_SHARE * allowed, allowed))


def number_frames(images: pd.DataFrame) -> pd.Series:
    """Return the number of each picture within its drive, by image_id: camera by camera, in order of time, else path.

    Cameras are far apart, so that nothing is followed from the last picture of one to the first of the next.
    """
    table = images.drop_duplicates("image_id")
    within = [name for name in ("camera", "timestamp", "path") if name in table]
    table = table.sort_values(within or "image_id", kind="stable")
    number = table.groupby("group").cumcount().to_numpy()
    if "camera" in table:
        number = number + 2 * MEMORY_FRAMES * table.groupby("group")["camera"].transform(_dense_rank).to_numpy()
    return pd.Series(number, index=table["image_id"].to_numpy())


def choose_events(
    event: np.ndarray,
    rarity: np.ndarray,
    *,
    budget: int,
    groups: Sequence[str] | None = None,
    max_per_group: int | None = None,
) -> np.ndarray:
    """Choose the rarest events, at most so many of one drive or scene.

    Args:
        event: From group_duplicates.
        rarity: Float array (n,), higher is rarer.
        budget: How many objects are chosen at most.
        groups: Drive or scene of each row; "" is none and has no limit.
        max_per_group: At most this many of one drive or scene; None for no limit.

    Returns:
        Bool array (n,), True for the best object of each chosen event.
    """
    rows = np.argsort(-np.asarray(rarity), kind="stable")
    rows = rows[event[rows] == rows]
    if max_per_group is not None and groups is not None and len(rows):
        rows = rows[_position_within(np.asarray(groups, str)[rows]) < max_per_group]
    chosen = np.zeros(len(event), bool)
    chosen[rows[:budget]] = True
    return chosen


def _join_copies(vectors: np.ndarray, rows: np.ndarray, close: float, views: Views | None) -> np.ndarray:
    """Return for each of the rows, rarest first, the row before it that it is a near-duplicate of, or itself."""
    head = rows.copy()
    events = _Events(vectors, close, views)
    for lists in _list_alike(vectors, rows):  # what the first leaves alone is compared once more in the second
        left = np.flatnonzero(head == rows)
        left = left[np.argsort(lists[left], kind="stable")]
        for part in np.split(left, np.flatnonzero(np.diff(lists[left])) + 1):
            head[part] = events.join(rows[part])
    of_row = np.arange(len(vectors))
    of_row[rows] = head
    while (of_row[head] != head).any():  # what it joined first may have joined another in the second
        head = of_row[head]
    return head


def _list_alike(vectors: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Number lists of rows that are alike: the nearest of each row and its second nearest, int arrays (n,)."""
    if len(rows) <= EXACT_ROWS:
        return [np.zeros(len(rows), np.int64)]
    import faiss

    count = len(rows) // LIST_ROWS
    sample = np.asarray(vectors[draw_rows(vectors, max(LIST_FIT_ROWS * count, EXACT_ROWS), rows=rows)], np.float32)
    _, axes = np.linalg.eigh(np.cov(sample, rowvar=False))
    turn = np.ascontiguousarray(axes[:, -LIST_DIMENSIONS:], dtype=np.float32)
    means = faiss.Kmeans(turn.shape[1], count, niter=5, seed=0, min_points_per_centroid=1)
    means.train(sample @ turn)
    nearest = np.zeros((len(rows), 2), np.int64)
    for block, values in row_blocks(vectors, rows=rows):
        _, nearest[block] = means.index.search(np.ascontiguousarray(values @ turn), 2)
    return list(nearest.T)


class _Events:
    """Heads of events and the pictures that each is seen in, of which another event's must be none."""

    def __init__(self, vectors: np.ndarray, close: float, views: Views | None) -> None:
        self.vectors, self.close, self.views = vectors, close, views
        self.pictures: defaultdict[int, set[int]] = defaultdict(set)

    def join(self, rows: np.ndarray) -> np.ndarray:
        """Join each of the rows to the first before it that is the same and a head; return heads of all."""
        head, heads = rows.copy(), np.zeros(0, np.int64)
        values = np.asarray(self.vectors[rows], dtype=np.float32)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = np.arange(start, min(start + BLOCK_ROWS, len(rows)))
            candidates = np.concatenate([heads, block])
            same = self._same(rows[block], rows[candidates], values[block] @ values[candidates].T)
            same &= np.arange(len(candidates)) < len(heads) + np.arange(len(block))[:, None]  # only those before
            is_head = np.ones(len(candidates), bool)
            for number in np.flatnonzero(same.any(axis=1)):
                for candidate in np.flatnonzero(same[number] & is_head):
                    if self._take_in(rows[candidates[candidate]], rows[block[number]]):
                        head[block[number]] = rows[candidates[candidate]]
                        is_head[len(heads) + number] = False
                        break
            heads = candidates[is_head]
        return head

    def _same(self, rows: np.ndarray, candidates: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        same = cosine >= 1 - self.close - ROUNDING
        if self.views is None:
            return same

        def pair(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return values[rows][:, None], values[candidates][None, :]

        (drive, other), (frame, other_frame) = pair(self.views.drive), pair(self.views.frame)
        in_drives = (drive >= 0) & (other >= 0)
        followed = in_drives & (drive == other) & (np.abs(frame - other_frame) <= MEMORY_FRAMES)
        copies = cosine >= 1 - COPY_SHARE * self.close - ROUNDING
        return same & ~followed & (copies | ~in_drives | (drive == other)) & np.not_equal(*pair(self.views.image))

    def _take_in(self, head: int, row: int) -> bool:
        """Join a row and its followers to a head unless a picture shows both."""
        if self.views is None:
            return True
        images = self.views.image
        own, others = self.pictures[row] | {images[row]}, self.pictures[head] | {images[head]}
        if own & others:
            return False
        self.pictures[head] = own | others
        return True


def _dense_rank(values: pd.Series) -> np.ndarray:
    return np.unique(values.to_numpy(str), return_inverse=True)[1]


def _position_within(groups: np.ndarray) -> np.ndarray:
    order = np.argsort(groups, kind="stable")
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    position = np.empty(len(groups), int)
    position[order] = np.arange(len(groups)) - np.repeat(starts, counts)
    position[groups == ""] = -1
    return position
