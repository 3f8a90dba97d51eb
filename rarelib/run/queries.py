"""Questions to a run's tables where they lie: SQL over Parquet, in memory of a bounded size and beyond it on disk."""

from __future__ import annotations

import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..parameter_files import squeeze
from ..params import Params
from ..tables import TABLES, TableError, check_table
from .asked import asked_parameters
from .folder import RunFolder
from .places import copies_folder

BATCH_ROWS = 10_000  # rows in memory at once
QUERY_SHARE = 1 / 4  # of memory_gb; what is joined or sorted beyond it goes to disk
LEAST_MEMORY_GB = 0.1
DOUBLINGS = 4  # of the memory, where a question that is no join of blocks cannot be answered with less
ROW_BYTES = 2_000  # that an object takes as a row of pandas with all that is known of it
MEMORY_GB: float = Params.model_fields["memory_gb"].default
ENOUGH_GB = 1.0  # for two threads, each of which holds blocks of its own
ROW = "file_row_number"  # a column of each table: its row, from 0
SETTINGS = {"preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}  # fmt: skip


class Tables:
    """Tables of runs as views of the same names, which SQL joins, sorts and counts.

    Memory is bounded by the run's `memory_gb`, whatever the number of rows: DuckDB reads Parquet in blocks and keeps
    what does not fit in files that it deletes; only a question that cannot be answered so is given more. Without an
    ORDER BY no order is promised.

    Attributes:
        columns: Name of each view that is there -> the names of its columns.
        block_rows: So many rows of scores, with what belongs to each, are held at once.
    """

    def __init__(self, run: RunFolder, *needed: str, optional: Sequence[str] = ()) -> None:
        """Open some tables of a run.

        Args:
            run: The run.
            needed: Tables that must be there, their promised columns too.
            optional: Tables that take part where they are there.

        Raises:
            TableError: If a needed table is missing or one cannot be read.
        """
        self.columns: dict[str, list[str]] = {}
        self._run = run
        self._memory_gb = max(QUERY_SHARE * memory_gb_of(run), LEAST_MEMORY_GB)
        self.block_rows = int(self._memory_gb * 1e9 / ROW_BYTES)
        limits = {
            "threads": 2 if self._memory_gb >= ENOUGH_GB else 1,
            "memory_limit": f"{self._memory_gb:.3f}GB",
            "temp_directory": _spill_folder(),
        }
        self._database = duckdb.connect(config={**SETTINGS, **limits})
        self.add(run, *needed, optional=optional)

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the memory and of the files that hold what did not fit."""
        self._database.close()

    def add(self, run: RunFolder, *needed: str, optional: Sequence[str] = (), prefix: str = "") -> None:
        """Add tables of the run, or of another one under a prefix of their names."""
        for name in dict.fromkeys((*needed, *optional)):
            path = run.table_path(name)
            if name in optional and not path.is_file():
                continue
            columns = columns_of(run, name)
            made = f"CREATE VIEW {prefix}{name} AS SELECT * FROM read_parquet({_quoted(path)}, {ROW} = true)"
            with as_table_error(run):
                self._database.execute(made)
            self.columns[prefix + name] = columns

    def rows(self, sql: str, **values: Any) -> pd.DataFrame:
        """Return the answer to a question as one table; `$name` in it stands for a value."""
        found = list(self._answers(sql, BATCH_ROWS, values))
        return pa.Table.from_batches(found[1:], found[0]).to_pandas()

    def value(self, sql: str, **values: Any) -> Any:
        """Return the one value that a question has as its answer."""
        return self.rows(sql, **values).iloc[0, 0]

    def batches(self, sql: str, *, size: int = BATCH_ROWS, **values: Any) -> Iterator[pd.DataFrame]:
        """Yield the answer to a question in tables of about so many rows; other questions may be asked meanwhile."""
        answers = self._answers(sql, size, values)
        next(answers)
        yield from (batch.to_pandas() for batch in answers if batch.num_rows)

    def keep(self, name: str, parts: pd.DataFrame | Iterable[pd.DataFrame]) -> None:
        """Keep rows of one's own as a table, in memory or on disk, in place of what had the name."""
        parts = iter([parts] if isinstance(parts, pd.DataFrame) else parts)
        first = pa.Table.from_pandas(next(parts), preserve_index=False)
        reader = pa.RecordBatchReader.from_batches(first.schema, _batches(first, parts))
        with self._cursor() as cursor:
            cursor.register("parts", reader)
            cursor.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM parts")
        self.columns[name] = first.schema.names

    def count_json(self, run: RunFolder, relative: str) -> int:
        """Return how many objects a JSON file of a list holds, without taking it in as a whole.

        Raises:
            TableError: If it is missing or is no list of objects.
        """
        if not run.has(relative):
            raise TableError(f"{run.root / relative} is missing; `rarelib run` writes it.")
        source = f"read_json_objects({_quoted(run.root / relative)}, format = 'array')"
        return int(self.value(f"SELECT count(*) FROM {source}"))

    def matching(
        self,
        name: str,
        ids: Sequence[str] | pd.Series,
        *,
        key: str = "object_id",
        columns: Sequence[str] | None = None,
        in_order: bool = False,
    ) -> pd.DataFrame:
        """Return the rows of a table that have one of these ids.

        Only the ids are held besides the answer, so that this needs little memory however long the table is.

        Args:
            name: Of the table.
            ids: Values of `key`.
            key: Column that holds them.
            columns: Those wanted; all of the table by default.
            in_order: In the order of the table; else in no particular one.
        """
        self.keep("wanted", pd.DataFrame({key: pd.Series(ids, dtype="str").drop_duplicates()}))
        told = ", ".join(f't."{column}"' for column in columns or self.columns[name])
        order = f" ORDER BY {ROW}" if in_order else ""
        return self.rows(f"SELECT {told} FROM {name} t SEMI JOIN wanted USING ({key}){order}")

    def ranked_blocks(self, columns: Sequence[str] = ("*",), among: str = "") -> Iterator[pd.DataFrame]:
        """Yield rows of the scores, rarest first, in blocks that fit into the memory that the run allows.

        Args:
            columns: Of the scores; rank is needed.
            among: Name of a table with the object_ids wanted; by default all.
        """
        told = ", ".join(self.columns["scores"] if "*" in columns else columns)
        rows = f"scores SEMI JOIN {among} USING (object_id)" if among else "scores"
        count, low, high = self.rows(f"SELECT count(*), min(rank), max(rank) FROM {rows}").iloc[0]
        edges = np.linspace(low, high + 1, -(-int(count) // self.block_rows) + 1) if count else []
        for first, last in pairwise(edges):
            block = self.rows(
                f"SELECT {told} FROM {rows} WHERE rank >= $first AND rank < $last", first=first, last=last
            )
            yield block.sort_values("rank", kind="stable", ignore_index=True)

    def no_scores(self) -> pd.DataFrame:
        """Return a table without rows that has the columns of the scores."""
        return self.rows(f"SELECT * EXCLUDE ({ROW}) FROM scores LIMIT 0")

    def make(self, name: str, sql: str) -> None:
        """Keep the answer to a question as a table, in memory or on disk."""
        with self._cursor() as cursor:
            self._with_enough(lambda: cursor.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}"))

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._database.cursor() as cursor, as_table_error(self._run):
            cursor.execute("SET enable_progress_bar = false")  # which notebooks would show
            yield cursor

    def _answers(self, sql: str, size: int, values: dict[str, Any]) -> Iterator[Any]:
        """Yield the schema, and then the record batches of an answer; the seconds count as the run's reading."""
        with self._cursor() as cursor:
            start = time.monotonic()
            reader, batch = self._with_enough(lambda: _begin(cursor, sql, values, size))
            yield reader.schema
            while batch is not None:
                self._run.seconds["read"] += time.monotonic() - start
                yield batch
                start = time.monotonic()
                batch = next(reader, None)
            self._run.seconds["read"] += time.monotonic() - start

    def _with_enough(self, work: Callable[[], Any]) -> Any:
        """Do what may take more memory than it is given; then it gets twice as much, as often as it may."""
        for _ in range(DOUBLINGS):
            try:
                return work()
            except duckdb.OutOfMemoryException:
                self._memory_gb *= 2
                self._database.execute(f"SET memory_limit = '{self._memory_gb:.3f}GB'")
        return work()


def _begin(cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any], size: int) -> tuple[Any, Any]:
    """Return what reads an answer, and its first rows, before which all is joined and sorted."""
    reader = cursor.sql(sql, params=values or None).to_arrow_reader(size)
    return reader, next(reader, None)


def memory_gb_of(run: RunFolder) -> float:
    """Return the `memory_gb` that a run was given [GB]; the default where it says nothing."""
    asked = asked_parameters(run) if run.has("config.json") else {}
    return float(asked.get("memory_gb", MEMORY_GB))


def _quoted(path: Path) -> str:
    """Return a path as SQL's text; signs that stand for others in a pattern stand for themselves."""
    return "'" + re.sub(r"([\[*?])", r"[\1]", str(path.resolve())).replace("'", "''") + "'"


def _spill_folder() -> str:
    """Return a folder that DuckDB makes when it has to, and deletes; the user's folder for caches is on a disk."""
    try:
        (copies_folder() / "queries").mkdir(parents=True, exist_ok=True)
        return str(copies_folder() / "queries" / uuid.uuid4().hex)
    except OSError:
        return str(Path(tempfile.gettempdir()) / f"rarelib_{uuid.uuid4().hex}")


def columns_of(run: RunFolder, name: str) -> list[str]:
    """Return the names of a table's columns; TableError if it is missing, or lacks a promised one."""
    stage, path = TABLES[name].stage, run.table_path(name)
    if not path.is_file():
        raise TableError(f"{path} is missing; run stage {stage} first.")
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read ({squeeze(error, 160)}); run stage {stage} again.") from error
    check_table(name, schema.empty_table().to_pandas(), where=str(path))
    return schema.names


def _batches(first: pa.Table, others: Iterator[pd.DataFrame]) -> Iterator[pa.RecordBatch]:
    yield from first.to_batches()
    for part in others:
        yield from pa.Table.from_pandas(part, first.schema, preserve_index=False).to_batches()


@contextmanager
def as_table_error(run: RunFolder) -> Iterator[None]:
    """Raise what DuckDB and Arrow say of files that they cannot read as a TableError."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError, UnicodeError) as error:  # DuckDB quotes bytes
        raise TableError(f"The tables of {run.root} cannot be read ({squeeze(error, 300)}).") from error
