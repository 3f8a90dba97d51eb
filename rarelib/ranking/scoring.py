"""Which objects are rare and why: from tables and vectors to scores, ranks, a selection and reasons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..params import OUTLIER_METHODS, RARE_KEYWORDS
from .crop_quality import crop_quality, hidden_share
from .early_filter import has_keyword, is_proposal
from .events import choose_events, group_duplicates, number_frames
from .nearest import REFERENCE_ROWS, find_nearest
from .outliers import DECIMALS, embedding_rarity, outlier_scores, percentiles
from .reasons import explain_objects
from .signs import fuse_rarity, rare_class_points, signs_of

PLAIN_METHODS = ("isolation_forest", "lof")
NEIGHBOURS_SHOWN = 3
LEAST_DRIVES = 5  # with fewer, leaving the own one out would leave too little of what is normal
REPEATED = 0.5  # what another view of an event keeps of its rarity in the order
COLUMNS = ("class_count", "rare_class_score", "is_outlier", "is_rare_class", "selected", "rarity", "rank", "reason",
           "reason_codes", "embedding_rarity", "quality", "hidden", "event",
           "event_size", "rank_before_verdicts")  # fmt: skip


def score_objects(
    objects: pd.DataFrame,
    images: pd.DataFrame,
    vectors: np.ndarray,
    object_ids: Sequence[str],
    *,
    zero_shot: pd.DataFrame | None = None,
    verdicts: np.ndarray | pd.Series | None = None,
    selection: str = "ranked",
    outlier_methods: Sequence[str] = OUTLIER_METHODS,
    contamination: float = 0.1,
    n_neighbors: int = 20,
    potential_rare_keywords: Sequence[str] = RARE_KEYWORDS,
    rare_class_top_share: float = 0.3,
    rare_class_min: int = 50,
    selection_share: float = 0.05,
    selection_min: int = 50,
    max_per_group: int | None = None,
    duplicate_similarity: float = 0.95,
    seed: int = 0,
    language: str = "en",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score, rank, select and explain all embedded objects, whatever the order of the rows.

    Args:
        objects: All boxes of the run, embedded or not; classes are counted over the detected ones.
        images: Rows with image_id and group.
        vectors: Unit rows, float array of shape (n, dim).
        object_ids: Their ids in row order.
        zero_shot: Table with object_id, phrase, similarity and class_similarity from a CLIP with a text tower.
        verdicts: Float array (n,) in the order of the ids: 1 rare, 0 common, NaN unknown.
        selection: "union": outliers of IsolationForest and LOF, and rare-class candidates (the plain recipe);
            "ranked": the rarest events of the fused ranking.
        outlier_methods: Methods whose scores become columns.
        contamination: Share marked as outliers.
        n_neighbors: Neighbours of LOF and of the nearest-neighbour scores.
        potential_rare_keywords: A class whose name contains one gains points.
        rare_class_top_share: Share of the objects that are rare-class candidates.
        rare_class_min: At least so many are.
        selection_share: With "ranked": share of the objects that is selected.
        selection_min: With "ranked": at least so many are.
        max_per_group: With "ranked": at most so many selected of one drive or scene.
        duplicate_similarity: Cosine from which two objects are one event.
        seed: Seed of everything random.
        language: Of the reasons.

    Returns:
        scores: one row per embedded object in the order of the ids: object_id, a column per outlier method (higher is
        rarer), and COLUMNS. Ranks are unique, 1 is the rarest: the selected first, then the others by rarity, further
        views of an event at half of theirs. rank_before_verdicts is by the rarity that no verdict has changed.
        neighbours: object_id, neighbour_id, position (1 nearest) and similarity of the nearest common objects, those
        of events with no selected object, for each selected one.

    Raises:
        ValueError: If the selection or a method is unknown, or an id has no row in objects.
    """
    if selection not in ("ranked", "union"):
        raise ValueError(
            f"The 'selection' parameter of score_objects must be ranked or union. Got {selection!r} instead."
        )
    order = np.argsort(np.asarray(object_ids, dtype=str), kind="stable")
    table, vectors = _join_tables(objects, images, object_ids, order), _reorder(vectors, order)
    keywords = list(potential_rare_keywords)
    signs = signs_of(table, objects, keywords, zero_shot)
    points = rare_class_points(signs["class_count"], has_keyword(table["class_name"], keywords))
    table = table.assign(**signs, rare_class_score=points)
    table["verdict"] = np.nan if verdicts is None else np.asarray(verdicts, dtype=float)[order]

    methods = dict.fromkeys([*outlier_methods, *(PLAIN_METHODS if selection == "union" else ())])
    names = table["class_name"].to_numpy(str)
    outliers = outlier_scores(vectors, methods=list(methods), class_names=names, n_neighbors=n_neighbors, seed=seed)
    table = table.assign(**outliers, quality=crop_quality(table), hidden=hidden_share(table, objects))
    first_view = _first_views(table, vectors, duplicate_similarity)
    table["class_pictures"] = _count_first_views(table, first_view)
    table["embedding_rarity"] = embedding_rarity(
        vectors, class_names=names, scenes=scenes_of(table), reference=~is_proposal(table) & first_view, seed=seed
    )
    table["rarity"] = _rarity(table, selection)
    table["rank_before_verdicts"] = _ranks(table["rarity"])
    if table["verdict"].notna().any():
        from .verdicts import rerank

        table["rarity"] = _rounded(rerank(table["rarity"].to_numpy(), vectors, table["verdict"].to_numpy()))

    marks = _plain_marks(table) if selection == "union" else table["embedding_rarity"].to_numpy()
    candidates = max(round(rare_class_top_share * len(table)), rare_class_min)
    table["is_outlier"] = _top(marks, table["rarity"], round(contamination * len(table)))
    table["is_rare_class"] = _top(table["rare_class_score"], table["rarity"], candidates)

    event = group_duplicates(vectors, table["rarity"].to_numpy(), similarity=duplicate_similarity, places=table)
    table["event"] = table["object_id"].take(event).reset_index(drop=True)
    table["event_size"] = np.bincount(event, minlength=len(table))[event]
    budget = max(round(selection_share * len(table)), selection_min)
    table["selected"] = (
        table["is_outlier"] | table["is_rare_class"]
        if selection == "union"
        else choose_events(event, table["rarity"], budget=budget, groups=table["group"], max_per_group=max_per_group)
    )
    worth = table["rarity"] * np.where(table["event"] == table["object_id"], 1.0, REPEATED)
    table["rank"] = _ranks(worth, first=table["selected"])
    neighbours, table["nearest"] = _nearest_common(table, vectors)
    table = explain_objects(table, n_objects=len(objects), language=language)
    return table[["object_id", *outlier_methods, *COLUMNS]].iloc[np.argsort(order)].reset_index(drop=True), neighbours


