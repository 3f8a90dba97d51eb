"""Two runs beside each other: which objects both show as rare, which only one, and what became of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..pictures.boxes import overlaps
from ..run.folder import RunFolder
from ..tables import BOX

SAME_BOX = 0.5  # intersection over union from which two boxes of one picture show the same thing
DEPTHS = (10, 50, 100)  # of both rankings that are held beside each other
GROUPS = ("common", "gained", "lost")
ONE = ["object_id", "path", *BOX, "class_name", "crop_path", "rank", "rarity", "selected", "reason"]
UNTOLD = ("name", "runs_dir")  # parameters that say nothing of the result


def comparable_objects(run: RunFolder) -> pd.DataFrame:
    """Return all boxes of a run, one row each: where, what, and what the ranking says of it.

    Returns:
        object_id, path of its picture, the box [px], class_name, crop_path, rank and rarity (NaN where it was not
        ranked), selected, reason.
    """
    objects, scores = run.read_table("objects"), run.read_table("scores")
    paths = run.read_table("images", columns=["image_id", "path"])
    table = objects.merge(paths, on="image_id", how="left").merge(
        scores[["object_id", "rank", "rarity", "selected", "reason"]], on="object_id", how="left"
    )
    table = table.assign(selected=table["selected"].eq(True), reason=table["reason"].fillna(""))
    return table[ONE]


def match_objects(first: pd.DataFrame, second: pd.DataFrame, *, least_iou: float = SAME_BOX) -> pd.DataFrame:
    """Return which object of one run is which of another: boxes of the same picture, the best overlap first.

    Args:
        first: Of `comparable_objects`.
        second: The same of the other run.
        least_iou: Intersection over union that two boxes need to be one thing.

    Returns:
        The columns of both with _first and _second behind their names, a row per pair, and a row for each object
        without a partner, whose other half is missing.
    """
    pairs = np.array(_pairs(first, second, least_iou), dtype=int).reshape(-1, 2)
    halves = []
    for table, rows, name in ((first, pairs[:, 0], "first"), (second, pairs[:, 1], "second")):
        alone = np.setdiff1d(np.arange(len(table)), rows)
        halves.append((table.iloc[rows].reset_index(drop=True).add_suffix(f"_{name}"),
                       table.iloc[alone].reset_index(drop=True).add_suffix(f"_{name}")))  # fmt: skip
    (paired_first, alone_first), (paired_second, alone_second) = halves
    paired = pd.concat([paired_first, paired_second], axis=1)
    joined = pd.concat([paired, alone_first, alone_second], ignore_index=True)
    return joined.assign(**{f"selected_{name}": joined[f"selected_{name}"].eq(True) for name in ("first", "second")})


def compare_runs(first: RunFolder, second: RunFolder, *, language: str = "en") -> pd.DataFrame:
    """Return every object of either run, and what the second run changed.

    Args:
        first: A run whose stages 01 to 04 are finished.
        second: Another one, over the same pictures or some of them.
        language: Of `became`.

    Returns:
        The table of `match_objects` with group ("common", "gained", "lost", or "neither" where neither run selects
        it), moved (places won; NaN unless both rank it), and became: what the run that does not select it made of it.
    """
    table = match_objects(comparable_objects(first), comparable_objects(second))
    both = table["selected_first"], table["selected_second"]
    table["group"] = np.select([both[0] & both[1], both[1], both[0]], GROUPS, "neither")
    table["moved"] = table["rank_first"] - table["rank_second"]
    table["became"] = [_became(row, language) for row in table.to_dict("records")]
    order = table[["rank_first", "rank_second"]].min(axis=1)
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def comparison_counts(table: pd.DataFrame) -> dict[str, int]:
    """Return how many objects are common, gained and lost, and how many of those the other run has no box of."""
    counts = {name: int(table["group"].eq(name).sum()) for name in GROUPS}
    gained, lost = table[table["group"] == "gained"], table[table["group"] == "lost"]
    return {
        **counts,
        "first": counts["common"] + counts["lost"],
        "second": counts["common"] + counts["gained"],
        "gained_unboxed": int(gained["object_id_first"].isna().sum()),
        "lost_unboxed": int(lost["object_id_second"].isna().sum()),
    }


def rank_agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Return for some depths how many of the first objects of one ranking are among those of the other.

    Returns:
        depth, shared (count), and of (how many there are at that depth in the shorter ranking).
    """
    rows = []
    for depth in DEPTHS:
        first, second = table["rank_first"] <= depth, table["rank_second"] <= depth
        rows.append({"depth": depth, "shared": int((first & second).sum()), "of": int(min(first.sum(), second.sum()))})
    return pd.DataFrame(rows)


