"""Which objects are rare and why: from tables and vectors to scores, ranks, a selection and reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..params import SELECTIONS
from ..run.ids import id_order
from ..settings import ScoreSettings
from ..tables import is_proposal
from ..words.ordinary import ordinariness
from .crop_quality import crop_quality, hidden_share
from .discoveries import find_discoveries
from .events import find_tracks, group_duplicates, join_overlapping
from .joined import join_tables, names_by_text, narrowed
from .neighbours import nearest_common
from .order import LEAST_DRIVES, choose_first, limit_proposals, places_of, spread_order
from .outliers import PLAIN_METHODS, embedding_rarity, outlier_scores, plain_outliers
from .percentiles import DECIMALS, percentiles, surprise
from .reasons import explain_objects
from .signs import FOR_SIGNS, SIGNS, class_facts, fuse_signs, rare_class_points, signs_in_turn
from .stored import StoredVectors, arrange

COLUMNS = ("class_count", "rare_class_score", "is_outlier", "is_rare_class", "selected", "rarity", "rank", "reason",
           "reason_codes", "embedding_rarity", "quality", "hidden", *(sign.name for sign in SIGNS), "event",
           "event_size", "rank_before_verdicts")  # fmt: skip


def score_objects(
    objects: pd.DataFrame,
    images: pd.DataFrame,
    vectors: np.ndarray,
    object_ids: Sequence[str],
    *,
    zero_shot: pd.DataFrame | None = None,
    verdicts: np.ndarray | pd.Series | None = None,
    settings: ScoreSettings | Mapping[str, Any] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score, rank, select and explain all embedded objects, whatever the order of the rows.

    Args:
        objects: All boxes of the run, embedded or not; classes are counted over the detected ones.
        images: Rows with image_id and group.
        vectors: Unit rows, float array of shape (n, dim).
        object_ids: Their ids in row order.
        zero_shot: Table with object_id, phrase, similarity and class_similarity from a CLIP with a text tower.
        verdicts: Float array (n,) in the order of the ids: 1 rare, 0 common, NaN unknown.
        settings: Or options by name; by default those of params.py. With selection "ranked" the first of the fused
            ranking are selected, with "union" the outliers of IsolationForest and LOF and the rare-class candidates
            (the plain recipe), with "fdr" as many of the ranking as keep the expected share of common ones below a
            level.

    Returns:
        scores: one row per embedded object in the order of the ids: object_id, a column per outlier method (higher is
        rarer), and COLUMNS; `rarity` is fuse_signs of the columns of SIGNS where no verdict changed it. Ranks are
        unique, 1 is shown first: the selected, then all others, in the order of spread_order.
        neighbours: object_id, neighbour_id, position (1 nearest) and similarity of the nearest common objects, those
        of events with no selected object, for each selected one.

    Raises:
        ValueError: If an option, the selection or a method is unknown, vectors and ids are not as many, or an id has no
            row in objects.
    """
    settings = ScoreSettings.taken(settings)
    table, vectors, order = _ranked(objects, images, vectors, object_ids, zero_shot, verdicts, settings)
    neighbours, table["nearest"] = nearest_common(table, vectors)
    table = explain_objects(table, n_objects=int((~is_proposal(objects)).sum()), language=settings.language)
    return _in_given_order(table, ["object_id", *settings.outlier_methods, *COLUMNS], order), neighbours


def rank_objects(
    objects: pd.DataFrame,
    images: pd.DataFrame,
    vectors: np.ndarray,
    object_ids: Sequence[str],
    *,
    settings: ScoreSettings,
) -> pd.DataFrame:
    """Return object_id and rank as score_objects gives them, without the reasons and neighbours that it looks up."""
    table, _, order = _ranked(objects, images, vectors, object_ids, None, None, settings)
    return _in_given_order(table, ["object_id", "rank"], order)


