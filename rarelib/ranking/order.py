"""The order in which objects are shown: the rarest first, spread over pictures, drives and events."""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..pictures.boxes import box_corners, pair_overlaps

# what a further entry keeps of its worth; benchmarks/spread.py: best or equal on road anomalies, seen and pasted
SAME_PICTURE = 0.8  # for each earlier one of its picture
OVERLAPPING = 0.3  # where it overlaps one that was shown
SAME_EVENT = 0.5  # where its event was shown
DOUBLED_DRIVE = 0.9  # for each doubling of what its drive has shown
LEAST_DRIVES = 5  # with fewer, a drive may be no more than the folder that all pictures lie in
SPREAD_ROWS = 200_000  # beyond, what was shown before takes nothing more from what follows
PAIRED_ROWS = 200_000  # rows whose pairs are compared at once
OVERLAP_IOU, OVERLAP_INSIDE = 0.3, 0.6  # from which two boxes of a picture overlap


@dataclass(frozen=True)
class Places:
    """What the order knows of each object: number of its picture, drive (-1 for none), event; whether a proposal."""

    picture: np.ndarray
    drive: np.ndarray
    event: np.ndarray
    proposal: np.ndarray
    xyxy: np.ndarray

    def apart(self) -> Places:
        """Return them as if nothing shared a picture, a drive or an event."""
        number = np.arange(len(self.picture), dtype=np.int32)
        return replace(self, picture=number, drive=np.full(len(number), np.int32(-1)), event=number)


def places_of(table: pd.DataFrame, event: np.ndarray, proposal: np.ndarray) -> Places:
    """Return the places of objects with image_id, group and the box; `event` is the row of each one's head."""
    picture, drive = (pd.factorize(table[name])[0].astype(np.int32) for name in ("image_id", "group"))
    drive = np.where((table["group"] == "").to_numpy(bool), np.int32(-1), drive)
    return Places(picture, drive, np.asarray(event), np.asarray(proposal, bool), box_corners(table))


def worth_left(places: Places, shown: np.ndarray) -> np.ndarray:
    """Return what share of its worth each object keeps after others of its picture, drive or place were shown.

    Args:
        places: Of the objects.
        shown: Bool array (n,), those that were shown.

    Returns:
        Float array (n,) in (0, 1].
    """
    pictures, drives = (number[shown] for number in (places.picture, places.drive))
    left = SAME_PICTURE ** np.bincount(pictures, minlength=places.picture.max(initial=-1) + 1)[places.picture]
    of_drive = np.bincount(drives[drives >= 0], minlength=places.drive.max(initial=-1) + 1)
    left *= np.where(places.drive >= 0, DOUBLED_DRIVE ** np.log2(1 + np.append(of_drive, 0)[places.drive]), 1)
    rows = np.flatnonzero(np.isin(places.picture, pictures))
    starts, overlapping = overlapping_rows(places.picture[rows], places.xyxy[rows])
    covered = rows[overlapping[np.repeat(shown[rows], np.diff(starts))]]
    left[np.unique(covered)] *= OVERLAPPING
    return left


def spread_order(rarity: np.ndarray, places: Places, *, proposal_share: float = 1.0, least: int = 0) -> np.ndarray:
    """Order objects by what each still adds: an entry counts less the more of its picture, drive and event was shown.

    Each step takes the one of highest worth, its rarity times what earlier entries leave of it (greedy, as in maximal
    marginal relevance, Carbonell and Goldstein 1998).

    Args:
        rarity: Float array (n,) in [0, 1], higher is rarer.
        places: Of the objects, in the same order.
        proposal_share: Share of proposals that no beginning of the order exceeds, rounded up, while detected objects
            are left, so that things that are none cannot push all others away.
        least: So many are chosen in this way at least, and SPREAD_ROWS in any case; those after them, which no page
            reaches, stand in the order of what they add to these.

    Returns:
        Int array (n,) of rows in the order in which they are shown; equals in the order of the rows.
    """
    shown_rarity = np.asarray(rarity, dtype=float)
    shown = _Shown(shown_rarity, places)
    detected, proposals = (
        _Queue(shown, np.flatnonzero(rows), shown_rarity) for rows in (~places.proposal, places.proposal)
    )
    order = array("i")
    n_proposals, exact = 0, max(least, SPREAD_ROWS)
    for _ in range(len(shown_rarity)):
        if len(order) == exact:
            detected, proposals = detected.frozen(), proposals.frozen()
        first, other = detected.best(), proposals.best()
        allowed = first is None or n_proposals + 1 <= math.ceil(proposal_share * (len(order) + 1))
        takes_proposal = other is not None and allowed and (first is None or other < first)
        n_proposals += takes_proposal
        order.append(shown.show((proposals if takes_proposal else detected).pop()))
    return np.array(order, dtype=np.int64)


