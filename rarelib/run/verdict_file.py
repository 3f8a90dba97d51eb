"""A person's verdicts as a small CSV: read, put to the objects of a run by the boxes that were judged, written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..pictures.boxes import pair_overlaps
from ..tables import BOX
from .folder import RunFolder, whole_file
from .ids import places_in
from .places import find_upwards
from .rows import rows_of
from .user_tables import numbers, read_user_table, yes_or_no

WORDS = ("yes", "no", "unsure")
NEEDED = ("object_id", "rare")
PLACE = ("image_id", *BOX)  # the box that was judged [px]; a row written by hand may lack it
COLUMNS = (*NEEDED, *PLACE)
OWNER = "owner"  # beside them in memory: the object of the run that a verdict is on, "" for none
SAME_BOX_IOU = 0.5  # from this overlap on, a box found anew is the one that was judged


@dataclass(frozen=True)
class Verdicts:
    """Verdicts in the order of a run's objects.

    Attributes:
        values: Float array (n_objects,): 1 rare, 0 common, NaN unsure or not judged; None without a file.
        elsewhere: How many verdicts of the file are on none of these objects.
    """

    values: np.ndarray | None = None
    elsewhere: int = 0


def read_verdicts(
    path: str | Path | None, objects: pd.DataFrame, object_ids: Sequence[str], *, named: bool = True
) -> Verdicts:
    """Read verdicts and put them in the order of the ranked objects.

    Args:
        path: CSV with the columns object_id and rare (yes, no or unsure), and of PLACE where a row says which box was
            judged; "" or None for none.
        objects: All objects of the run: object_id and PLACE.
        object_ids: Those that are ranked.
        named: Whether a user named the file; then one of its verdicts must be on one of them.

    Raises:
        ValueError: If a column is missing, a verdict is another word, or a named file fits no object.
    """
    if not path:
        return Verdicts()
    rows = owned_rows(read_rows(find_upwards(path)), objects)
    place = places_in(rows[OWNER], object_ids)
    known = place >= 0
    if named:
        check_some_fit(path, rows=len(rows), fitting=int(known.sum()))
    values = np.full(len(object_ids), np.nan)
    values[place[known]] = rows["rare"].map({"yes": 1.0, "no": 0.0}).to_numpy(float)[known]
    return Verdicts(values, int((~known).sum()))


def check_some_fit(path: str | Path, *, rows: int, fitting: int) -> None:
    """Refuse a file of verdicts of which none is on an object of the run; an empty one says nothing wrong."""
    if rows and not fitting:
        raise ValueError(f"None of the objects in {Path(path).name} is in this run; verdicts belong to one run's ids.")


def read_rows(path: str | Path) -> pd.DataFrame:
    """Return the verdicts in a file in its order: COLUMNS, rare as yes, no or unsure, no image_id where no box is told.

    An empty file holds none; of rows about the same box, or the same object without a box, the last one counts.

    Raises:
        ValueError: If a column is missing or a cell says something else; with the number of its row.
    """
    table = read_user_table(path, columns=NEEDED, what="verdicts file", optional=PLACE, may_be_empty=True)
    where = f"The verdicts file {Path(path).name}"
    said = yes_or_no(table["rare"], where=where, unsure=True).map({1.0: "yes", 0.0: "no"}).fillna("unsure")
    rows = pd.DataFrame({"object_id": _text(table["object_id"]), "rare": said.astype("str")})
    told = set(PLACE) <= set(table)
    rows["image_id"] = _text(table["image_id"]) if told else ""
    boxed = rows["image_id"] != ""
    for side in BOX:
        rows[side] = numbers(table.loc[boxed, side], where=where).reindex(table.index) if told else np.nan
    return rows[rows["object_id"] != ""].drop_duplicates(["object_id", *PLACE], keep="last").reset_index(drop=True)


def owned_rows(rows: pd.DataFrame, objects: pd.DataFrame) -> pd.DataFrame:
    """Return verdicts with their OWNER, without those that a later one on the same box replaced.

    A verdict with a box is on the object of that picture whose box overlaps it most, by IoU and from SAME_BOX_IOU on,
    whatever the ids say; one without a box is on the object of its id.

    Args:
        rows: Of `read_rows`.
        objects: object_id and PLACE; no object of a judged picture may be missing.
    """
    fits = pd.concat([_fits_by_id(rows, objects), _fits_by_box(rows, objects)], ignore_index=True)
    best = fits.sort_values(["iou", "same_id"], kind="stable").drop_duplicates("row", keep="last")
    best = best[best["iou"] == best.groupby(OWNER)["iou"].transform("max")].sort_values("row")
    kept = best.drop_duplicates(OWNER, keep="last")  # what fits less well was another box, and has no owner
    owner = kept.set_index("row")[OWNER].reindex(rows.index).fillna("").astype("str")
    replaced = rows.index.isin(best["row"]) & ~rows.index.isin(kept["row"])
    return rows.assign(**{OWNER: owner})[~replaced].reset_index(drop=True)


def rows_in_run(rows: pd.DataFrame, run: RunFolder) -> pd.DataFrame:
    """Return verdicts with their OWNER among the ranked objects of a run; one without a box has its owner's then."""
    objects = _objects_around(rows, run)
    return _ranked_owners(_boxed(owned_rows(rows, objects), objects), run)


