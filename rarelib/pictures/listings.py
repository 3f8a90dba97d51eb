"""The listing of an address: asked for once in a run, and handed on to the kernels of its stages."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .sources import RemotePath

LISTINGS = "RARELIB_LISTINGS"  # folder of listings, set while a run goes on; kernels inherit it


@contextmanager
def listed_once() -> Iterator[None]:
    """Let `files_of` ask for each address once within the block, here and in processes that are started meanwhile.

    A bucket of a million files takes a thousand requests to list; and pictures that arrive between two listings would
    be in one and not in the other.
    """
    before = os.environ.get(LISTINGS)
    with tempfile.TemporaryDirectory(prefix="rarelib-listings-") as folder:
        os.environ[LISTINGS] = folder
        try:
            yield
        finally:
            del os.environ[LISTINGS]
            os.environ.update({} if before is None else {LISTINGS: before})


def files_of(place: RemotePath) -> Iterator[tuple[str, int, int]]:
    """Yield each file below an address as `RemotePath.list_files` does, asked for now or earlier in this run.

    Raises:
        OSError: If the address cannot be listed.
    """
    folder = os.environ.get(LISTINGS, "")
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
