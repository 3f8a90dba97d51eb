"""Vectors that are there already, in parts of this run or of an earlier one, and all of them joined in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..language import say
from ..run.earlier import Earlier
from ..run.parts import Parts
from ..tables import BOX

COPIED_ROWS = 1 << 16  # vectors that are copied at once


def embedded_state(objects: pd.DataFrame, object_ids: Sequence[str]) -> pd.DataFrame:
    """Return what is kept of each vector to compare with: object_id and look, in the order of the vectors."""
    looks = pd.Series(look_of(objects), index=objects["object_id"]).reindex(list(object_ids))
    return pd.DataFrame({"object_id": looks.index.astype("str"), "look": looks.to_numpy()})


def count_kept(earlier: Earlier, state: pd.DataFrame) -> int:
    """Return how many of the vectors of this state are those of an earlier run."""
    known = state[state["look"] != 0]
    return 0 if earlier.rows is None else len(known.merge(earlier.rows, on=["object_id", "look"]))


def vectors_sentence(earlier: Earlier, *, made: int, reused: int, language: str = "en") -> str:
    """Return in words how many vectors were made now, and how many of an earlier run with the same model were kept."""
    return say("reused_sentence" if earlier.is_there else "reused_none", language, made=made, reused=reused)


def look_of(objects: pd.DataFrame) -> np.ndarray:
    """Return a number for what each crop shows, of its picture's content and its box, (n,) int64; 0 if unknown."""
    if "content" not in objects:
        return np.zeros(len(objects), np.int64)
    look = pd.util.hash_pandas_object(objects[["content", *BOX]], index=False).to_numpy().astype(np.int64)
    return np.where(objects["content"].ne(""), look, 0)


def known_vectors(kept: Parts, objects: pd.DataFrame, earlier: Earlier | None) -> pd.DataFrame:
    """Return which of the objects have a vector, or a reason why not, in their order.

    Returns:
        Columns object_id, reason, part (its name; "" is the earlier run) and row of the part's vectors.
    """
    empty = {"object_id": pd.Series(dtype="str"), "look": pd.Series(dtype="int64"), "reason": pd.Series(dtype="str")}
    tables = [pd.DataFrame(empty).assign(part="", row=0)]
    if earlier is not None and earlier.rows is not None:
        rows = earlier.rows.assign(reason="", part="", row=np.arange(len(earlier.rows)))
        tables.append(rows[rows["look"] != 0])
    for name, table in kept.tables():
        tables.append(table.assign(part=name, row=table["reason"].eq("").cumsum() - 1))
    rows = pd.concat(tables, ignore_index=True)
    order = pd.MultiIndex.from_frame(objects[["object_id", "look"]])
    place = order.get_indexer(pd.MultiIndex.from_frame(rows[["object_id", "look"]]))
    rows = rows.iloc[np.argsort(place, kind="stable")][np.sort(place) >= 0]
    return rows.drop_duplicates("object_id")[["object_id", "reason", "part", "row"]].reset_index(drop=True)


def join_vectors(
    kept: Parts, known: pd.DataFrame, earlier: Earlier | None, dim: int
) -> tuple[np.ndarray, list[str], pd.DataFrame]:
    """Return the unit rows (n, dim), memory-mapped, their object ids, and what failed: object_id, reason."""
    failed = known.loc[known["reason"] != "", ["object_id", "reason"]].reset_index(drop=True)
    rows = known[known["reason"] == ""].reset_index(drop=True)
    if rows.empty:
        return np.zeros((0, dim), np.float32), [], failed
    path = kept.folder / "joined.npy"
    joined = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(len(rows), dim))
    for part, of_part in rows.groupby("part"):
        vectors = kept.vectors(part) if part else earlier.vectors
        for start in range(0, len(of_part), COPIED_ROWS):
            some = of_part.iloc[start : start + COPIED_ROWS]
            joined[some.index] = vectors[some["row"].to_numpy()]
    joined.flush()
    return np.load(path, mmap_mode="r", allow_pickle=False), rows["object_id"].tolist(), failed
