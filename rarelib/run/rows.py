"""Rows of a run's tables and vectors: those of some objects, of the selected, or all, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..tables import TABLES, TableError
from .folder import RunFolder
from .queries import BATCH_ROWS, ROW, Tables, as_table_error, columns_of


def table_blocks(run: RunFolder, name: str) -> Iterator[pd.DataFrame]:
    """Yield a table as it is stored, in its order, a block of rows at a time.

    Raises:
        TableError: If it is missing or cannot be read.
    """
    columns_of(run, name)
    with as_table_error(run), pq.ParquetFile(run.table_path(name)) as file:
        yield from (block.to_pandas() for block in file.iter_batches(BATCH_ROWS))


def rows_of(
    run: RunFolder, name: str, ids: Sequence[str], *, key: str = "object_id", columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the rows of a table that have one of these ids, in the order of the table.

    Args:
        run: The run.
        name: Of the table.
        ids: Values of `key`.
        key: Column that holds them.
        columns: Those wanted; all by default.
    """
    with Tables(run, name) as tables:
        return tables.matching(name, ids, key=key, columns=columns, in_order=True)


def read_selected(run: RunFolder, *names: str) -> list[pd.DataFrame]:
    """Return the rows of these tables that are of selected objects, or of their pictures, each in its order."""
    with Tables(run, "scores", "objects", *names) as tables:
        tables.make("chosen", "SELECT object_id, image_id FROM scores JOIN objects USING (object_id) WHERE selected")
        keys = {name: TABLES[name].key for name in names}
        return [
            tables.rows(f"SELECT * EXCLUDE ({ROW}) FROM {name} SEMI JOIN chosen USING ({key}) ORDER BY {ROW}")
            for name, key in keys.items()
        ]


def vectors_of(run: RunFolder, object_ids: Sequence[str]) -> np.ndarray:
    """Return the unit vectors of some objects in the order asked for, float32 (n, dim).

    Raises:
        TableError: If one has none.
    """
    wanted = pd.DataFrame({"object_id": pd.Series(list(object_ids), dtype="str")})
    with Tables(run, "embeddings") as tables:
        tables.keep("wanted", wanted.drop_duplicates())
        found = tables.rows(f"SELECT object_id, {ROW} AS place FROM embeddings JOIN wanted USING (object_id)")
        stored = run.map_vectors(int(tables.value("SELECT count(*) FROM embeddings")))
    place = found.drop_duplicates("object_id").set_index("object_id")["place"].reindex(wanted["object_id"])
    if place.isna().any():
        raise TableError(f"{run.table_path('embeddings')} has no row of {place.index[place.isna()][0]!r}.")
    order = np.argsort(place.to_numpy(), kind="stable")  # a disk is read forwards
    vectors = np.empty((len(place), stored.shape[1]), np.float32)
    vectors[order] = stored[place.to_numpy(np.int64)[order]]
    return vectors
