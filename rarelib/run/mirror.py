"""A run's working folder and its place at an address: what one has and the other lacks is fetched and saved."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ..addresses.remote import RemotePath
from ..pictures.sources import READERS
from .folder import VERDICTS, file_sha256, whole_file
from .ledger import FOLDER, Entry, Ledger, read_page, write_page

KNOWN = ".mirror/known.parquet"  # of the working folder: what both sides agreed on last
TRANSIENT = {"stages/lock.json", "stages/progress.json"}
RUNNING = ".running.ipynb"
PICTURES = ("cropped_objects/", "final_outliers/", "inliers/", "targets/", "demo_world/images/")
AT_ONCE = 2000  # files that are entered together
MANY_PAGES = 50  # before they are joined
TRIES = 3  # to fetch files that are just being written

Item = TypeVar("Item")
Result = TypeVar("Result")


class Torn(OSError):
    """Files at an address that are not what the run has entered.

    Attributes:
        paths: Of these, relative.
    """

    def __init__(self, place: RemotePath, paths: list[str]) -> None:
        """Name the place and its files."""
        super().__init__(f"{len(paths):,} files of {place} are not what the run has written, such as {paths[0]}")
        self.paths = paths


class Mirror:
    """The two sides of a run, joined file by file against what they agreed on last.

    What changed on one side goes to the other. What changed on both is taken from the address, since a stage that does
    not fit is made again; but verdicts, which a person gave, are never written over.
    """

    def __init__(self, root: Path, place: RemotePath) -> None:
        """Take the working folder, which may not exist yet, and the place at the address."""
        self.root, self.place = root, place
        self._ledger = Ledger(place)
        self._known = _read_known(root)
        self._saving = threading.Lock()

    def elsewhere(self) -> frozenset[str]:
        """Return the relative paths of files that lie at the address and were not fetched."""
        return frozenset(self._ledger.entries.keys() - self._known.keys())

    def fetch(self, wanted: Callable[[str], bool] = lambda path: True) -> int:
        """Fetch what is new at the address, and delete here what was deleted there; return how many files came.

        Args:
            wanted: Tells by its relative path whether a file is fetched.

        Raises:
            Torn: If files there are not what the run has entered, nor become so.
            OSError: If the address cannot be read.
            ValueError: If verdicts were given on both sides.
        """
        came = 0
        for _ in range(TRIES):
            self._ledger.read()
            self._delete_here()
            due = [path for path in self._ledger.entries if wanted(path) and self._is_due(path)]
            found = _in_parallel(self._fetch_one, due)
            torn = [path for path, is_whole in zip(due, found, strict=True) if not is_whole]
            came += sum(found)
            _write_known(self.root, self._known, self.place)
            if not torn:
                return came
        raise Torn(self.place, torn)

    def strike(self, paths: Iterable[str]) -> None:
        """Let go of files at the address that are not what was entered: they are made again."""
        self._ledger.write(dict.fromkeys(paths))

    def save(self, check: Callable[[], None] = lambda: None) -> int:
        """Write to the address what is new or changed here, strike out what is gone, and return how many files went.

        What changed or is gone is struck out first, and entered when it is written, stages last: a reader never finds
        half of a stage.

        Args:
            check: Called before the ledger is written; its exception stops all.

        Raises:
            OSError: If the address cannot be written.
        """
        with self._saving:
            here = dict(_files_of(self.root))
            new = [path for path in here if path not in self._known]
            changed = [path for path, stat in here.items() if path in self._known and self._has_changed(path, stat)]
            gone = [path for path in self._known if path not in here]
            if not (new or changed or gone):
                return 0
            check()
            struck = [path for path in (*changed, *gone) if path in self._ledger.entries]
            if struck:
                self._ledger.write(dict.fromkeys(struck))
            sent = self._send([*new, *changed], check)
            for path in gone:
                del self._known[path]
            _write_known(self.root, self._known, self.place)
            _in_parallel(lambda path: (self.place / path).delete(), gone)
            if self._ledger.pages > MANY_PAGES:
                self._ledger.join()
            return sent

    def tidy(self) -> None:
        """Join the ledger's pages and delete what killed runs have left in the run's folders without entering it."""
        self._ledger.join()
        folders = ("tables/", "stages/", "plots/", *PICTURES)
        left = [path for path, _, _ in self.place.list_files() if path.startswith(folders)]
        _in_parallel(lambda path: (self.place / path).delete(), [p for p in left if p not in self._ledger.entries])

    def _send(self, paths: list[str], check: Callable[[], None]) -> int:
        ordered = sorted(paths, key=lambda path: (path.startswith("stages/"), path))
        count = 0
        for start in range(0, len(ordered), AT_ONCE):
            some = ordered[start : start + AT_ONCE]
            written = {p: entry for p, entry in zip(some, _in_parallel(self._send_one, some), strict=True) if entry}
            check()
            self._ledger.write(written)
            self._known |= written
            _write_known(self.root, self._known, self.place)
            count += len(written)
        return count

    def _send_one(self, path: str) -> Entry | None:
        try:
            modified = (self.root / path).stat().st_mtime_ns
            size, sha256 = (self.place / path).upload(self.root / path)
            return Entry(size, sha256, modified)
        except FileNotFoundError:  # deleted meanwhile
            return None

    def _has_changed(self, path: str, stat: tuple[int, int]) -> bool:
        known = self._known[path]
        if (known.size, known.modified) == stat:
            return False
        if known.size == stat[0] and known.sha256 == file_sha256(self.root / path):  # only written again
            self._known[path] = replace(known, modified=stat[1])
            return False
        return True

    def _is_due(self, path: str) -> bool:
        """Tell whether a file must be fetched."""
        known, entry, here = self._known.get(path), self._ledger.entries[path], _stat(self.root / path)
        if known is not None and known.is_as(entry):
            return False  # not changed there; here it may be, or be deleted
        if here is None:
            return True
        if here[0] == entry.size and entry.sha256 == file_sha256(self.root / path):
            self._known[path] = replace(entry, modified=here[1])
            return False
        if path == VERDICTS and (known is None or (known.size, known.modified) != here):
            raise ValueError(
                f"Verdicts were given both in {self.root / path} and at {self.place / path}; join them in the first by "
                "hand, delete the second, and try again."
            )
        return True

    def _fetch_one(self, path: str) -> bool:
        """Fetch a file whole; return whether it was as entered."""
        entry, target = self._ledger.entries[path], self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            sha256 = (self.place / path).download(partial)
            if entry.sha256 not in ("", sha256):
                return False
            if entry.modified >= 0:
                os.utime(partial, ns=(entry.modified, entry.modified))
            partial.replace(target)
        except FileNotFoundError:
            return False
        finally:
            partial.unlink(missing_ok=True)
        size, modified = _stat(target) or (-1, -1)
        self._known[path] = Entry(size, sha256, modified)
        return True

    def _delete_here(self) -> None:
        """Delete what was deleted at the address, where it is as both sides agreed on it."""
        for path in self._known.keys() - self._ledger.entries.keys():
            known = self._known.pop(path)
            if _stat(self.root / path) == (known.size, known.modified):
                (self.root / path).unlink(missing_ok=True)


def place_of(root: Path) -> RemotePath | None:
    """Return where the run lies that a folder is the working folder of; None for one that lies on this machine only."""
    try:
        told = pq.read_schema(root / KNOWN).metadata or {}
        return RemotePath(told[b"address"].decode(), told[b"path"].decode())
    except (OSError, KeyError, pa.ArrowException):
        return None


def _files_of(root: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the relative path, size and time of each file that belongs to a run.

    Those of stages/ come first: a part that is seen has its crops written, so these are seen as well.
    """
    waiting = [""]
    while waiting:
        prefix = waiting.pop(0 if waiting[0] == "stages/" else -1)
        try:
            entries = sorted(os.scandir(root / prefix), key=lambda entry: entry.name != "stages")
        except FileNotFoundError:  # deleted meanwhile
            continue
        for entry in entries:
            path = prefix + entry.name
            if entry.name.startswith(".") or path in TRANSIENT or path == FOLDER or path.endswith(RUNNING):
                continue
            if entry.is_dir():
                waiting.append(f"{path}/")
            elif (stat := _stat(Path(entry.path))) is not None:
                yield path, stat


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do something with each item, several at once; the first exception, or a signal, lets the others be."""
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="mirror")
    try:
        return list(pool.map(function, items))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read_known(root: Path) -> dict[str, Entry]:
    try:
        return {path: entry for path, entry in read_page(root / KNOWN).items() if entry is not None}
    except (OSError, KeyError, pa.ArrowException):
        return {}


def _write_known(root: Path, known: Mapping[str, Entry], place: RemotePath) -> None:
    with whole_file(root / KNOWN) as partial:
        write_page(known, partial, about={"address": place.address, "path": place.path})
