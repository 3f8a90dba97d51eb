"""Let a run audit itself without labels: treat known classes as unknown and measure how early they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from ..language import say
from ..ranking.early_filter import filter_objects, id_chances
from ..ranking.joined import widened
from ..run.ids import id_order, places_in
from ..run.progress import track
from ..settings import FilterSettings, ScoreSettings
from ..tables import is_proposal

MAX_OBJECTS = 2000  # a sample of the run is scored again for every kind
MAX_KINDS, MIN_KINDS = 8, 2
MIN_OF_KIND = 8  # fewer objects say too little of a class
COPIES = 3  # an unknown kind is thinned to this handful
DRAWS = 2  # different handfuls of each kind
FEW_KINDS = 4  # below, an interval over kinds tells nothing
MAX_BOXES = 200_000  # more are represented by so many: the early filter is asked anew for every handful
FILTERED = ["object_id", "image_id", "class_name", "origin"]  # what the early filter looks at


@dataclass(frozen=True)
class _World:
    """What every hidden kind is tried in: a sample of the embedded objects, and all boxes for the early filter."""

    table: pd.DataFrame
    vectors: np.ndarray
    objects: pd.DataFrame
    images: pd.DataFrame
    filters: FilterSettings
    settings: ScoreSettings


def audit_ranking(
    objects: pd.DataFrame,
    images: pd.DataFrame,
    vectors: np.ndarray,
    object_ids: Sequence[str],
    scores: pd.DataFrame,
    *,
    filters: FilterSettings | Mapping[str, Any] | None = None,
    settings: ScoreSettings | Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure how early the ranking would have shown a kind that the detector does not know.

    Classes of middling frequency are treated as unknown in turn: thinned to a handful, and renamed to the class of
    the object that looks most like each, as a detector would call a thing that it never learned. The rest of the
    data stays, and everything is scored again with the run's own settings. Only detected classes are kinds. The early
    filter decides anew about the hidden objects under their new names; what it sets aside is not shown. Names by a text
    tower take no part: what it would say of a kind whose name it was not given is not known, and if the others kept
    theirs, the hidden ones would stand behind them for that alone. That the detector boxes the hidden kind is taken
    for granted, as the sentence says.

    Args:
        objects: The objects table.
        images: The images table.
        vectors: Unit rows (n_objects, dim).
        object_ids: Their ids in row order.
        scores: The run's scores; the share that it selects is the budget.
        filters: Of the early filter, as the run uses them, or options by name; by default those of params.py.
        settings: Of the scoring, likewise; `audit` False leaves the audit out and says so.

    Returns:
        JSON-able: available, sentence, n_objects, copies, budget, kept (share of the hidden objects that pass the early
        filter), probability, low, high (90 % interval over kinds), random, budgets (shares of the objects) with found,
        low_curve, high_curve and random_curve, and kinds.
    """
    settings = ScoreSettings.taken(settings)
    language = settings.language
    if not settings.audit:
        return {"available": False, "sentence": say("audit_off", language)}
    rows, table = _sample(objects, object_ids, settings.seed)
    kinds = choose_kinds(table.loc[~is_proposal(table), "class_name"])
    if len(kinds) < MIN_KINDS:
        values = {"kinds": MIN_KINDS, "least": MIN_OF_KIND, "found": len(kinds)}
        return {"available": False, "sentence": say("audit_too_small", language, **values)}
    boxes, filters = fewer_boxes(objects, FilterSettings.taken(filters), settings.seed)
    world = _World(table, np.asarray(vectors)[rows], widened(boxes[FILTERED]), images, filters, settings)
    generator = np.random.default_rng(settings.seed)
    trials = [
        {"class_name": kind, **_hide_and_rank(world, kind, generator)}
        for kind in track([kind for kind in kinds for _ in range(DRAWS)], "rounds of the audit")
    ]
    return _summary(trials, float(scores["selected"].mean()), language)


def choose_kinds(class_names: pd.Series) -> list[str]:
    """Return classes of middling frequency: not the most frequent, not below MIN_OF_KIND, spread over the others."""
    counts = class_names.value_counts()
    counts = counts.sort_index(kind="stable").sort_values(ascending=False, kind="stable").iloc[1:]
    fit = counts[counts >= MIN_OF_KIND].index
    picked = np.unique(np.linspace(0, len(fit) - 1, min(MAX_KINDS, len(fit))).round().astype(int))
    return [str(fit[position]) for position in picked]


