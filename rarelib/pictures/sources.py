"""Where pictures lie: a folder of this machine, or an address (s3://, gs://, abfs://, memory://, https://)."""

from __future__ import annotations

import errno
import io
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from .paths import split_frame

READERS = 16  # requests in flight at once
AHEAD = 64  # pictures that are fetched before they are asked for
MAX_FILE_MEGABYTES = 1024
HEADER_BYTES = 1 << 16  # most headers end before
CONNECT_S, ANSWER_S = 10.0, 30.0
WAITS_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0)  # before each further try: an outage of 40 s is outlived
NO_USE = ("ACCESS_DENIED", "NO_SUCH_BUCKET", "HTTP status 403", "HTTP status 404")  # in messages: asking again is vain
ARROW = {"s3": "s3", "gs": "gs", "gcs": "gs", "abfs": "abfs", "abfss": "abfs", "az": "abfs"}

Found = TypeVar("Found")


@dataclass(frozen=True)
class RemotePath:
    """A place below an address; of pathlib it has what reading pictures needs.

    Attributes:
        address: Of the folder, without a slash at its end.
        path: Relative to it, with /; "" for the folder itself.
    """

    address: str
    path: str = ""
    _ahead: _ReadAhead | None = field(default=None, repr=False, compare=False)

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
        filesystem, base = _opened(self.address)
        limit = MAX_FILE_MEGABYTES * 2**20
        data = _patiently(lambda: filesystem.open_input_stream(_inside(base, self.path)).read(limit + 1))
        if len(data) > limit:
            raise OSError(f"file is larger than {MAX_FILE_MEGABYTES:,} MiB")
        return data

    def open(self) -> io.BufferedReader:
        """Return the file to read from its beginning, so that a header costs one request."""
        filesystem, base = _opened(self.address)
        file = _patiently(lambda: filesystem.open_input_file(_inside(base, self.path)))
        return io.BufferedReader(_Ranged(file), HEADER_BYTES)

    def list_files(self) -> Iterator[tuple[str, int, int]]:
        """Yield each file below: its relative path, size [bytes] and time [ns since 1970]; -1 where not told.

        Raises:
            OSError: If the address cannot be listed.
        """
        from pyarrow.fs import FileSelector, FileType

        filesystem, base = _opened(self.address)
        for info in _patiently(
            lambda: filesystem.get_file_info(FileSelector(base, recursive=True, allow_not_found=True))
        ):
            if info.type == FileType.File:
                path = info.path.removeprefix(base).lstrip("/")
                path = unquote(path) if base.startswith("http") else path
                yield path, -1 if info.size is None else info.size, -1 if info.mtime_ns is None else info.mtime_ns


Folder = Path | RemotePath


def is_address(folder: str | Folder) -> bool:
    """Tell whether a folder is an address and no path of this machine."""
    return isinstance(folder, RemotePath) or (isinstance(folder, str) and "://" in folder)


def source_of(folder: str | Folder) -> Folder:
    """Return a folder of pictures as what its pictures are read from: `source_of(folder) / path`.

    Raises:
        ValueError: If an address holds a user, a password or a query, which would be written into the run.
    """
    if isinstance(folder, Path | RemotePath):
        return folder
    if not is_address(folder):
        return Path(folder)
    if folder.startswith("file://"):
        return Path(urlsplit(folder).path)
    parts = urlsplit(folder)
    if "@" in parts.netloc or parts.query:
        raise ValueError(
            "The 'images_folder' parameter must be an address without user, password or query; give credentials by "
            "the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return RemotePath(folder.rstrip("/"))


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
        data = _patiently(lambda: self._file.read_at(count, self._position)) if count else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


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


@cache
def _opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address and the address's folder in it."""
    scheme, _, rest = address.partition("://")
    kind = ARROW.get(scheme.lower())
    if kind is not None:
        return _arrow_file_system(kind, rest.partition("/")[0]), rest
    import fsspec
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    options = {"client_kwargs": {"timeout": _http_timeout()}} if scheme in ("http", "https") else {}
    filesystem = fsspec.filesystem(scheme, **options)
    return PyFileSystem(FSSpecHandler(filesystem)), filesystem._strip_protocol(address).rstrip("/")


def _arrow_file_system(kind: str, bucket: str) -> Any:
    from pyarrow import fs

    environment = os.environ.get
    if kind == "gs":
        return fs.GcsFileSystem()
    if kind == "abfs":
        return fs.AzureFileSystem(environment("AZURE_STORAGE_ACCOUNT", ""), environment("AZURE_STORAGE_KEY"))
    endpoint = environment("AWS_ENDPOINT_URL_S3") or environment("AWS_ENDPOINT_URL")
    region = environment("AWS_REGION") or environment("AWS_DEFAULT_REGION")
    return fs.S3FileSystem(
        endpoint_override=endpoint,
        region=region or ("us-east-1" if endpoint else fs.resolve_s3_region(bucket)),
        anonymous=environment("AWS_NO_SIGN_REQUEST", "").lower() in ("1", "true", "yes"),
        connect_timeout=CONNECT_S,
        request_timeout=ANSWER_S,
    )


def _http_timeout() -> Any:
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=ANSWER_S)


def _patiently(ask: Callable[[], Found]) -> Found:
    """Return what was asked for; what may pass is asked for again, after a while."""
    for wait_s in (*WAITS_S, None):
        try:
            return ask()
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, "missing") from error
        except (PermissionError, IsADirectoryError):
            raise
        except _may_pass() as error:
            if wait_s is None or any(sign in str(error) for sign in NO_USE):
                raise OSError(errno.EIO, _in_words(error)) from error
            time.sleep(wait_s * random.uniform(0.7, 1.3))  # spread: not all ask at once
    raise AssertionError("unreachable")


@cache
def _may_pass() -> tuple[type[Exception], ...]:
    try:
        from aiohttp import ClientError
    except ImportError:
        return (OSError,)
    return (OSError, ClientError)


def _in_words(error: Exception) -> str:
    """Return why a server gave nothing, without its name or the place that was asked for."""
    status = getattr(error, "status", None) or next(iter(re.findall(r"HTTP status (\d+)", str(error))), "")
    kind = "no access" if str(status) in ("401", "403") or "ACCESS_DENIED" in str(error) else "the server gave nothing"
    return f"{kind} (HTTP status {status})" if status else f"{kind} ({type(error).__name__})"


def _inside(base: str, path: str) -> str:
    path = quote(path) if base.startswith("http") else path  # an index of links spells them so
    return f"{base}/{path}" if path else base
