"""A selection with a bounded share of false discoveries: conformal p-values, and how many of them to believe."""

from __future__ import annotations

import numpy as np

LEAST_CALIBRATION = 50  # common objects; with fewer no p-value is small enough to select anything


def conformal_p_values(scores: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """Return how probable a score so high is for a common object (Bates et al., 2023, doi:10.1214/22-AOS2244).

    Args:
        scores: Float array (n,), higher is rarer.
        calibration: Float array (m,), the scores of objects known to be common, made by the same function, and none
            of them among those that are tested.

    Returns:
        Float array (n,) in (0, 1]; small is rare.
    """
    known = np.sort(np.asarray(calibration, dtype=float))
    as_high = len(known) - np.searchsorted(known, scores, side="left")
    return (1 + as_high) / (1 + len(known))


def select_discoveries(p_values: np.ndarray, *, level: float) -> np.ndarray:
    """Select so many that of those selected at most this share is expected to be common (Benjamini, Hochberg, 1995).

    Args:
        p_values: Float array (n,) in (0, 1].
        level: Share of false discoveries that is accepted.

    Returns:
        Bool array (n,).
    """
    if not len(p_values):
        return np.zeros(0, bool)
    ordered = np.sort(p_values)
    below = np.flatnonzero(ordered <= level * np.arange(1, len(ordered) + 1) / len(ordered))
    return p_values <= ordered[below[-1]] if len(below) else np.zeros(len(p_values), bool)


def cross_selection(scores: np.ndarray, common: np.ndarray, *, level: float, seed: int = 0) -> np.ndarray:
    """Select discoveries among all objects, each half judged by the common objects of the other half.

    Common objects stand for what is not to be found, as no label says so: classes that this data is full of. An odd
    one among them raises the p-values of the other half, so that less is selected there. Where they are too few nothing
    is selected.

    Args:
        scores: Float array (n,), higher is rarer; one row per event, as views of one are no independent witnesses.
        common: Bool array (n,), objects taken for common.
        level: Share of false discoveries that is accepted.
        seed: Seed of the halves.

    Returns:
        Bool array (n,).
    """
    chosen = np.zeros(len(scores), bool)
    if common.sum() < 2 * LEAST_CALIBRATION:
        return chosen
    half = np.zeros(len(scores), int)
    generator = np.random.default_rng(seed)
    for members in (np.flatnonzero(common), np.flatnonzero(~common)):
        half[generator.permutation(members)[: len(members) // 2]] = 1
    for number in (0, 1):
        tested = half == number
        p_values = conformal_p_values(scores[tested], scores[common & ~tested])
        chosen[tested] = select_discoveries(p_values, level=level)
    return chosen
