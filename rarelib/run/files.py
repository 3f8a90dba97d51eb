"""The files of a run's folders, one after the other: which are there, and whether they lie inside."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

import pandas as pd

from ..tables import TABLES, TableError

ROWS = 10_000  # paths in memory at once
FOLDERS = 4096  # whose place is remembered


def files_below(root: Path, folder: str) -> Iterator[str]:
    """Yield the path of each file below a folder, relative to the root; nothing where the folder is missing.

    Folders that are links are not entered. Bytes of a name that are no UTF-8 are written as escapes.
    """
    try:
        entries = os.scandir(root / folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            path = f"{folder}/{os.fsencode(entry.name).decode('utf-8', 'backslashreplace')}"
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(root, path)
            else:
                yield path


def path_tables(paths: Iterable[str]) -> Iterator[pd.DataFrame]:
    """Yield paths as tables with the one column `path`, the first of them without any row."""
    rest, part = iter(paths), list[str]()
    while True:
        yield pd.DataFrame({"path": pd.Series(part, dtype="str")})
        part = list(islice(rest, ROWS))
        if not part:
            return


def known_columns(columns: Sequence[str] | None, there: Sequence[str], table: str) -> list[str] | None:
    """Return the columns that are asked for of a table; None where all are.

    Raises:
        TableError: If neither the file nor the schema knows one.
    """
    if columns is None:
        return None
    asked = [columns] if isinstance(columns, str) else list(columns)
    known = {*there, *(column.name for column in TABLES[table].columns)}
    for name in asked:
        if name not in known:
            raise TableError(f"The table {table!r} has no column {name!r}; it has {', '.join(there)}.")
    return asked


def stage_of(table: str) -> str:
    """Return the stage that writes a table; TableError if a run has no such table."""
    if table not in TABLES:
        raise TableError(f"A run has no table {table!r}; it has {', '.join(TABLES)}.")
    return TABLES[table].stage


class Inside:
    """Tells whether paths of a run lead out of its folder; where each folder lies is found out once."""

    def __init__(self, root: Path) -> None:
        """Take the run's folder."""
        self.root, self._resolved = root, root.resolve()
        self._place_of = lru_cache(maxsize=FOLDERS)(lambda folder: folder.resolve())

    def holds(self, relative: str) -> bool:
        """Tell whether a path, all links followed, stays below the run's folder."""
        path = self.root / relative
        plain = Path(relative).name not in ("", "..") and not path.is_symlink()
        return (self._place_of(path.parent) if plain else path.resolve()).is_relative_to(self._resolved)