def _join_tables(
    objects: pd.DataFrame, images: pd.DataFrame, object_ids: Sequence[str], order: np.ndarray
) -> pd.DataFrame:
    wanted = pd.Series(list(object_ids), dtype="str").iloc[order]
    known = objects.set_index("object_id")
    missing = ~wanted.isin(known.index)
    if missing.any():
        raise ValueError(f"The object {wanted[missing].iloc[0]!r} has a vector but no row in the objects table.")
    table = known.loc[wanted].rename_axis("object_id").reset_index()
    group = table["image_id"].map(images.drop_duplicates("image_id").set_index("image_id")["group"])
    origin = table.get("origin", "detected")
    frame = table["image_id"].map(number_frames(images)).fillna(0)
    sizes = images.drop_duplicates("image_id").set_index("image_id").reindex(columns=["width", "height"]).fillna(0)
    table = table.assign(**{side: table["image_id"].map(sizes[side]).fillna(0) for side in sizes})
    return table.assign(group=group.astype("object").fillna("").astype("str"), frame=frame, origin=origin)


def _first_views(table: pd.DataFrame, vectors: np.ndarray, similarity: float) -> np.ndarray:
    """Mark one view of each event, whatever its rarity; the others tell nothing of how common a thing is."""
    event = group_duplicates(vectors, np.zeros(len(table)), similarity=similarity, places=table)
    return event == np.arange(len(table))


