"""The name of every file of a run, whole-or-nothing writes, and checked reads of tables."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..parameter_files import squeeze
from ..pictures.sources import Folder, is_address, source_of
from ..tables import TABLES, TableError, check_table
from .files import known_columns, stage_of
from .places import find_run, find_upwards
from .reading import read_columns
from .secrets import hide_everywhere, known_secrets

VERDICTS = "verdicts.csv"
ROW_GROUP = 100_000  # rows of a table that a reader has to take in at once


class RunFolder:
    """One run's folder: where its files are, and how they are read and written.

    Reading and writing add to `seconds`, so that a stage can tell its disk time from its compute time.
    """

    def __init__(self, root: str | Path) -> None:
        """Take a folder that may not exist yet."""
        self.root = Path(root)
        self.seconds = {"read": 0.0, "write": 0.0}
        self.written: set[str] = set()  # relative paths
        self.elsewhere: frozenset[str] = frozenset()  # relative paths of files that lie at the run's address only
        self._start = time.monotonic()

    def __repr__(self) -> str:
        return f"RunFolder({str(self.root)!r})"

    def __fspath__(self) -> str:
        return str(self.root)

    def path(self, relative: str) -> Path:
        """Return the path of a file of the run, its folder made."""
        path = self.root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def has(self, relative: str) -> bool:
        """Tell whether a file of the run is there, here or at the run's address."""
        return relative in self.elsewhere or (self.root / relative).is_file()

    def images_root(self, images_folder: str) -> Folder:
        """Return the folder or address of the pictures: the given one, or the run's own demo world without any."""
        if is_address(images_folder):
            return source_of(images_folder)
        return find_upwards(images_folder) if images_folder else self.root / "demo_world" / "images"

    def truth_path(self, truth: str, images_folder: str = "") -> Path | None:
        """Return where true objects lie: the given file, or with "auto" the demo world's; None when there are none.

        Where the pictures are others than the demo world's, an earlier run of the same name may have left its truth.
        """
        if truth == "auto":
            drawn = self.root / "demo_world" / "truth.parquet"
            return drawn if drawn.is_file() and not images_folder else None
        return find_upwards(truth) if truth else None

    def verdicts_path(self, verdicts: str) -> Path | None:
        """Return where verdicts lie: the given file, or with "auto" the run's own; None when there are none."""
        if verdicts == "auto":
            own = self.root / VERDICTS
            return own if own.is_file() else None
        return find_upwards(verdicts) if verdicts else None

    def list_path(self, value: str) -> str:
        """Return where a user's list of names lies: the given file; what names none ("", off) as it is."""
        return str(find_upwards(value)) if value not in ("", "off") else value

    def table_path(self, table: str) -> Path:
        """Return where a table lies."""
        return self.root / "tables" / f"{table}.parquet"

    def table_files(self, stage: str) -> list[Path]:
        """Return the files of the tables that a stage has written."""
        files = [self.table_path(name) for name, table in TABLES.items() if table.stage == stage]
        vectors = [path.with_suffix(".npy") for path in files]
        return [path for path in sorted([*files, *vectors]) if path.is_file()]

    def marker_path(self, stage: str) -> Path:
        """Return where the marker of a finished stage lies."""
        return self.root / "stages" / f"{stage}.json"

    def aside_path(self, stage: str) -> Path:
        """Return where the marker of a finished stage lies while its notebook is run again by hand."""
        return self.root / "stages" / f"{stage}.aside.json"

    def result_path(self, stage: str) -> Path:
        """Return where a stage leaves its counts and seconds before the marker is made of them."""
        return self.root / "stages" / f"{stage}.result.json"

    def read_table(
        self, table: str, columns: Sequence[str] | None = None, *, without: Sequence[str] = (), narrow: bool = False
    ) -> pd.DataFrame:
        """Read a table, some of its columns, or all without some, narrow as in read_columns; what is read is checked.

        Raises:
            TableError: If there is no such table or column, or the file is missing or unreadable.
        """
        stage, path = stage_of(table), self.table_path(table)
        if not path.is_file():
            raise TableError(f"{path} is missing; run stage {stage} first.")
        with self._timed("read"):
            try:
                there = pq.read_schema(path).names
                columns = [n for n in there if n not in without] if without else known_columns(columns, there, table)
                frame = read_columns(path, columns, narrow=narrow)
            except TableError:
                raise
            except (pa.ArrowException, OSError, ValueError, KeyError) as error:
                raise TableError(f"{path} cannot be read ({squeeze(error, 160)}); run stage {stage} again.") from error
        check_table(table, frame, where=str(path), columns=columns)
        return frame

    def write_table(self, table: str, frame: pd.DataFrame) -> None:
        """Write a table whole or not at all, its promised columns checked and its index left out."""
        check_table(table, frame, where=str(self.table_path(table)))
        with self.writing(f"tables/{table}.parquet") as partial:
            frame.to_parquet(partial, index=False, row_group_size=ROW_GROUP)

    def read_json(self, relative: str) -> Any:
        """Read a JSON file of the run.

        Raises:
            TableError: If it is missing or not JSON.
        """
        if not (path := self.root / relative).is_file():
            raise TableError(f"{path} is missing; `rarelib run` writes it.")
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise TableError(f"{path} is not JSON ({squeeze(error, 160)}).") from error

    def write_json(self, relative: str, value: Any) -> None:
        """Write a JSON file whole or not at all, without the keys of the environment; NaN is not allowed."""
        text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False, default=plain_json)
        secrets = known_secrets()
        if any(secret in text for secret in secrets):
            value = hide_everywhere(json.loads(text), secrets)
            text = json.dumps(value, ensure_ascii=False, indent=1)
        self.write_text(relative, text)

    def write_text(self, relative: str, text: str) -> None:
        """Write a text file whole or not at all."""
        with self.writing(relative) as partial:
            partial.write_text(text, encoding="utf-8")

    def read_vectors(self) -> tuple[np.ndarray, pd.Series]:
        """Return the unit vectors (n, dim), memory-mapped, and the object ids in row order."""
        ids = self.read_table("embeddings")["object_id"]
        return self.map_vectors(len(ids)), ids

    def map_vectors(self, count: int) -> np.ndarray:
        """Return the unit vectors (n, dim), memory-mapped; TableError if they are not of so many objects."""
        path = self.root / "tables" / "embeddings.npy"
        try:
            vectors = np.load(path, mmap_mode="r" if count else None, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise TableError(
                f"{path} cannot be read ({squeeze(error, 160)}); run stage 03_embed_objects again."
            ) from error
        if vectors.ndim != 2 or len(vectors) != count:
            raise TableError(f"{path} has shape {vectors.shape} for {count} ids; run stage 03_embed_objects again.")
        return vectors

    def write_vectors(self, vectors: np.ndarray, object_ids: Sequence[str], about: Mapping[str, Any]) -> None:
        """Write embeddings.npy, .parquet and .json (what made them)."""
        with self.writing("tables/embeddings.npy") as partial, partial.open("wb") as file:
            np.save(file, np.asarray(vectors, dtype=np.float32), allow_pickle=False)
        self.write_table("embeddings", pd.DataFrame({"object_id": pd.Series(list(object_ids), dtype="str")}))
        self.write_json("tables/embeddings.json", dict(about))

    def save_figure(self, figure: Any, name: str) -> Any:
        """Save a figure as plots/<name>.png and return it, so that a notebook shows it."""
        with self.writing(f"plots/{name}.png") as partial:
            figure.savefig(partial, dpi=110, format="png")
        return figure

    def finish(self, stage: str, counts: Mapping[str, Any]) -> None:
        """Leave the stage's counts and seconds, of which the pipeline makes the marker; finished parts are let go.

        A notebook that was run again by hand, and wrote the same tables as before, leaves the stage finished.
        """
        shutil.rmtree(self.root / "stages" / f"{stage}.parts", ignore_errors=True)
        total = time.monotonic() - self._start
        seconds = {"total": total, **self.seconds, "compute": max(total - sum(self.seconds.values()), 0.0)}
        result = {
            "counts": dict(counts),
            "seconds": {name: round(value, 3) for name, value in seconds.items()},
            "written": sorted(self.written),
        }
        write_json(self.result_path(stage), result)
        if self._is_as_before(stage):
            self.aside_path(stage).replace(self.marker_path(stage))
            self.result_path(stage).unlink()

    def _is_as_before(self, stage: str) -> bool:
        try:
            files = json.loads(self.aside_path(stage).read_text(encoding="utf-8"))["files"]
            return all(file_sha256(self.root / name) == sha256 for name, sha256 in files.items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    @contextmanager
    def writing(self, relative: str) -> Iterator[Path]:
        """Give a name to write a file of the run to, which takes its place when all went well."""
        with self._timed("write"), whole_file(self.root / relative) as partial:
            yield partial
        self.written.add(relative)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[what] += time.monotonic() - start


def open_run(run_folder: str | Path, stage: str | None = None) -> RunFolder:
    """Open a run's folder, or by its name in runs/, looked for here and above, as notebooks may start anywhere.

    With a stage named, its marker is put aside: from now on the stage is not finished, until `RunFolder.finish` finds
    that it wrote the same tables as before; FileNotFoundError if there is no run, which only a stage may begin. A run
    at an address is fetched, and opened where this machine works on it.
    """
    if is_address(run_folder):
        from .overview import is_under_way
        from .remote_runs import fetch_run

        run_folder = fetch_run(str(run_folder), busy=is_under_way)
    run = RunFolder(find_run(run_folder, may_be_new=stage is not None))
    if stage is not None and run.marker_path(stage).is_file():
        run.marker_path(stage).replace(run.aside_path(stage))
    return run


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a partial name to write to; it takes the real name only when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")  # machines share folders: a pid is no name
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, default=plain_json))


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(value: Any) -> str:
    """Return a short hash of a JSON value, equal for equal values whatever their key order."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=plain_json)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def plain_json(value: Any) -> Any:
    """Return what JSON knows in place of a NumPy value or a path."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} is not JSON")
