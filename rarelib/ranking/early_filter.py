"""Which objects are worth a vector: a decision and a reason for each, on tables alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..params import SELECTIONS
from ..settings import FilterSettings
from ..tables import is_proposal
from ..words.keywords import has_keyword


def filter_objects(
    objects: pd.DataFrame,
    *,
    groups: pd.Series | None = None,
    settings: FilterSettings | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Decide for every object whether it is embedded, whatever the order of the rows.

    Args:
        objects: Rows with object_id, image_id, class_name and origin.
        groups: Drive or scene by image_id; thinning takes equally from each.
        settings: Or options by name; by default those of params.py. With selection "union", the plain recipe: classes
            named by a keyword, and random others while those are few; otherwise these, classes that are rare in this
            data, proposals, and a thinned share of the common ones.

    Returns:
        Table with object_id, keep and reason, one row per object in their order.

    Raises:
        ValueError: If the selection is none of them.
    """
    settings = FilterSettings.taken(settings)
    if settings.selection not in SELECTIONS:
        raise ValueError(
            f"The 'selection' parameter of filter_objects must be {', '.join(SELECTIONS)}. "
            f"Got {settings.selection!r} instead."
        )
    table = objects.sort_values("object_id", kind="stable").reset_index(drop=True)
    named = has_keyword(table["class_name"], settings.potential_rare_keywords)
    if not settings.early_filter:
        keep, reason = np.ones(len(table), bool), np.full(len(table), "off", dtype=object)
    elif settings.selection == "union":
        keep, reason = _keep_named(table, named, settings)
    else:
        keep, reason = _keep_ranked(table, named, groups, settings)
    words = {code: say(f"early_filter.{code}", settings.language) for code in set(reason)}
    reasons = pd.Series([words[code] for code in reason], dtype="str")
    filtered = pd.DataFrame({"object_id": table["object_id"], "keep": keep, "reason": reasons})
    return filtered.set_index("object_id").reindex(objects["object_id"]).reset_index()


def count_classes(objects: pd.DataFrame) -> pd.Series:
    """Return how many detected boxes each class has; a proposal's class is a guess and does not count."""
    counts = objects.loc[~is_proposal(objects), "class_name"].value_counts()
    return counts.reindex(objects["class_name"].unique(), fill_value=0)


def _keep_named(table: pd.DataFrame, named: np.ndarray, settings: FilterSettings) -> tuple[np.ndarray, np.ndarray]:
    reason = np.where(named, "keyword", "others").astype(object)
    if named.sum() < settings.potential_rare_share * len(named):
        others = np.flatnonzero(~named)
        chance = id_chances(table["object_id"].iloc[others], settings.seed)
        drawn = others[np.argsort(chance, kind="stable")[: settings.diversity_objects]]
        reason[drawn] = "diversity"
    return reason != "others", reason


def _keep_ranked(
    table: pd.DataFrame, named: np.ndarray, groups: pd.Series | None, settings: FilterSettings
) -> tuple[np.ndarray, np.ndarray]:
    counts = count_classes(table)
    share = table["class_name"].map(counts).to_numpy(float) / max(counts.sum(), 1)
    proposal = is_proposal(table)
    rare = ~proposal & ~named & (share < settings.rare_class_share)
    common = ~(proposal | named | rare)
    drawn = _thin(table, common, groups, settings.common_per_class, settings.seed)
    choices = [proposal, named, rare, drawn]
    reason = np.select(choices, ["proposal", "keyword", "rare", "sample"], default="thinned").astype(object)
    return ~common | drawn, reason


def _thin(
    table: pd.DataFrame, common: np.ndarray, groups: pd.Series | None, common_per_class: int, seed: int
) -> np.ndarray:
    chance = id_chances(table["object_id"], seed)
    rows = pd.DataFrame({"class_name": table["class_name"], "group": "", "chance": chance})
    if groups is not None:
        rows["group"] = table["image_id"].map(groups).fillna("").astype("str")
    rows = rows[common]
    rows = rows.assign(turn=rows.groupby(["class_name", "group"])["chance"].rank(method="first"))
    rows = rows.sort_values(["turn", "chance"], kind="stable")  # one of each drive, then a second of each, ...
    drawn = np.zeros(len(table), bool)
    drawn[rows.index[(rows.groupby("class_name").cumcount() < common_per_class).to_numpy()]] = True
    return drawn


def id_chances(object_ids: pd.Series, seed: int) -> np.ndarray:
    """Return a number in [0, 1) for each id, always the same, so that a draw hardly changes when objects join."""
    key = f"{seed:016d}"[-16:]
    return pd.util.hash_array(object_ids.to_numpy(dtype=object), hash_key=key, categorize=False) / 2.0**64
