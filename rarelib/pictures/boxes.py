"""Geometry of boxes: letterboxes, overlaps, suppression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache

import cv2
import numpy as np
import pandas as pd

from ..tables import BOX

STRIDE = 32
PADDING_GREY = 114  # what YOLO models are trained with
IOU = 0.5  # a box shows a true object from this overlap on
INSIDE, COVER = 0.7, 0.25  # or, a fragment: this share of the box inside the object, this share of the object covered
SAME_THING_IOU = 0.6  # two boxes of one picture that overlap so much hold one thing


@dataclass(frozen=True)
class Boxes:
    """Boxes of one picture.

    Attributes:
        xyxy: (n, 4) [px].
        confidence: Of the best class (n,), in [0, 1].
        class_id: Number of the best class (n,).
        evidence: How much speaks for a thing of whatever class (n,) [nats], from proposals.evidence_of; NaN unknown.
        energy: Log-sum-exp of the class logits (n,), higher is surer (Liu et al., 2020,
            https://arxiv.org/abs/2010.03759); NaN unknown.
    """

    xyxy: np.ndarray
    confidence: np.ndarray
    class_id: np.ndarray
    evidence: np.ndarray = field(default_factory=lambda: np.zeros(0))
    energy: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        for name in ("evidence", "energy"):
            if len(getattr(self, name)) != len(self.xyxy):
                object.__setattr__(self, name, np.full(len(self.xyxy), np.nan))

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: np.ndarray) -> Boxes:
        return Boxes(*(getattr(self, each.name)[rows] for each in fields(self)))


@dataclass(frozen=True)
class Letterbox:
    """How a picture lies on the detector's canvas: its size there (inner_wh), the corner (left, top), the canvas."""

    picture_wh: tuple[int, int]
    inner_wh: tuple[int, int]
    left_top: tuple[int, int]
    canvas_wh: tuple[int, int]

    def draw(self, picture: np.ndarray) -> np.ndarray:
        """Return the (H, W, 3) canvas with the picture resized onto it, the rest grey."""
        canvas = np.full((self.canvas_wh[1], self.canvas_wh[0], 3), PADDING_GREY, np.uint8)
        (left, top), (width, height) = self.left_top, self.inner_wh
        inner = canvas[top : top + height, left : left + width]
        if self.picture_wh == self.inner_wh:
            inner[:] = picture
        else:
            cv2.resize(picture, self.inner_wh, dst=inner, interpolation=cv2.INTER_LINEAR)
        return canvas

    def to_picture(self, xyxy: np.ndarray) -> np.ndarray:
        """Map (n, 4) boxes from canvas pixels to picture pixels, clipped to the picture."""
        scale_xy = np.array(self.inner_wh) / np.array(self.picture_wh)
        points = (xyxy.reshape(-1, 2, 2) - np.array(self.left_top)) / scale_xy
        return np.clip(points, 0, np.array(self.picture_wh)).reshape(-1, 4)


def fit_letterbox(picture_wh: tuple[int, int], canvas: int | tuple[int, int], *, stride: int = STRIDE) -> Letterbox:
    """Lay a picture on a canvas the way ultralytics predicts a single picture.

    Args:
        picture_wh: Width and height of the picture [px].
        canvas: Longer side [px], rounded up to a multiple of the stride, of a rectangle whose shorter side is padded
            up to one; or (width, height) of a fixed one.
        stride: The network's coarsest stride [px], at least 32.
    """
    stride = max(stride, STRIDE)
    limit_wh = (-(-canvas // stride) * stride,) * 2 if isinstance(canvas, int) else canvas
    ratio = min(limit_wh[1] / picture_wh[1], limit_wh[0] / picture_wh[0])
    inner_wh = (max(round(picture_wh[0] * ratio), 1), max(round(picture_wh[1] * ratio), 1))
    spare_wh = [limit - inner for limit, inner in zip(limit_wh, inner_wh, strict=True)]
    if isinstance(canvas, int):
        spare_wh = [spare % stride for spare in spare_wh]
    left, top = (round(spare / 2 - 0.1) for spare in spare_wh)
    return Letterbox(picture_wh, inner_wh, (left, top), (inner_wh[0] + spare_wh[0], inner_wh[1] + spare_wh[1]))


def join_boxes(several: Sequence[Boxes]) -> Boxes:
    """Return the boxes of several in one, in their order."""
    return Boxes(*(np.concatenate([getattr(one, each.name) for one in several]) for each in fields(Boxes)))


@lru_cache(maxsize=64)
def anchor_points(canvas_wh: tuple[int, int], strides: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres (n, 2) of a head's cells on a canvas and their sizes (n, 1) [px], finest grid first."""
    centres, sizes = [], []
    for stride in strides:
        columns, rows = (np.arange(side // stride, dtype=np.float32) + 0.5 for side in canvas_wh)
        grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2) * stride
        centres.append(grid)
        sizes.append(np.full((len(grid), 1), stride, np.float32))
    return np.concatenate(centres), np.concatenate(sizes)


def suppress(boxes: Boxes, *, iou: float, limit: int, any_class: bool = False) -> Boxes:
    """Return boxes, most confident first, that no better one overlaps by more than iou.

    Args:
        boxes: Candidates in any order; of equal confidence the earlier wins.
        iou: Intersection over union above which the weaker box is dropped.
        limit: Stop at this many.
        any_class: Also let boxes of different classes suppress one another.
    """
    order = np.argsort(-boxes.confidence, kind="stable")
    kept = []
    while len(order) and len(kept) < limit:
        best, order = order[0], order[1:]
        kept.append(best)
        shared = overlaps(boxes.xyxy[best : best + 1], boxes.xyxy[order])[0][0] > iou
        if not any_class:
            shared &= boxes.class_id[order] == boxes.class_id[best]
        order = order[~shared]
    return boxes[np.array(kept, int)]


def box_corners(rows: pd.DataFrame) -> np.ndarray:
    """Return the boxes of rows as (n, 4) [px], in the precision that they are told in: float32 where all four are."""
    narrow = all(dtype == np.float32 for dtype in rows[BOX].dtypes)
    return rows[BOX].to_numpy(np.float32 if narrow else np.float64)


def overlaps(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare each of (n, 4) boxes with each of (m, 4).

    Returns:
        Two arrays (n, m) in [0, 1]: intersection over union, and intersection over the first box's own area.
    """
    return pair_overlaps(first[:, None], second[None, :])[:2]


def pair_overlaps(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare (..., 4) boxes pair by pair; shapes are broadcast.

    Returns:
        Three arrays (...) in [0, 1]: intersection over union, over the first box's area, over the second's.
    """
    # one axis after the other: arrays whose last axis has two numbers take several times as long
    width, height = (
        np.minimum(first[..., end], second[..., end]) - np.maximum(first[..., start], second[..., start])
        for start, end in ((0, 2), (1, 3))
    )
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    areas = [np.clip(xyxy[..., 2:] - xyxy[..., :2], 0, None).prod(axis=-1) for xyxy in (first, second)]
    return tuple(shared / np.maximum(over, 1e-9) for over in (sum(areas) - shared, *areas))


def match_boxes(true_xyxy: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
    """Return IoU where a box shows a true object by the fixed rule, else 0; shape (n_true, n_boxes), boxes in px."""
    iou, covered, inside = pair_overlaps(true_xyxy[:, None], xyxy[None, :])
    return np.where((iou >= IOU) | ((inside >= INSIDE) & (covered >= COVER)), iou, 0.0)
