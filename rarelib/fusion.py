"""How the signs of rarity of an object become one number."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .early_filter import count_classes, has_keyword, is_proposal

# what each sign of rarity weighs
LOOK, FREQUENCY, KEYWORD, MISMATCH = 0.5, 0.4, 0.05, 0.05
KEYWORD_POINTS, VERY_FEW, FEW = 5, (5, 10), (20, 5)  # of the plain recipe: count below, points
MISMATCH_SAID = 0.02  # cosine from which it is believed
MISMATCH_SPREAD = 0.05  # cosine by which another phrase fits better than the class for a full sign
FULL_OBJECTNESS = 0.15  # a proposal that reaches this counts as a thing
QUALITY_WEIGHT = 0.5


def rare_class_points(class_count: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Return the points of the plain recipe: keyword +5; fewer than 5 of the class +10, fewer than 20 +5."""
    few = np.where(class_count < VERY_FEW[0], VERY_FEW[1], np.where(class_count < FEW[0], FEW[1], 0))
    return few + KEYWORD_POINTS * named


def signs_of(
    objects: pd.DataFrame, all_objects: pd.DataFrame, keywords: list[str], zero_shot: pd.DataFrame | None
) -> dict[str, np.ndarray]:
    """Return what tables tell of each object.

    Args:
        objects: The embedded objects, class_name and lane.
        all_objects: All boxes of the run, over which classes are counted.
        keywords: Parts of names of potentially rare classes.
        zero_shot: Table with object_id, phrase, similarity and class_similarity, or None.

    Returns:
        class_count; named (by a keyword); phrase that fits better than the class, else ""; mismatch, by how much
        [cosine].
    """
    class_count = objects["class_name"].map(count_classes(all_objects)).to_numpy(int)
    phrase, mismatch = _mismatch(objects, zero_shot)
    named = has_keyword(objects["class_name"], keywords)
    return {"class_count": class_count, "named": named, "phrase": phrase, "mismatch": mismatch}


def fuse_rarity(table: pd.DataFrame) -> np.ndarray:
    """Return the rarity of each object by the default ranking.

    Args:
        table: Objects with the columns of signs_of, embedding_rarity (percentile), quality in [0, 1], and lane and
            objectness where there are proposals.

    Returns:
        Float array (n,) in [0, 1], higher is rarer.
    """
    proposal = is_proposal(table)
    frequency = np.where(proposal, proposal_evidence(table), class_rarity(table["class_count"].to_numpy()))
    rarity = (
        LOOK * table["embedding_rarity"].to_numpy()
        + FREQUENCY * frequency
        + KEYWORD * (table["named"].to_numpy(bool) & ~proposal)
        + MISMATCH * np.clip(table["mismatch"].to_numpy() / MISMATCH_SPREAD, 0, 1)
    )
    return rarity * (1 - QUALITY_WEIGHT * (1 - table["quality"].to_numpy()))


def class_rarity(class_count: np.ndarray) -> np.ndarray:
    """Return 1 for a class with one object, falling with the logarithm of its count to 0 for the most frequent."""
    counts = np.maximum(class_count, 1)
    most = counts.max(initial=1)
    return 1 - np.log(counts) / np.log(most) if most > 1 else np.zeros(len(counts))


def proposal_evidence(objects: pd.DataFrame) -> np.ndarray:
    """Return how much speaks for a proposal being a thing, in [0, 1]."""
    if "objectness" not in objects:
        return np.zeros(len(objects))
    return np.clip(objects["objectness"].to_numpy(float) / FULL_OBJECTNESS, 0, 1)


def _mismatch(objects: pd.DataFrame, zero_shot: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
    if zero_shot is None or zero_shot.empty:
        return np.full(len(objects), "", dtype=object), np.zeros(len(objects))
    found = zero_shot.set_index("object_id").reindex(objects["object_id"])
    gap = (found["similarity"] - found["class_similarity"]).fillna(0.0).to_numpy(float)
    phrase = found["phrase"].fillna("").to_numpy(dtype=object)
    differs = (phrase != objects["class_name"].to_numpy(dtype=object)) & (gap >= MISMATCH_SAID)
    return np.where(differs, phrase, ""), np.where(differs, gap, 0.0)
