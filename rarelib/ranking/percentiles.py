"""Scores beside those of normal objects: percentiles, and how much a percentile surprises."""

from __future__ import annotations

import numpy as np

DECIMALS = 6  # digits of float32 that do not depend on how a machine multiplies
SURPRISE_NATS = 4.0  # benchmarks/surprise.py: of 1.5 to 6 the best or nearly so on demo worlds and real anomalies alike


def percentiles(scores: np.ndarray, *, among: np.ndarray | None = None) -> np.ndarray:
    """Return the share of rows with a lower score, equals counted half.

    Args:
        scores: Float array (n,).
        among: Bool array (n,), True for the rows that are compared with, such as the detected objects without the
            proposals; a row outside them is counted as if it had come to them alone. By default all.

    Returns:
        Float array (n,) in (0, 1), higher for higher scores.
    """
    rounded = round_scores(scores)
    inside = np.ones(len(rounded), bool) if among is None else np.asarray(among, bool)
    values, counts = np.unique(rounded[inside], return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    first, last = (below[np.searchsorted(values, rounded, side=side)] for side in ("left", "right"))
    itself = (~inside).astype(float)
    return ((first + last) / 2 + itself / 2) / np.maximum(inside.sum() + itself, 1)


def round_scores(scores: np.ndarray) -> np.ndarray:
    """Return scores without the digits in which machines, or orders of the rows, differ: what is equal stays equal."""
    scores = np.asarray(scores, dtype=np.float64)
    largest = np.abs(scores).max(initial=1.0)
    return np.round(scores, max(DECIMALS - int(np.ceil(np.log10(largest))), 0))


def surprise(percentile: np.ndarray) -> np.ndarray:
    """Return how much each percentile surprises: 0 for the most common, towards 1 the thinner the tail beyond it.

    It depends on the share of objects that are as strange or stranger alone, not on how many objects there are: a
    look at the 99.9th percentile counts the same among a thousand and among a million. Information -log(1 - p), as in
    extreme shares one ten times smaller is one step more, saturating: 1 - exp(information / -SURPRISE_NATS).

    Args:
        percentile: Float array (n,) in [0, 1), from percentiles or embedding_rarity.

    Returns:
        Float array (n,) in [0, 1], rising with the percentile: 0.44 at 0.9, 0.68 at 0.99, 0.82 at 0.999.
    """
    tail = np.clip(1 - np.asarray(percentile, dtype=np.float64), 0, 1)
    return 1 - tail ** (1 / SURPRISE_NATS)


def percentile_of(surprise: float) -> float:
    """Return the percentile that surprises so much: the inverse of `surprise`."""
    return 1 - (1 - surprise) ** SURPRISE_NATS
