"""How the signs of rarity of an object become one number."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from .crop_quality import ramp
from .early_filter import count_classes, has_keyword, is_proposal

# how sure each full sign alone makes a rarity; measured: changing any by a third changes little
NAME, FREQUENCY, LOOK, KEYWORD, MISMATCH = 0.7, 0.3, 0.8, 0.1, 0.3
# words in the names of what any road is full of: who uses it, what regulates it, what stands or is carried along it
ORDINARY_WORDS = frozenset((
    "car", "van", "suv", "truck", "lorry", "bus", "tram", "train", "vehicle", "bicycle", "bike", "cyclist",
    "motorcycle", "motorbike", "motorcyclist", "moped", "scooter", "rider", "person", "people", "pedestrian",
    "man", "woman", "child", "light", "lights", "sign", "signal", "pole", "lamp", "meter", "hydrant", "bench",
    "bin", "fence", "building", "wall", "tree", "plant", "vegetation", "road", "sidewalk", "backpack", "handbag",
    "umbrella", "clock", "object",
))  # fmt: skip
KEYWORD_POINTS, VERY_FEW, FEW = 5, (5, 10), (20, 5)  # of the plain recipe: count below, points
MISMATCH_RAMP = (0.02, 0.05)  # cosine by which another phrase fits better than the class: believed from, full sign
KEYWORD_SHARE = 0.02  # a keyword counts for classes below this share of all boxes
FULL_CONFIDENCE = 0.5  # a box that reaches this is surely a thing
# what a box loses of its rarity that shows no evidence, no quality, no size, or hangs high above the road
EVIDENCE_WEIGHT, QUALITY_WEIGHT, SIZE_WEIGHT, HEIGHT_WEIGHT = 0.3, 0.6, 0.4, 0.4
SIZE_RAMP = (0.02, 0.12)  # side of a square of the box's area, as share of the picture's
BOTTOM_RAMP = (0.4, 0.65)  # lower edge as share of the picture's height: from the horizon to the road nearby


def rare_class_points(class_count: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Return the points of the plain recipe: keyword +5; fewer than 5 of the class +10, fewer than 20 +5."""
    few = np.where(class_count < VERY_FEW[0], VERY_FEW[1], np.where(class_count < FEW[0], FEW[1], 0))
    return few + KEYWORD_POINTS * named


def signs_of(
    objects: pd.DataFrame, all_objects: pd.DataFrame, keywords: list[str], zero_shot: pd.DataFrame | None
) -> dict[str, np.ndarray]:
    """Return what tables tell of each object.

    Args:
        objects: The embedded objects, class_name and origin.
        all_objects: All boxes of the run, over which classes are counted.
        keywords: Parts of names of potentially rare classes.
        zero_shot: Table with object_id, phrase, similarity and class_similarity, or None.

    Returns:
        class_count; class_pictures, how many pictures show the class; named (by a keyword, and few); off_road, how
        little a road is expected to show it, in [0, 1]; phrase that fits better than the class, else ""; mismatch, by
        how much [cosine].
    """
    counts, pictures = count_classes(all_objects), count_pictures(all_objects)
    class_count = objects["class_name"].map(counts).to_numpy(int)
    class_pictures = objects["class_name"].map(pictures).fillna(0).to_numpy(int)
    seen_in = class_pictures / max(all_objects["image_id"].nunique(), 1)
    off_road = ~is_ordinary(objects["class_name"]) * (1 - seen_in)
    phrase, mismatch = _mismatch(objects, zero_shot)
    few = class_count < KEYWORD_SHARE * max(counts.sum(), 1)  # a truck is no rarity where every tenth object is one
    named = has_keyword(objects["class_name"], keywords) & few
    about_class = {"class_count": class_count, "class_pictures": class_pictures, "named": named, "off_road": off_road}
    return {**about_class, "phrase": phrase, "mismatch": mismatch}


