"""How much of a rarity each sign has made, and how much each has taken away."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .signs import SIGNS


def rarity_parts(scores: pd.DataFrame) -> pd.DataFrame:
    """Return what each sign adds to the rarity of each object, and what each that holds down takes away.

    Signs that raise are joined by a noisy or, whose logarithm is a sum; each gets the part of the rarity that is its
    part of that sum. What is held down is shared out in the same way.

    Args:
        scores: Table with one column per sign, such as the scores of a run; without those columns nothing is known.

    Returns:
        A column per sign, in the order of the rows, all at least 0: those of the signs that raise add up to the rarity
        (`signs.fuse_signs`), those of the signs that hold down to what is missing from what the others raised. No
        column where the scores have none.
    """
    if not all(sign.name in scores for sign in SIGNS):
        return pd.DataFrame(index=scores.index)
    weighed = {sign: sign.weight * _strength(scores[sign.name], sign.raises) for sign in SIGNS}
    raising = {sign.name: -np.log1p(-weight) for sign, weight in weighed.items() if sign.raises}
    holding = {sign.name: -np.log1p(-weight) for sign, weight in weighed.items() if not sign.raises}
    raised = 1 - np.exp(-sum(raising.values()))
    kept = np.exp(-sum(holding.values()))
    parts = {**_shared(raising, raised * kept), **_shared(holding, raised * (1 - kept))}
    return pd.DataFrame(parts, index=scores.index)


def _strength(values: pd.Series, raises: bool) -> np.ndarray:
    numbers = np.nan_to_num(values.to_numpy(float), nan=0.0 if raises else 1.0)
    return np.clip(numbers if raises else 1 - numbers, 0, 1)


def _shared(logs: dict[str, np.ndarray], whole: np.ndarray) -> dict[str, np.ndarray]:
    total = np.maximum(sum(logs.values()), 1e-12)
    return {name: whole * log / total for name, log in logs.items()}
