"""The signs of rarity: what each is, how much it weighs, and how they become one number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..tables import is_proposal
from ..words.keywords import has_keyword
from .percentiles import percentiles, surprise
from .prominence import heights_on_road, sizes_on_road


@dataclass(frozen=True)
class Sign:
    """One sign: its column in the scores, whose meaning stands in tables.py, its weight, and its direction.

    A sign that raises can make an object rare by itself, with its weight as the rarity that it reaches alone. One that
    holds down takes its weight's share of the rarity away where it is 0.
    """

    name: str
    weight: float
    raises: bool


# weights: near those that benchmarks/sign_weights.py chooses without the bicyclists, whom any road is full of by name;
# with them it drops look, often name too, and loses anomalies that it has not seen (sign_weights_results.md)
SIGNS = (
    Sign("sign_look", 0.5, True),
    Sign("sign_name", 0.7, True),
    Sign("sign_frequency", 0.2, True),
    Sign("sign_words", 0.3, True),
    Sign("sign_strange", 0.8, True),
    Sign("sign_doubt", 0.2, True),
    Sign("sign_keyword", 0.1, True),
    Sign("sign_evidence", 0.5, False),
    Sign("sign_quality", 0.8, False),
    Sign("sign_size", 0.2, False),
    Sign("sign_height", 0.8, False),
)
# columns that signs are made of, and nothing else
FOR_SIGNS = ("class_pictures", "few", "margin", "named", "ordinary", "strangeness", "surprise")
# pictures that show a class before it begins to be usual here, and the share of further ones at which its name counts
# a third: cones fill a road under construction whatever a list says; no set lost by it
HANDFUL, USUAL_SHARE = 10, 0.1
# a proposal's class is a guess: nothing below the first confidence, as told from the second, by its logarithm between;
# found of anomalies 0.845 -> 0.873 (mean of four sets, three seeds), alike for ranges half and twice as wide
GUESS = (1e-4, 1e-2)
KEYWORD_POINTS, VERY_FEW, FEW = 5, (5, 10), (20, 5)  # of the plain recipe: count below, points
KEYWORD_SHARE = 0.02  # a keyword counts for classes below this share of all boxes
# quantile of the proposals' objectness from which a box is surely a thing; 0.9 to 0.98 were alike on the picture sets
# of benchmarks/quality.py, and in six demo worlds within 0.01 of average precision. One objectness for all was not: the
# best was 1 on pictures and 0.3 in demo worlds. At least LEAST_FULL, as where all are faint none is sure
SUREST, LEAST_FULL = 0.95, 0.01


def rare_class_points(class_count: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Return the points of the plain recipe: keyword +5; fewer than 5 of the class +10, fewer than 20 +5."""
    few = np.where(class_count < VERY_FEW[0], VERY_FEW[1], np.where(class_count < FEW[0], FEW[1], 0))
    return few + KEYWORD_POINTS * named


def class_facts(objects: pd.DataFrame, all_objects: pd.DataFrame, keywords: tuple[str, ...]) -> pd.DataFrame:
    """Count what the run says of each object's class.

    Args:
        objects: The embedded objects, class_name and origin.
        all_objects: All boxes of the run, over which classes are counted.
        keywords: Names of potentially rare classes.

    Returns:
        A row per object: class_count, detected boxes; class_missed, proposals that are guessed to be of it;
        class_pictures, pictures with a detected one; named, by a keyword; few, below KEYWORD_SHARE of all.
    """
    proposal = is_proposal(all_objects)
    detected, missed = (all_objects.loc[rows, ["class_name", "image_id"]] for rows in (~proposal, proposal))
    names = objects["class_name"]
    counts = detected["class_name"].value_counts()
    facts = {
        "class_count": counts,
        "class_missed": missed["class_name"].value_counts(),
        "class_pictures": detected.groupby("class_name")["image_id"].nunique(),
    }
    facts = {name: names.map(of_class).to_numpy(float) for name, of_class in facts.items()}
    table = pd.DataFrame(facts, index=names.index).fillna(0).astype(int)
    few = table["class_count"] < KEYWORD_SHARE * max(len(detected), 1)  # no rarity where every tenth is one
    return table.assign(named=has_keyword(names, keywords), few=few)


def measure_signs(table: pd.DataFrame, *, n_images: int) -> pd.DataFrame:
    """Return one column per sign, each in [0, 1].

    Args:
        table: Objects with class_facts, ordinary (1 ordinary on roads, 0 not, NaN unknown), surprise in [0, 1], margin
            (cosine by which another name fits better, 0 for none), strangeness in [0, 1] or NaN, confidence,
            objectness, origin, quality, hidden, the box and width and height of its picture [px].
        n_images: Pictures in which boxes were looked for.

    Returns:
        Float columns named as in SIGNS, in the order of the rows; all 0.0 to 1.0, higher is more of the sign.
    """
    return pd.DataFrame(dict(signs_in_turn(table, n_images=n_images)), dtype=float)


