"""Where pictures lie: a folder of this machine, or an address; those of an address are fetched ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..addresses.remote import MAX_FILE_MEGABYTES, RemotePath, is_address, remote_path
from .paths import split_frame

__all__ = ["AHEAD", "MAX_FILE_MEGABYTES", "READERS", "Folder", "RemotePath", "is_address", "read_ahead", "source_of"]

READERS = 16  # requests in flight at once
AHEAD = 64  # pictures that are fetched before they are asked for

Folder = Path | RemotePath


def source_of(folder: str | Folder) -> Folder:
    """Return a folder of pictures as what its pictures are read from: `source_of(folder) / path`.

    Raises:
        ValueError: If an address holds a user, a password or a query, which would be written into the run.
    """
    if isinstance(folder, RemotePath):
        return folder
    if isinstance(folder, Path) or not is_address(folder):
        return Path(folder).expanduser()
    return Path(unquote(urlsplit(folder).path)) if folder.startswith("file://") else remote_path(folder)


@contextmanager
def read_ahead(folder: Folder, paths: Sequence[str]) -> Iterator[Folder]:
    """Give the folder, whose pictures are fetched ahead, in the order of the paths, while others are worked on.

    At most AHEAD pictures wait at once; a folder of this machine stays as it is, since its system reads ahead. Frames
    of videos are not fetched: their videos are read as they are decoded.
    """
    if isinstance(folder, Path):
        yield folder
        return
    ahead = _ReadAhead([folder / path for path in paths if split_frame(path) is None])
    try:
        yield replace(folder, _ahead=ahead)
    finally:
        ahead.close()


class _ReadAhead:
    """Pictures on their way, taken by whoever asks; what was not asked for in order is fetched at once."""

    def __init__(self, places: Sequence[RemotePath]) -> None:
        self._waiting, self._lock = iter(places), threading.Lock()
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="read-ahead")
        self._coming: dict[str, Future[bytes]] = {}
        self._taken: set[str] = set()  # out of order, before they were on their way
        for _ in range(AHEAD):
            self._order_next()

    def take(self, place: RemotePath) -> bytes:
        with self._lock:
            coming = self._coming.pop(place.path, None)
            if coming is None:
                self._taken.add(place.path)
        if coming is None:
            return place.fetch()
        self._order_next()
        return coming.result()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _order_next(self) -> None:
        with self._lock:
            place = next((place for place in self._waiting if place.path not in self._taken), None)
            if place is not None:
                self._coming[place.path] = self._pool.submit(place.fetch)
