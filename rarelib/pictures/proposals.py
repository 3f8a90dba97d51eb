"""Boxes that may hold a thing of whatever class: how much speaks for it, in which order, and which are proposed."""

from __future__ import annotations

import numpy as np

from .boxes import Boxes, join_boxes, overlaps, suppress

# all numbers of this page were chosen by leaving one set out, by benchmarks/proposals.py
ENTROPY_WEIGHT = 6.0  # what a blurred edge [nats of its distribution, mean of four] takes from the evidence
HEIGHT_WEIGHT, HEIGHT_RAMP = 6.0, (0.4, 0.65)  # what a lower edge on the road adds: from the horizon to nearby
USUAL_ENTROPY = 0.75  # for a detector that does not tell: the median of the boxes that are cut [nats]
EVEN_EVIDENCE, EVIDENCE_SCALE = -7.5, 1.0  # evidence of a box that is a thing as often as not; how fast that changes
SAME_THING = 0.4  # overlap at which the weaker of two proposals is dropped
EXPLAINED_IOU, EXPLAINED_INSIDE = (
    0.3,
    0.6,
)  # a confident box that overlaps or covers so much explains one
MIN_SIDE_PX, MAX_SHARE = 12.0, 0.6  # smaller ones show nothing; larger ones (share of the picture) are the picture
ORDER_DECIMALS = 3  # products differ in the last bits between machines and batches: they must not decide
BLOCK = 512  # candidates that are looked at together; mostly one block is enough


def evidence_of(score_sums: np.ndarray, entropies: np.ndarray | float = USUAL_ENTROPY) -> np.ndarray:
    """Return how much speaks for a thing in each box, whatever its class: sure classes and sharp edges [nats].

    Args:
        score_sums: Sums of the sigmoid scores of all classes (n,).
        entropies: Of the distributions that the detector gives for the distances of the four sides
            (Li et al., 2020, https://arxiv.org/abs/2006.04388), their mean (n,) [nats]; a sharp edge has a low one.
    """
    return np.log(score_sums + 1e-6) - ENTROPY_WEIGHT * entropies


def objectness_of(evidence: np.ndarray) -> np.ndarray:
    """Return how likely a thing is, in [0, 1], of detected boxes and proposals alike; NaN stays NaN."""
    return 1 / (1 + np.exp(-np.clip((evidence - EVEN_EVIDENCE) / EVIDENCE_SCALE, -50, 50)))


def proposal_order(evidence: np.ndarray, lower_edges: np.ndarray) -> np.ndarray:
    """Return how early each box is proposed, higher is earlier: its evidence, and whether it stands on the road.

    Args:
        evidence: From evidence_of (n,).
        lower_edges: Of the boxes (n,), as share of the picture's height.
    """
    low, high = HEIGHT_RAMP
    near = np.clip((lower_edges - low) / (high - low), 0, 1)
    return np.round(evidence + HEIGHT_WEIGHT * near, ORDER_DECIMALS)


def find_proposals(candidates: Boxes, confident: Boxes, *, limit: int, picture_wh: tuple[int, int]) -> Boxes:
    """Return boxes that may hold what the detector never learned, in the order of proposal_order.

    They are of any class, at least 12 px high and wide, at most 60 % of the picture, not explained by a confident box
    (overlap below 0.3, less than 60 % of their area inside one), and overlap one another by 0.4 at most.

    Args:
        candidates: Boxes below the confidence of detected ones.
        confident: All confident boxes of the same picture.
        limit: At most this many are returned.
        picture_wh: Width and height of the picture [px].
    """
    sides = candidates.xyxy[:, 2:] - candidates.xyxy[:, :2]
    fits = (sides.min(axis=1, initial=np.inf) >= MIN_SIDE_PX) & (
        sides.prod(axis=1) <= MAX_SHARE * picture_wh[0] * picture_wh[1]
    )
    candidates = candidates[np.flatnonzero(fits)]
    order = proposal_order(candidates.evidence, candidates.xyxy[:, 3] / picture_wh[1])
    candidates = candidates[np.argsort(-order, kind="stable")]
    found = candidates[np.arange(0)]
    for start in range(0, len(candidates), BLOCK):
        block = candidates[np.arange(start, min(start + BLOCK, len(candidates)))]
        found = join_boxes([found, block[np.flatnonzero(~_explained(block, confident))]])
        found = suppress(found, iou=SAME_THING, limit=limit, any_class=True, order=-np.arange(len(found)))
        if len(found) >= limit:
            break
    return found


def _explained(boxes: Boxes, confident: Boxes) -> np.ndarray:
    union_share, own_share = overlaps(boxes.xyxy, confident.xyxy)
    return (union_share >= EXPLAINED_IOU).any(axis=1) | (own_share >= EXPLAINED_INSIDE).any(axis=1)