def _count_first_views(table: pd.DataFrame, first_view: np.ndarray) -> np.ndarray:
    """Return the pictures of each object's class, less those that show further views of an event."""
    views = table.assign(first=first_view)[~is_proposal(table)]
    only_repeats = ~views.groupby(["class_name", "image_id"])["first"].any()
    fewer = table["class_name"].map(only_repeats.groupby("class_name").sum()).fillna(0).to_numpy(int)
    return np.maximum(table["class_pictures"].to_numpy() - fewer, 0)


def scenes_of(table: pd.DataFrame) -> np.ndarray:
    """Return where copies of an object are to be expected: its drive, or its picture where drives are few."""
    group = table["group"].to_numpy(str)
    by_drive = len(np.unique(group[group != ""])) >= LEAST_DRIVES
    return np.where((group != "") & by_drive, group, table["image_id"].to_numpy(str))


def _reorder(vectors: np.ndarray, order: np.ndarray) -> np.ndarray:
    in_order = (order[1:] > order[:-1]).all()  # then no copy of what may be large
    return np.asarray(vectors, dtype=np.float32) if in_order else np.asarray(vectors[order], dtype=np.float32)


def _rarity(table: pd.DataFrame, selection: str) -> np.ndarray:
    if selection == "ranked":
        return _rounded(fuse_rarity(table))
    parts = [percentiles(_plain_marks(table)), percentiles(table["rare_class_score"])]
    return _rounded(np.mean(parts, axis=0))


def _rounded(rarity: np.ndarray) -> np.ndarray:
    return np.round(np.clip(rarity, 0, 1), DECIMALS)


def _plain_marks(table: pd.DataFrame) -> np.ndarray:
    return np.mean([percentiles(table[method]) for method in PLAIN_METHODS], axis=0)


def _top(first: np.ndarray, then: np.ndarray, count: int) -> np.ndarray:
    """Mark the highest by the first score, equals by the second, then by order of the rows."""
    marked = np.zeros(len(first), bool)
    marked[np.lexsort([-np.asarray(then), -np.asarray(first)])[:count]] = True
    return marked


def _ranks(worth: pd.Series, *, first: pd.Series | None = None) -> np.ndarray:
    """Return 1 for the highest worth; those marked come first, equals in the order of the rows."""
    keys = [-worth.to_numpy(float)] + ([] if first is None else [~first.to_numpy(bool)])
    ranks = np.empty(len(worth), int)
    ranks[np.lexsort(keys)] = np.arange(1, len(worth) + 1)
    return ranks


def _nearest_common(table: pd.DataFrame, vectors: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Find the common objects most like each selected one; also return the similarity of the first, NaN for none."""
    ids = table["object_id"].to_numpy()
    selected = np.flatnonzero(table["selected"])
    common = np.flatnonzero(~table["event"].isin(table["event"].iloc[selected]))
    if len(common) > REFERENCE_ROWS:
        common = common[np.linspace(0, len(common) - 1, REFERENCE_ROWS).astype(int)]
    similarity, found = find_nearest(vectors[selected], vectors[common], k=NEIGHBOURS_SHOWN)
    nearest = np.full(len(table), np.nan)
    nearest[selected] = similarity[:, 0] if similarity.shape[1] else np.nan
    neighbours = {
        "object_id": np.repeat(ids[selected], found.shape[1]),
        "neighbour_id": ids[common][found].ravel(),
        "position": np.tile(np.arange(1, found.shape[1] + 1), len(selected)),
        "similarity": similarity.ravel().astype(float),
    }
    neighbours = pd.DataFrame(neighbours).astype({"object_id": "str", "neighbour_id": "str"})
    by_rank = neighbours["object_id"].map(table.set_index("object_id")["rank"])
    return neighbours.iloc[np.lexsort([neighbours["position"], by_rank])].reset_index(drop=True), nearest