def setting_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> pd.DataFrame:
    """Return what two runs' config.json say differently: parameters, models and versions, side by side.

    Returns:
        name, first and second, as texts; "–" where one does not know it.
    """
    told = [_settings(config) for config in (first, second)]
    names = [name for name in {**told[0], **told[1]} if told[0].get(name) != told[1].get(name)]
    rows = [{"name": name, "first": told[0].get(name, "–"), "second": told[1].get(name, "–")} for name in names]
    return pd.DataFrame(rows, columns=["name", "first", "second"])


def group_rows(table: pd.DataFrame, group: str, *, count: int = 24) -> pd.DataFrame:
    """Return the objects of a group as a gallery shows them: by the run that selects them, the rarest first.

    Args:
        table: Of `compare_runs`.
        group: "common" (those that moved most first), "gained" or "lost".
        count: At most this many.

    Returns:
        class_name, rank, rarity, crop_path, and as reason what became of the object in the other run.
    """
    side = "first" if group == "lost" else "second"
    rows = table[table["group"] == group]
    order = -rows["moved"].abs() if group == "common" else rows[f"rank_{side}"]
    rows = rows.loc[order.sort_values(kind="stable").index].head(count)
    shown = {
        name: rows[f"{name}_{side}"] for name in ("object_id", "class_name", "rank", "rarity", "crop_path", "path")
    }
    return pd.DataFrame({**shown, "reason": rows["became"]}).astype({"rank": int}).reset_index(drop=True)


def _pairs(first: pd.DataFrame, second: pd.DataFrame, least_iou: float) -> list[tuple[int, int]]:
    places = [table.reset_index(drop=True).groupby("path").indices for table in (first, second)]
    boxes = [table[BOX].to_numpy(float) for table in (first, second)]
    found = []
    for path, rows in places[0].items():
        others = places[1].get(path)
        if others is not None:
            iou = overlaps(boxes[0][rows], boxes[1][others])[0]
            found += [(rows[one], others[other]) for one, other in _best_pairs(iou, least_iou)]
    return found


def _best_pairs(iou: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Return one-to-one pairs, the greatest overlap first."""
    chosen: list[tuple[int, int]] = []
    for place in np.argsort(-iou, axis=None, kind="stable"):
        one, other = divmod(int(place), iou.shape[1])
        if iou[one, other] < least:
            break
        if all(one != taken[0] and other != taken[1] for taken in chosen):
            chosen.append((one, other))
    return chosen


def _became(row: Mapping[str, Any], language: str) -> str:
    ranks = [row["rank_first"], row["rank_second"]]
    if not any(pd.isna(rank) for rank in ranks):
        return say("compare.moved", language, first=int(ranks[0]), second=int(ranks[1]))
    name = "first" if pd.isna(ranks[0]) else "second"
    known = isinstance(row[f"object_id_{name}"], str)
    return say(f"compare.{'unranked' if known else 'unboxed'}_{name}", language)


def _settings(config: Mapping[str, Any]) -> dict[str, str]:
    parameters = {name: _text(value) for name, value in config.get("parameters", {}).items() if name not in UNTOLD}
    models = {f"{name} sha256": _text(model.get("sha256"))[:16] for name, model in config.get("models", {}).items()}
    return {**parameters, **models, **{name: _text(value) for name, value in config.get("versions", {}).items()}}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
