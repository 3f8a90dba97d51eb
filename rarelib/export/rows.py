"""What is exported: chosen objects of a run with all that was found out about them, and their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..run.folder import RunFolder
from ..run.queries import ROW, Tables
from ..run.verdict_file import VerdictFile, check_some_fit
from ..tables import BOX

VERDICTS = "verdicts.csv"
# what every format says of an object beside its box and class
FIELDS = ("object_id", "rank", "rarity", "reason", "caption", "confidence", "origin", "rare")
PLACE = ("group", "camera", "timestamp", "location", "time_of_day", "weather")


@dataclass(frozen=True)
class Export:
    """Objects and pictures to write.

    Attributes:
        objects: Rarest first: FIELDS, image_id, class_name, and the box [px of the upright picture, inside it].
        images: Of those objects: image_id, path, width, height [px], file_name (below the export), PLACE.
        name: Of the run.
    """

    objects: pd.DataFrame
    images: pd.DataFrame
    name: str

    @property
    def class_names(self) -> list[str]:
        """Return the classes in the order of the alphabet; their place in it is their number."""
        return sorted(self.objects["class_name"].unique())

    def pictures(self) -> Iterator[tuple[Any, pd.DataFrame]]:
        """Yield each picture's row with its objects, rarest first."""
        of_image = dict(tuple(self.objects.groupby("image_id", sort=False)))
        for row in self.images.itertuples(index=False):
            yield row, of_image[row.image_id]

    def with_files(self, file_names: list[str]) -> Export:
        """Return the same with where each picture lies."""
        return replace(self, images=self.images.assign(file_name=pd.array(file_names, dtype="str")))


def collect_rows(run: RunFolder, *, what: str = "selection", verdicts: str | Path | None = None) -> Export:
    """Gather the objects of a finished ranking.

    Args:
        run: With the tables of stages 01 to 04; captions join where there are any.
        what: selection, rare (judged so), or all that is ranked.
        verdicts: CSV; None takes the run's own verdicts.csv where there is one.

    Raises:
        ValueError: If rare is asked for and nothing is judged rare.
    """
    with Tables(run, "scores", "objects", "images", optional=("captions",)) as tables:
        judged = _judged(run, verdicts)
        if what == "rare" and not judged["rare"].eq("yes").any():
            raise ValueError(f"No object is judged rare; give --verdicts FILE, or put {VERDICTS} into the run.")
        tables.keep("rare", judged.loc[judged["rare"] == "yes", ["object_id"]])
        tables.make("selection", "SELECT object_id FROM scores WHERE selected")
        among = what if what in ("rare", "selection") else ""
        parts = [_told(tables, scores, judged) for scores in tables.ranked_blocks(among=among)]
        table = pd.concat(parts, ignore_index=True) if parts else _told(tables, tables.no_scores(), judged)
        shown = tables.matching("images", table["image_id"], key="image_id", columns=[*tables.columns["images"], ROW])
    shown = shown.sort_values(ROW, ignore_index=True)
    about = {name: shown.get(name, "") for name in PLACE}
    shown = shown[["image_id", "path", "width", "height"]].assign(**about, file_name=shown["path"])
    return Export(_inside(table, shown), shown, run.root.resolve().name)


def _told(tables: Tables, scores: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the scores with what formats tell of each object."""
    objects = tables.matching("objects", scores["object_id"])
    rows = scores.merge(objects, on="object_id", suffixes=("", "_of_object"))
    rows = rows.merge(judged, on="object_id", how="left").assign(caption="")
    if "captions" in tables.columns:
        captions = tables.matching("captions", rows["object_id"], columns=("object_id", "caption", "source"))
        captions = captions.loc[captions["source"] == "model", ["object_id", "caption"]]
        rows = rows.drop(columns="caption").merge(captions, on="object_id", how="left")
    columns = dict.fromkeys([*FIELDS, "image_id", "class_name", *BOX, "event", "reason_codes"])
    return rows[[name for name in columns if name in rows]].fillna({"rare": "", "caption": ""})


def _judged(run: RunFolder, verdicts: str | Path | None) -> pd.DataFrame:
    """Return object_id and rare ("yes" or "no") of what was judged in this run."""
    file = VerdictFile(run.root / VERDICTS if verdicts is None else verdicts, run)
    if verdicts is not None:
        check_some_fit(file.path, rows=len(file.rows), fitting=len(file.words))
    said = {object_id: word for object_id, word in file.words.items() if word != "unsure"}
    return pd.DataFrame({"object_id": list(said), "rare": list(said.values())}, dtype="str")


def _inside(objects: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    sizes = images.set_index("image_id")
    for side, edges in (("width", ["x_min", "x_max"]), ("height", ["y_min", "y_max"])):
        limit = objects["image_id"].map(sizes[side])
        for edge in edges:
            objects[edge] = objects[edge].clip(0, limit)
    return objects
