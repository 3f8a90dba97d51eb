"""What verdicts teach of the objects that look like those that were judged: a Gaussian process over the ranking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, logit

from .stored import mean_row

PAGE = 50  # objects that are judged in one go; the ranking's chance is said for the last of the first page
NEIGHBOURS, SCALE_ROWS, ASKED = 10, 3000, 500  # of so many, some are asked how far their 10th nearest is: the scale
MOST_JUDGED = 2000  # verdicts that are learned from; the solution grows with their cube
BLOCK_ROWS = 50_000
STEPS, HALVINGS, SETTLED = 100, 30, 1e-8  # of Newton's method, and the gain from which it has settled
DECIMALS = 6  # beyond, machines differ


@dataclass(frozen=True)
class Learning:
    """How much verdicts teach; benchmarks/verdict_rounds_results.md says how well values do in worlds not seen.

    `fall`, `fall_spread`, `head`, `tail` and `haste` were set by hand, so that neither planted kinds, which stand
    far down, nor pages through rankings whose head is nearly all rare show fewer kinds than without verdicts
    (benchmarks/verdict_pages.py); `strength` and `near` were chosen in a search, the others by hand.
    """

    chance: float = 0.15  # of being rare that the ranking gives to the last object of the first page, before a verdict
    fall: float = 0.6  # of its logarithm of odds, as the place in the ranking, one page added, grows e-fold
    chance_spread: float = 1.0  # standard deviation by which verdicts may move the logarithm of odds of all
    fall_spread: float = 1.25  # and that of a further fall from the first to `tail`, as the place, `head` added, grows
    head: float = 10  # places among which it hardly falls
    tail: float = 400  # place from which on verdicts on others tell nothing of how it falls
    strength: float = 6.0  # variance of what likeness may add to the logarithm of odds
    direction: float = 0.5  # and of what a direction that all judged share may add
    reach: float = 0.8  # distance at which two objects are half alike, in units of that of near neighbours
    near: float = 0.35  # likeness to an object judged rare from which an object is of its kind
    again: float = 0.2  # of its odds that such an object keeps in a further picture of the drive: it is hardly another
    variety: float = 3.0  # power of unlikeness to all seen, which multiplies the chance of what is of no known kind
    enough: int = PAGE  # verdicts; with fewer, the page stays near what it was but for what looks like the judged ones
    haste: float = 0.8  # an object of a known kind comes first where its chance times this is the higher

    def told(self, verdicts: np.ndarray) -> float:
        """Return how far verdicts decide, in (0, 1], 1 where they are enough."""
        return min(np.count_nonzero(~np.isnan(verdicts)) / self.enough, 1.0)


@dataclass(frozen=True)
class Learned:
    """What verdicts say of each object, and how alike any two are."""

    log_odds: np.ndarray  # (n,) of being rare, rounded
    near_rare: np.ndarray  # (n,) likeness to the nearest object judged rare, 0 where none is
    near_judged: np.ndarray  # (n,) and to the nearest that was judged at all
    likeness: Likeness


class Likeness:
    """How alike objects are: 1 for the same vector, falling by half with each further distance of near neighbours."""

    def __init__(self, vectors: np.ndarray, reach: float) -> None:
        self.vectors, self.centre = vectors, mean_row(vectors)
        self.half = reach * self._distance_of_neighbours()

    def between(self, rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return likeness in [0, 1] and cosine in [-1, 1] about the common centre, of shape (n_rows, n_others)."""
        cosine = self._centred(rows) @ self._centred(others).T
        return 0.5 ** (np.clip(1 - cosine, 0, None) / self.half), cosine

    def _centred(self, rows: np.ndarray) -> np.ndarray:
        moved = np.asarray(self.vectors[rows], dtype=float) - self.centre
        return moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)

    def _distance_of_neighbours(self) -> float:
        rows = np.unique(np.linspace(0, len(self.vectors) - 1, SCALE_ROWS).astype(int))
        sample = self._centred(rows)
        some = sample[np.unique(np.linspace(0, len(sample) - 1, ASKED).astype(int))]
        place = min(NEIGHBOURS, len(sample) - 1)
        distance = np.partition(np.clip(1 - some @ sample.T, 0, None), place, axis=1)[:, place]
        return max(float(np.median(distance)), 1e-6)


