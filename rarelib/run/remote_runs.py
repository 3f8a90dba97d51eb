"""Runs at addresses as those read them who do not make them: fetched into their working folders."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..addresses.remote import RemotePath, remote_path
from ..pictures.sources import READERS
from .claim import Claim, is_written
from .folder import VERDICTS
from .ledger import FOLDER
from .mirror import PICTURES, Mirror, place_of
from .places import run_place, working_folder

OVERVIEW = re.compile(rf"^(config\.json|{re.escape(VERDICTS)}|stages/\d\d_\w+\.json)$")


def fetch_run(address: str, *, pictures: bool = True, busy: Callable[[Path], bool] = lambda root: False) -> Path:
    """Fetch a run and return its working folder.

    Args:
        address: Of the run, with its name.
        pictures: Whether crops and drawn pictures are fetched too.
        busy: Tells whether a run is under way in a folder of this machine; then its files are left as they are.

    Raises:
        FileNotFoundError: If there is no run.
        OSError: If it cannot be read, or is not whole.
        ValueError: If the address holds a password, or verdicts were given on both sides.
    """
    runs_dir, _, name = address.rstrip("/").rpartition("/")
    place, root = run_place(runs_dir, name), working_folder(runs_dir, name)
    if place is not None and not busy(root):
        Mirror(root, place).fetch(lambda path: pictures or not path.startswith(PICTURES))
    if not (root / "config.json").is_file():
        raise FileNotFoundError(f"There is no run at {address}.")
    return root


def fetch_overviews(address: str) -> list[Path]:
    """Fetch of each run at an address what a list of runs tells, and return their working folders."""
    runs_dir = remote_path(address, what="runs_dir")

    def fetch(name: str) -> Path | None:
        files, folders = (runs_dir / name).list_folder()
        if FOLDER not in folders and "config.json" not in files:
            return None
        root = working_folder(address, name)
        Mirror(root, runs_dir / name).fetch(lambda path: OVERVIEW.match(path) is not None)
        return root

    with ThreadPoolExecutor(READERS) as pool:
        return [root for root in pool.map(fetch, runs_dir.list_folder()[1]) if root is not None]


def is_written_elsewhere(root: Path) -> bool:
    """Tell whether the run of a working folder is being written at its address."""
    place = place_of(root)
    return place is not None and is_written(place)


def save_back(root: Path) -> RemotePath | None:
    """Save what was changed in a working folder by hand, such as verdicts; return where, None without an address.

    Raises:
        InUse: If another process writes the run.
        OSError: If the address cannot be written.
        ValueError: If verdicts were given on both sides.
    """
    place = place_of(root)
    if place is None:
        return None
    claim = Claim(place)
    claim.take()
    try:
        mirror = Mirror(root, place)
        mirror.fetch(lambda path: not path.startswith(PICTURES))
        mirror.save(claim.check)
    finally:
        claim.leave()
    return place
