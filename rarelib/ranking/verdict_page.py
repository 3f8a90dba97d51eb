"""The order of the pages that are judged next: what is likely of a known kind, and kinds that nobody has judged yet."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from .verdict_kernel import DECIMALS, PAGE, Learned, Learning, learn

MOST_KNOWN = 0.5  # of the places from the first on; no more go to kinds that were judged rare, while there are others
VARIED, CANDIDATES = 2 * PAGE, 8 * PAGE  # objects of no known kind that are chosen for variety, and among how many


def learned_order(
    rarity: np.ndarray,
    vectors: np.ndarray,
    verdicts: np.ndarray,
    *,
    settled: np.ndarray | None = None,
    learning: Learning | None = None,
) -> np.ndarray:
    """Order objects for the next page by what verdicts teach, at least every second place for kinds not judged rare.

    Active search for members of many classes whose finds are worth less the more of their kind are known (Garnett 2012,
    Nguyen and Garnett 2023; active anomaly discovery, Das 2016, Siddiqui 2018), a page of them at a time: what already
    stands on the page counts as seen (Vanchinathan 2015). How much of a page goes to known kinds is not fixed: the
    chances decide, and verdicts move them.

    Args:
        rarity: Float array (n,), higher is rarer.
        vectors: Unit rows (n, dim).
        verdicts: Float array (n,): 1 rare, 0 common, NaN unknown; at least one known.
        settled: Bool array (n,), the rows that need no place; by default those that were judged.
        learning: How much verdicts teach.

    Returns:
        Int array (n,) of rows, the first to be shown first, those settled at the end.
    """
    learning = learning or Learning()
    settled = ~np.isnan(verdicts) if settled is None else settled
    learned = learn(rarity, vectors, verdicts, learning)
    order = np.lexsort([-np.asarray(rarity), -learned.log_odds])
    is_known = learned.near_rare > learning.near
    new, known = order[~settled[order] & ~is_known[order]], order[~settled[order] & is_known[order]]
    new = _varied(new, learned, learning.variety)
    chance = expit(learned.log_odds)
    return np.concatenate([_merged(new, known, chance[new], learning.haste * chance[known]), order[settled[order]]])


def _varied(new: np.ndarray, learned: Learned, variety: float) -> np.ndarray:
    """Put first what is likely rare and unlike all that was judged or stands before it, one at a time.

    Whether what was seen is rare or common, what is like it is hardly of a new kind.
    """
    chance = -np.logaddexp(0, -learned.log_odds[new])  # its logarithm
    seen = learned.near_judged[new]
    order = np.argsort(-_worth(chance, seen, variety), kind="stable")
    new, chance, seen = new[order], chance[order], seen[order]
    candidates = new[:CANDIDATES]
    alike = learned.likeness.between(candidates, candidates)[0].round(DECIMALS)
    chance, seen = chance[:CANDIDATES], seen[:CANDIDATES]
    left, first = np.ones(len(candidates), bool), []
    for _ in range(min(VARIED, len(candidates))):
        best = int(np.argmax(np.where(left, _worth(chance, seen, variety), -np.inf)))
        first.append(best)
        left[best] = False
        seen = np.maximum(seen, alike[best])
    return np.concatenate([candidates[first], candidates[left], new[CANDIDATES:]])


def _worth(chance: np.ndarray, seen: np.ndarray, variety: float) -> np.ndarray:
    """Return the logarithm of the chance that an object is of a kind that nobody has seen, up to a constant."""
    return (chance + variety * np.log(np.clip(1 - seen, 1e-6, 1))).round(DECIMALS)


def _merged(new: np.ndarray, known: np.ndarray, new_worth: np.ndarray, known_worth: np.ndarray) -> np.ndarray:
    """Merge two orders, the worthier first; no beginning holds more than its share of known ones while others last."""
    takes_known = np.zeros(len(new) + len(known), bool)
    worths, of_known = new_worth.tolist(), known_worth.tolist()
    number, taken = 0, 0
    while number - taken < len(worths) and taken < len(of_known):
        allowed = taken + 1 <= MOST_KNOWN * (number + 1)
        if allowed and of_known[taken] > worths[number - taken]:
            takes_known[number] = True
            taken += 1
        number += 1
    takes_known[number:] = taken < len(of_known)
    merged = np.empty(len(takes_known), dtype=np.int64)
    merged[takes_known], merged[~takes_known] = known, new
    return merged