def learn(place: np.ndarray, vectors: np.ndarray, verdicts: np.ndarray, learning: Learning) -> Learned:
    """Return each object's chance of being rare, by its place in the ranking and by the verdicts on what looks alike.

    Gaussian process classification (Rasmussen and Williams 2006, algorithms 3.1 and 3.2, at the mode). Its mean is what
    the ranking says; it moves with likeness to judged objects, with a direction that they share, and, as verdicts show
    how many of the first are rare and how soon that falls, for all.

    Args:
        place: Float array (n,), the place of each object in the ranking, 1 the first.
        vectors: Unit rows (n, dim).
        verdicts: Float array (n,): 1 rare, 0 common, NaN unknown; at least one known.
        learning: How much verdicts teach.
    """
    prior = logit(learning.chance) - learning.fall * np.log((place + PAGE) / (2 * PAGE))
    depth = np.log((np.minimum(place, learning.tail) + learning.head) / (PAGE + learning.head))
    likeness, judged = Likeness(vectors, learning.reach), _learned_from(verdicts)
    fall_variance = learning.told(verdicts) * learning.fall_spread**2

    def covariance(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        alike, cosine = likeness.between(rows, judged)
        of_all = learning.chance_spread**2 + fall_variance * np.outer(depth[rows], depth[judged])
        return learning.strength * alike + learning.direction * cosine + of_all, alike

    surprises = _surprises(covariance(judged)[0], prior[judged], verdicts[judged])
    rare = verdicts[judged] == 1
    log_odds, near_rare, near_judged = prior.copy(), np.zeros(len(prior)), np.zeros(len(prior))
    for rows in _blocks(len(prior)):
        shared, alike = covariance(rows)
        log_odds[rows] += shared @ surprises
        near_rare[rows] = alike[:, rare].max(axis=1, initial=0)
        near_judged[rows] = alike.max(axis=1)
    return Learned(*(values.round(DECIMALS) for values in (log_odds, near_rare, near_judged)), likeness)


def _surprises(covariance: np.ndarray, prior: np.ndarray, verdicts: np.ndarray) -> np.ndarray:
    """Return verdict less chance of each judged object at the mode, by Newton's method with halved steps.

    Full steps alone may swing for ever where verdicts contradict a very low prior.
    """
    weights, worth = np.zeros(len(prior)), _worth(np.zeros(len(prior)), covariance, prior, verdicts)
    for _ in range(STEPS):
        target, before = _newton_target(weights, covariance, prior, verdicts), worth
        for halving in range(HALVINGS):
            tried = weights + 0.5**halving * (target - weights)
            worth = _worth(tried, covariance, prior, verdicts)
            if worth > before:
                weights = tried
                break
        if worth < before + SETTLED:
            break
    return verdicts - expit(prior + covariance @ weights)


def _newton_target(weights: np.ndarray, covariance: np.ndarray, prior: np.ndarray, verdicts: np.ndarray) -> np.ndarray:
    moved = covariance @ weights
    chance = expit(prior + moved)
    curvature = chance * (1 - chance)
    root = np.sqrt(curvature)
    wanted = curvature * moved + verdicts - chance
    factor = cho_factor(np.eye(len(prior)) + root[:, None] * covariance * root)
    return wanted - root * cho_solve(factor, root * (covariance @ wanted))


def _worth(weights: np.ndarray, covariance: np.ndarray, prior: np.ndarray, verdicts: np.ndarray) -> float:
    """Return the logarithm of the posterior, up to a constant."""
    moved = covariance @ weights
    return float(-0.5 * weights @ moved - np.logaddexp(0, (1 - 2 * verdicts) * (prior + moved)).sum())


def _learned_from(verdicts: np.ndarray) -> np.ndarray:
    """Return the judged rows, at most MOST_JUDGED: those judged rare first, of the others some spread evenly."""
    rare, common = np.flatnonzero(verdicts == 1)[:MOST_JUDGED], np.flatnonzero(verdicts == 0)
    room = MOST_JUDGED - len(rare)
    if len(common) > room:
        common = common[np.linspace(0, len(common) - 1, room).astype(int)]
    return np.concatenate([rare, common])


def _blocks(size: int) -> Iterator[np.ndarray]:
    for start in range(0, size, BLOCK_ROWS):
        yield np.arange(start, min(start + BLOCK_ROWS, size))