def _ranked(
    objects: pd.DataFrame,
    images: pd.DataFrame,
    vectors: np.ndarray,
    object_ids: Sequence[str],
    zero_shot: pd.DataFrame | None,
    verdicts: np.ndarray | pd.Series | None,
    settings: ScoreSettings,
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the scored, ranked and selected objects in the order of their ids, their vectors, and that order."""
    if settings.selection not in SELECTIONS:
        raise ValueError(
            f"The 'selection' parameter of score_objects must be {', '.join(SELECTIONS)}. "
            f"Got {settings.selection!r} instead."
        )
    if len(vectors) != len(object_ids):
        raise ValueError(
            f"score_objects needs one row of vectors for each object id. Got {len(vectors)} rows for {len(object_ids)} "
            "ids."
        )
    order = id_order(object_ids)
    vectors = arrange(vectors, order, memory_gb=settings.memory_gb)
    narrow = isinstance(vectors, StoredVectors)
    table = join_tables(objects, images, object_ids, order, narrow=narrow)
    table["verdict"] = np.nan if verdicts is None else np.asarray(verdicts, dtype=float)[order]
    table = _add_facts(narrowed(table, when=narrow), objects, vectors, zero_shot, settings)
    table = _add_signs(narrowed(table, when=narrow), n_images=_count_looked_at(images, objects), narrow=narrow)
    table["rarity"] = _rarity(table, settings)
    return narrowed(_order_and_select(table, vectors, settings), when=narrow), vectors, order


def _in_given_order(table: pd.DataFrame, names: Iterable[str], order: np.ndarray) -> pd.DataFrame:
    """Return some columns in the order in which the ids were given; one column at a time is held twice."""
    rows = np.argsort(order)
    return pd.DataFrame({name: table.pop(name).array.take(rows) for name in dict.fromkeys(names)}, copy=False)


def _add_facts(
    table: pd.DataFrame,
    objects: pd.DataFrame,
    vectors: np.ndarray,
    zero_shot: pd.DataFrame | None,
    settings: ScoreSettings,
) -> pd.DataFrame:
    """Add what is known of each object before it is judged: its class, outlier scores, crop, and look."""
    narrow = isinstance(vectors, StoredVectors)
    facts = class_facts(table, objects, settings.potential_rare_keywords)
    table = table.assign(**facts, ordinary=ordinariness(table["class_name"], settings.ordinary_classes))
    table = narrowed(table.assign(**names_by_text(table, zero_shot)), when=narrow)
    table["rare_class_score"] = rare_class_points(table["class_count"].to_numpy(), table["named"].to_numpy())
    plain = PLAIN_METHODS if settings.selection == "union" else ()
    scores = outlier_scores(
        vectors,
        methods=list(dict.fromkeys([*settings.outlier_methods, *plain])),
        class_names=table["class_name"],
        n_neighbors=settings.n_neighbors,
        seed=settings.seed,
    )
    table = narrowed(table.assign(**scores, quality=crop_quality(table)), when=narrow)
    table["hidden"] = hidden_share(table, objects)
    table["track"] = find_tracks(vectors, table)
    first_view = _first_views(table, vectors, settings.duplicate_similarity)
    table["class_pictures"] = _count_first_views(table, first_view)
    table["embedding_rarity"] = embedding_rarity(
        vectors,
        class_names=table["class_name"],
        scenes=scenes_of(table),
        reference=~is_proposal(table) & first_view,
        among=~is_proposal(table),
        conditions=table["condition"],
        seed=settings.seed,
    )
    return table.assign(surprise=surprise(table["embedding_rarity"].to_numpy()))


def _add_signs(table: pd.DataFrame, *, n_images: int, narrow: bool) -> pd.DataFrame:
    """Add the columns of the signs, and take those away that nothing else rests on."""
    kind = np.float32 if narrow else np.float64
    signs = {name: np.round(values, DECIMALS).astype(kind) for name, values in signs_in_turn(table, n_images=n_images)}
    return table.drop(columns=list(FOR_SIGNS)).assign(**signs)


def _count_looked_at(images: pd.DataFrame, objects: pd.DataFrame) -> int:
    return int(images["sampled"].sum()) if "sampled" in images else objects["image_id"].nunique()


def _rarity(table: pd.DataFrame, settings: ScoreSettings) -> np.ndarray:
    if settings.selection == "union":
        marks = np.mean([percentiles(table[method]) for method in PLAIN_METHODS], axis=0)
        parts = [percentiles(marks), percentiles(table["rare_class_score"])]
        return _rounded(np.mean(parts, axis=0))
    return _rounded(fuse_signs(table))


def _order_and_select(table: pd.DataFrame, vectors: np.ndarray, settings: ScoreSettings) -> pd.DataFrame:
    """Learn from verdicts, group events, choose what is shown, and number all objects in the order of the page."""
    if not table["verdict"].notna().any():
        table = _select(table, vectors, settings)
        return table.assign(rank_before_verdicts=table["rank"])
    from .verdicts import rerank

    before = _select(table.assign(verdict=np.nan), vectors, settings)["rank"]
    rarity = table["rarity"].to_numpy()
    seen = join_overlapping(_events(table, vectors, rarity, settings.duplicate_similarity), rarity, vectors, table)
    verdicts, places = table["verdict"].to_numpy(), places_of(table, seen, is_proposal(table))
    learned = rerank(rarity, vectors, verdicts, events=seen, places=places, shown=before.to_numpy())
    return _select(table.assign(rarity=_rounded(learned), rank_before_verdicts=before), vectors, settings)


def _select(table: pd.DataFrame, vectors: np.ndarray, settings: ScoreSettings) -> pd.DataFrame:
    order, event = _shown_order(table, vectors, settings)
    table["event"] = table["object_id"].take(event).reset_index(drop=True)
    table["event_size"] = np.bincount(event, minlength=len(table))[event]
    table = _mark(table, settings)
    table["selected"] = _selected(table, order, event, settings)
    selected_first = order[np.argsort(~table["selected"].to_numpy()[order], kind="stable")]
    return table.assign(rank=_numbered(selected_first))


def _shown_order(table: pd.DataFrame, vectors: np.ndarray, settings: ScoreSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows in the order of the page, and the row of each one's event.

    What overlaps counts less in the order in any case, so that its events are joined after it. What verdicts teach is
    an order already, spread over pictures by what was judged: to spread it again, by the small steps of rarity within
    it, would push what is likely of a judged kind behind hundreds of others.
    """
    rarity, judged = table["rarity"].to_numpy(), table["verdict"].notna().to_numpy()
    event = _events(table, vectors, rarity, settings.duplicate_similarity)
    places = places_of(table, event, is_proposal(table) & ~judged)  # what was judged uses nothing up
    places = places.apart() if judged.any() else places
    least = round(2 * settings.selection_share * len(table))  # what can be selected, and as much again
    order = spread_order(rarity, places, proposal_share=settings.proposal_share, least=least)
    event = join_overlapping(event, rarity, vectors, table)
    return limit_proposals(order, event == np.arange(len(table)), places.proposal, settings.proposal_share), event


def _selected(table: pd.DataFrame, order: np.ndarray, event: np.ndarray, settings: ScoreSettings) -> np.ndarray:
    if settings.selection == "union":
        return (table["is_outlier"] | table["is_rare_class"]).to_numpy()
    heads = event == np.arange(len(table))
    budget = max(round(settings.selection_share * len(table)), settings.selection_min)
    budget += int((table["verdict"].to_numpy()[heads] == 1).sum())  # what was judged uses nothing up
    if settings.selection == "fdr":
        heads, budget = find_discoveries(table, heads, settings), len(table)
    drive = np.where((table["group"] == "").to_numpy(bool), -1, pd.factorize(table["group"])[0])
    return choose_first(order, heads, budget=budget, drive=drive, max_per_group=settings.max_per_group)


def _mark(table: pd.DataFrame, settings: ScoreSettings) -> pd.DataFrame:
    """Mark outliers and rare-class candidates, the recipe's two kinds of rare."""
    outliers = _top(table["embedding_rarity"], table["rarity"], round(settings.contamination * len(table)))
    if settings.selection == "union":
        outliers = plain_outliers({method: table[method] for method in PLAIN_METHODS}, settings.contamination)
    candidates = max(round(settings.rare_class_top_share * len(table)), settings.rare_class_min)
    return table.assign(
        is_outlier=outliers,
        is_rare_class=_top(table["rare_class_score"], table["rarity"], candidates),
    )


def _first_views(table: pd.DataFrame, vectors: np.ndarray, similarity: float) -> np.ndarray:
    """Mark one view of each event, whatever its rarity; the others tell nothing of how common a thing is."""
    return _events(table, vectors, np.zeros(len(table)), similarity) == np.arange(len(table))


def _events(table: pd.DataFrame, vectors: np.ndarray, rarity: np.ndarray, similarity: float) -> np.ndarray:
    tracks = table["track"].to_numpy()
    return group_duplicates(vectors, rarity, similarity=similarity, places=table, tracks=tracks)


def _count_first_views(table: pd.DataFrame, first_view: np.ndarray) -> np.ndarray:
    """Return the pictures of each object's class, less those that show further views of an event."""
    views = table.assign(first=first_view)[~is_proposal(table)]
    only_repeats = ~views.groupby(["class_name", "image_id"])["first"].any()
    fewer = table["class_name"].map(only_repeats.groupby("class_name").sum()).to_numpy(float)
    return np.maximum(table["class_pictures"].to_numpy() - np.nan_to_num(fewer).astype(int), 0)


def scenes_of(table: pd.DataFrame) -> np.ndarray:
    """Return the number of where copies of an object are to be expected: drive, or picture where drives are few.

    With few, leaving the own one out would leave too little of what is normal.
    """
    group, picture = (pd.factorize(table[name])[0].astype(np.int32) for name in ("group", "image_id"))
    told = (table["group"] != "").to_numpy(bool)
    by_drive = len(np.unique(group[told])) >= LEAST_DRIVES
    return np.where(told & by_drive, group, group.max(initial=0) + 1 + picture)


def _rounded(rarity: np.ndarray) -> np.ndarray:
    return np.round(np.clip(rarity, 0, 1), DECIMALS)


def _top(first: np.ndarray, then: np.ndarray, count: int) -> np.ndarray:
    """Mark the highest by the first score, equals by the second, then by order of the rows."""
    marked = np.zeros(len(first), bool)
    marked[np.lexsort([-np.asarray(then), -np.asarray(first)])[:count]] = True
    return marked


def _numbered(order: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(order), int)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks
