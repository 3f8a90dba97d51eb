"""The order in which objects are shown: the rarest first, spread over pictures, drives and events."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..pictures.boxes import pair_overlaps
from ..tables import BOX

# what a further entry keeps of its worth; benchmarks/spread.py: best or equal on road anomalies, seen and pasted
SAME_PICTURE = 0.8  # for each earlier one of its picture
OVERLAPPING = 0.3  # where it overlaps one that was shown
SAME_EVENT = 0.5  # where its event was shown
DOUBLED_DRIVE = 0.9  # for each doubling of what its drive has shown
OVERLAP_IOU, OVERLAP_INSIDE = 0.3, 0.6  # from which two boxes of a picture overlap


@dataclass(frozen=True)
class Places:
    """What the order knows of each object: number of its picture, drive (-1 for none), event; whether a proposal."""

    picture: np.ndarray
    drive: np.ndarray
    event: np.ndarray
    proposal: np.ndarray
    xyxy: np.ndarray


def places_of(table: pd.DataFrame, event: np.ndarray, proposal: np.ndarray) -> Places:
    """Return the places of objects with image_id, group and the box; `event` is the row of each one's head."""
    picture, drive = (np.unique(table[name].to_numpy(str), return_inverse=True)[1] for name in ("image_id", "group"))
    drive = np.where(table["group"].to_numpy(str) == "", -1, drive)
    return Places(picture, drive, np.asarray(event), np.asarray(proposal, bool), table[BOX].to_numpy(float))


def spread_order(rarity: np.ndarray, places: Places, *, proposal_share: float = 1.0) -> np.ndarray:
    """Order objects by what each still adds: an entry counts less the more of its picture, drive and event was shown.

    Each step takes the one of highest worth, its rarity times what earlier entries leave of it (greedy, as in maximal
    marginal relevance, Carbonell and Goldstein 1998).

    Args:
        rarity: Float array (n,) in [0, 1], higher is rarer.
        places: Of the objects, in the same order.
        proposal_share: Share of proposals that no beginning of the order exceeds while detected objects are left, so
            that things that are none cannot push all others away.

    Returns:
        Int array (n,) of rows in the order in which they are shown; equals in the order of the rows.
    """
    shown = _Shown(np.asarray(rarity, dtype=float), places)
    detected, proposals = shown.queue(~places.proposal), shown.queue(places.proposal)
    order: list[int] = []
    n_proposals = 0
    while detected or proposals:
        first, other = shown.best(detected), shown.best(proposals)
        allowed = not detected or n_proposals + 1 <= np.ceil(proposal_share * (len(order) + 1))
        takes_proposal = other is not None and allowed and (first is None or other < first)
        n_proposals += takes_proposal
        order.append(shown.show(heapq.heappop(proposals if takes_proposal else detected)[1]))
    return np.array(order, dtype=np.int64)


class _Shown:
    """What was shown so far, and what that leaves of each object's worth; worth only falls, so queues may be lazy."""

    def __init__(self, rarity: np.ndarray, places: Places) -> None:
        self.rarity, self.picture = rarity.tolist(), places.picture.tolist()
        self.drive, self.event = places.drive.tolist(), places.event.tolist()
        self.overlapping = overlapping_rows(places)
        self.of_picture, self.of_drive = {}, {}
        self.events, self.covered = set(), set()

    def queue(self, rows: np.ndarray) -> list[tuple[float, int]]:
        """Return a heap of (minus worth, row) of these rows."""
        heap = [(-self.rarity[row], row) for row in np.flatnonzero(rows).tolist()]
        heapq.heapify(heap)
        return heap

    def best(self, heap: list[tuple[float, int]]) -> tuple[float, int] | None:
        """Bring the entry of highest present worth to the top of a heap and return it; None for an empty one."""
        while heap:
            told, row = heap[0]
            worth = -self.worth(row)
            if worth <= told:
                return heap[0]
            heapq.heapreplace(heap, (worth, row))
        return None

    def worth(self, row: int) -> float:
        """Return what an object still adds."""
        kept = SAME_PICTURE ** self.of_picture.get(self.picture[row], 0)
        kept *= DOUBLED_DRIVE ** math.log2(1 + self.of_drive.get(self.drive[row], 0)) if self.drive[row] >= 0 else 1.0
        kept *= OVERLAPPING if row in self.covered else 1.0
        kept *= SAME_EVENT if self.event[row] in self.events else 1.0
        return self.rarity[row] * kept

    def show(self, row: int) -> int:
        """Count an object as shown and return it."""
        self.of_picture[self.picture[row]] = self.of_picture.get(self.picture[row], 0) + 1
        self.of_drive[self.drive[row]] = self.of_drive.get(self.drive[row], 0) + 1
        self.events.add(self.event[row])
        self.covered.update(self.overlapping.get(row, ()))
        return row


def overlapping_rows(places: Places) -> dict[int, list[int]]:
    """Return for each row those of its picture whose boxes overlap it, where there are any."""
    found: dict[int, list[int]] = {}
    for first, second in _pairs(places.picture):
        iou, own, other = pair_overlaps(places.xyxy[first], places.xyxy[second])
        same = (iou >= OVERLAP_IOU) | (np.maximum(own, other) >= OVERLAP_INSIDE)
        for one, two in zip(first[same].tolist(), second[same].tolist(), strict=True):
            found.setdefault(one, []).append(two)
            found.setdefault(two, []).append(one)
    return found


def _pairs(picture: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all pairs of rows of one picture, those at one distance within it at a time."""
    rows = np.argsort(picture, kind="stable")
    most = np.bincount(picture).max(initial=0)
    for apart in range(1, int(most)):
        first, second = rows[:-apart], rows[apart:]
        same = picture[first] == picture[second]
        yield first[same], second[same]


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
