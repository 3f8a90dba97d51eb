"""Every table of a run once: its columns with type, unit, range and meaning; checked when written and when read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

STAGES = (
    "01_select_images", "02_detect_objects", "03_embed_objects", "04_score_rarity",
    "05_map_objects", "06_caption_objects", "07_report",
)  # fmt: skip
SELECT, DETECT, EMBED, SCORE, MAP, CAPTION, REPORT = STAGES
BOX = ["x_min", "y_min", "x_max", "y_max"]  # columns of a box [px]
REPEATED = ("image_id", "class_name", "origin", "group", "condition", "phrase", "looks_like")  # few texts, often
DETECTED, PROPOSAL, LABEL = "detected", "proposal", "label"  # origins of an object; a second model has its own name

Dtype = Literal["text", "integer", "number", "flag"]
IS_DTYPE = {
    "text": lambda values: pd.api.types.is_string_dtype(getattr(values.dtype, "categories", values)),
    "integer": pd.api.types.is_integer_dtype,
    "number": pd.api.types.is_numeric_dtype,
    "flag": pd.api.types.is_bool_dtype,
}


class TableError(ValueError):
    """A file of a run that is missing or is not what it should be."""


@dataclass(frozen=True)
class Column:
    """One column: its name, type, meaning, unit, the lowest and highest value, and whether it may be absent or NaN."""

    name: str
    dtype: Dtype
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    optional: bool = False  # a table without it is whole as well
    gaps: bool = False  # NaN where nothing is known


@dataclass(frozen=True)
class Table:
    """One table: the stage that writes it, what a row is, the column that tells rows apart, its columns."""

    stage: str
    row: str
    key: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return a column by name; KeyError if the schema has none."""
        return next(column for column in self.columns if column.name == name)


def _text(name: str, meaning: str, **about: bool) -> Column:
    return Column(name, "text", meaning, **about)


def _flag(name: str, meaning: str, **about: bool) -> Column:
    return Column(name, "flag", meaning, **about)


def _count(name: str, meaning: str, low: float = 0, **about: bool) -> Column:
    return Column(name, "integer", meaning, "", low, None, **about)


def _share(name: str, meaning: str, **about: bool) -> Column:
    return Column(name, "number", meaning, "", 0, 1, **about)


def _number(
    name: str, meaning: str, unit: str = "", low: float | None = None, high: float | None = None, **about: bool
) -> Column:
    return Column(name, "number", meaning, unit, low, high, **about)


OBJECT_ID = _text(
    "object_id", "image_id-NN: within the picture detected ones by confidence, then proposals, best first"
)
IMAGE_ID = _text("image_id", "12 hex digits of the hash of the picture's path")

