"""A file or folder at an address, with what of pathlib a run needs: read, written whole, listed, deleted."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from .stores import inside, makes_folders, opened, patiently

MAX_FILE_MEGABYTES = 1024  # of what is read at once
HEADER_BYTES = 1 << 16  # most headers end before
PIECE_BYTES = 8 << 20


class Ahead(Protocol):
    """Has files that were fetched before they are asked for."""

    def take(self, place: RemotePath) -> bytes:
        """Return the whole file."""


@dataclass(frozen=True)
class RemotePath:
    """A place below an address.

    Attributes:
        address: Of the folder, without a slash at its end.
        path: Relative to it, with /; "" for the folder itself.
    """

    address: str
    path: str = ""
    _ahead: Ahead | None = field(default=None, repr=False, compare=False)

    def __truediv__(self, path: str) -> RemotePath:
        return replace(self, path=f"{self.path}/{path}" if self.path else str(path))

    def __str__(self) -> str:
        return f"{self.address}/{self.path}" if self.path else self.address

    @property
    def name(self) -> str:
        """The last part, as of a path on disk."""
        return str(self).rpartition("/")[2]

    def read_bytes(self) -> bytes:
        """Return the whole file; failed requests are tried again.

        Raises:
            OSError: If it is missing, may not be read, or the server does not answer for long.
        """
        return self._ahead.take(self) if self._ahead is not None else self.fetch()

    def fetch(self) -> bytes:
        """Return the whole file, asked for now."""
        filesystem, base = opened(self.address)
        limit = MAX_FILE_MEGABYTES * 2**20
        data = patiently(lambda: filesystem.open_input_stream(inside(base, self.path)).read(limit + 1))
        if len(data) > limit:
            raise OSError(f"file is larger than {MAX_FILE_MEGABYTES:,} MiB")
        return data

    def open(self) -> io.BufferedReader:
        """Return the file to read from its beginning, so that a header costs one request."""
        filesystem, base = opened(self.address)
        file = patiently(lambda: filesystem.open_input_file(inside(base, self.path)))
        return io.BufferedReader(_Ranged(file), HEADER_BYTES)

    def download(self, target: Path) -> str:
        """Write the file, of any size, to a file of this machine and return its sha256."""
        filesystem, base = opened(self.address)

        def take() -> str:
            with filesystem.open_input_stream(inside(base, self.path)) as source, target.open("wb") as file:
                return _copied(source, file)[1]

        return patiently(take)

    def upload(self, source: Path) -> tuple[int, str]:
        """Write a file of this machine there, whole, and return its size [bytes] and sha256 as it was sent.

        Raises:
            FileNotFoundError: If the file is not there (any more).
            OSError: If it may not be written, or the server does not answer for long.
        """
        return self._write(lambda: source.open("rb"))

    def write_bytes(self, data: bytes) -> None:
        """Write a whole file.

        Raises:
            OSError: If it may not be written, or the server does not answer for long.
        """
        self._write(lambda: io.BytesIO(data))

    def _write(self, open_source: Callable[[], Any]) -> tuple[int, str]:
        filesystem, base = opened(self.address)
        place = inside(base, self.path)

        def send() -> tuple[int, str]:
            with open_source() as source, filesystem.open_output_stream(place) as target:
                return _copied(source, target)

        if makes_folders(self.address):
            patiently(lambda: filesystem.create_dir(place.rpartition("/")[0], recursive=True))
        return patiently(send)

    def delete(self) -> None:
        """Delete the file; one that is not there is no error."""
        filesystem, base = opened(self.address)
        try:
            patiently(lambda: filesystem.delete_file(inside(base, self.path)))
        except FileNotFoundError:
            return

    def list_files(self) -> Iterator[tuple[str, int, int]]:
        """Yield each file below: its relative path, size [bytes] and time [ns since 1970]; -1 where not told.

        Raises:
            OSError: If the address cannot be listed.
        """
        from pyarrow.fs import FileType

        for path, info in self._listed(recursive=True):
            if info.type == FileType.File:
                yield path, -1 if info.size is None else info.size, -1 if info.mtime_ns is None else info.mtime_ns

    def list_folder(self) -> tuple[dict[str, tuple[int, int]], list[str]]:
        """Return the files of just this folder, name -> (size, time) as of `list_files`, and its folders' names."""
        from pyarrow.fs import FileType

        files, folders = {}, []
        for name, info in self._listed(recursive=False):
            if info.type == FileType.File:
                size, time = (-1 if told is None else told for told in (info.size, info.mtime_ns))
                files[name] = (size, time)
            elif info.type == FileType.Directory and name:
                folders.append(name)
        return files, sorted(folders)

    def _listed(self, *, recursive: bool) -> Iterator[tuple[str, Any]]:
        from pyarrow.fs import FileSelector

        filesystem, base = opened(self.address)
        place = inside(base, self.path)
        selector = FileSelector(place, recursive=recursive, allow_not_found=True)
        for info in patiently(lambda: filesystem.get_file_info(selector)):
            path = info.path.removeprefix(place).strip("/")
            yield unquote(path) if base.startswith("http") else path, info


def is_address(folder: object) -> bool:
    """Tell whether a folder is an address and no path of this machine."""
    return isinstance(folder, RemotePath) or (isinstance(folder, str) and "://" in folder)


def remote_path(address: str, *, what: str = "images_folder") -> RemotePath:
    """Return an address as a place.

    Args:
        address: As a user gave it.
        what: The parameter that it is of, for errors.

    Raises:
        ValueError: If it holds a user, a password or a query, which would be written into the run.
    """
    parts = urlsplit(address)
    if "@" in parts.netloc or parts.query:
        raise ValueError(
            f"The '{what}' parameter must be an address without user, password or query; give credentials by "
            "the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return RemotePath(address.rstrip("/"))


class _Ranged(io.RawIOBase):
    """A remote file read by ranges; as of a file on disk, nothing is read beyond its end."""

    def __init__(self, file: Any) -> None:
        self._file, self._size, self._position = file, file.size(), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        count = max(min(len(buffer), self._size - self._position), 0)
        data = patiently(lambda: self._file.read_at(count, self._position)) if count else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _copied(source: Any, target: Any) -> tuple[int, str]:
    """Copy a stream and return its size [bytes] and sha256."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(PIECE_BYTES):
        target.write(piece)
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
