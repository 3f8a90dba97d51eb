"""One event, one entry: group near-duplicates behind the rarest of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..pictures.boxes import box_corners, pair_overlaps
from ..tables import is_proposal
from .copies import join_copies, pair_cosines
from .order import overlapping_rows, rows_together
from .stored import mean_row
from .tracks import MEMORY_FRAMES, Views, follow_things

TYPICAL_SHARE = 0.1  # near-duplicates are this much closer than two objects are on average
# a proposal and what it overlaps, and a detection and another that it lies within, hold one thing where they are this
# much closer than two objects are; by benchmarks/events.py: less leaves more repeats, more joins what differs
ALIKE, ALIKE_WITHIN = 0.8, 0.5
LEAST_PART = 0.1  # of either box that the other takes: less is another thing, as a walker in a guess of a street
WITHIN = 0.9  # of a box inside another: lies within it; from 0.6 on precision falls by a hundredth
AGREEING = 0.5  # of the pairs of views of two events in one picture, the least share that must hold one thing
COMPARED_ROWS = 20_000  # whose vectors are read at once
LEAST_SHARE = 0.2  # of the distance allowed; so close is a near-duplicate wherever it is


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
    head[speakers] = join_copies(vectors, speakers, close, views, tracks)
    return head[speaker]


def join_overlapping(event: np.ndarray, rarity: np.ndarray, vectors: np.ndarray, places: pd.DataFrame) -> np.ndarray:
    """Join events to what their views overlap in their pictures, where both are alike and one is part of the other.

    A proposal is a detector's guess, and it makes several of one thing; so it is one with what it overlaps. Detections
    that overlap are two things, such as a car before a car, but where one lies within the other and looks like it; none
    stands behind a guess. Each box takes at least a tenth of the other. Where views of two events are in one picture,
    at least half of them have to agree. From the rarest down an event joins the rarest before it that joined no other.
    Two that join the same one need not overlap each other: parts of a thing hardly do, and to refuse them left more
    repeats and lost more rare things (benchmarks/events.py).

    Args:
        event: Row of the head of each object's event (n,), from group_duplicates.
        rarity: Float array (n,), higher is rarer.
        vectors: Unit rows, float array of shape (n, dim).
        places: As for group_duplicates, with origin.

    Returns:
        Int array (n,), as `event`.
    """
    place = np.empty(len(event), np.int64)
    place[np.argsort(-np.asarray(rarity), kind="stable")] = np.arange(len(event))
    picture, xyxy = pd.factorize(places["image_id"])[0].astype(np.int32), box_corners(places)
    starts, two = overlapping_rows(picture, xyxy)
    one = np.repeat(np.arange(len(event), dtype=np.int32), np.diff(starts))
    later = place[event[two]] < place[event[one]]
    one, two = one[later], two[later]
    same = _hold_one_thing(one, two, vectors, xyxy, is_proposal(places))
    joined, times = np.unique(event[one[same]] * len(event) + event[two[same]], return_counts=True)
    agreeing = times >= AGREEING * _times_together(joined, event, place, picture)
    own, other = np.divmod(joined[agreeing], len(event))
    rarest_first = np.lexsort([place[other], place[own]])
    head = np.arange(len(event))
    for row, to in zip(own[rarest_first].tolist(), other[rarest_first].tolist(), strict=True):
        if head[row] == row and head[to] == to:
            head[row] = to
    return head[event]


def _hold_one_thing(
    one: np.ndarray, two: np.ndarray, vectors: np.ndarray, xyxy: np.ndarray, proposal: np.ndarray
) -> np.ndarray:
    """Mark the pairs of overlapping boxes that hold one thing, in parts; `one` is of the event that would join."""
    same, mean = np.zeros(len(one), bool), mean_distance(vectors)
    for start in range(0, len(one), COMPARED_ROWS):
        first, second = (rows[start : start + COMPARED_ROWS] for rows in (one, two))
        _, own, other = pair_overlaps(xyxy[first], xyxy[second])
        within = ~proposal[second] & (np.maximum(own, other) >= WITHIN)
        allowed = np.where(proposal[first], ALIKE, np.where(within, ALIKE_WITHIN, -1.0))
        allowed[np.minimum(own, other) < LEAST_PART] = -1.0
        asked = np.flatnonzero(allowed > 0)
        if len(asked):
            apart = 1 - pair_cosines(vectors, first[asked], second[asked])
            same[start + asked] = apart <= allowed[asked] * mean
    return same


def _times_together(joined: np.ndarray, event: np.ndarray, place: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Count the views of each pair of events that are in one picture, in pairs.

    Args:
        joined: Row of the later head times n and that of the earlier, sorted (n_pairs,).
        event: Row of the head of each object's event (n,).
        place: Place of each row, the rarest first (n,).
        picture: Number of each row's picture (n,).
    """
    times = np.zeros(len(joined), np.int64)
    for first, second in rows_together(picture):
        one, two = event[first], event[second]
        key = np.where(place[one] > place[two], one * len(event) + two, two * len(event) + one)
        found = np.searchsorted(joined, key)
        times += np.bincount(found[np.append(joined, -1)[found] == key], minlength=len(joined))
    return times


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
    centre = mean_row(vectors)
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


def _dense_rank(values: pd.Series) -> np.ndarray:
    return np.unique(values.to_numpy(str), return_inverse=True)[1]