def fuse_rarity(table: pd.DataFrame) -> np.ndarray:
    """Return the rarity of each object by the default ranking.

    Each sign alone can make an object rare (noisy or): a class that roads are not expected to show, one that few
    pictures show, a strange look, a keyword, a phrase that fits better. The result is held down where little shows
    that the box is a thing at all, where its crop is too poor to tell, and where it is far off or high above the road.

    Args:
        table: Objects with the columns of signs_of, embedding_rarity (percentile), quality in [0, 1], the box [px]
            with width and height of its picture, and origin and objectness where there are proposals.

    Returns:
        Float array (n,) in [0, 1], higher is rarer.
    """
    shown = 1 - table["hidden"].to_numpy() if "hidden" in table else 1.0  # what stands in front looks strange, not it
    signs = (
        (NAME, table["off_road"].to_numpy()),
        (FREQUENCY, class_rarity(table["class_pictures"].to_numpy())),
        (LOOK, shown * surprise(table["embedding_rarity"].to_numpy())),
        (KEYWORD, table["named"].to_numpy(bool) & ~is_proposal(table)),
        (MISMATCH, shown * ramp(table["mismatch"].to_numpy(float), *MISMATCH_RAMP)),
    )
    rarity = 1 - np.prod([1 - weight * sign for weight, sign in signs], axis=0)
    size, bottom = prominence(table)
    held_by = (
        (EVIDENCE_WEIGHT, box_evidence(table)),
        (QUALITY_WEIGHT, table["quality"].to_numpy()),
        (SIZE_WEIGHT, size),
        (HEIGHT_WEIGHT, bottom),
    )
    return rarity * np.prod([1 - weight * (1 - good) for weight, good in held_by], axis=0)


def surprise(percentile: np.ndarray) -> np.ndarray:
    """Return how surprising a percentile is among so many: -log(1 - p) as share of that of the highest, in [0, 1]."""
    return np.clip(-np.log1p(-percentile) / np.log(2 * max(len(percentile), 1)), 0, 1)


def prominence(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return how large each box is in its picture and how near the road its lower edge is, in [0, 1]; 1 if unknown."""
    if "width" not in table:
        return np.ones(len(table)), np.ones(len(table))
    width, height = (table[side].to_numpy(float) for side in ("width", "height"))
    known = (width > 0) & (height > 0)
    area = (table["x_max"] - table["x_min"]).to_numpy() * (table["y_max"] - table["y_min"]).to_numpy()
    side = np.sqrt(np.maximum(area, 0) / np.where(known, width * height, 1))
    bottom = table["y_max"].to_numpy(float) / np.where(known, height, 1)
    return tuple(
        np.where(known, ramp(values, *ends), 1.0) for values, ends in ((side, SIZE_RAMP), (bottom, BOTTOM_RAMP))
    )


def count_pictures(objects: pd.DataFrame) -> pd.Series:
    """Return in how many pictures each class was detected."""
    return objects[~is_proposal(objects)].groupby("class_name")["image_id"].nunique()


def class_rarity(class_count: np.ndarray) -> np.ndarray:
    """Return 1 for a class with one object, falling with the logarithm of its count to 0 for the most frequent."""
    counts = np.maximum(class_count, 1)
    most = counts.max(initial=1)
    return 1 - np.log(counts) / np.log(most) if most > 1 else np.zeros(len(counts))


def is_ordinary(class_names: pd.Series) -> np.ndarray:
    """Tell for each class name whether one of its words names what any road is full of."""
    found = {name: not ORDINARY_WORDS.isdisjoint(re.split(r"[^a-z]+", str(name).lower())) for name in set(class_names)}
    return class_names.map(found).to_numpy(bool)


def box_evidence(objects: pd.DataFrame) -> np.ndarray:
    """Return how sure it is that each box holds a thing, in [0, 1]; 1 where nothing is known."""
    if "objectness" not in objects:
        return np.ones(len(objects))
    return np.clip(objects["objectness"].fillna(1.0).to_numpy(float) / FULL_CONFIDENCE, 0, 1)


def _mismatch(objects: pd.DataFrame, zero_shot: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
    if zero_shot is None or zero_shot.empty:
        return np.full(len(objects), "", dtype=object), np.zeros(len(objects))
    found = zero_shot.set_index("object_id").reindex(objects["object_id"])
    gap = (found["similarity"] - found["class_similarity"]).fillna(0.0).to_numpy(float)
    phrase = found["phrase"].fillna("").to_numpy(dtype=object)
    differs = (phrase != objects["class_name"].to_numpy(dtype=object)) & (gap >= MISMATCH_RAMP[0])
    return np.where(differs, phrase, ""), np.where(differs, gap, 0.0)
