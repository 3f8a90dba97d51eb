"""Two runs beside each other: which objects both show as rare, which only one, and what became of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..objects.zero_shot import known_looks, shown_names
from ..pictures.boxes import overlaps
from ..ranking.early_filter import id_chances
from ..run.folder import RunFolder
from ..run.queries import ROW, Tables
from ..tables import BOX

SAME_BOX = 0.5  # intersection over union from which two boxes of one picture show the same thing
DEPTHS = (10, 50, 100)  # of both rankings that are held beside each other
GROUPS = ("common", "gained", "lost")
READ, OTHER = ("objects", "images", "scores"), "other_"
NEITHER_HELD = 20_000  # of the objects that neither run selects, which only the figure shows
UNTOLD = ("name", "runs_dir")  # parameters that say nothing of the result


def match_objects(first: pd.DataFrame, second: pd.DataFrame, *, least_iou: float = SAME_BOX) -> pd.DataFrame:
    """Return which object of one run is which of another: boxes of the same picture, the best overlap first.

    Args:
        first: All boxes of some pictures in one run: path, selected, the box [px], and what else is to be told.
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


def compare_runs(
    first: RunFolder, second: RunFolder, *, neither: int = NEITHER_HELD, language: str = "en"
) -> pd.DataFrame:
    """Return the objects that either run selects, or ranks among its first, and what the second run changed.

    The boxes of both are read picture by picture; what is held are those that are shown.

    Args:
        first: A run whose stages 01 to 04 are finished.
        second: Another one, over the same pictures or some of them.
        neither: Of the other objects, so many at most are drawn at random; all where there are no more.
        language: Of `became` and of names.

    Returns:
        The table of `match_objects` with group ("common", "gained", "lost", or "neither" where neither run selects
        it), moved (places won; NaN unless both rank it), and became: what the run that does not select it made of it.
        Its `attrs["neither"]` says how many that neither run selects are ranked in both.
    """
    held, drawn, ranked = [], [], 0
    for matched in _matched(first, second, language):
        rows = _grouped(matched).assign(seen=np.arange(len(matched)))
        others = rows["group"].eq("neither") & (_best_rank(rows).isna() | (_best_rank(rows) > max(DEPTHS)))
        ranked += int((rows["group"].eq("neither") & rows["moved"].notna()).sum())
        held.append(rows[~others])
        drawn = [*drawn, rows[others]]
        if sum(map(len, drawn)) > 2 * neither:
            drawn = [_draw(pd.concat(drawn), neither)]
    table = pd.concat([*held, _draw(pd.concat(drawn), neither)], ignore_index=True)
    table["became"] = [_became(row, language) for row in table.to_dict("records")]
    table = _in_order(table)
    table.attrs["neither"] = ranked
    return table


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by the better of both ranks; equals as pairs by picture, then the others as they are stored."""
    paired = table[["object_id_first", "object_id_second"]].notna().all(axis=1)
    kind = np.where(paired, 0, np.where(table["object_id_first"].notna(), 1, 2))
    stored = table[[f"{ROW}_first", f"{ROW}_second"]].min(axis=1)
    path = pd.factorize(table["path_first"].fillna(table["path_second"]), sort=True)[0]
    keys = (np.where(paired, table["seen"], 0), np.where(paired, path, stored), kind, _best_rank(table))
    return table.iloc[np.lexsort(keys)].reset_index(drop=True).drop(columns=["seen", f"{ROW}_first", f"{ROW}_second"])


def _matched(first: RunFolder, second: RunFolder, language: str) -> Iterator[pd.DataFrame]:
    """Yield the boxes of both runs, matched, as many pictures at a time as the memory of the first run allows."""
    with Tables(first, *READ, optional=("zero_shot",)) as tables:
        tables.add(second, *READ, optional=("zero_shot",), prefix=OTHER)
        count = sum(int(tables.value(f"SELECT count(*) FROM {prefix}objects")) for prefix in ("", OTHER))
        parts = max(-(-count // tables.block_rows), 1)
        for part in range(parts):
            yield match_objects(*(_boxes(tables, prefix, part, parts, language) for prefix in ("", OTHER)))


def _boxes(tables: Tables, prefix: str, part: int, parts: int, language: str) -> pd.DataFrame:
    """Return the boxes of one part of a run's pictures, the same of each run; class_name is what each is called."""
    images = tables.rows(f"SELECT image_id, path FROM {prefix}images WHERE hash(path) % {parts} = {part}")
    columns = ("object_id", "image_id", *BOX, "class_name", "origin", "crop_path", ROW)
    objects = tables.matching(f"{prefix}objects", images["image_id"], key="image_id", columns=columns)
    looks = known_looks(tables, objects["object_id"], prefix=prefix)
    objects["class_name"] = shown_names(objects, looks, language=language)
    ranked = ("object_id", "rank", "rarity", "selected")
    scores = tables.matching(f"{prefix}scores", objects["object_id"], columns=ranked).astype({"rank": float})
    table = objects.sort_values(ROW).merge(images, on="image_id").merge(scores, on="object_id", how="left")
    table["selected"] = table["selected"].eq(True)
    return table[["object_id", "path", *BOX, "class_name", "crop_path", "rank", "rarity", "selected", ROW]]


def _grouped(table: pd.DataFrame) -> pd.DataFrame:
    both = table["selected_first"], table["selected_second"]
    group = np.select([both[0] & both[1], both[1], both[0]], GROUPS, "neither")
    return table.assign(group=group, moved=table["rank_first"] - table["rank_second"])


def _best_rank(table: pd.DataFrame) -> pd.Series:
    return table[["rank_first", "rank_second"]].min(axis=1)


def _draw(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return at most so many rows, drawn by their ids, so that it does not matter in which parts they came."""
    if len(rows) <= count:
        return rows
    chances = id_chances(rows["object_id_first"].fillna(rows["object_id_second"]), 0)
    return rows.iloc[np.sort(np.argsort(chances, kind="stable")[:count])]


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


def settings_of(run: RunFolder, *, language: str = "en") -> dict[str, Any]:
    """Return the run's config.json and the verdicts that it used, by how many were rare and common."""
    counts = {"rare": 0, "common": 0}
    with Tables(run, "scores") as tables:
        for name in counts if "reason_codes" in tables.columns["scores"] else ():
            judged = f"list_contains(string_split(reason_codes, ','), 'verdict_{name}')"
            counts[name] = int(tables.value(f"SELECT count(*) FROM scores WHERE {judged}"))
    return {**run.read_json("config.json"), "verdicts": say("compare.verdicts", language, **counts)}


def setting_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> pd.DataFrame:
    """Return what two runs say differently: parameters, models, versions and verdicts, side by side.

    Args:
        first: Of `settings_of`, or a config.json.
        second: Of the other run.

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
        object_id, class_name, rank, rarity, crop_path, path, and as reason what became of the object in the other run.
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
    used = {"verdicts used": config["verdicts"]} if "verdicts" in config else {}
    versions = {name: _text(value) for name, value in config.get("versions", {}).items()}
    return {**parameters, **models, **versions, **used}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