TABLES: dict[str, Table] = {
    "images": Table(SELECT, "picture listed", "image_id", (
        IMAGE_ID,
        _text("path", "of the picture, relative to images_folder, with /; a frame is drive.mp4#t=00012.500"),
        _number("width", "of the upright picture, 0 where it was not read", "px", 0),
        _number("height", "of the upright picture, 0 where it was not read", "px", 0),
        _flag("sampled", "drawn for this run"),
        _text("error", 'why it could not be read, or ""'),
        _text("group", 'drive or scene, "" if unknown'),
        _text("camera", "as the data set names it", optional=True),
        _text("sample_token", "of the nuScenes sample, what all cameras saw at once", optional=True),
        _number("timestamp", "when it was taken, since 1970; of an undated video since its start", "s", 0,
                optional=True, gaps=True),
        _text("location", "city or kind of road, as the data set names it", optional=True),
        _text("time_of_day", "day, night or dusk, as the data set tells it", optional=True),
        _text("weather", "as the data set names it", optional=True),
    )),
    "objects": Table(DETECT, "box", "object_id", (
        OBJECT_ID,
        IMAGE_ID,
        _text("class_name", "what the detector takes it for; of a proposal a guess"),
        _share("confidence", "of the detector in its best class"),
        _number("x_min", "left edge in the upright picture", "px", 0),
        _number("y_min", "upper edge", "px", 0),
        _number("x_max", "right edge", "px", 0),
        _number("y_max", "lower edge", "px", 0),
        _text("crop_path", "of the crop, relative to the run"),
        _text("origin", "detected, proposal, label, or the name of a second model"),
        _share("objectness", "how likely the box holds a thing of whatever class, of all boxes by one measure",
               optional=True, gaps=True),
        _number("energy", "log-sum-exp of the detector's class logits; higher is surer", "logits", optional=True,
                gaps=True),
        _share("brightness", "mean grey of the crop", optional=True, gaps=True),
        _share("contrast", "standard deviation of the crop's grey", optional=True, gaps=True),
        _number("sharpness", "variance of the Laplacian of the crop's grey", "grey²", 0, optional=True, gaps=True),
        _flag("touches_border", "the box reaches the picture's edge", optional=True),
        _text("content", "hash of the picture's file, which tells whether it has changed since", optional=True),
    )),
    "unreadable": Table(DETECT, "picture that could not be decoded", "image_id", (
        IMAGE_ID,
        _text("error", "why not"),
    )),
    "early_filter": Table(EMBED, "box", "object_id", (
        OBJECT_ID,
        _flag("keep", "it is embedded"),
        _text("reason", "why it is kept, thinned out, or could not be embedded"),
    )),
    "embeddings": Table(EMBED, "row of embeddings.npy", "object_id", (OBJECT_ID,)),
    "zero_shot": Table(EMBED, "embedded box, where the embedder reads text", "object_id", (
        OBJECT_ID,
        _text("phrase", "class name that fits the crop best"),
        _number("similarity", "of the crop with that phrase", "cosine", -1.001, 1.001),
        _number("class_similarity", "of the crop with its own class name", "cosine", -1.001, 1.001),
        _text("looks_like", "name that fits the crop best among class names and vocabulary, for people", optional=True),
        _number("looks_like_similarity", "of the crop with that name", "cosine", -1.001, 1.001, optional=True),
        _number("margin", "by which that name fits better than its own class", "cosine", -2.001, 2.001, optional=True),
        _share("strangeness", "how far it looks like what roads are not full of, among all these names",
               optional=True, gaps=True),
    )),
    "scores": Table(SCORE, "embedded box", "object_id", (
        OBJECT_ID,
        _number("isolation_forest", "how few random cuts set it apart; higher is rarer", "", optional=True),
        _number("lof", "how sparse its neighbourhood is; about 1 is common, higher is rarer", "", 0, optional=True),
        _number("lof_per_class", "the same within its class", "", 0, optional=True),
        _number("knn", "mean distance to its nearest neighbours; higher is rarer", "1 - cosine", 0, 2.001,
                optional=True),
        _number("mahalanobis", "distance from the centre; higher is rarer", "spreads", 0, optional=True),
        _number("class_conditional_knn", "mean distance to its nearest of the same class; higher is rarer",
                "1 - cosine", 0, 2.001, optional=True),
        _number("class_count", "detected boxes of its class", "", 0),
        _number("rare_class_score", "points of the plain recipe: keyword +5; fewer than 5 of the class +10, than 20 +5",
                "points", 0),
        _flag("is_outlier", "among the contamination share that looks strangest; with union by IsolationForest or LOF"),
        _flag("is_rare_class", "among the rare-class candidates"),
        _flag("selected", "shown as rare"),
        _share("rarity", "as `ranking.signs.fuse_signs` joins its signs, where neither verdicts nor `selection: union` "
               "set another; higher is rarer"),
        _number("rank", "1 is shown first", "", 1),
        _text("reason", 'why it stands where it does, in words; "" beyond the selected and the first 100,000'),
        _text("reason_codes", "the same for machines, separated by commas", optional=True),
        _share("sign_look", "how strange it looks among all objects and within its class; raises the rarity"),
        _share("sign_name", "how little roads are expected to show its class; raises"),
        _share("sign_frequency", "how few pictures of this data show its class; raises"),
        _share("sign_words", "how much more the text tower takes it for something else than its class; raises"),
        _share("sign_strange", "how much it looks like what roads are not full of, says the text tower; raises"),
        _share("sign_doubt", "how unsure the detector is of its class, 0 for proposals; raises"),
        _share("sign_keyword", "its class is on the list of potentially rare ones, and few; raises"),
        _share("sign_evidence", "objectness, 1 for what the run's surest proposals reach; what lacks it is held down"),
        _share("sign_quality", "how usable its crop is; what lacks it is held down"),
        _share("sign_size", "how large it is beside common objects at its height; what lacks it is held down"),
        _share("sign_height", "whether it stands where common objects stand; what lacks it is held down"),
        _share("embedding_rarity", "percentile of its look", optional=True),
        _share("quality", "of the crop; 1 is good", optional=True),
        _share("hidden", "share of the box that something in front covers", optional=True),
        _text("event", "object_id of the rarest view of its event, which stands for it", optional=True),
        _count("event_size", "views of its event", 1, optional=True),
        _count("rank_before_verdicts", "rank that no verdict has changed, the selected first", 1, optional=True),
    )),
    "neighbours": Table(SCORE, "selected box and common object near it", "", (
        OBJECT_ID,
        _text("neighbour_id", "object_id of a common object of another event"),
        _count("position", "1 is the nearest", 1),
        _number("similarity", "of the two", "cosine", -1.001, 1.001),
    )),
    "map": Table(MAP, "embedded box on the map", "object_id", (
        OBJECT_ID,
        _number("x", "place on the map; only nearness has a meaning"),
        _number("y", "place on the map"),
    )),
    "captions": Table(CAPTION, "selected box", "object_id", (
        OBJECT_ID,
        _text("caption", "what it is, in words"),
        _text("source", "model, class_name (nobody was asked) or fallback (the call failed)"),
        _text("error", 'why the call failed, or ""'),
        _text("model", "that answered"),
        _number("seconds", "until the answer was there", "s", 0),
        _text("kind", "what the model calls it", optional=True),
        _text("attributes", "that the model names", optional=True),
        _text("agrees", "whether the model agrees with the detector's class: yes, no or unsure", optional=True),
        _text("certainty", "of the model: high, medium or low", optional=True),
        _text("first_caption", "the answer before it was asked once more", optional=True),
        _text("prompt_version", "hash of the prompts that were sent", optional=True),
        _count("input_tokens", "that the call cost", optional=True),
        _count("output_tokens", "that the answer cost", optional=True),
        _flag("disagrees", "caption and detector's class contradict each other", optional=True),
    )),
}  # fmt: skip


