"""Whitened vectors: directions in which normal objects differ much count less."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .nearest import draw_rows

FIT_ROWS = 20_000  # enough for a covariance of the kept components
MAX_COMPONENTS = 256
NEGLIGIBLE = 1e-10  # share of the largest variance below which a component is rounding error
TRIMMED_SHARE = 0.05  # the most suspicious rows do not shape what is normal

Whitening = Callable[..., np.ndarray]


def fit_whitening(vectors: np.ndarray, *, trimmed_share: float = TRIMMED_SHARE, seed: int = 0) -> Whitening | None:
    """Fit a projection to uncorrelated components of unit spread (PCA, then shrinkage of Ledoit and Wolf, 2004).

    The fit is made twice, the second time without the rows that the first one finds most suspicious.

    Args:
        vectors: Unit rows that show what is normal, float array of shape (n, dim).
        trimmed_share: Share of the rows that the second fit leaves out.
        seed: Seed of the sample that large inputs are fitted on.

    Returns:
        A function from rows (m, dim) to float32 rows (m, kept), the length of which is the distance of Mahalanobis;
        its option `strength`, by default 1, whitens by half with 0.5 and only turns with 0. None where the vectors
        are too few or all alike.
    """
    sample = np.asarray(vectors[draw_rows(vectors, FIT_ROWS, seed=seed)], dtype=np.float32)
    whiten = _fit_once(sample)
    if whiten is None or not trimmed_share:
        return whiten
    lengths = np.linalg.norm(whiten(sample), axis=1)
    return _fit_once(sample[lengths <= np.quantile(lengths, 1 - trimmed_share)]) or whiten


def _fit_once(sample: np.ndarray) -> Whitening | None:
    if len(sample) < 3 or np.ptp(sample, axis=0).max() < 1e-6:
        return None
    from sklearn.covariance import ledoit_wolf_shrinkage

    mean = sample.mean(axis=0, dtype=np.float64)
    centred = sample - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / len(sample))
    kept = np.argsort(-variances)[: min(MAX_COMPONENTS, len(sample) - 1)]
    kept = kept[variances[kept] > NEGLIGIBLE * variances.max()]
    shrinkage = ledoit_wolf_shrinkage(centred @ axes[:, kept], assume_centered=True)
    spread = (1 - shrinkage) * variances[kept] + shrinkage * variances[kept].mean()
    turn = axes[:, kept].astype(np.float32)  # (dim, kept)
    offset = (mean @ turn).astype(np.float32)

    def whiten(rows: np.ndarray, *, strength: float = 1.0) -> np.ndarray:
        scale = (spread ** (-strength / 2)).astype(np.float32)
        return np.asarray(rows, dtype=np.float32) @ (turn * scale) - offset * scale

    return whiten