def limit_proposals(order: np.ndarray, heads: np.ndarray, proposal: np.ndarray, share: float) -> np.ndarray:
    """Return the order with proposals moved back among the entries of a page, where they would exceed their share.

    Further views of an event are no entries; they stay where they are, and count on neither side.

    Args:
        order: Rows as they are shown.
        heads: Bool array (n,), the entries, one of each event.
        proposal: Bool array (n,).
        share: Share of proposals that no beginning of the entries exceeds, rounded up, while others are left.

    Returns:
        Int array (n,).
    """
    places = np.flatnonzero(heads[order])
    entries = order[places]
    of_proposals = proposal[entries]
    detected, proposals = (
        array("i", np.flatnonzero(kind).astype(np.int32).tobytes()) for kind in (~of_proposals, of_proposals)
    )
    limited, taken = array("i"), 0
    for number in range(len(entries)):
        other = number - taken  # of the detected
        allowed = other == len(detected) or taken + 1 <= math.ceil(share * (number + 1))
        first = other == len(detected) or (taken < len(proposals) and proposals[taken] < detected[other])
        takes = allowed and first
        limited.append(proposals[taken] if takes else detected[other])
        taken += takes
    moved = order.copy()
    moved[places] = entries[np.array(limited, dtype=np.int64)]
    return moved


class _Shown:
    """What was shown so far, and what that leaves of each object's worth; worth only falls, so queues may be lazy."""

    def __init__(self, rarity: np.ndarray, places: Places) -> None:
        # arrays of Python's own: as small as numpy's, and as quick as lists where one number is asked for
        self.rarity = array("d", rarity.tobytes())
        self.picture, self.drive, self.event = (
            array("i", np.asarray(of, np.int32).tobytes()) for of in (places.picture, places.drive, places.event)
        )
        starts, overlapping = overlapping_rows(places.picture, places.xyxy)
        self.starts, self.overlapping = array("q", starts.tobytes()), array("i", overlapping.tobytes())
        self.of_picture, self.of_drive = (
            array("i", bytes(4 * (max(of, default=-1) + 1))) for of in (self.picture, self.drive)
        )
        self.event_shown, self.covered = bytearray(len(rarity)), bytearray(len(rarity))

    def worth(self, row: int) -> float:
        """Return what an object still adds."""
        drive = self.drive[row]
        kept = SAME_PICTURE ** self.of_picture[self.picture[row]]
        kept *= DOUBLED_DRIVE ** math.log2(1 + self.of_drive[drive]) if drive >= 0 else 1.0
        kept *= OVERLAPPING if self.covered[row] else 1.0
        kept *= SAME_EVENT if self.event_shown[self.event[row]] else 1.0
        return self.rarity[row] * kept

    def show(self, row: int) -> int:
        """Count an object as shown and return it."""
        self.of_picture[self.picture[row]] += 1
        if self.drive[row] >= 0:
            self.of_drive[self.drive[row]] += 1
        self.event_shown[self.event[row]] = 1
        for place in range(self.starts[row], self.starts[row + 1]):
            self.covered[self.overlapping[place]] = 1
        return row


