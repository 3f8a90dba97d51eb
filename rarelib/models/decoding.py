"""What a detector's head gives, turned into boxes: only those cells that may be kept are decoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..pictures.boxes import Boxes, Letterbox, anchor_points
from ..pictures.proposals import USUAL_ENTROPY, evidence_of, first_by_orders, proposal_orders


def decode_outputs(
    outputs: Sequence[np.ndarray], letterbox: Letterbox, *, least: float, candidates: int = 0, strides: Sequence[int]
) -> Boxes:
    """Turn one picture's raw outputs into boxes in picture pixels.

    Args:
        outputs: Either what yolo.RawDetector returns, or one array (4 + n_classes, n) of centre, size [px] and class
            probabilities, as ultralytics exports it; such a one does not tell how sharp its edges are.
        letterbox: How the picture lay on the canvas.
        least: All boxes of a higher confidence are kept.
        candidates: And so many of the others, the first by each of proposal_orders.
        strides: Of the head's inputs [px].
    """
    if len(outputs) == 1:
        return _decode_export(outputs[0], letterbox, least, candidates)
    distances, logits, classes, sums, energy, entropy = outputs
    confidence = _sigmoid(logits)
    evidence = evidence_of(sums, np.nan_to_num(entropy, nan=USUAL_ENTROPY))
    points, sizes = anchor_points(letterbox.canvas_wh, tuple(strides))
    keep = _kept(confidence, evidence, points[:, 1] + distances[3] * sizes[:, 0], letterbox, least, candidates)
    points, sizes, near, far = points[keep], sizes[keep], distances[:2, keep].T, distances[2:, keep].T
    xyxy = np.concatenate([points - near * sizes, points + far * sizes], axis=1)
    found = (confidence[keep], classes[keep].astype(np.int64), evidence[keep], energy[keep])
    return Boxes(letterbox.to_picture(xyxy), *found)


def _decode_export(output: np.ndarray, letterbox: Letterbox, least: float, candidates: int) -> Boxes:
    scores = output[4:]
    confidence, evidence = scores.max(axis=0), evidence_of(scores.sum(axis=0))
    keep = _kept(confidence, evidence, output[1] + output[3] / 2, letterbox, least, candidates)
    centre, half = output[:2, keep].T, output[2:4, keep].T / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1)
    return Boxes(letterbox.to_picture(xyxy), confidence[keep], scores[:, keep].argmax(axis=0), evidence[keep])


def _kept(
    confidence: np.ndarray,
    evidence: np.ndarray,
    lower_edges: np.ndarray,
    letterbox: Letterbox,
    least: float,
    candidates: int,
) -> np.ndarray:
    """Return the numbers of the cells that are decoded, in order; lower edges are in pixels of the canvas."""
    sure = confidence > least
    if not candidates:
        return np.flatnonzero(sure)
    heights = (lower_edges - letterbox.left_top[1]) / letterbox.inner_wh[1]
    first = first_by_orders(proposal_orders(np.where(sure, -np.inf, evidence), heights), candidates)
    return np.union1d(np.flatnonzero(sure), first)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
