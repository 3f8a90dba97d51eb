"""What is exported: chosen objects of a run with all that was found out about them, and their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..ranking.verdicts import read_verdicts
from ..run.folder import RunFolder
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
        return replace(self, images=self.images.assign(file_name=pd.Series(file_names, dtype="str")))


def collect_rows(run: RunFolder, *, what: str = "selection", verdicts: str | Path | None = None) -> Export:
    """Gather the objects of a finished ranking.

    Args:
        run: With the tables of stages 01 to 04; captions join where there are any.
        what: selection, rare (judged so), or all that is ranked.
        verdicts: CSV; None takes the run's own verdicts.csv where there is one.

    Raises:
        ValueError: If rare is asked for and nothing is judged rare.
    """
    scores, objects, images = (run.read_table(name) for name in ("scores", "objects", "images"))
    table = scores.merge(objects, on="object_id", suffixes=("", "_of_object")).sort_values("rank", ignore_index=True)
    table["rare"] = _judged(run, verdicts, table["object_id"])
    if what == "selection":
        table = table[table["selected"]]
    elif what == "rare":
        table = table[table["rare"] == "yes"]
        if table.empty:
            raise ValueError(f"No object is judged rare; give --verdicts FILE, or put {VERDICTS} into the run.")
    table = table.assign(caption=_captions(run, table["object_id"]))
    shown = images[images["image_id"].isin(table["image_id"])].reset_index(drop=True)
    about = {name: shown.get(name, "") for name in PLACE}
    shown = shown[["image_id", "path", "width", "height"]].assign(**about, file_name=shown["path"])
    columns = list(dict.fromkeys([*FIELDS, "image_id", "class_name", *BOX, "event", "reason_codes"]))
    table = table[[name for name in columns if name in table]].reset_index(drop=True)
    return Export(_inside(table, shown), shown, run.root.resolve().name)


def _judged(run: RunFolder, verdicts: str | Path | None, object_ids: pd.Series) -> pd.Series:
    path = Path(verdicts) if verdicts is not None else run.root / VERDICTS
    if verdicts is None and not path.is_file():
        return pd.Series("", index=object_ids.index, dtype="str")
    judged = pd.Series(read_verdicts(path, object_ids.tolist()), index=object_ids.index)
    return judged.map({1.0: "yes", 0.0: "no"}).fillna("").astype("str")


def _captions(run: RunFolder, object_ids: pd.Series) -> pd.Series:
    if not run.table_path("captions").is_file():
        return pd.Series("", index=object_ids.index, dtype="str")
    captions = run.read_table("captions")
    said = captions.set_index("object_id")["caption"].where(captions.set_index("object_id")["source"] == "model", "")
    return object_ids.map(said).fillna("").astype("str")


def _inside(objects: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    sizes = images.set_index("image_id")
    for side, edges in (("width", ["x_min", "x_max"]), ("height", ["y_min", "y_max"])):
        limit = objects["image_id"].map(sizes[side])
        for edge in edges:
            objects[edge] = objects[edge].clip(0, limit)
    return objects
