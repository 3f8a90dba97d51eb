"""One row per vector: what the tables of a run say of each object, in the order of the ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..run.ids import as_arrow, places_in
from ..tables import REPEATED
from .conditions import condition_labels
from .events import number_frames

UNREAD = ("crop_path", "content", "energy")  # columns of the objects that no score rests on
HALF = {np.dtype(np.float64): np.float32, np.dtype(np.int64): np.int32}


def join_tables(
    objects: pd.DataFrame, images: pd.DataFrame, object_ids: Sequence[str], order: np.ndarray, *, narrow: bool
) -> pd.DataFrame:
    """Return a row per vector, in an order of them, with its box and what the images table says of its picture.

    Args:
        objects: All boxes of the run.
        images: Rows with image_id and group, and where they are known width, height [px] and conditions.
        object_ids: Of the vectors.
        order: Rows of the ids in the order wanted.
        narrow: Take half the memory: numbers in float32, repeated texts as categories.

    Raises:
        ValueError: If an id has no row in objects.
    """
    wanted = as_arrow(object_ids).take(pa.array(order))
    place = places_in(wanted, objects["object_id"])
    if (place < 0).any():
        missing = wanted[int(np.flatnonzero(place < 0)[0])].as_py()
        raise ValueError(f"The object {missing!r} has a vector but no row in the objects table.")
    kept = objects.drop(columns=[name for name in UNREAD if name in objects])
    table = narrowed(kept, when=narrow).take(place).reset_index(drop=True)
    about = images.drop_duplicates("image_id")
    picture = places_in(table["image_id"], about["image_id"])
    for name in ("width", "height"):
        table[name] = _taken(about[name].fillna(0).to_numpy(), picture, 0) if name in about else 0
    group = pd.Categorical(about["group"].fillna("").astype("str"))
    codes, texts = _taken(group.codes, picture, -1), pd.array([*group.categories, ""], dtype="str")
    table["group"] = _category(codes, texts) if narrow else texts.take(codes)
    table["frame"] = _taken(number_frames(about).reindex(about["image_id"]).to_numpy(), picture, 0)
    table["condition"] = condition_labels(table, images)
    return narrowed(table, when=narrow)


def narrowed(table: pd.DataFrame, *, when: bool = True) -> pd.DataFrame:
    """Return a table in half the memory: numbers of four bytes, repeated texts as categories; else as it is."""
    if not when:
        return table
    numbers = {name: HALF[table[name].dtype] for name in table if table[name].dtype in HALF}
    return table.astype(numbers | {name: "category" for name in REPEATED if name in table})


def widened(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with texts in place of categories, which compare and count alike whatever else there is."""
    return table.astype({name: "str" for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)})


def names_by_text(table: pd.DataFrame, zero_shot: pd.DataFrame | None) -> dict[str, Any]:
    """Return the name that fits each crop best, "" where its class does, by how much [cosine], and its strangeness."""
    n = len(table)
    if zero_shot is None or zero_shot.empty:
        return {"phrase": np.full(n, "", dtype=object), "margin": np.zeros(n), "strangeness": np.full(n, np.nan)}
    place = places_in(table["object_id"], zero_shot["object_id"])
    codes, names = pd.factorize(zero_shot["looks_like" if "looks_like" in zero_shot else "phrase"])
    names = pd.array([*names, ""], dtype="str")  # -1 is a gap
    name, own = _taken(codes.astype(np.int32), place, -1), places_in(table["class_name"], names[:-1])
    fits = zero_shot["margin"] if "margin" in zero_shot else zero_shot["similarity"] - zero_shot["class_similarity"]
    margin = _taken(fits.fillna(0.0).to_numpy(), place, 0.0)
    differs = ((name != own) | (own < 0)) & (margin > 0)
    told = {"phrase": _category(np.where(differs, name, -1), names), "margin": np.where(differs, margin, 0.0)}
    known = zero_shot["strangeness"].to_numpy() if "strangeness" in zero_shot else np.full(len(zero_shot), np.nan)
    return {**told, "strangeness": _taken(known, place, np.nan)}


def _category(codes: np.ndarray, texts: pd.api.extensions.ExtensionArray) -> pd.Categorical:
    """Return texts by number as categories; the last, which -1 stands for, may be among those before it."""
    unique, known = pd.factorize(texts)
    return pd.Categorical.from_codes(unique[codes], categories=pd.Index(known, dtype="str"))


def _taken(values: np.ndarray, place: np.ndarray, default: object) -> np.ndarray:
    """Return values by place, the default where the place is -1."""
    if not len(values):
        return np.full(len(place), default, dtype=values.dtype)
    return np.where(place >= 0, values[place], default)