class VerdictFile:
    """The verdicts of a run as they are given: read once, written anew with each of them.

    Attributes:
        path: Of the CSV.
        rows: COLUMNS and OWNER, the latest last, also of objects that the run does not rank; what was told by its id
            alone has the box that the id names now.
    """

    def __init__(self, path: str | Path, run: RunFolder) -> None:
        """Read what is there; a file that is missing holds no verdict.

        Raises:
            ValueError: If the file is not a table of verdicts.
        """
        self.path = Path(path)
        rows = read_rows(self.path) if self.path.is_file() else pd.DataFrame(columns=list(COLUMNS), dtype="str")
        self.rows = rows_in_run(rows, run)

    @property
    def words(self) -> dict[str, str]:
        """Return what is said of the ranked objects of the run: object_id to yes, no or unsure."""
        here = self.rows[self.rows[OWNER] != ""]
        return dict(zip(here[OWNER], here["rare"], strict=True))

    @property
    def elsewhere(self) -> int:
        """Return how many verdicts are on no ranked object of the run."""
        return int((self.rows[OWNER] == "").sum())

    def put(self, words: Mapping[str, str], objects: pd.DataFrame) -> None:
        """Write verdicts to the file, whole or not at all; a later one on the same object replaces the earlier one.

        Args:
            words: object_id to "yes", "no" or "unsure"; "" takes a verdict back.
            objects: object_id and PLACE of these objects.

        Raises:
            ValueError: If it is another word.
            OSError: If the file cannot be written.
        """
        for word in words.values():
            if word and word not in WORDS:
                raise ValueError(f"A verdict must be one of {', '.join(WORDS)}. Got {word[:40]!r} instead.")
        given = pd.DataFrame({"object_id": list(words), "rare": list(words.values()), OWNER: list(words)}, dtype="str")
        given = given.merge(objects[["object_id", *PLACE]], on="object_id", how="left").fillna({"image_id": ""})
        rows = pd.concat([self.rows[~self.rows[OWNER].isin(words)], given[given["rare"] != ""]], ignore_index=True)
        with whole_file(self.path) as partial:
            as_cells(rows)[list(COLUMNS)].to_csv(partial, index=False)
        self.rows = rows


def as_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as the texts that a file of verdicts holds, boxes to the pixel."""
    sides = {side: rows[side].astype(float).round().astype("Int64").astype("str").fillna("") for side in BOX}
    return rows.assign(**sides)


def _fits_by_id(rows: pd.DataFrame, objects: pd.DataFrame) -> pd.DataFrame:
    alone = rows.loc[rows["image_id"] == "", "object_id"]
    known = alone[places_in(alone, objects["object_id"]) >= 0] if len(alone) else alone
    return pd.DataFrame({"row": known.index, OWNER: known.to_numpy(), "iou": 1.0, "same_id": True})


def _fits_by_box(rows: pd.DataFrame, objects: pd.DataFrame) -> pd.DataFrame:
    boxed = rows[rows["image_id"] != ""].rename_axis("row").reset_index()
    near = objects.loc[objects["image_id"].isin(boxed["image_id"]), ["object_id", *PLACE]]
    near = near.astype({"image_id": "str", **dict.fromkeys(BOX, float)}).rename(columns={"object_id": OWNER})
    pairs = boxed.merge(near, on="image_id", suffixes=("", "_found"))
    judged, found = (pairs[[side + end for side in BOX]].to_numpy(float).round() for end in ("", "_found"))
    iou = np.where((judged == found).all(axis=1), 1.0, pair_overlaps(judged, found)[0])  # a speck has no area
    pairs = pairs.assign(iou=iou.round(2), same_id=pairs["object_id"] == pairs[OWNER])
    return pairs.loc[iou >= SAME_BOX_IOU, ["row", OWNER, "iou", "same_id"]]


def _objects_around(rows: pd.DataFrame, run: RunFolder) -> pd.DataFrame:
    """Return the objects of the run that have the ids of verdicts, or lie in the pictures that were judged."""
    keys = [key for key in ("image_id", "object_id") if (rows[key] != "").any()]
    columns = ["object_id", *PLACE]
    found = [rows_of(run, "objects", rows[key], key=key, columns=columns) for key in keys]
    return pd.concat(found).drop_duplicates("object_id") if found else pd.DataFrame(columns=columns)


def _boxed(rows: pd.DataFrame, objects: pd.DataFrame) -> pd.DataFrame:
    """Return verdicts with the box of their owner where they tell none."""
    found = rows[[OWNER]].merge(objects.rename(columns={"object_id": OWNER}), on=OWNER, how="left")
    bare = (rows["image_id"] == "") & (rows[OWNER] != "")
    return rows.assign(**{name: rows[name].where(~bare, found[name]) for name in PLACE})


def _ranked_owners(rows: pd.DataFrame, run: RunFolder) -> pd.DataFrame:
    if not (rows[OWNER] != "").any():
        return rows
    ranked = rows_of(run, "scores", rows[OWNER], columns=["object_id"])["object_id"]
    return rows.assign(**{OWNER: rows[OWNER].where(rows[OWNER].isin(ranked), "")})


def _text(values: pd.Series) -> pd.Series:
    return values.astype("str").fillna("")
