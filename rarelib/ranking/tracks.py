"""One thing, many views: boxes of one thing in a picture and in the pictures of a drive that follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from ..pictures.boxes import SAME_THING_IOU, box_corners, overlaps
from .indexes import index_bytes
from .nearest import mean_distance_elsewhere
from .stored import draw_rows

MEMORY_FRAMES = 10  # pictures of a drive that a thing may be missing from and still be found again
# how far a link may go, each alone; chosen by benchmarks/events.py on demo worlds, camvid and nuscenes by eye
PLACE, LOOK, SHAPE, GROWTH = 0.8, 3.2, 1.2, 2.5  # sizes, distances to the nearest elsewhere, logs of ratios
OTHER_CLASS, GAP = 0.1, 0.1  # of the allowed cost, for another class name and for each picture between
HORIZON = 0.45  # of the picture's height, where what stands still on the road comes out of
OTHER_THINGS = 50_000  # so many tell how near other things are, where vectors are too many to be held in memory
LARGEST_LOOK = 0.25  # of the mean distance of two objects: a thing that is like no other may change so much


@dataclass(frozen=True, eq=False)
class Views:
    """Where objects were seen, as numbers, in the order of the vectors.

    Attributes:
        image: Number of the picture (n,).
        drive: Number of the drive (n,), -1 for none.
        frame: Number of the picture within its drive (n,).
        class_id: Number of the class name (n,).
        xyxy: Boxes (n, 4) [px].
        middle: Where things come out of in each picture (n, 2) [px]: its middle, at the height of the horizon.
    """

    image: np.ndarray
    drive: np.ndarray
    frame: np.ndarray
    class_id: np.ndarray
    xyxy: np.ndarray
    middle: np.ndarray

    @classmethod
    def of(cls, places: pd.DataFrame) -> Views:
        """Read image_id, group, frame, class_name, the box and, where they are known, width and height [px]."""
        codes = [pd.factorize(places[name])[0].astype(np.int32) for name in ("image_id", "group", "class_name")]
        xyxy = box_corners(places)
        size = np.full((len(places), 2), [xyxy[:, 2].max(initial=1.0), xyxy[:, 3].max(initial=1.0)], xyxy.dtype)
        if "width" in places:
            given = places[["width", "height"]].to_numpy(xyxy.dtype)
            size = np.where(given > 0, given, size)
        drive = np.where((places["group"] == "").to_numpy(bool), np.int32(-1), codes[1])
        frame = places["frame"].to_numpy(np.int32)
        return cls(codes[0], drive, frame, codes[2], xyxy, size * np.array([0.5, HORIZON], xyxy.dtype))


def follow_things(views: Views, vectors: np.ndarray, *, mean_distance: float) -> np.ndarray:
    """Return for each row the first row of its track: what is surely one thing.

    Boxes of one picture that overlap hold one thing. From picture to picture of a drive, over gaps of some, boxes are
    assigned to the tracks so that place, look and shape fit best together (Kuhn, 1955). A place fits if the thing
    kept its speed on the screen, or stood still on the road: then it grows as it moves away from where the road comes
    from. Looks are compared with how near the nearest thing of other drives is, so that one like no other may change
    more.

    Args:
        views: Where they were seen.
        vectors: Unit rows, float array of shape (n, dim).
        mean_distance: Cosine distance of two objects on average.
    """
    before = np.arange(len(vectors))  # each box has one view before it at most
    for first, second in _follow(views, vectors, _tolerance(views, vectors, mean_distance)):
        before[second] = first
    while (before[before] != before).any():
        before = before[before]
    track = np.arange(len(vectors))
    np.minimum.at(track, before, np.arange(len(vectors)))
    return track[before]


def _tolerance(views: Views, vectors: np.ndarray, mean_distance: float) -> np.ndarray:
    """Return the cosine distance (n,) that is usual between each row and the nearest that is surely another thing."""
    if not (views.drive >= 0).any():
        return np.zeros(len(vectors), np.float32)
    stretch = views.frame // (2 * MEMORY_FRAMES)
    scenes = views.drive.astype(np.int64) * (int(stretch.max()) + 1) + stretch
    among = np.arange(len(vectors)) if index_bytes(vectors) == np.inf else draw_rows(vectors, OTHER_THINGS)
    nearest = mean_distance_elsewhere(vectors, among, k=1, scenes=scenes) ** 2 / 2
    nearest = np.minimum(nearest, LARGEST_LOOK * mean_distance)
    return np.maximum(nearest, np.median(nearest)).astype(np.float32)


def _follow(views: Views, vectors: np.ndarray, tolerance: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and the rows that go on with the same thing, picture by picture."""
    order = np.lexsort([views.image, views.frame, views.drive])
    starts = np.flatnonzero(np.diff(views.image[order], prepend=-1, append=-1))
    drive, tracks = -1, _Tracks(views, vectors, tolerance)
    for start, end in pairwise(starts.tolist()):
        rows = order[start:end]
        own = _first_of_overlapping(views.xyxy[rows])
        yield rows[own], rows
        if views.drive[rows[0]] != drive:
            drive = views.drive[rows[0]]
            tracks = _Tracks(views, vectors, tolerance)
        if drive >= 0:
            yield tracks.add(rows[own == np.arange(len(rows))])


