"""Audit labels by what they show: likely mislabelled, labelled twice, near-duplicate and odd instances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..language import say
from ..pictures.boxes import overlaps
from ..ranking.nearest import find_nearest
from ..tables import BOX, LABEL

NEIGHBOURS = 3  # of each class; best with 5 in order, and with fewer accused in vain (benchmarks/label_audit.py)
LOOKED_PAST = 40  # neighbours of the same picture or event that are looked past at most
CLASS_SAMPLE = 2000  # labels that stand for a class, so that time grows in step with the labels
SAME_BOX_IOU = 0.8
NEARER_TO_ANOTHER = 0.5  # of mislabelled
# share of the other class that is no nearer to it: with it 16 of 1,620 right labels of the demo world are accused and
# not 59, and 0.94 to 0.98 of the swapped ones are still found (benchmarks/label_audit.py)
AS_NEAR_AS = 0.9
TIMES_AS_FAR = 2.0  # of odd
MOST_WRONG = 0.15  # share of wrong labels; ten public sets have 0.2 to 10 % (Northcutt, 2021, arXiv:2103.14749)
ENOUGH_TO_TELL = 5  # labels of a class before one of them can be odd
ISSUES = ("mislabelled", "doubled", "near_duplicate", "odd")


def audit_labels(
    objects: pd.DataFrame, vectors: np.ndarray, object_ids: Sequence[str], events: pd.Series, *, seed: int = 0
) -> pd.DataFrame:
    """Tell for each label how far it looks mislabelled, labelled twice, near-duplicate or odd.

    Neighbours are looked for in other pictures and other events, as one thing that is labelled wrong in one frame is
    often labelled so in the next.

    Args:
        objects: Of the run: object_id, image_id, class_name, origin and the box [px].
        vectors: Unit rows (n, dim).
        object_ids: In the order of the rows.
        events: The event of each object by its id, as the scores tell it.
        seed: Of the samples that stand for large classes.

    Returns:
        One row per label with a vector, most likely mislabelled first: object_id, image_id, class_name, box,
        mislabelled (distance to its own class over the sum of that and the distance to the nearest other class,
        in [0, 1]; above 0.5 it is nearer to the other; NaN where it is the only one), looks_like (that other class),
        fits (it is as near to that class as nine tenths of its labels are),
        doubled (object_id of the label on the same box, or ""), near_duplicate (object_id of its event's first entry,
        or ""), odd (distance to its own class over the median of the class; NaN in a class of fewer than 5), and
        issue: the first of ISSUES that holds, or ""; mislabelled is one that is nearer to another class and fits it,
        as in confident learning (Northcutt, 2021, https://arxiv.org/abs/1911.00068).
    """
    table = pd.DataFrame({"object_id": pd.Series(list(object_ids), dtype="str"), "row": np.arange(len(object_ids))})
    table = table.merge(objects[objects["origin"] == LABEL], on="object_id")
    table = table[["object_id", "image_id", "class_name", *BOX, "row"]]
    event = table["object_id"].map(events).fillna(table["object_id"])
    rows = np.asarray(vectors)[table.pop("row").to_numpy()]
    names, distance = class_distances(rows, table["class_name"], [table["image_id"], event], seed=seed)
    table = table.assign(**_compare(names, distance, table["class_name"]), doubled=_doubled(table))
    table["near_duplicate"] = event.where(event != table["object_id"], "").astype("str")
    found = {
        "mislabelled": (table["mislabelled"] > NEARER_TO_ANOTHER) & table["fits"],
        "doubled": table["doubled"] != "",
        "near_duplicate": table["near_duplicate"] != "",
        "odd": table["odd"] > TIMES_AS_FAR,
    }
    table["issue"] = np.select([found[name] for name in ISSUES], ISSUES, default="")
    return table.sort_values(["mislabelled", "object_id"], ascending=[False, True], ignore_index=True)


def class_distances(
    vectors: np.ndarray, class_names: pd.Series, apart: Sequence[pd.Series], *, seed: int = 0
) -> tuple[list[str], np.ndarray]:
    """Return the classes and the mean cosine distance (n, classes) of each row to its nearest of each class.

    Args:
        vectors: Unit rows (n, dim).
        class_names: Of the rows.
        apart: Keys; rows that share one of them are no neighbours. NaN where a class has no other row.
        seed: Of the sample that stands for a class of more than CLASS_SAMPLE rows.
    """
    keys = [pd.factorize(key)[0] for key in apart]
    codes, names = pd.factorize(class_names, sort=True)
    distance = np.full((len(vectors), len(names)), np.nan)
    generator = np.random.default_rng(seed)
    for number in range(len(names)):
        members = np.flatnonzero(codes == number)
        if len(members) > CLASS_SAMPLE:
            members = np.sort(generator.choice(members, CLASS_SAMPLE, replace=False))
        similarity, rows = find_nearest(vectors, vectors[members], k=NEIGHBOURS + LOOKED_PAST)
        own = np.zeros(rows.shape, bool)
        for key in keys:
            own |= key[members[rows]] == key[:, None]
        nearest = np.sort(np.where(own, np.inf, 1 - similarity), axis=1)[:, :NEIGHBOURS]
        there = np.isfinite(nearest)
        total = np.where(there, nearest, 0).sum(axis=1)
        distance[:, number] = np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan)
    return list(names), distance


def label_sentence(table: pd.DataFrame, language: str = "en") -> str:
    """Return in words how many labels of which issue there are."""
    if table.empty:
        return say("labels.none", language)
    counts = {name: int((table["issue"] == name).sum()) for name in ISSUES}
    said = say("labels.sentence", language, labels=len(table), classes=table["class_name"].nunique(), **counts)
    if counts["mislabelled"] <= MOST_WRONG * len(table):
        return said
    return (
        f"{said} {say('labels.cannot_tell', language)}"
        if language == "en"
        else said + say("labels.cannot_tell", language)
    )


def worst_labels(table: pd.DataFrame, issue: str, *, count: int = 20, language: str = "en") -> pd.DataFrame:
    """Return the labels of one issue, worst first and of each event one, with a reason in words, as galleries show."""
    by = {"mislabelled": "mislabelled", "odd": "odd"}.get(issue)
    rows = table[table["issue"] == issue]
    rows = rows.sort_values([by, "object_id"], ascending=[False, True]) if by else rows
    event = rows["near_duplicate"].where(rows["near_duplicate"] != "", rows["object_id"])
    rows = rows[~event.duplicated()].head(count).reset_index(drop=True)
    told = [say(f"labels.{issue}", language, **row) for row in rows.to_dict("records")]
    rows = rows.assign(reason=pd.Series(told, dtype="str"))
    return rows.assign(similarity=rows[by]) if by else rows


def _compare(names: list[str], distance: np.ndarray, class_names: pd.Series) -> dict[str, pd.Series | np.ndarray]:
    own_class = np.array(names, dtype=object)[None] == class_names.to_numpy(object)[:, None]
    own = np.where(own_class, distance, np.inf).min(axis=1, initial=np.inf)
    others = np.where(own_class | np.isnan(distance), np.inf, distance)
    nearest = others.argmin(axis=1) if len(names) else np.zeros(0, int)
    other = others.min(axis=1, initial=np.inf)
    with np.errstate(invalid="ignore"):
        mislabelled = np.where(np.isfinite(own) & np.isfinite(other), own / np.maximum(own + other, 1e-12), np.nan)
    looks_like = [names[n] if np.isfinite(d) else "" for n, d in zip(nearest, other, strict=True)]
    own = pd.Series(np.where(np.isfinite(own), own, np.nan))
    of_class = own.groupby(class_names.to_numpy())
    usual = of_class.quantile(AS_NEAR_AS).reindex(names).to_numpy()
    fits = other <= (usual[nearest] if len(names) else other)
    enough = of_class.transform("count") >= ENOUGH_TO_TELL
    odd = (own / of_class.transform("median").clip(lower=1e-12)).where(enough)
    texts = pd.Series(looks_like, dtype="str")
    return {"mislabelled": mislabelled, "looks_like": texts, "fits": fits, "odd": odd.to_numpy()}


def _doubled(table: pd.DataFrame) -> pd.Series:
    """Return for each label the one before it, in its picture, on almost the same box."""
    found = pd.Series("", index=table.index, dtype="str")
    for _, rows in table.groupby("image_id"):
        xyxy = rows[BOX].to_numpy(float)
        before = np.tril(overlaps(xyxy, xyxy)[0], k=-1) >= SAME_BOX_IOU
        for place in np.flatnonzero(before.any(axis=1)):
            found[rows.index[place]] = rows["object_id"].iloc[before[place].argmax()]
    return found
