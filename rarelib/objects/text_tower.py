"""Does a text tower know what words mean? Asked of this run's own crops before names are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_OBJECTS, MOST_OBJECTS = 5, 200  # sure objects of a class that are asked about
ABOVE_CHANCE = 0.2  # share of the way from chance to always right that its agreement must reach
STANDING = 0.8  # its own name must fit a crop better than this share of the vocabulary, where chance is a half
COHERENCE = 3.0  # times chance: names of one group must lie together so often; only where no class can be asked about


@dataclass(frozen=True)
class TowerTest:
    """What was found.

    Attributes:
        classes: Classes that could be asked about.
        agreement: Mean over them of the share of sure objects whose nearest class name is the detector's.
        chance: The same for a tower that knows nothing.
        standing: Mean share of the vocabulary that fits an object worse than its own class name; a half by chance.
        coherence: How much more often than by chance a name's nearest name is of its group; 0 if not asked.
        passed: Whether the tower plainly knows words.
    """

    classes: int
    agreement: float
    chance: float
    standing: float
    coherence: float
    passed: bool

    def figures(self) -> dict[str, float | int]:
        """Return the numbers by name."""
        numbers = {name: round(getattr(self, name), 4) for name in ("agreement", "chance", "standing", "coherence")}
        return {"classes": self.classes, **numbers}


def try_text_tower(
    vectors: np.ndarray, sure_class: np.ndarray, class_texts: np.ndarray, texts: np.ndarray, groups: Sequence[str]
) -> TowerTest:
    """Try out whether a text tower knows class names and a vocabulary.

    Args:
        vectors: Unit rows (n, dim) of crops.
        sure_class: Int array (n,): the row of class_texts that a detector is sure of, -1 where it is not.
        class_texts: Unit rows of the class names.
        texts: Unit rows of the vocabulary.
        groups: The group of each name of the vocabulary; "" leaves it out where names are compared with each other.

    Returns:
        What was found. Where no class can be asked about, names of one group must lie near each other.
    """
    rows = {number: _spread(np.flatnonzero(sure_class == number)) for number in np.unique(sure_class) if number >= 0}
    rows = {number: found for number, found in rows.items() if len(found) >= LEAST_OBJECTS}
    if not rows or not len(texts):
        coherence = group_coherence(texts, groups)
        return TowerTest(0, 0.0, 0.0, 0.0, coherence, coherence >= COHERENCE)
    asked = class_texts[list(rows)]
    right, standing = [], []
    for position, found in enumerate(rows.values()):
        crops = np.asarray(vectors[found])
        own = crops @ asked[position]
        right.append(((crops @ asked.T).argmax(axis=1) == position).mean())
        standing.append(((crops @ texts.T) <= own[:, None]).mean())
    agreement, chance = float(np.mean(right)), 1 / len(rows)
    passed = agreement >= chance + ABOVE_CHANCE * (1 - chance) and np.mean(standing) >= STANDING
    return TowerTest(len(rows), agreement, chance, float(np.mean(standing)), 0.0, bool(passed))


def group_coherence(texts: np.ndarray, groups: Sequence[str]) -> float:
    """Return how much more often than by chance the nearest other name is of the same group; 0 with too few groups.

    A name of group "" is left out: names that share a word are near each other in any tower.
    """
    asked = np.asarray(groups, str) != ""
    texts, groups = texts[asked], np.asarray(groups, str)[asked]
    number = np.unique(groups, return_inverse=True)[1]
    if len(texts) < 2 or number.max(initial=0) < 2:
        return 0.0
    near = texts @ texts.T
    np.fill_diagonal(near, -np.inf)
    together = (number[near.argmax(axis=1)] == number).mean()
    return float(together / ((np.bincount(number) / len(number)) ** 2).sum())


def _spread(rows: np.ndarray) -> np.ndarray:
    """Return some of the rows from everywhere, for all of them would tell no more."""
    count = min(len(rows), MOST_OBJECTS)
    return rows[np.linspace(0, len(rows) - 1, count).astype(int)] if count else rows
