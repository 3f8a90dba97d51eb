"""One event, one entry: group near-duplicates behind the rarest of them, and choose what is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GROUPED_ROWS = 50_000  # the rarest so many are compared; what stands below them is its own event
BLOCK_ROWS = 1024
SAME_PLACE_IOU = 0.3  # within one picture only boxes that overlap so much can be one object


def group_duplicates(
    vectors: np.ndarray,
    rarity: np.ndarray,
    *,
    similarity: float,
    image_ids: Sequence[str] | None = None,
    xyxy: np.ndarray | None = None,
) -> np.ndarray:
    """Group objects that show the same event, each behind the rarest of its group.

    From the rarest down, an object joins the first one before it whose cosine with it reaches the similarity, else
    it stands for itself. So no chain of small steps joins what differs. Objects side by side in one picture are never
    one event.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        rarity: Float array (n,), higher is rarer.
        similarity: Cosine from which two objects count as the same event.
        image_ids: Picture of each row; with boxes given, two objects of one picture must overlap to be one event.
        xyxy: Boxes (n, 4) [px].

    Returns:
        Int array (n,): the row of the rarest object of each object's event, itself when it is that.
    """
    event = np.arange(len(rarity))
    order = np.argsort(-np.asarray(rarity), kind="stable")[:GROUPED_ROWS]
    pictures = np.unique(np.asarray(image_ids, str), return_inverse=True)[1] if image_ids is not None else None
    heads = np.zeros(0, np.int64)
    for start in range(0, len(order), BLOCK_ROWS):
        block = order[start : start + BLOCK_ROWS]
        candidates = np.concatenate([heads, block])
        same = _similar(vectors, block, candidates, similarity)
        if pictures is not None and xyxy is not None:
            same = _drop_side_by_side(same, block, candidates, pictures, xyxy)
        new = _join(same, block, candidates, event, len(heads))
        heads = np.concatenate([heads, new])
    return event


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


def _similar(vectors: np.ndarray, block: np.ndarray, candidates: np.ndarray, similarity: float) -> np.ndarray:
    same = np.empty((len(block), len(candidates)), bool)
    for start in range(0, len(candidates), 8 * BLOCK_ROWS):
        part = candidates[start : start + 8 * BLOCK_ROWS]
        same[:, start : start + len(part)] = vectors[block] @ vectors[part].T >= similarity - 1e-6
    return same


def _drop_side_by_side(
    same: np.ndarray, block: np.ndarray, candidates: np.ndarray, pictures: np.ndarray, xyxy: np.ndarray
) -> np.ndarray:
    from .boxes import overlaps

    for row, column in np.argwhere(same & (pictures[block][:, None] == pictures[candidates][None, :])):
        one, other = xyxy[[block[row]]], xyxy[[candidates[column]]]
        same[row, column] = overlaps(one, other)[0][0, 0] >= SAME_PLACE_IOU
    return same


def _join(same: np.ndarray, block: np.ndarray, candidates: np.ndarray, event: np.ndarray, n_heads: int) -> np.ndarray:
    is_head = np.arange(len(candidates)) < n_heads
    for number, row in enumerate(block):
        first = (same[number, : n_heads + number] & is_head[: n_heads + number]).argmax() if n_heads + number else 0
        if n_heads + number and same[number, first] and is_head[first]:
            event[row] = candidates[first]
        else:
            is_head[n_heads + number] = True
    return block[is_head[n_heads:]]


def _position_within(groups: np.ndarray) -> np.ndarray:
    order = np.argsort(groups, kind="stable")
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    position = np.empty(len(groups), int)
    position[order] = np.arange(len(groups)) - np.repeat(starts, counts)
    position[groups == ""] = -1
    return position
