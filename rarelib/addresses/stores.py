"""The stores behind addresses, opened by the environment's credentials, and the patience that their requests need."""

from __future__ import annotations

import errno
import os
import random
import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

CONNECT_S, ANSWER_S = 10.0, 30.0
WAITS_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0)  # before each further try: an outage of 40 s is outlived
NO_USE = ("ACCESS_DENIED", "NO_SUCH_BUCKET", "HTTP status 403", "HTTP status 404")  # in messages: asking again is vain
NO_ACCESS = "no access"
ARROW = {"s3": "s3", "gs": "gs", "gcs": "gs", "abfs": "abfs", "abfss": "abfs", "az": "abfs"}
READ_ONLY = ("http", "https")

Found = TypeVar("Found")


@cache
def opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address and the address's folder in it."""
    scheme, _, rest = address.partition("://")
    kind = ARROW.get(scheme.lower())
    if kind is not None:
        return _arrow_file_system(kind, rest.partition("/")[0]), rest
    import fsspec
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    options = {"client_kwargs": {"timeout": _http_timeout()}} if scheme in READ_ONLY else {}
    filesystem = fsspec.filesystem(scheme, **options)
    return PyFileSystem(FSSpecHandler(filesystem)), filesystem._strip_protocol(address).rstrip("/")


def forget_stores() -> None:
    """Open stores anew from now on, as when the environment has changed."""
    opened.cache_clear()
    _arrow_file_system.cache_clear()


def makes_folders(address: str) -> bool:
    """Tell whether a store wants a file's folder to be there before the file."""
    return address.partition("://")[0].lower() not in ARROW


def endpoint_of(address: str) -> str:
    """Return what of the environment decides which store an address means, "" for nothing."""
    kind = ARROW.get(address.partition("://")[0].lower(), "")
    names = {"s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), "abfs": ("AZURE_STORAGE_ACCOUNT",)}.get(kind, ())
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def inside(base: str, path: str) -> str:
    """Return the place of a relative path in its file system."""
    path = quote(path) if base.startswith("http") else path  # an index of links spells them so
    return f"{base}/{path}" if path else base


def patiently(ask: Callable[[], Found]) -> Found:
    """Return what was asked for; what may pass is asked for again, after a while.

    Raises:
        FileNotFoundError: If it is missing.
        PermissionError: If it may not be had.
        OSError: If the server gave nothing for long; no text names the server or the place.
    """
    for wait_s in (*WAITS_S, None):
        try:
            return ask()
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, "missing") from error
        except (PermissionError, IsADirectoryError):
            raise
        except _may_pass() as error:
            if wait_s is None or _is_vain(error):
                said = _in_words(error)
                kind, number = (PermissionError, errno.EACCES) if said.startswith(NO_ACCESS) else (OSError, errno.EIO)
                raise kind(number, said) from error
            time.sleep(wait_s * random.uniform(0.7, 1.3))  # spread: not all ask at once
    raise AssertionError("unreachable")


@cache
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
        allow_delayed_open=True,  # a small file is one request instead of three
    )


def _http_timeout() -> Any:
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=ANSWER_S)


@cache
def _may_pass() -> tuple[type[Exception], ...]:
    try:
        from aiohttp import ClientError
    except ImportError:
        return (OSError,)
    return (OSError, ClientError)


def _is_vain(error: Exception) -> bool:
    """Tell whether asking again would bring the same."""
    return getattr(error, "status", None) in (401, 403, 404) or any(sign in str(error) for sign in NO_USE)


def _in_words(error: Exception) -> str:
    """Return why a server gave nothing, without its name or the place that was asked for."""
    if "NO_SUCH_BUCKET" in str(error):
        return "there is no such bucket"
    status = getattr(error, "status", None) or next(iter(re.findall(r"HTTP status (\d+)", str(error))), "")
    if "ACCESS_DENIED" in str(error):
        return NO_ACCESS
    kind = NO_ACCESS if str(status) in ("401", "403") else "the server gave nothing"
    return f"{kind} (HTTP status {status})" if status else f"{kind} ({type(error).__name__})"
