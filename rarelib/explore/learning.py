"""What verdicts teach while somebody judges: ranks among the objects held; the next run groups events anew besides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..ranking.order import places_of
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
        Int array (n,), the run's own ranks dealt out anew, as by `deal_ranks`.
    """
    events = pd.factorize(objects["event"])[0]
    places = places_of(objects, events, is_proposal(objects))
    rarity, shown = _before_verdicts(objects, fused=fused), _ranks_before(objects)
    learned = rerank(rarity, vectors, verdicts, events=events, places=places, shown=shown)
    return deal_ranks(objects["rank"].to_numpy(int), events, learned)


def deal_ranks(ranks: np.ndarray, events: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """Deal ranks out anew, so that a view which stands behind that of its card takes no card's place.

    Args:
        ranks: Int array (n,), ascending.
        events: Int array (n,), equal for the views of one event; the first of them has the card.
        worth: Float array (n,), higher is shown earlier; the best view of an event speaks for it.

    Returns:
        Int array (n,): cards have the ranks of cards, in the order of their events; the other views those of other
        views, none before the card of its event.
    """
    is_card = ~pd.Series(events).duplicated().to_numpy()
    best = pd.Series(worth).groupby(events).transform("max").to_numpy()
    order = np.lexsort([-worth, -best])
    cards, others = order[is_card[order]], order[~is_card[order]]
    number = pd.factorize(events)[0]
    place = np.empty(len(cards), int)
    place[number[cards]] = np.arange(len(cards))
    after = place[number[others]]  # the card that each stands behind
    dealt, n_cards, n_others = np.empty(len(ranks), int), 0, 0
    for rank, was_card in zip(ranks, is_card, strict=True):
        may = n_others < len(others) and after[n_others] < n_cards
        if n_cards == len(cards) or (may and not was_card):
            dealt[others[n_others]] = rank
            n_others += 1
        else:
            dealt[cards[n_cards]] = rank
            n_cards += 1
    return dealt


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
