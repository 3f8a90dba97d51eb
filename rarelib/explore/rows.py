"""All that the stages found out about embedded objects, as rows: of chosen ones, or of all in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from ..language import phrases, say
from ..objects.zero_shot import shown_names
from ..pictures.crops import read_crop
from ..pictures.sources import Folder
from ..ranking.verdicts import DRAWN_FROM, draw_for_precision
from ..run.folder import RunFolder
from ..run.queries import BATCH_ROWS, Tables
from ..run.rows import rows_of
from ..tables import BOX

CAPTION_TEXTS = {"caption": "", "caption_source": "skipped", "caption_error": "", "kind": "", "first_caption": "",
                 "certainty": "", "attributes": ""}  # fmt: skip
CAPTION_COLUMNS = {"source": "caption_source", "error": "caption_error"}  # where the table has another name
# columns that a ranking may lack, with what they say where nothing was measured
OPTIONAL = {"reason_codes": "", "event_size": 1, "quality": 1.0}
MAX_CAPTION = 1000


def open_tables(run: RunFolder) -> Tables:
    """Open the tables of a ranked run; those of names, captions, the map and neighbours where they are there.

    Raises:
        TableError: If one is missing or cannot be read.
    """
    return Tables(run, "scores", "objects", "images", optional=("zero_shot", "captions", "map", "neighbours"))


def gather_objects(run: RunFolder, *, among: Sequence[str] | None = None, language: str = "en") -> pd.DataFrame:
    """Return one row per embedded object, rarest first: its box, scores, reason, caption and place on the map.

    Args:
        run: A run whose stages 01 to 04 are finished; captions and the map join where there are any.
        among: object_ids of those wanted; all by default, which of a large run are better taken in batches.
        language: Of names, and of what the captions add to the reasons.

    Returns:
        Table with the columns of objects and scores, original_path (relative to images_folder), group, bbox
        ([x_min, y_min, x_max, y_max] in px), size (square root of the box's area [px]), called (its class, in the
        language; a proposal by what it looks like), reason_alone (without what the caption added), event (the object
        itself where none is known), marked (its verdict counts for the precision), caption and what belongs to it, x
        and y (NaN where it is not on the map).
    """
    with open_tables(run) as tables:
        if among is not None:
            tables.keep("among", pd.DataFrame({"object_id": pd.Series(list(among), dtype="str")}))
        whole = [*gather_batches(tables, among="" if among is None else "among", language=language)]
        return pd.concat(whole, ignore_index=True) if whole else _nothing(tables, language)


def gather_batches(tables: Tables, *, among: str = "", language: str = "en") -> Iterator[pd.DataFrame]:
    """Yield the rows of `gather_objects` in batches, rarest first.

    Args:
        tables: Of `open_tables`.
        among: Name of one of them with the object_ids wanted; by default all are.
        language: Of what the captions add to the reasons.
    """
    marked = marked_objects(tables)
    for scores in tables.ranked_blocks(among=among):
        rows = _joined(tables, scores)
        for start in range(0, len(rows), BATCH_ROWS):
            batch = rows.iloc[start : start + BATCH_ROWS].reset_index(drop=True)
            yield _finished(batch, tables, marked, language)


def marked_objects(tables: Tables) -> list[str]:
    """Return the objects whose verdicts measure the precision."""
    columns = ("object_id", "rank_before_verdicts")
    if columns[1] not in tables.columns["scores"]:
        return []
    first = tables.rows(f"SELECT {', '.join(columns)} FROM scores WHERE {columns[1]} <= {DRAWN_FROM}")
    return draw_for_precision(first)


def neighbours_of(run: RunFolder, object_ids: Sequence[str]) -> pd.DataFrame | None:
    """Return the rows of the neighbours table of these objects; None where there is no such table."""
    if not run.table_path("neighbours").is_file():
        return None
    return rows_of(run, "neighbours", object_ids)


def crop_sources(rows: pd.DataFrame, run: RunFolder, images_root: Folder) -> list[Callable[[], np.ndarray]]:
    """Return for each row of `gather_objects` what reads its crop: from its file, else out of its picture."""
    columns = rows[["crop_path", *BOX]].assign(path=rows["original_path"]).to_dict("records")
    return [partial(read_crop, row, run.root, images_root) for row in columns]


def code_name(code: str, language: str) -> str:
    """Return what a reason code is called."""
    key = f"report.code.{code}"
    return say(key, language) if key in phrases() else code.replace("_", " ")


def _joined(tables: Tables, scores: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the scores with those of the other tables that belong to them."""
    objects = tables.matching("objects", scores["object_id"])
    own = [name for name in objects if name == "object_id" or name not in scores]
    rows = scores.merge(objects[own], on="object_id")
    images = tables.matching("images", rows["image_id"], key="image_id", columns=("image_id", "path", "group"))
    rows = rows.merge(images.rename(columns={"path": "original_path"}), on="image_id", how="left")
    for name, wanted in (("zero_shot", ["looks_like"]), ("map", ["x", "y"]), ("captions", _caption_columns())):
        columns = [column for column in wanted if column in tables.columns.get(name, ())]
        if columns:
            found = tables.matching(name, rows["object_id"], columns=("object_id", *columns))
            rows = rows.merge(found.rename(columns=CAPTION_COLUMNS), on="object_id", how="left")
    return rows.fillna({"original_path": "", "group": ""})


def _caption_columns() -> list[str]:
    names = {new: old for old, new in CAPTION_COLUMNS.items()}
    return [names.get(name, name) for name in (*CAPTION_TEXTS, "disagrees")]


def _finished(rows: pd.DataFrame, tables: Tables, marked: Sequence[str], language: str) -> pd.DataFrame:
    rows["called"] = shown_names(rows, rows.filter(["object_id", "looks_like"]), language=language)
    rows["bbox"] = rows[BOX].round(2).to_numpy().tolist()
    width, height = rows["x_max"] - rows["x_min"], rows["y_max"] - rows["y_min"]
    rows["size"] = np.sqrt(np.maximum(width * height, 0))
    rows["reason_alone"] = rows["reason"]
    rows = rows.drop(columns=[name for name in ("looks_like",) if name in rows])
    if "captions" in tables.columns:
        from ..captions import add_caption_reasons

        absent = {name: "" for name in CAPTION_TEXTS if name not in rows}
        rows = rows.assign(**absent).fillna(dict.fromkeys(CAPTION_TEXTS, ""))
        rows["disagrees"] = rows["disagrees"].eq(True) if "disagrees" in rows else False
        rows["caption"] = rows["caption"].str.slice(0, MAX_CAPTION)
        rows = add_caption_reasons(rows, rows[["object_id", "kind", "disagrees"]], rows, language)
    else:
        rows = rows.assign(**CAPTION_TEXTS, disagrees=False)
    absent = {name: value for name, value in OPTIONAL.items() if name not in rows}
    absent |= {name: np.nan for name in ("x", "y") if name not in rows}
    event = rows["event"] if "event" in rows else rows["object_id"]
    return rows.assign(**absent, event=event, marked=rows["object_id"].isin(marked))


def _nothing(tables: Tables, language: str) -> pd.DataFrame:
    """Return no row, with all columns."""
    return _finished(_joined(tables, tables.no_scores()), tables, [], language)
