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
RUNS = "runs"  # the folder of runs, where none is named


def find_upwards(path: str | Path) -> Path:
    """Return a relative path as it is found from here or from the nearest folder above; else unchanged."""
    path = Path(path).expanduser()
    if path.is_absolute() or path.exists():
        return path
    above = (Path(*[".."] * depth) / path for depth in range(1, len(Path.cwd().parts)))
    return next((candidate for candidate in above if candidate.exists()), path)


def find_run(run_folder: str | Path, *, may_be_new: bool = False) -> Path:
    """Return where a run lies, by its folder or by its name in runs/, looked for here and in the folders above.

    Raises:
        FileNotFoundError: If it is not there, and may not be new.
    """
    named = find_upwards(run_folder)
    places = (named, find_upwards(Path(RUNS) / run_folder)) if str(run_folder) else ()
    found = next((place for place in places if place.is_dir()), None)
    if found is None and not may_be_new:
        raise FileNotFoundError(f"The run '{run_folder}' does not exist; `rarelib runs` lists those in {RUNS}/.")
    return named if found is None else found


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
        return Path(source_of(runs_dir), name)
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
