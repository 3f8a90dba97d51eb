"""The listing of an address: asked for once in a run, and handed on to the kernels of its stages."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from .sources import RemotePath

LISTINGS = "RARELIB_LISTINGS"  # folder of listings: told to the kernels of a run by their environment
_here: ContextVar[str] = ContextVar("listings", default="")  # the same in the thread that carries out the run


@contextmanager
def listed_once() -> Iterator[None]:
    """Let `files_of` ask for each address once within the block, here and in kernels that are told of it.

    A bucket of a million files takes a thousand requests to list; and pictures that arrive between two listings would
    be in one and not in the other. Runs in other threads have listings of their own.
    """
    with tempfile.TemporaryDirectory(prefix="rarelib-listings-") as folder:
        before = _here.set(folder)
        try:
            yield
        finally:
            _here.reset(before)


def told_to_kernels() -> dict[str, str]:
    """Return what the environment of a kernel must hold for it to use the listings of this run."""
    return {LISTINGS: _here.get()}


def files_of(place: RemotePath) -> Iterator[tuple[str, int, int]]:
    """Yield each file below an address as `RemotePath.list_files` does, asked for now or earlier in this run.

    Raises:
        OSError: If the address cannot be listed.
    """
    folder = _here.get() or os.environ.get(LISTINGS, "")
    if not Path(folder).is_dir() or not folder:
        yield from place.list_files()
        return
    kept = Path(folder) / hashlib.sha256(str(place).encode()).hexdigest()
    if not kept.is_file():
        partial = kept.with_suffix(f".{os.getpid()}")
        with partial.open("w", encoding="ascii") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in place.list_files())
        partial.replace(kept)
    with kept.open(encoding="ascii") as file:
        yield from (tuple(json.loads(line)) for line in file)
