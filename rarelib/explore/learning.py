"""What verdicts teach while somebody judges: ranks among the objects held; the next run groups events anew besides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..ranking.order import places_of, worth_left
from ..ranking.percentiles import DECIMALS
from ..ranking.signs import SIGNS, fuse_signs
from ..ranking.verdicts import rerank
from ..tables import is_proposal


def learned_ranks(objects: pd.DataFrame, vectors: np.ndarray, verdicts: np.ndarray, *, fused: bool) -> np.ndarray:
    """Rank objects anew by verdicts.

    Args:
        objects: Rows of `rows.gather_objects`.
        vectors: Their unit rows, float array of shape (n, dim).
        verdicts: Float array (n,): 1 rare, 0 common, NaN unknown; at least one known.
        fused: Whether the run's rarity is made of its signs, as by default.

    Returns:
        Int array (n,), the run's own ranks dealt out anew.
    """
    events = pd.factorize(objects["event"])[0]
    left = worth_left(places_of(objects, events, is_proposal(objects)), ~np.isnan(verdicts))
    rarity, shown = _before_verdicts(objects, fused=fused), _ranks_before(objects)
    learned = rerank(rarity, vectors, verdicts, events=events, left=left, shown=shown)
    ranks = np.empty(len(learned), int)
    ranks[np.argsort(-learned, kind="stable")] = np.sort(objects["rank"].to_numpy(int))
    return ranks


def _before_verdicts(objects: pd.DataFrame, *, fused: bool) -> np.ndarray:
    """Return places by the rarity that no verdict has changed, so that those a run used are not counted twice."""
    rank = _ranks_before(objects)
    known = fused and {sign.name for sign in SIGNS} <= set(objects)
    rarity = fuse_signs(objects).round(DECIMALS) if known else -rank
    place = np.empty(len(rank))
    place[np.lexsort([rank, -rarity])] = np.arange(len(rank))
    return 1 - place / len(rank)


def _ranks_before(objects: pd.DataFrame) -> np.ndarray:
    return objects["rank_before_verdicts" if "rank_before_verdicts" in objects else "rank"].to_numpy()
