"""Where a run works: in its folder, or, where runs lie at an address, in a folder of this machine beside it."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from ..addresses.remote import RemotePath, is_address, remote_path
from ..addresses.stores import endpoint_of
from ..pictures.sources import source_of

CACHE = "RARELIB_CACHE"  # of the environment: the folder for copies of what lies at addresses
MAX_NAME = 60


def cache_folder() -> Path:
    """Return the user's folder for what can be made again: ~/.cache/rarelib, or in XDG_CACHE_HOME."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "rarelib"


def copies_folder() -> Path:
    """Return the folder for copies of what lies at addresses: RARELIB_CACHE, or the user's folder for caches."""
    given = os.environ.get(CACHE, "")
    return Path(given).expanduser() if given else cache_folder()


def working_folder(runs_dir: str, name: str) -> Path:
    """Return the folder of this machine that a run works in."""
    place = run_place(runs_dir, name)
    if place is None:
        return Path(source_of(runs_dir), name) if is_address(runs_dir) else Path(runs_dir) / name
    return copies_folder() / "runs" / copy_name(place.address) / name


def run_place(runs_dir: str, name: str) -> RemotePath | None:
    """Return where a run lies at an address; None where it lies in a folder of this machine.

    Raises:
        ValueError: If the address holds a user, a password or a query.
    """
    if not is_address(runs_dir) or runs_dir.startswith("file://"):
        return None
    return remote_path(runs_dir, what="runs_dir") / name


def copy_name(address: str) -> str:
    """Return the name of the folder for copies from an address: its words, and a hash that tells it from others."""
    told = re.sub(r"[^\w.]+", "-", address)[:MAX_NAME].strip("-")
    return f"{told}-{hashlib.sha256(f'{endpoint_of(address)} {address}'.encode()).hexdigest()[:8]}"
