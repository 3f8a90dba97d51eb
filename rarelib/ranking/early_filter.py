"""Which objects are worth a vector: a decision and a reason for each, on tables alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..language import say

PROPOSAL = "proposal"


def filter_objects(
    objects: pd.DataFrame,
    *,
    groups: pd.Series | None = None,
    early_filter: bool = True,
    selection: str = "ranked",
    keywords: Sequence[str] = (),
    rare_class_share: float = 0.02,
    potential_rare_share: float = 0.3,
    diversity_objects: int = 100,
    common_per_class: int = 2000,
    seed: int = 0,
    language: str = "en",
) -> pd.DataFrame:
    """Decide for every object whether it is embedded, whatever the order of the rows.

    Args:
        objects: Rows with object_id, image_id and class_name; origin where there are proposals.
        groups: Drive or scene by image_id; thinning takes equally from each.
        early_filter: False keeps all.
        selection: "union", the plain recipe: classes named by a keyword, and random others while those are few;
            "ranked": these, classes that are rare in this data, proposals, and a thinned share of the common ones.
        keywords: A class whose name contains one counts as potentially rare, upper and lower case alike.
        rare_class_share: A class below this share of the detected boxes counts as rare in this data.
        potential_rare_share: With "union": others join while the potentially rare are under this share of all.
        diversity_objects: With "union": how many others join.
        common_per_class: With "ranked": at most this many of each common class.
        seed: Seed of the draws.
        language: Of the reasons.

    Returns:
        Table with object_id, keep and reason, one row per object in their order.

    Raises:
        ValueError: If the selection is neither.
    """
    if selection not in ("ranked", "union"):
        raise ValueError(
            f"The 'selection' parameter of filter_objects must be ranked or union. Got {selection!r} instead."
        )
    table = objects.sort_values("object_id", kind="stable").reset_index(drop=True)
    named = has_keyword(table["class_name"], keywords)
    if not early_filter:
        reason = np.full(len(table), "off", dtype=object)
        keep = np.ones(len(table), bool)
    elif selection == "union":
        keep, reason = _keep_named(named, potential_rare_share, diversity_objects, seed)
    else:
        keep, reason = _keep_ranked(table, named, groups, rare_class_share, common_per_class, seed)
    words = {code: say(f"early_filter.{code}", language) for code in set(reason)}
    reasons = pd.Series([words[code] for code in reason], dtype="str")
    filtered = pd.DataFrame({"object_id": table["object_id"], "keep": keep, "reason": reasons})
    return filtered.set_index("object_id").reindex(objects["object_id"]).reset_index()


def has_keyword(class_names: pd.Series, keywords: Sequence[str]) -> np.ndarray:
    """Tell for each class name whether it contains one of the keywords, upper and lower case alike."""
    words = [word.lower() for word in keywords if word]
    found = {name: any(word in str(name).lower() for word in words) for name in class_names.unique()}
    return class_names.map(found).to_numpy(bool)


def count_classes(objects: pd.DataFrame) -> pd.Series:
    """Return how many detected boxes each class has; a proposal's class is a guess and does not count."""
    counts = objects.loc[~is_proposal(objects), "class_name"].value_counts()
    return counts.reindex(objects["class_name"].unique(), fill_value=0)


def is_proposal(objects: pd.DataFrame) -> np.ndarray:
    """Tell for each object whether the detector almost missed it."""
    return (objects["origin"] == PROPOSAL).to_numpy(bool) if "origin" in objects else np.zeros(len(objects), bool)


def _keep_named(
    named: np.ndarray, potential_rare_share: float, diversity_objects: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    reason = np.where(named, "keyword", "others").astype(object)
    if named.sum() < potential_rare_share * len(named):
        others = np.flatnonzero(~named)
        drawn = np.random.default_rng(seed).permutation(others)[:diversity_objects]
        reason[drawn] = "diversity"
    return reason != "others", reason


def _keep_ranked(
    table: pd.DataFrame,
    named: np.ndarray,
    groups: pd.Series | None,
    rare_class_share: float,
    common_per_class: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    counts = count_classes(table)
    share = table["class_name"].map(counts).to_numpy(float) / max(counts.sum(), 1)
    proposal = is_proposal(table)
    rare = ~proposal & ~named & (share < rare_class_share)
    common = ~(proposal | named | rare)
    drawn = _thin(table, common, groups, common_per_class, seed)
    choices = [proposal, named, rare, drawn]
    reason = np.select(choices, ["proposal", "keyword", "rare", "sample"], default="thinned").astype(object)
    return ~common | drawn, reason


def _thin(
    table: pd.DataFrame, common: np.ndarray, groups: pd.Series | None, common_per_class: int, seed: int
) -> np.ndarray:
    chance = np.random.default_rng(seed).random(len(table))
    rows = pd.DataFrame({"class_name": table["class_name"], "group": "", "chance": chance})
    if groups is not None:
        rows["group"] = table["image_id"].map(groups).fillna("").astype("str")
    rows = rows[common]
    rows = rows.assign(turn=rows.groupby(["class_name", "group"])["chance"].rank(method="first"))
    rows = rows.sort_values(["turn", "chance"], kind="stable")  # one of each drive, then a second of each, ...
    drawn = np.zeros(len(table), bool)
    drawn[rows.index[(rows.groupby("class_name").cumcount() < common_per_class).to_numpy()]] = True
    return drawn