def _first_of_overlapping(xyxy: np.ndarray) -> np.ndarray:
    if len(xyxy) == 1:
        return np.zeros(1, int)
    return (overlaps(xyxy, xyxy)[0] + np.eye(len(xyxy)) >= SAME_THING_IOU).argmax(axis=1)


class _Tracks:
    """The tracks of one drive as they stand after the pictures so far: the last view of each and its speed."""

    def __init__(self, views: Views, vectors: np.ndarray, tolerance: np.ndarray) -> None:
        self.views, self.vectors, self.tolerance = views, vectors, tolerance
        self.last = np.zeros(0, np.int64)
        self.looks = np.zeros((0, vectors.shape[1]), np.float32)
        self.speed = np.zeros((0, 2))  # px a picture

    def add(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take in the boxes of the next picture; return links from the views before to them."""
        looks = np.asarray(self.vectors[rows], dtype=np.float32)
        frame = self.views.frame[rows[0]]
        self._keep(frame - self.views.frame[self.last] <= MEMORY_FRAMES)
        cost = self._cost(rows, looks, frame - self.views.frame[self.last])
        track, box = linear_sum_assignment(np.where(cost <= 1, cost, 1e3)) if cost.size else (np.zeros(0, int),) * 2
        fits = cost[track, box] <= 1 if cost.size else np.zeros(0, bool)
        track, box = track[fits], box[fits]
        before = self.last[track]
        speed = np.zeros((len(rows), 2))
        gap = np.maximum(frame - self.views.frame[before], 1)[:, None]
        speed[box] = (_foot(self.views.xyxy[rows[box]]) - _foot(self.views.xyxy[before])) / gap
        going_on = np.ones(len(self.last), bool)
        going_on[track] = False
        self._keep(going_on)
        self.last = np.concatenate([self.last, rows])
        self.looks = np.concatenate([self.looks, looks])
        self.speed = np.concatenate([self.speed, speed])
        return before, rows[box]

    def _keep(self, keep: np.ndarray) -> None:
        self.last, self.looks, self.speed = self.last[keep], self.looks[keep], self.speed[keep]

    def _cost(self, rows: np.ndarray, looks: np.ndarray, gap: np.ndarray) -> np.ndarray:
        """Return how badly each box (columns) goes on each track (rows); up to 1 it can be the same thing."""
        views, last, gap = self.views, self.last, gap[:, None]
        before, now = views.xyxy[last], views.xyxy[rows]
        (size, shape), (new_size, new_shape) = _size_and_shape(before), _size_and_shape(now)
        growth = new_size / size[:, None]  # (tracks, boxes)
        foot, new_foot, middle = _foot(before)[:, None], _foot(now)[None], views.middle[last][:, None]
        still = middle + growth[..., None] * (foot - middle)  # where it is if it stands on the road
        moved = foot + self.speed[:, None] * gap[..., None]
        off = np.minimum(*(np.linalg.norm(new_foot - expected, axis=2) for expected in (still, moved)))
        tolerance = np.maximum(self.tolerance[last][:, None], self.tolerance[rows][None])
        look = np.maximum(1 - self.looks @ looks.T, 0) / np.maximum(tolerance, 1e-6)
        return (
            (off / np.sqrt(new_size * size[:, None]) / PLACE) ** 2
            + (look / LOOK) ** 2
            + (np.log(new_shape / shape[:, None]) / SHAPE) ** 2
            + (np.log(growth) / GROWTH) ** 2
            + OTHER_CLASS * (views.class_id[last][:, None] != views.class_id[rows][None])
            + GAP * (gap - 1)
        )


def _foot(xyxy: np.ndarray) -> np.ndarray:
    return np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]], axis=1)


def _size_and_shape(xyxy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    width, height = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1.0).T
    return np.sqrt(width * height), width / height
