"""The order of the pages that are judged next: what is likely of a known kind, and kinds that nobody has judged yet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .order import LEAST_DRIVES, Places, worth_left
from .verdict_kernel import DECIMALS, PAGE, Learned, Learning, Likeness, learn

MOST_KNOWN = 0.5  # of the places from the first on; no more go to kinds that were judged rare, while there are others
PAIRS = 10_000_000  # of objects of a drive that are compared at once
VARIED, CANDIDATES = 2 * PAGE, 8 * PAGE  # objects of no known kind that are chosen for variety, and among how many


def learned_order(
    rarity: np.ndarray,
    vectors: np.ndarray,
    verdicts: np.ndarray,
    *,
    settled: np.ndarray | None = None,
    places: Places | None = None,
    shown: np.ndarray | None = None,
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
        places: Of the objects, so that a page spreads over pictures and drives, and what looks like an object judged
            rare in another picture of its drive stands back, as it is hardly another thing; None where not known.
        shown: Float array (n,), the place of each row on the page before any verdict, 1 the first, from which the order
            begins: the fewer verdicts, the more of it is kept; by default the order begins from rarity.
        learning: How much verdicts teach.

    Returns:
        Int array (n,) of rows, the first to be shown first, those settled at the end.
    """
    learning = learning or Learning()
    settled = ~np.isnan(verdicts) if settled is None else settled
    told = learning.told(verdicts)
    learned = learn(_place_before(rarity, shown, told), vectors, verdicts, learning)
    if places is not None:
        left = told * np.log(worth_left(places, ~np.isnan(verdicts)))
        left[_seen_again(learned.likeness, verdicts == 1, places, learning.near)] += np.log(learning.again)
        learned = replace(learned, log_odds=(learned.log_odds + left).round(DECIMALS))
    order = np.lexsort([-np.asarray(rarity), -learned.log_odds])
    is_known = learned.near_rare > learning.near
    new, known = order[~settled[order] & ~is_known[order]], order[~settled[order] & is_known[order]]
    new = _varied(new, learned, told * learning.variety)
    worth = (_log_chance(learned.log_odds) + np.where(is_known, np.log(learning.haste), 0)).round(DECIMALS)
    return np.concatenate([_merged(new, known, worth[new], worth[known]), order[settled[order]]])


def _place_before(rarity: np.ndarray, shown: np.ndarray | None, told: float) -> np.ndarray:
    """Return the place of each row that the ranking gives it: on the page as it was, and with verdicts by rarity."""
    place = pd.Series(-np.asarray(rarity)).rank().to_numpy()
    return place if shown is None else np.asarray(shown, dtype=float) ** (1 - told) * place**told


def _seen_again(likeness: Likeness, rare: np.ndarray, places: Places, near: float) -> np.ndarray:
    """Mark what looks like an object judged rare in another picture of its drive, where drives are no mere folders."""
    again, in_some = np.zeros(len(rare), bool), places.drive >= 0
    if len(np.unique(places.drive[in_some])) < LEAST_DRIVES:
        return again
    for drive in np.unique(places.drive[in_some & rare]):
        in_drive = np.flatnonzero(places.drive == drive)
        judged = in_drive[rare[in_drive]]
        for rows in np.array_split(in_drive, len(in_drive) * len(judged) // PAIRS + 1):
            alike, _ = likeness.between(rows, judged)
            elsewhere = places.picture[rows][:, None] != places.picture[judged]
            again[rows] = ((alike > near) & elsewhere).any(axis=1)
    return again


def _varied(new: np.ndarray, learned: Learned, variety: float) -> np.ndarray:
    """Put first what is likely rare and unlike all that was judged or stands before it, one at a time.

    Whether what was seen is rare or common, what is like it is hardly of a new kind.
    """
    chance = _log_chance(learned.log_odds[new])
    unseen = _unseen(learned.near_judged[new], variety)
    order = np.argsort(-(chance + unseen), kind="stable")
    first = order[:CANDIDATES]
    takes = _unseen(learned.likeness.between(new[first], new[first])[0], variety)
    picked = _pick(chance[first], unseen[first], takes)
    return new[np.concatenate([first[picked], first[np.setdiff1d(np.arange(len(first)), picked)], order[CANDIDATES:]])]


def _log_chance(log_odds: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -log_odds).round(DECIMALS)


def _pick(chance: np.ndarray, unseen: np.ndarray, takes: np.ndarray) -> np.ndarray:
    """Pick VARIED candidates, each time the worthiest; it takes from those like it, for good."""
    picked = []
    for _ in range(min(VARIED, len(chance))):
        worth = chance + unseen
        worth[picked] = -np.inf
        picked.append(int(np.argmax(worth)))
        unseen = np.minimum(unseen, takes[picked[-1]])
    return np.array(picked, dtype=np.int64)


def _unseen(likeness: np.ndarray, variety: float) -> np.ndarray:
    """Return what likeness to something seen takes from the logarithm of the chance to be of a new kind."""
    return (variety * np.log(np.clip(1 - likeness, 1e-6, 1))).round(DECIMALS)


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
