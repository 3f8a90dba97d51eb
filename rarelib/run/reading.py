"""Reading a table of Parquet one column at a time, as it is or in a third of the memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..tables import REPEATED


def read_columns(path: Path, columns: Sequence[str] | None = None, *, narrow: bool = False) -> pd.DataFrame:
    """Return a table whose columns were read one after the other, so that only one is held twice on the way.

    Args:
        path: Of a Parquet file.
        columns: Those wanted, in this order, as far as they are there; by default all.
        narrow: Numbers of eight bytes in four, and texts of REPEATED as categories, in the order of the alphabet.

    Returns:
        A table of its own, which may be changed.

    Raises:
        pyarrow.ArrowException, OSError: If it cannot be read.
    """
    with pq.ParquetFile(path) as file:
        there = file.schema_arrow
        wanted = [name for name in (there.names if columns is None else columns) if name in there.names]
        texts = [name for name in wanted if narrow and name in REPEATED and _is_text(there.field(name).type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        found = {name: _column(file, name, narrow, name in texts) for name in wanted}
        index = pd.RangeIndex(file.metadata.num_rows)
    pa.default_memory_pool().release_unused()
    return pd.DataFrame(found, index=index, columns=wanted, copy=False)


def _column(file: pq.ParquetFile, name: str, narrow: bool, as_category: bool) -> Any:
    column = file.read([name], use_threads=False)
    if as_category:
        return _categories(column.column(0))
    kind = column.schema.field(0).type
    half = {pa.float64(): pa.float32(), pa.int64(): pa.int32()}.get(kind) if narrow else None
    if half is not None and (kind == pa.float64() or _fits(column.column(0))):
        column = column.cast(pa.schema([(name, half)]))
    values = column.to_pandas()[name].array
    return values.to_numpy(copy=True) if isinstance(values, pd.arrays.NumpyExtensionArray) else values


def _categories(texts: pa.ChunkedArray) -> pd.Categorical:
    """Return texts that Arrow has read as a dictionary as categories, in the order of the alphabet."""
    chunks = texts.unify_dictionaries().chunks
    known = chunks[0].dictionary if chunks else pa.array([], pa.large_string())
    order = pc.sort_indices(known).to_numpy()
    place = np.empty(len(order) + 1, np.int32)
    place[order], place[-1] = np.arange(len(order)), -1  # the last is that of a gap
    codes = [place[chunk.indices.fill_null(len(order)).to_numpy()] for chunk in chunks]
    categories = pd.Index(known.take(order).to_pandas(), dtype="str")
    return pd.Categorical.from_codes(np.concatenate([np.zeros(0, np.int32), *codes]), categories=categories)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _fits(numbers: pa.ChunkedArray) -> bool:
    """Tell whether whole numbers fit into four bytes."""
    least, most = pc.min_max(numbers).as_py().values()
    return least is None or (least >= -(2**31) and most < 2**31)