def check_table(name: str, frame: pd.DataFrame, *, where: str = "", columns: Sequence[str] | None = None) -> None:
    """Check a table against its schema: promised columns are there, types and ranges hold, no gap where none may be.

    Args:
        name: Of the table in TABLES.
        frame: Its rows; columns that the schema does not know are allowed.
        where: Said first in the message; by default the table's name.
        columns: Only these were read; by default all are expected.

    Raises:
        TableError: With the first column that is missing, of another type, or out of its range.
    """
    table, where = TABLES[name], where or f"Table '{name}'"
    for column in table.columns:
        if columns is not None and column.name not in columns:
            continue
        if column.name not in frame:
            if column.optional:
                continue
            raise TableError(f"{where} has no column '{column.name}'; run stage {table.stage} again.")
        if len(frame):
            _check_values(frame[column.name], column, where)


def require_columns(frame: pd.DataFrame, table: str, *names: str) -> None:
    """Refuse rows in memory that lack columns of a table which a function needs, with their meaning in the message.

    Raises:
        TableError: With the first that is missing.
    """
    for name in names:
        if name not in frame:
            column = TABLES[table].column(name)
            raise TableError(f"The rows need the column '{name}' of '{table}' ({column.meaning}). Got {list(frame)}.")


def is_proposal(objects: pd.DataFrame) -> np.ndarray:
    """Tell for each object whether it is neither the detector's nor a label: its class is a guess, if it is a thing."""
    return ~objects["origin"].isin((DETECTED, LABEL)).to_numpy(bool)


def empty_table(name: str) -> pd.DataFrame:
    """Return a table with all its columns, typed, and no row."""
    dtypes = {"text": "str", "integer": "int64", "number": "float64", "flag": "bool"}
    return pd.DataFrame({column.name: pd.Series(dtype=dtypes[column.dtype]) for column in TABLES[name].columns})


def schema_markdown() -> str:
    """Return all tables as Markdown, as docs/tables.md shows them."""
    return "\n".join(_schema_lines())


def _schema_lines() -> Iterator[str]:
    for name, table in TABLES.items():
        yield f"## {name}\n\nOne row per {table.row}; written by `{table.stage}`.\n"
        yield "| column | type | unit | range | meaning |\n|---|---|---|---|---|"
        for column in table.columns:
            limits = "" if column.low is None else f"≥ {column.low:g}" if column.high is None else _range(column)
            notes = [*(["may be absent"] if column.optional else []), *(["NaN if unknown"] if column.gaps else [])]
            meaning = column.meaning + (f" ({', '.join(notes)})" if notes else "")
            yield f"| `{column.name}` | {column.dtype} | {column.unit} | {limits} | {meaning} |"
        yield ""


def _range(column: Column) -> str:
    return f"[{column.low:.4g}, {column.high:.4g}]"


def _check_values(values: pd.Series, column: Column, where: str) -> None:
    if not IS_DTYPE[column.dtype](values):
        raise TableError(f"{where}: column '{column.name}' must hold {column.dtype}s. Got {values.dtype} instead.")
    if column.dtype not in ("integer", "number"):
        return
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    if not column.gaps and not np.isfinite(numbers).all():
        raise TableError(f"{where}: column '{column.name}' must be finite. Got {numbers[~np.isfinite(numbers)][0]}.")
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    wrong = (numbers < low) | (numbers > high)  # NaN is neither
    if wrong.any():
        raise TableError(
            f"{where}: column '{column.name}' must lie in [{low:g}, {high:g}]. Got {numbers[wrong][0]:g} instead."
        )
