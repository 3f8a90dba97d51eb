"""One event, one entry: group near-duplicates behind the rarest of them, and choose what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..pictures.boxes import SAME_THING_IOU, overlaps
from ..tables import BOX

GROUPED_ROWS = 50_000  # the rarest so many are compared; what stands below them is its own event
BLOCK_ROWS = 512
SAME_PLACE_IOU = 0.5
NEARBY_FRAMES = 10  # pictures of a drive between which a thing can stay in its place
TYPICAL_SHARE = 0.1  # near-duplicates are this much closer than two objects are on average
FOLLOWED, FOLLOWED_IOU = 4, 0.3  # from a picture to the next: times the distance allowed, overlap of the boxes
LEAST_SHARE = 0.2  # of the distance allowed; so close is a near-duplicate wherever it is


def group_duplicates(
    vectors: np.ndarray,
    rarity: np.ndarray,
    *,
    similarity: float,
    places: pd.DataFrame | None = None,
) -> np.ndarray:
    """Group objects that show the same event, each behind the rarest of its group.

    From the rarest down, an object joins the first one before it that shows the same, else it stands for itself; so
    no chain of small steps joins what differs. Two objects show the same where their vectors are much closer than is
    usual in this data (a tenth of the mean distance, and within the similarity), or where the similarity is reached
    in the same place of nearby pictures of a drive. In one picture, only boxes that overlap show the same. What can
    be followed from picture to picture of a drive is one thing, however far it moves.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        rarity: Float array (n,), higher is rarer.
        similarity: Cosine that two objects of one event reach at least, unless they overlap in one picture.
        places: Rows in the order of the vectors: image_id, group (drive), frame (number of the picture within its
            drive), class_name, and the box [px]; by default vectors alone decide.

    Returns:
        Int array (n,): the row of the rarest object of each object's event, itself when it is that.
    """
    order = np.argsort(-np.asarray(rarity), kind="stable")[:GROUPED_ROWS]
    ranked = np.asarray(vectors[order], dtype=np.float32)
    close = 1 - duplicate_distance(vectors, similarity=similarity)
    where = None if places is None else _encode(places.iloc[order])
    head_of, heads = np.arange(len(order)), np.zeros(0, np.int64)
    for start in range(0, len(order), BLOCK_ROWS):
        block = np.arange(start, min(start + BLOCK_ROWS, len(order)))
        candidates = np.concatenate([heads, block])
        cosine = ranked[block] @ ranked[candidates].T + 1e-6
        same = cosine >= close
        if where is not None:
            _look_at_places(same, cosine >= similarity, block, candidates, where)
        heads = _join(same, block, candidates, head_of)
    if where is not None:
        links = follow_objects(where, ranked, similarity=1 - FOLLOWED * (1 - similarity))
        head_of = _keep_tracks_whole(head_of, links)
    event = np.arange(len(rarity))
    event[order] = order[head_of]
    return event


def follow_objects(where: Mapping[str, np.ndarray], vectors: np.ndarray, *, similarity: float) -> np.ndarray:
    """Link each object to the one in the next picture of its drive that shows the same thing a moment later.

    Both are of one class and look alike, and of all that do, each overlaps the other most.

    Args:
        where: Arrays (n, ...): group (drive), frame (number of the picture within its drive), class_name, all as
            numbers, and xyxy, the boxes [px]; group -1 is no drive.
        vectors: Unit rows, float array of shape (n, dim).
        similarity: Cosine that two views reach at least.

    Returns:
        Int array (m, 2) of rows: earlier, later.
    """
    order = np.lexsort([where["frame"], where["group"]])
    picture = np.stack([where["group"][order], where["frame"][order]])
    starts = np.flatnonzero(np.r_[True, (np.diff(picture) != 0).any(axis=0)][: len(order)])
    pictures = np.split(order, starts[1:])
    links = [np.zeros((0, 2), np.int64)]
    for now, then in pairwise(pictures):
        follows = where["frame"][then[0]] == where["frame"][now[0]] + 1
        if where["group"][now[0]] != where["group"][then[0]] or where["group"][now[0]] < 0 or not follows:
            continue
        iou, _ = overlaps(where["xyxy"][now], where["xyxy"][then])
        alike = (vectors[now] @ vectors[then].T >= similarity) & (
            where["class_name"][now][:, None] == where["class_name"][then][None, :]
        )
        iou = np.where(alike & (iou >= FOLLOWED_IOU), iou, 0)
        best = np.flatnonzero(iou.max(axis=1) > 0)
        best = best[iou[:, iou[best].argmax(axis=1)].argmax(axis=0) == best]
        links.append(np.stack([now[best], then[iou[best].argmax(axis=1)]], axis=1))
    return np.concatenate(links)


def duplicate_distance(vectors: np.ndarray, *, similarity: float) -> float:
    """Return the cosine distance within which two objects are near-duplicates wherever they are.

    A tenth of the mean distance of two objects, as the scale of cosines differs between embedders; at most what the
    similarity allows, and at least a fifth of that.
    """
    allowed = 1 - similarity
    centre = np.asarray(vectors, dtype=np.float32).mean(axis=0) if len(vectors) else np.zeros(1)
    return float(np.clip(TYPICAL_SHARE * (1 - centre @ centre), LEAST_SHARE * allowed, allowed))


def number_frames(images: pd.DataFrame) -> pd.Series:
    """Return the number of each picture within its drive, by image_id: camera by camera, in order of time, else path.

    Cameras are far apart, so that nothing is followed from the last picture of one to the first of the next.
    """
    table = images.drop_duplicates("image_id")
    within = [name for name in ("camera", "timestamp", "path") if name in table]
    table = table.sort_values(within or "image_id", kind="stable")
    number = table.groupby("group").cumcount().to_numpy()
    if "camera" in table:
        number = number + 2 * NEARBY_FRAMES * table.groupby("group")["camera"].transform(_dense_rank).to_numpy()
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


def _encode(places: pd.DataFrame) -> dict[str, np.ndarray]:
    columns = ("image_id", "group", "class_name")
    codes = {name: np.unique(places[name].to_numpy(str), return_inverse=True)[1] for name in columns}
    codes["group"] = np.where(places["group"].to_numpy(str) == "", -1, codes["group"])
    xyxy = places[BOX].to_numpy(float)
    return {**codes, "frame": places["frame"].to_numpy(np.int32), "xyxy": xyxy}


def _look_at_places(
    same: np.ndarray, similar: np.ndarray, block: np.ndarray, candidates: np.ndarray, where: dict[str, np.ndarray]
) -> None:
    """Change in place which of the block (rows) show the same as which candidates (columns)."""

    def both(name: str) -> np.ndarray:
        return where[name][block][:, None] == where[name][candidates][None, :]

    one_picture = both("image_id")
    apart = np.abs(where["frame"][block][:, None] - where["frame"][candidates][None, :])
    nearby = similar & ~same & ~one_picture & both("group") & both("class_name") & (apart <= NEARBY_FRAMES)
    for pairs, least in ((one_picture, SAME_THING_IOU), (nearby, SAME_PLACE_IOU)):
        rows, columns = np.nonzero(pairs)
        same[rows, columns] = _pair_iou(where["xyxy"][block[rows]], where["xyxy"][candidates[columns]]) >= least


def _pair_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    areas = [(xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1) for xyxy in (first, second)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)


def _join(same: np.ndarray, block: np.ndarray, candidates: np.ndarray, head_of: np.ndarray) -> np.ndarray:
    """Join each of the block to the first head before it that shows the same; return all heads."""
    n_heads = len(candidates) - len(block)
    is_head = np.arange(len(candidates)) < n_heads
    for number, row in enumerate(block):
        before = same[number] & is_head
        if before.any():
            head_of[row] = candidates[before.argmax()]
        else:
            is_head[n_heads + number] = True
    return candidates[is_head]


def _keep_tracks_whole(head_of: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Let all that is followed stand where its first row stands; groups are not chained by that."""
    graph = coo_array((np.ones(len(links), bool), tuple(links.T)), shape=(len(head_of),) * 2)
    _, track = connected_components(graph, directed=False)
    first = np.unique(track, return_index=True)[1][track]
    head = head_of[first]
    return np.where(head[head] == head, head, first)  # else the head itself has moved with its track


def _dense_rank(values: pd.Series) -> np.ndarray:
    return np.unique(values.to_numpy(str), return_inverse=True)[1]


def _position_within(groups: np.ndarray) -> np.ndarray:
    order = np.argsort(groups, kind="stable")
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    position = np.empty(len(groups), int)
    position[order] = np.arange(len(groups)) - np.repeat(starts, counts)
    position[groups == ""] = -1
    return position
