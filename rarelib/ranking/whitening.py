"""Whitened vectors: directions in which normal objects differ much count less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .stored import draw_rows, row_blocks

FIT_ROWS = 20_000  # enough for a covariance of a thousand directions
NEGLIGIBLE = 1e-10  # share of the largest variance below which a direction is rounding error
TRIMMED_SHARE = 0.05  # the most suspicious rows do not shape what is normal


@dataclass(frozen=True, eq=False)
class Whitening:
    """A turn to uncorrelated directions and their spread, from fit_whitening; call it to whiten rows.

    Every direction is kept, also those that no fitted row has: there the spread is what shrinkage leaves, so that what
    stands out in a direction of its own is far away, however few rows were fitted (as the residual of ViM, Wang et
    al., 2022).

    Attributes:
        offset: Centre of the fitted rows in the new directions, float32 (dim,).
        turn: New directions as columns, float32 (dim, dim).
        variances: Shrunk variance along each, float64 (dim,).
        leverage: What one fitted row adds to the covariance, in [0, 1]: its pull on its own distance.
        fitted: Rows of the input that were fitted, ascending int array.
    """

    offset: np.ndarray
    turn: np.ndarray
    variances: np.ndarray
    leverage: float
    fitted: np.ndarray

    def __call__(self, rows: np.ndarray, *, strength: float = 1.0) -> np.ndarray:
        """Whiten rows (m, dim) to float32 (m, dim); strength 0.5 whitens by half, 0 only turns."""
        scale = (self.variances ** (-strength / 2)).astype(np.float32)
        return np.asarray(rows, dtype=np.float32) @ (self.turn * scale) - self.offset * scale

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """Return the distance of Mahalanobis of each row from the centre, float64 (n,).

        A row that was fitted has pulled the spread towards itself; its distance is what it would be without it.

        Args:
            vectors: The rows that were given to fit_whitening, float array (n, dim).
        """
        squared = np.zeros(len(vectors))
        for block, rows in row_blocks(vectors):
            whitened = self(rows)
            squared[block] = np.einsum("ij,ij->i", whitened, whitened, dtype=np.float64)
        own = self.leverage * squared[self.fitted]
        squared[self.fitted] /= np.maximum(1 - own, NEGLIGIBLE)  # Sherman and Morrison, 1950
        return np.sqrt(squared)


def fit_whitening(
    vectors: np.ndarray, *, rows: np.ndarray | None = None, trimmed_share: float = TRIMMED_SHARE, seed: int = 0
) -> Whitening | None:
    """Fit a turn to uncorrelated directions of unit spread (shrinkage of Ledoit and Wolf, 2004).

    The fit is made twice, the second time without the rows that the first one finds most suspicious.

    Args:
        vectors: Unit rows, float array of shape (n, dim).
        rows: Those that show what is normal, int array; by default all.
        trimmed_share: Share of the rows that the second fit leaves out.
        seed: Seed of the sample that large inputs are fitted on.

    Returns:
        The whitening, or None where the vectors are too few or all alike.
    """
    drawn = draw_rows(vectors, FIT_ROWS, rows=rows, seed=seed)
    sample = np.asarray(vectors[drawn], dtype=np.float32)
    whitening = _fit_once(sample, drawn)
    if whitening is None or not trimmed_share:
        return whitening
    lengths = np.linalg.norm(whitening(sample), axis=1)
    kept = lengths <= np.quantile(lengths, 1 - trimmed_share)
    return _fit_once(sample[kept], drawn[kept]) or whitening


def _fit_once(sample: np.ndarray, drawn: np.ndarray) -> Whitening | None:
    if len(sample) < 3 or np.ptp(sample, axis=0).max() < 1e-6:
        return None
    from sklearn.covariance import ledoit_wolf_shrinkage

    mean = sample.mean(axis=0, dtype=np.float64)
    centred = sample - mean.astype(np.float32)
    variances, axes = np.linalg.eigh(np.asarray(centred.T @ centred, dtype=np.float64) / len(sample))
    shrinkage = ledoit_wolf_shrinkage(centred, assume_centered=True)
    variances = (1 - shrinkage) * np.maximum(variances, 0) + shrinkage * np.maximum(variances, 0).mean()
    variances = np.maximum(variances, NEGLIGIBLE * variances.max())
    offset, leverage = (mean @ axes).astype(np.float32), (1 - shrinkage) / (len(sample) - 1)
    return Whitening(offset, axes.astype(np.float32), variances, float(leverage), np.sort(drawn))
