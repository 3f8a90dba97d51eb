"""Ids of many rows, put in order and found again without a Python object for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MANY = 100_000  # texts


def id_order(ids: Sequence[str]) -> np.ndarray:
    """Return the rows in the order of their ids, equals in the order of the rows, int64 (n,)."""
    return pc.sort_indices(as_arrow(ids)).to_numpy().astype(np.int64)


def places_in(wanted: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Return the row of each text among the known ones, int64 (n,), -1 for none."""
    if isinstance(getattr(wanted, "dtype", None), pd.CategoricalDtype):
        categories = places_in(pd.Series(wanted.cat.categories, dtype="str"), known)
        return categories[wanted.cat.codes.to_numpy()]
    found = pc.index_in(as_arrow(wanted), value_set=as_arrow(known)).fill_null(-1).to_numpy().astype(np.int64)
    if len(known) > MANY:
        pa.default_memory_pool().release_unused()  # Arrow keeps what its table of texts took, 100 bytes a text
    return found


def as_arrow(texts: Sequence[str]) -> pa.Array:
    """Return texts as one array of Arrow."""
    found = texts if isinstance(texts, pa.Array) else pa.array(pd.Series(texts, dtype="str"), type=pa.large_string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
