"""All that the stages found out about each embedded object, as one table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from ..language import say
from ..objects.zero_shot import shown_names
from ..pictures.crops import read_crop
from ..pictures.sources import Folder
from ..ranking.verdicts import draw_for_precision
from ..run.folder import RunFolder
from ..tables import BOX

CAPTION_TEXTS = {"caption": "", "caption_source": "skipped", "caption_error": "", "kind": "", "first_caption": "",
                 "certainty": "", "attributes": ""}  # fmt: skip
# columns that a ranking may lack, with what they say where nothing was measured
OPTIONAL = {"reason_codes": "", "event_size": 1, "quality": 1.0}
MAX_CAPTION = 1000


def gather_objects(run: RunFolder, *, language: str = "en") -> pd.DataFrame:
    """Return one row per embedded object, rarest first: its box, scores, reason, caption and place on the map.

    Args:
        run: A run whose stages 01 to 04 are finished; captions and the map join where there are any.
        language: Of what the captions add to the reasons.

    Returns:
        Table with the columns of objects and scores, original_path (relative to images_folder), group, bbox
        ([x_min, y_min, x_max, y_max] in px), size (square root of the box's area [px]), called (its class; a proposal
        by what it looks like), reason_alone (without what the caption added), event (the object itself where none is
        known), marked (its verdict counts for the precision), caption and what belongs to it, x and y (NaN where it
        is not on the map).
    """
    objects = run.read_table("objects")
    names = read_optional(run, "zero_shot")
    objects["called"] = objects["class_name"] if names is None else shown_names(objects, names)
    images = run.read_table("images").set_index("image_id")
    objects["original_path"] = objects["image_id"].map(images["path"]).fillna("")
    objects["group"] = objects["image_id"].map(images["group"]).fillna("")
    objects["bbox"] = objects[BOX].round(2).to_numpy().tolist()
    width, height = objects["x_max"] - objects["x_min"], objects["y_max"] - objects["y_min"]
    objects["size"] = np.sqrt(np.maximum(width * height, 0))
    scores = run.read_table("scores")
    scores["reason_alone"] = scores["reason"]
    captions = read_optional(run, "captions")
    if captions is not None:
        from ..captions import add_caption_reasons

        scores = add_caption_reasons(scores, captions, objects, language)
    scores = scores.assign(**{name: value for name, value in OPTIONAL.items() if name not in scores})
    scores["event"] = scores["event"] if "event" in scores else scores["object_id"]
    scores["marked"] = scores["object_id"].isin(draw_for_precision(scores))
    rows = scores.merge(objects, on="object_id").sort_values("rank", ignore_index=True)
    return _with_map(with_captions(rows, captions), read_optional(run, "map"))


def crop_sources(rows: pd.DataFrame, run: RunFolder, images_root: Folder) -> list[Callable[[], np.ndarray]]:
    """Return for each row of `gather_objects` what reads its crop: from its file, else out of its picture."""
    columns = rows[["crop_path", *BOX]].assign(path=rows["original_path"]).to_dict("records")
    return [partial(read_crop, row, run.root, images_root) for row in columns]


def read_optional(run: RunFolder, table: str) -> pd.DataFrame | None:
    """Return a table, or None where its stage was skipped."""
    return run.read_table(table) if run.table_path(table).is_file() else None


def code_name(code: str, language: str) -> str:
    """Return what a reason code is called."""
    from ..language import phrases

    key = f"report.code.{code}"
    return say(key, language) if key in phrases() else code.replace("_", " ")


def with_captions(rows: pd.DataFrame, captions: pd.DataFrame | None) -> pd.DataFrame:
    """Return the rows with their captions and what belongs to them; no value is missing."""
    if captions is None:
        return rows.assign(**CAPTION_TEXTS, disagrees=False)
    named = captions.rename(columns={"source": "caption_source", "error": "caption_error"})
    named["caption"] = named["caption"].str.slice(0, MAX_CAPTION)
    present = [name for name in (*CAPTION_TEXTS, "disagrees") if name in named]
    joined = rows.merge(named[["object_id", *present]], on="object_id", how="left")
    for name, value in {**CAPTION_TEXTS, "caption_source": "", "disagrees": False}.items():
        joined[name] = joined[name].where(joined[name].notna(), value) if name in joined else value
    return joined.astype({"disagrees": bool})


def _with_map(rows: pd.DataFrame, places: pd.DataFrame | None) -> pd.DataFrame:
    if places is None:
        return rows.assign(x=np.nan, y=np.nan)
    return rows.merge(places[["object_id", "x", "y"]], on="object_id", how="left")
