"""Which files a run has at its address: pages of a ledger, each of which enters or strikes out some at once."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from ..addresses.remote import RemotePath
from ..pictures.sources import READERS

FOLDER = "mirror"  # of a run at its address: the ledger, and who writes
PAGE = re.compile(r"^(?P<number>\d{8})(?P<whole>\.whole)?\.parquet$")
TRIES, WAIT_S = 5, 0.5  # to read a ledger whose pages are just being joined


@dataclass(frozen=True)
class Entry:
    """A file as it was written.

    Attributes:
        size: In bytes.
        sha256: Of its content, "" where only its size is known.
        modified: When it was changed last [ns since 1970], -1 if unknown.
    """

    size: int
    sha256: str
    modified: int = -1

    def is_as(self, other: Entry) -> bool:
        """Tell whether the content is that of another, as far as that one tells."""
        return self.size == other.size and other.sha256 in ("", self.sha256)


class Ledger:
    """The files of a run at its address; what is not entered does not count, whatever lies there.

    Stores write one object whole, never several at once; a page is one object, so all that it says holds at once. A
    reader holds each file against its sha256.

    Attributes:
        entries: Relative path -> file.
    """

    def __init__(self, place: RemotePath) -> None:
        """Take the place of a run, where nothing may be yet."""
        self._place, self._folder = place, place / FOLDER
        self._pages: list[str] = []
        self.entries: dict[str, Entry] = {}

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self._pages)

    def read(self) -> None:
        """Read all pages; without any, what was put there by other means is listed.

        Raises:
            OSError: If the address cannot be read, or names files outside the run.
        """
        for _ in range(TRIES):
            try:
                self._read()
                return
            except FileNotFoundError:  # joined to another page meanwhile
                time.sleep(WAIT_S)
        raise OSError(f"the ledger of {self._place} cannot be read: its pages change again and again")

    def write(self, changes: Mapping[str, Entry | None]) -> None:
        """Add a page that enters files, or strikes them out (None)."""
        entries = _with_changes(self.entries, changes)
        self._add(changes if self._pages else entries, whole=not self._pages)
        self.entries = entries

    def join(self) -> None:
        """Make one page of all."""
        if self.pages < 2:
            return
        old = list(self._pages)
        self._add(self.entries, whole=True)
        for name in old:
            (self._folder / name).delete()
        self._pages = self._pages[-1:]

    def _read(self) -> None:
        files, _ = self._folder.list_folder()
        names = sorted(name for name in files if PAGE.match(name))
        last_whole = max((at for at, name in enumerate(names) if PAGE.match(name)["whole"]), default=0)  # type: ignore[index]
        names = names[last_whole:]
        if not names:
            listed = ((path, size) for path, size, _ in self._place.list_files())
            found: dict[str, Entry | None] = {
                p: Entry(size, "") for p, size in listed if not p.startswith(f"{FOLDER}/")
            }
            self._pages, self.entries = [], _with_changes({}, found)
            return
        with ThreadPoolExecutor(READERS) as pool:
            tables = list(pool.map(lambda name: read_page(io.BytesIO((self._folder / name).fetch())), names))
        entries: dict[str, Entry] = {}
        for table in tables:
            entries = _with_changes(entries, table)
        self._pages, self.entries = names, entries

    def _add(self, changes: Mapping[str, Entry | None], *, whole: bool) -> None:
        number = 1 + (int(self._pages[-1][:8]) if self._pages else 0)
        name = f"{number:08d}{'.whole' if whole else ''}.parquet"
        page = io.BytesIO()
        write_page(changes, page)
        (self._folder / name).write_bytes(page.getvalue())
        self._pages.append(name)


def read_page(source: Path | io.BytesIO) -> dict[str, Entry | None]:
    """Return what a page says: relative path -> file, None where it is struck out."""
    columns = pq.read_table(source).to_pydict()
    rows = zip(columns["size"], columns["sha256"], columns["modified"], strict=True)
    return {path: None if row[0] < 0 else Entry(*row) for path, row in zip(columns["path"], rows, strict=True)}


def write_page(
    changes: Mapping[str, Entry | None], target: Path | io.BytesIO, *, about: Mapping[str, str] | None = None
) -> None:
    """Write a page as Parquet: path, size (-1 where it is struck out), sha256, modified."""
    entries = [entry or Entry(-1, "") for entry in changes.values()]
    table = pa.table(
        {
            "path": pa.array(changes, pa.string()),
            "size": pa.array([entry.size for entry in entries], pa.int64()),
            "sha256": pa.array([entry.sha256 for entry in entries], pa.string()),
            "modified": pa.array([entry.modified for entry in entries], pa.int64()),
        }
    )
    pq.write_table(table.replace_schema_metadata(about), target, compression="zstd")


def _with_changes(entries: Mapping[str, Entry], changes: Mapping[str, Entry | None]) -> dict[str, Entry]:
    found = {**entries, **changes}
    for path in changes:
        if not _is_inside(path):
            raise OSError(f"a run's ledger names the file {path!r}, which is not inside the run")
    return {path: entry for path, entry in found.items() if entry is not None}


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\\" not in path and ":" not in parts[0]