def kinds_interval(share: np.ndarray, n_kinds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the 90 % interval of Jeffreys over kinds (Brown, 2001, doi:10.1214/ss/1009213286), each one trial."""
    low, high = (betaincinv(share * n_kinds + 0.5, (1 - share) * n_kinds + 0.5, level) for level in (0.05, 0.95))
    return np.minimum(low, share), np.maximum(high, share)


def look_alike_classes(vectors: np.ndarray, class_names: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return for each hidden object the class of the most similar object that is not hidden."""
    others = np.flatnonzero(~hidden)
    similarity = vectors[hidden] @ vectors[others].T  # (n_hidden, n_others)
    return class_names[others[similarity.argmax(axis=1)]]


def _sample(objects: pd.DataFrame, object_ids: Sequence[str], seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    order = id_order(object_ids)  # the sample does not depend on the order of the rows
    rows = np.sort(order[np.random.default_rng(seed).permutation(len(order))[:MAX_OBJECTS]])
    ids = pd.Series(object_ids, dtype="str").iloc[rows]
    return rows, widened(objects.iloc[places_in(ids, objects["object_id"])].reset_index(drop=True))


def _hide_and_rank(world: _World, kind: str, generator: np.random.Generator) -> dict[str, Any]:
    """Return the rank of the first hidden object that is shown, how many passed the early filter, and of how many."""
    from ..ranking.scoring import rank_objects

    table, vectors = world.table, world.vectors
    of_kind = ((table["class_name"] == kind) & ~is_proposal(table)).to_numpy()
    chosen = generator.choice(np.flatnonzero(of_kind), COPIES, replace=False)
    stays = ~of_kind
    stays[chosen] = True
    names = table["class_name"].to_numpy(dtype=object, copy=True)
    names[chosen] = look_alike_classes(vectors[stays], names[stays], np.isin(np.flatnonzero(stays), chosen))
    renamed = table.assign(class_name=pd.Series(names, dtype="str"))
    passed = passes_filter(world.objects, kind, renamed.iloc[chosen], world.images, _redrawn(world.filters, generator))
    stays[chosen[~passed]] = False
    found = {"kept": int(passed.sum()), "n": int(stays.sum())}
    if not passed.any():
        return {**found, "first_rank": found["n"] + 1}  # after all that is shown
    renamed, kept = renamed[stays], table["object_id"].iloc[chosen[passed]]
    ranked = rank_objects(
        renamed,
        world.images,
        vectors[stays],
        renamed["object_id"].tolist(),
        settings=replace(world.settings, outlier_methods=()),  # the fusion needs none of their columns
    )
    return {**found, "first_rank": int(ranked.set_index("object_id").loc[kept, "rank"].min())}


def passes_filter(
    objects: pd.DataFrame, kind: str, hidden: pd.DataFrame, images: pd.DataFrame, filters: FilterSettings
) -> np.ndarray:
    """Mark the hidden objects, under their new names, that the early filter keeps beside all boxes of other classes."""
    others = objects.loc[(objects["class_name"] != kind) | is_proposal(objects), FILTERED]
    groups = images.set_index("image_id")["group"] if "group" in images else None
    both = pd.concat([others[~others["object_id"].isin(hidden["object_id"])], hidden[FILTERED]], ignore_index=True)
    return filter_objects(both, groups=groups, settings=filters)["keep"].tail(len(hidden)).to_numpy(bool)


def fewer_boxes(objects: pd.DataFrame, filters: FilterSettings, seed: int) -> tuple[pd.DataFrame, FilterSettings]:
    """Return at most MAX_BOXES of the boxes, and an early filter that keeps the same share of each class of them."""
    if len(objects) <= MAX_BOXES:
        return objects, filters
    share = MAX_BOXES / len(objects)
    drawn = np.sort(np.argsort(id_chances(objects["object_id"], seed), kind="stable")[:MAX_BOXES])
    asked = {name: getattr(filters, name) for name in ("common_per_class", "diversity_objects")}
    kept = {name: max(round(count * share), min(count, 1)) for name, count in asked.items()}
    return objects.iloc[drawn], replace(filters, **kept)


def _redrawn(filters: FilterSettings, generator: np.random.Generator) -> FilterSettings:
    # under the run's own seed those that were drawn once, and so have vectors, would be drawn again
    return replace(filters, seed=int(generator.integers(1_000_000)))


def _summary(trials: list[dict[str, Any]], selected_share: float, language: str) -> dict[str, Any]:
    first = pd.DataFrame(trials)
    n_objects = round(first["n"].median())
    first["share"] = first["first_rank"] / first["n"]
    kinds = first["class_name"].unique()
    budgets = np.unique(np.append(np.linspace(0, 0.5, 51), selected_share))
    # (n_kinds, n_budgets): share of a kind's draws that are shown within each budget
    shown = np.array(
        [(first.loc[first["class_name"] == k, "share"].to_numpy()[:, None] <= budgets).mean(0) for k in kinds]
    )
    found, kept = shown.mean(axis=0), first["kept"].to_numpy()
    random = (1 - (1 - budgets) ** kept[:, None]).mean(axis=0)  # the early filter is before a random order as well
    low, high = kinds_interval(found, len(kinds))
    at = int(np.searchsorted(budgets, selected_share))
    numbers = {"found": float(found[at]), "low": float(low[at]), "high": float(high[at]), "random": float(random[at])}
    about = {"n_objects": n_objects, "copies": COPIES, "budget": max(round(selected_share * n_objects), 1)}
    about["kept"] = float(kept.mean() / COPIES)
    of_kind = first.groupby("class_name", sort=False)["first_rank"].min()
    sentence = say("audit_sentence", language, **about, **numbers, kinds=len(kinds))
    few = [say("audit_few_kinds", language, kinds=len(kinds), enough=FEW_KINDS)] if len(kinds) < FEW_KINDS else []
    return {
        "available": True,
        "sentence": (" " if language == "en" else "").join([sentence, *few]),
        **about,
        "probability": numbers.pop("found"),
        **numbers,
        "budgets": budgets.tolist(),
        "found": found.tolist(),
        "low_curve": low.tolist(),
        "high_curve": high.tolist(),
        "random_curve": random.tolist(),
        "kinds": [{"class_name": name, "first_rank": int(rank)} for name, rank in of_kind.items()],
    }