def signs_in_turn(table: pd.DataFrame, *, n_images: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and column of each sign of measure_signs, one at a time, as all at once take 88 bytes an object."""
    proposal, hidden = is_proposal(table), table["hidden"]
    measures: dict[str, Callable[[], np.ndarray]] = {
        # what stands in front looks strange, not the thing itself
        "sign_look": lambda: (1 - hidden.to_numpy(float)) * table["surprise"].to_numpy(float),
        "sign_name": lambda: _off_road(table, proposal, n_images),
        "sign_frequency": lambda: class_rarity(table["class_pictures"].to_numpy()),
        "sign_words": lambda: (
            (1 - hidden.to_numpy(float)) * unusual_values(table["margin"].to_numpy(float), counted=~proposal)
        ),
        "sign_strange": lambda: (
            (1 - hidden.to_numpy(float)) * unusual_values(_odds(table["strangeness"]), counted=~proposal)
        ),
        "sign_doubt": lambda: np.where(proposal, 0.0, 1 - table["confidence"].to_numpy(float)),
        "sign_keyword": lambda: ((table["named"] & table["few"]).to_numpy(bool) & ~proposal).astype(float),
        "sign_evidence": lambda: box_evidence(table),
        "sign_quality": lambda: table["quality"].to_numpy(float),
        "sign_size": lambda: sizes_on_road(table, common=~proposal),
        "sign_height": lambda: heights_on_road(table, common=~proposal),
    }
    for sign in SIGNS:
        yield sign.name, np.clip(measures[sign.name](), 0, 1)


def fuse_signs(signs: pd.DataFrame) -> np.ndarray:
    """Return the rarity of each object by the default ranking, from the columns of SIGNS alone.

    Each sign that raises can make an object rare alone (noisy or, Pearl 1988); the result is held down where little
    shows that the box is a thing, where its crop is poor, and where it is too small or too high for this data.

    Args:
        signs: Table with one column per sign, such as the scores of a run.

    Returns:
        Float array (n,) in [0, 1], higher is rarer.
    """
    common, kept = np.ones(len(signs)), np.ones(len(signs))
    for sign in SIGNS:
        if sign.raises:
            common *= 1 - sign.weight * signs[sign.name].to_numpy(float)
        else:
            kept *= 1 - sign.weight * (1 - signs[sign.name].to_numpy(float))
    return (1 - common) * kept


def _off_road(table: pd.DataFrame, proposal: np.ndarray, n_images: int) -> np.ndarray:
    seen_in = np.maximum(table["class_pictures"].to_numpy(float) - HANDFUL, 0) / max(n_images, 1)
    off_road = np.nan_to_num(1 - table["ordinary"].to_numpy(float), nan=0.0)
    return off_road * np.exp(-seen_in / USUAL_SHARE) * np.where(proposal, guess_trust(table), 1.0)


def unusual_values(values: np.ndarray, *, counted: np.ndarray) -> np.ndarray:
    """Return how much each value surprises among those of the run, in [0, 1]; 0 for values of 0 and for NaN.

    What one model takes for a large value another takes for a small one, so that only the run itself can tell.

    Args:
        values: Float array (n,), higher is more unusual.
        counted: Bool array (n,), the rows that the percentiles are taken over.
    """
    told = np.nan_to_num(values, nan=0.0)
    if not counted.any() or not (told > 0).any():
        return np.zeros(len(told))
    return np.where(told > 0, surprise(percentiles(told, among=counted)), 0.0)


def guess_trust(objects: pd.DataFrame) -> np.ndarray:
    """Return how far the class is believed that was guessed for each proposal from its confidence, in [0, 1]."""
    low, high = np.log10(GUESS)
    told = np.log10(np.maximum(objects["confidence"].fillna(0).to_numpy(float), GUESS[0]))
    return np.clip((told - low) / (high - low), 0, 1)


def class_rarity(class_count: np.ndarray) -> np.ndarray:
    """Return 1 for a class with one object, falling with the logarithm of its count to 0 for the most frequent."""
    counts = np.maximum(class_count, 1)
    most = counts.max(initial=1)
    return 1 - np.log(counts) / np.log(most) if most > 1 else np.zeros(len(counts))


def box_evidence(objects: pd.DataFrame) -> np.ndarray:
    """Return how sure it is that each box holds a thing, in [0, 1]; 1 where nothing is known.

    It is the objectness as a share of what the surest proposals of this run reach: what detectors compute is on scales
    of their own.
    """
    if "objectness" not in objects:
        return np.ones(len(objects))
    objectness = objects["objectness"].fillna(1.0).to_numpy(float)
    guesses = objectness[is_proposal(objects)]
    full = max(float(np.quantile(guesses, SUREST)), LEAST_FULL) if len(guesses) else 1.0
    return np.clip(objectness / full, 0, 1)


def _odds(strangeness: pd.Series) -> np.ndarray:
    """Return -log(1 - strangeness), which keeps apart what comes near 1."""
    return -np.log(np.clip(1 - strangeness.to_numpy(float), 1e-12, 1))
