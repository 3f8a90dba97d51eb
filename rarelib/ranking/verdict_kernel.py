"""What verdicts teach of the objects that look like those that were judged: a Gaussian process over the ranking."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve

# compared by hand on the worlds of benchmarks/verdict_rounds.py, which measures the values that stand here
PRIOR_TOP, PRIOR_POWER = 0.3, 2.0  # chance of being rare that the ranking alone gives: the first, and how it falls
LINEAR = 0.1  # how much a direction that all judged share counts beside likeness
NOISE = 0.1  # variance of a verdict
NEAR = 0.3  # likeness to an object judged rare from which an object belongs to its kind
NEW_SHARE = 0.5  # of the places; these go to what is like nothing that was judged rare
NEIGHBOURS, SCALE_ROWS = 10, 3000  # half likeness is at the median distance of the 10th nearest among so many
MOST_JUDGED = 2000  # verdicts that are learned from; the solution grows with their cube
BLOCK_ROWS = 50_000
DECIMALS = 6  # beyond, machines differ


def learned_order(rarity: np.ndarray, vectors: np.ndarray, verdicts: np.ndarray) -> np.ndarray:
    """Order objects by what verdicts teach, every second place for kinds that were not judged rare yet.

    The ranking gives each object a prior chance of being rare; a Gaussian process with a local and a weak linear
    kernel moves it by the verdicts on what looks alike (active anomaly discovery, Das 2016, Siddiqui 2018).

    Args:
        rarity: Float array (n,), higher is rarer.
        vectors: Unit rows (n, dim).
        verdicts: Float array (n,): 1 rare, 0 common, NaN unknown; at least one known.

    Returns:
        Int array (n,) of rows, the first to be shown first.
    """
    prior_rank = pd.Series(rarity).rank(pct=True).to_numpy()
    prior = PRIOR_TOP * prior_rank**PRIOR_POWER
    judged = _learned_from(verdicts)
    centre = np.asarray(vectors).mean(axis=0, dtype=float)
    of_judged = _centred(vectors, judged, centre)
    half = _half_distance(vectors, centre)
    kernel, linear = _kernels(of_judged, of_judged, half)
    factor = cho_factor(kernel + LINEAR * linear + NOISE * np.eye(len(judged)))
    weights = cho_solve(factor, verdicts[judged] - prior[judged])
    rare = verdicts[judged] == 1
    posterior, near = prior.copy(), np.zeros(len(prior))
    for rows in _blocks(len(prior)):
        kernel, linear = _kernels(_centred(vectors, rows, centre), of_judged, half)
        posterior[rows] += (kernel + LINEAR * linear) @ weights
        near[rows] = kernel[:, rare].max(axis=1, initial=0)
    by_posterior = np.lexsort([-prior_rank, -np.round(posterior, DECIMALS)])
    return _interleave(by_posterior, np.round(near, DECIMALS) > NEAR)


def _learned_from(verdicts: np.ndarray) -> np.ndarray:
    """Return the judged rows, at most MOST_JUDGED: those judged rare first, of the others some spread evenly."""
    rare, common = np.flatnonzero(verdicts == 1)[:MOST_JUDGED], np.flatnonzero(verdicts == 0)
    room = MOST_JUDGED - len(rare)
    if len(common) > room:
        common = common[np.linspace(0, len(common) - 1, room).astype(int)]
    return np.concatenate([rare, common])


def _centred(vectors: np.ndarray, rows: np.ndarray, centre: np.ndarray) -> np.ndarray:
    moved = np.asarray(vectors[rows], dtype=float) - centre
    return moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)


def _half_distance(vectors: np.ndarray, centre: np.ndarray) -> float:
    """Return the cosine distance at which two objects are half alike: that of near neighbours in this run."""
    rows = np.unique(np.linspace(0, len(vectors) - 1, SCALE_ROWS).astype(int))
    sample = _centred(vectors, rows, centre)
    some = sample[np.unique(np.linspace(0, len(sample) - 1, SCALE_ROWS // 3).astype(int))]
    place = min(NEIGHBOURS, len(sample) - 1)
    distance = np.partition(np.clip(1 - some @ sample.T, 0, None), place, axis=1)[:, place]
    return max(float(np.median(distance)), 1e-6)


def _kernels(rows: np.ndarray, of_judged: np.ndarray, half: float) -> tuple[np.ndarray, np.ndarray]:
    cosine = rows @ of_judged.T
    return 0.5 ** (np.clip(1 - cosine, 0, None) / half), cosine


def _interleave(order: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Give every second place to what is like no object judged rare, each part in its order, while both last."""
    is_known = known[order]
    place = np.where(is_known, np.cumsum(is_known) / (1 - NEW_SHARE), np.cumsum(~is_known) / NEW_SHARE)
    return order[np.lexsort([~is_known, place])]


def _blocks(size: int) -> Iterator[np.ndarray]:
    for start in range(0, size, BLOCK_ROWS):
        yield np.arange(start, min(start + BLOCK_ROWS, size))
