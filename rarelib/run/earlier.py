"""What a stage has made before and still holds, so that only what has changed since is made anew."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .. import __version__
from ..tables import TABLES
from .folder import RunFolder, file_sha256, fingerprint, whole_file

ABOUT = b"rarelib"


@dataclass(frozen=True)
class Earlier:
    """What a stage has made before, of the same settings and models.

    Attributes:
        rows: One row per thing that it made, with what the thing was made from; None where there is nothing to keep.
        tables: The stage's tables by name.
        vectors: Rows of embeddings.npy where the stage writes it, memory-mapped, else None.
    """

    rows: pd.DataFrame | None = None
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    vectors: np.ndarray | None = None

    @property
    def is_there(self) -> bool:
        """Tell whether there is anything to keep."""
        return self.rows is not None


def read_earlier(run: RunFolder, stage: str, made_of: Any) -> Earlier:
    """Return what a stage has made before; nothing if that was of other settings, or its files are not what it wrote.

    Args:
        run: The run.
        stage: Which.
        made_of: Settings and models that decide what comes out, a JSON value.
    """
    path, names = _path(run, stage), [name for name, table in TABLES.items() if table.stage == stage]
    try:
        about = json.loads(pq.read_schema(path).metadata[ABOUT])
        if about != _about(run, stage, made_of):
            return Earlier()
        tables = {name: pd.read_parquet(run.table_path(name)) for name in names if run.table_path(name).is_file()}
        arrays = [file for file in run.table_files(stage) if file.suffix == ".npy"]
        vectors = np.load(arrays[0], mmap_mode="r", allow_pickle=False) if arrays else None
        return Earlier(pd.read_parquet(path), tables, vectors)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return Earlier()


def remember(run: RunFolder, stage: str, made_of: Any, rows: pd.DataFrame) -> None:
    """Keep what each thing of a stage was made from, after its tables are written."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    about = json.dumps(_about(run, stage, made_of)).encode()
    with whole_file(_path(run, stage)) as partial:
        pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), ABOUT: about}), partial)


def remembered_rows(run: RunFolder, stage: str, columns: Iterable[str]) -> pd.DataFrame:
    """Return what `remember` kept of a stage, whatever it was made of; a table without rows where there is nothing."""
    try:
        return pd.read_parquet(_path(run, stage), columns=list(columns))
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return pd.DataFrame(columns=list(columns))


def forget(run: RunFolder, stage: str) -> None:
    """Let go of what a stage has made before, so that its next run makes all anew."""
    _path(run, stage).unlink(missing_ok=True)


def _path(run: RunFolder, stage: str) -> Path:
    return run.root / "stages" / f"{stage}.earlier.parquet"


def _about(run: RunFolder, stage: str, made_of: Any) -> dict[str, Any]:
    files = {path.name: file_sha256(path) for path in run.table_files(stage)}
    return {"made_of": fingerprint([__version__, made_of]), "files": files}
