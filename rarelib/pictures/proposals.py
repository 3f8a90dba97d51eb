"""Boxes that may hold a thing of whatever class: how much speaks for it, in which order, and which are proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .boxes import Boxes, join_boxes, overlaps

# benchmarks/proposals.py chose the weights on all sets but one family, and measured them on that; AGREEMENT_WEIGHT and
# EVERY were set by hand, where it takes 3 or 4 and none: at 2 no family has fewer than without agreement and CamVid's
# things lose least, and every fifth keeps drones and factories in. It fitted EVEN_EVIDENCE and EVIDENCE_SCALE to what
# CamVid's boxes hold; 0.3 to 0.5 for SAME_THING were alike there, as were ramps for AGREEING_IOU that begin at 0.6 to
# 0.8 and end at 0.9 to 1
ENTROPY_WEIGHT = 10.0  # what a blurred edge [nats of its distribution, mean of four] takes from the evidence
AGREEMENT_WEIGHT, AGREEING_IOU = 2.0, (0.7, 0.9)  # what cells that draw the same box add [per log of their number]
HEIGHT_WEIGHT, HEIGHT_RAMP = 6.0, (0.4, 0.65)  # what a lower edge on the road adds: from the horizon to nearby
USUAL_ENTROPY = 0.75  # for a detector that does not tell: the median of the boxes that are cut [nats]
EVEN_EVIDENCE, EVIDENCE_SCALE = -7.6, 1.6  # evidence of a box that is a thing as often as not; how fast that changes
SAME_THING = 0.4  # overlap at which the weaker of two proposals is dropped
JOINED_IOU = 0.5  # a second model's box that overlaps a candidate so much shows the same thing
EXPLAINED_IOU, EXPLAINED_INSIDE = 0.3, 0.6  # a confident box that overlaps or covers one so much explains it
MIN_SIDE_PX, MAX_SHARE = 12.0, 0.6  # smaller ones show nothing; larger ones (share of the picture) are the picture
ORDER_DECIMALS = 3  # products differ in the last bits between machines and batches: they must not decide
EVERY = 5  # this one is proposed wherever it stands: on a road little is lost, elsewhere much is gained
BLOCK, BLOCK_GROWTH = 256, 4  # candidates that are looked at first; so many times more where that is not enough


def evidence_of(score_sums: np.ndarray, entropies: np.ndarray | float = USUAL_ENTROPY) -> np.ndarray:
    """Return how much speaks for a thing in each box, whatever its class: sure classes and sharp edges [nats].

    Args:
        score_sums: Sums of the sigmoid scores of all classes (n,).
        entropies: Of the distributions that the detector gives for the distances of the four sides
            (Li et al., 2020, https://arxiv.org/abs/2006.04388), their mean (n,) [nats]; a sharp edge has a low one.
    """
    return np.log(score_sums + 1e-6) - ENTROPY_WEIGHT * entropies


def add_agreement(boxes: Boxes, among: Boxes) -> Boxes:
    """Return boxes with the more evidence the more cells draw the same one: around a thing many do, elsewhere few.

    Args:
        boxes: Some of the detector's.
        among: What its cells draw.
    """
    low, high = AGREEING_IOU  # a ramp, as an edge would let the last bits decide
    iou, _ = overlaps(boxes.xyxy.astype(np.float32), among.xyxy.astype(np.float32))
    agreeing = np.clip((iou - low) / (high - low), 0, 1).sum(axis=1, dtype=np.float64)
    return replace(boxes, evidence=boxes.evidence + AGREEMENT_WEIGHT * np.log(np.maximum(agreeing, 1)))


def objectness_of(evidence: np.ndarray) -> np.ndarray:
    """Return how likely a thing is, in [0, 1], of detected boxes and proposals alike; NaN stays NaN."""
    return 1 / (1 + np.exp(-np.clip((evidence - EVEN_EVIDENCE) / EVIDENCE_SCALE, -50, 50)))


def evidence_at(objectness: np.ndarray) -> np.ndarray:
    """Return the evidence (n,) [nats] at which a thing is so likely."""
    sure = np.clip(objectness, 1e-6, 1 - 1e-6)
    return EVEN_EVIDENCE + EVIDENCE_SCALE * np.log(sure / (1 - sure))


def join_second(candidates: Boxes, second: Boxes) -> Boxes:
    """Return candidates with a second model's boxes, each in place of the candidates that show the same thing.

    A thing that both see keeps the second model's box and class, and the better evidence of the two.
    """
    if not len(second):
        return candidates
    shared = overlaps(second.xyxy, candidates.xyxy)[0] >= JOINED_IOU  # (n_second, n_candidates)
    own = np.where(shared, candidates.evidence, -np.inf).max(axis=1, initial=-np.inf)
    second = replace(second, evidence=np.fmax(second.evidence, own))
    return join_boxes([candidates[np.flatnonzero(~shared.any(axis=0))], second])


def proposal_orders(evidence: np.ndarray, lower_edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two orders of boxes, higher is earlier: by evidence and whether they stand on the road; by evidence alone.

    Args:
        evidence: From evidence_of (n,).
        lower_edges: Of the boxes (n,), as share of the picture's height.
    """
    low, high = HEIGHT_RAMP
    near = np.clip((lower_edges - low) / (high - low), 0, 1)
    return np.round(evidence + HEIGHT_WEIGHT * near, ORDER_DECIMALS), np.round(evidence, ORDER_DECIMALS)


def find_proposals(
    candidates: Boxes,
    confident: Boxes,
    *,
    limit: int,
    picture_wh: tuple[int, int],
    second: Boxes | None = None,
) -> Boxes:
    """Return boxes that may hold what the detector never learned, best first.

    They are of any class, at least 12 px high and wide, at most 60 % of the picture, not explained by a confident box
    (overlap below 0.3, less than 60 % of their area inside one), and overlap one another by 0.4 at most. They come in
    the first of proposal_orders, agreement included; every fifth is the best one left by evidence alone, wherever it
    stands.

    Args:
        candidates: Boxes below the confidence of detected ones, without agreement.
        confident: All confident boxes of the same picture.
        limit: At most this many are returned.
        picture_wh: Width and height of the picture [px].
        second: Boxes of a second model, as likely as it says.
    """
    if not limit:
        return candidates[:0]
    candidates = _large_enough(candidates, picture_wh)
    more = candidates[:0] if second is None else _large_enough(second, picture_wh)
    more = more[~_explained(more, confident)]
    orders = _orders_of(candidates, picture_wh)
    size = BLOCK
    while True:
        first = candidates[first_by_orders(orders, size)]
        first = first[~_explained(first, confident)]
        first = join_second(add_agreement(first, first), more)
        found = _pick(first, _orders_of(first, picture_wh), limit)
        if len(found) == limit or size >= len(candidates):
            return found
        size *= BLOCK_GROWTH


def _large_enough(boxes: Boxes, picture_wh: tuple[int, int]) -> Boxes:
    sides = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    most = MAX_SHARE * picture_wh[0] * picture_wh[1]
    return boxes[(sides.min(axis=1, initial=np.inf) >= MIN_SIDE_PX) & (sides.prod(axis=1) <= most)]


def _orders_of(boxes: Boxes, picture_wh: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return proposal_orders(boxes.evidence, boxes.xyxy[:, 3] / picture_wh[1])


def first_by_orders(orders: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Return the numbers of those that are among the first of one of several orders (n,), higher is earlier."""
    count = min(count, len(orders[0]))
    if not count:
        return np.zeros(0, int)
    return np.unique(np.concatenate([np.argpartition(-order, count - 1)[:count] for order in orders]))


def _pick(boxes: Boxes, orders: Sequence[np.ndarray], limit: int) -> Boxes:
    free, picked = np.ones(len(boxes), bool), []
    while free.any() and len(picked) < limit:
        by_evidence = len(picked) % EVERY == EVERY - 1
        best = int(np.where(free, orders[by_evidence], -np.inf).argmax())
        picked.append(best)
        free &= overlaps(boxes.xyxy[best : best + 1], boxes.xyxy)[0][0] <= SAME_THING
        free[best] = False
    return boxes[np.array(picked, int)]


def _explained(boxes: Boxes, confident: Boxes) -> np.ndarray:
    union_share, own_share = overlaps(boxes.xyxy, confident.xyxy)
    return (union_share >= EXPLAINED_IOU).any(axis=1) | (own_share >= EXPLAINED_INSIDE).any(axis=1)