class _Queue:
    """Rows by what they still add; those that nothing was taken from yet wait outside of the heap, in order."""

    def __init__(self, shown: _Shown, rows: np.ndarray, rarity: np.ndarray) -> None:
        self.shown = shown
        self.waiting = array("i", rows[np.argsort(-rarity[rows], kind="stable")].astype(np.int32).tobytes())
        self.next, self.heap = 0, []  # of (minus worth, row)

    def best(self) -> tuple[float, int] | None:
        """Bring the entry of highest present worth to the top of the heap and return it; None for none left."""
        shown, heap = self.shown, self.heap
        while self.next < len(self.waiting) or heap:
            if self.next < len(self.waiting):
                row = self.waiting[self.next]
                entry = (-shown.rarity[row], row)
                if not heap or entry < heap[0]:
                    heapq.heappush(heap, entry)
                    self.next += 1
            told, row = heap[0]
            worth = -shown.worth(row)
            if worth <= told:
                return heap[0]
            heapq.heapreplace(heap, (worth, row))
        return None

    def frozen(self) -> _Frozen:
        """Return what is left in the order of what it adds now."""
        rows = array("i", (row for _, row in self.heap)) + self.waiting[self.next :]
        told = np.fromiter((-self.shown.worth(row) for row in rows), np.float64, len(rows))
        order = np.lexsort([rows, told])
        return _Frozen(np.asarray(rows)[order], told[order])

    def pop(self) -> int:
        """Take the entry away that `best` returned, and return its row."""
        return heapq.heappop(self.heap)[1]


class _Frozen:
    """A queue whose rows keep their worth."""

    def __init__(self, rows: np.ndarray, told: np.ndarray) -> None:
        self.left = zip(array("d", told.tobytes()), array("i", rows.tobytes()), strict=True)
        self.first = next(self.left, None)

    def best(self) -> tuple[float, int] | None:
        """Return minus worth and row of the first that is left; None for none."""
        return self.first

    def pop(self) -> int:
        """Take the first away and return its row."""
        row, self.first = self.first[1], next(self.left, None)
        return row


def overlapping_rows(picture: np.ndarray, xyxy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find for each row those of its picture whose boxes overlap it.

    Args:
        picture: Number of the picture of each row (n,).
        xyxy: Boxes (n, 4) [px].

    Returns:
        Where those of each row begin, int64 (n + 1,), and all of them one after the other, int32.
    """
    found = [np.zeros((0, 2), np.int32)]
    for first, second in rows_together(picture):
        iou, own, other = pair_overlaps(xyxy[first], xyxy[second])
        same = (iou >= OVERLAP_IOU) | (np.maximum(own, other) >= OVERLAP_INSIDE)
        pairs = np.stack([first[same], second[same]], axis=1).astype(np.int32)
        found += [pairs, pairs[:, ::-1]]
    one, two = np.concatenate(found).T
    starts = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=len(picture)))])
    return starts.astype(np.int64), np.ascontiguousarray(two[np.argsort(one, kind="stable")])


def rows_together(picture: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all pairs of rows of one picture, those at one distance within it at a time."""
    in_order = np.argsort(picture, kind="stable")
    ends = np.flatnonzero(np.diff(picture[in_order], append=-1)) + 1
    start = 0
    while start < len(in_order):
        end = ends[min(np.searchsorted(ends, start + PAIRED_ROWS), len(ends) - 1)]
        rows = in_order[start:end]
        for apart in range(1, int(np.bincount(picture[rows] - picture[rows].min()).max())):
            first, second = rows[:-apart], rows[apart:]
            same = picture[first] == picture[second]
            yield first[same], second[same]
        start = end


def choose_first(
    order: np.ndarray, allowed: np.ndarray, *, budget: int, drive: np.ndarray, max_per_group: int | None
) -> np.ndarray:
    """Choose the first so many of an order.

    Args:
        order: Rows as they are shown.
        allowed: Bool array (n,), the rows that may be chosen.
        budget: How many are chosen at most.
        drive: Int array (n,), -1 for none, which has no limit.
        max_per_group: At most this many of one drive; None for no limit.

    Returns:
        Bool array (n,).
    """
    rows = order[allowed[order]]
    if max_per_group is not None:
        position = pd.Series(drive[rows]).groupby(drive[rows]).cumcount().to_numpy()
        rows = rows[(position < max_per_group) | (drive[rows] < 0)]
    chosen = np.zeros(len(order), bool)
    chosen[rows[:budget]] = True
    return chosen
