"""Label files behind an address, copied to this machine as they lie there, so that layouts read them as on disk."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path, PurePosixPath

from ..pictures.listings import files_of
from ..pictures.sources import READERS, Folder, RemotePath
from ..run.places import copies_folder, copy_name
from .layout import stem
from .yolo import looked_at

LABELS = re.compile(r"\.(json|txt|yaml|names)$", re.IGNORECASE)  # what layouts read
FLOORS_UP = 4  # above the pictures, as far as a layout looks
FOLDERS = re.compile(r"^(v1\..*|labels?|label_0?2|annotations|det_20)$")  # that hold labels on a floor above
BETWEEN = ("0",) * FLOORS_UP  # so that looking up from a copy never leaves the copy
KNOWN_FOR_S = 300.0  # a listing is taken for true

File = tuple[str, int, int]  # path below the store, size [bytes], time [ns since 1970]; -1 where not told


def label_folder(folder: Folder, paths: Sequence[str], *, of_all: bool = False) -> Path:
    """Return the folder that a layout looks at: of an address, a copy of the label files in it and above it.

    Args:
        folder: The pictures' folder or address.
        paths: Of its pictures.
        of_all: Copy the text files of all these pictures; else of as many as a layout looks at to be recognised.

    Raises:
        OSError: If the address cannot be read.
    """
    if isinstance(folder, Path):
        return folder
    known = {stem(path) for path in paths}
    due = known if of_all else {stem(path) for path in looked_at(paths)}
    files = label_files(folder)
    root = _copy_root(folder)
    _delete_others(root, {path for path, _, _ in files})
    wanted = [file for file in files if not _is_of_a_picture(file[0], known) or stem(file[0]) in due]
    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(lambda file: _copy(folder, root, file), wanted))
    return root.joinpath(*_parts(folder))


def label_files(folder: RemotePath, *, above_only: bool = False) -> list[File]:
    """Return the label files below an address, and those on the floors above it that may be listed, sorted.

    Args:
        folder: The pictures' address.
        above_only: Leave out those below.
    """
    period = int(time.monotonic() / KNOWN_FOR_S)
    inside = "/".join(_parts(folder)) + "/"
    files = _listed(folder, period)
    return [file for file in files if not (above_only and file[0].startswith(inside))]


@lru_cache(maxsize=4)
def _listed(folder: RemotePath, period: int) -> list[File]:
    parts = _parts(folder)
    inside = "/".join(parts)
    found = {f"{inside}/{path}": (size, at) for path, size, at in files_of(folder) if LABELS.search(path)}
    for depth in range(len(parts) - 1, max(len(parts) - 1 - FLOORS_UP, 0), -1):
        try:
            found |= _on_floor(folder, parts[:depth])
        except PermissionError:  # the credentials are for the pictures alone
            break
    return sorted((path, size, at) for path, (size, at) in found.items())


def _on_floor(folder: RemotePath, parts: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    floor, above = _at(folder, parts), "/".join(parts)
    files, folders = floor.list_folder()
    found = {f"{above}/{name}": told for name, told in files.items() if LABELS.search(name)}
    for name in (name for name in folders if FOLDERS.match(name)):
        listed = files_of(floor / name)
        found |= {f"{above}/{name}/{path}": (size, at) for path, size, at in listed if LABELS.search(path)}
    return found


def _at(folder: RemotePath, parts: Sequence[str]) -> RemotePath:
    scheme = folder.address.partition("://")[0]
    return RemotePath(f"{scheme}://{'/'.join(parts)}")


def _parts(folder: RemotePath) -> tuple[str, ...]:
    parts = PurePosixPath(str(folder).partition("://")[2].strip("/")).parts
    if ".." in parts:
        raise ValueError(f"The 'images_folder' parameter must be an address without '..'. Got {folder} instead.")
    return parts


def _copy_root(folder: RemotePath) -> Path:
    return copies_folder().joinpath("labels", copy_name(str(folder)), *BETWEEN).resolve()


def _is_of_a_picture(path: str, stems: set[str]) -> bool:
    return path.lower().endswith(".txt") and stem(path) in stems


def _copy(folder: RemotePath, root: Path, file: File) -> None:
    path, size, modified = file
    target = root / path
    if ".." in PurePosixPath(path).parts:
        return  # no name of a label
    try:
        stat = target.stat()
        if modified >= 0 and (stat.st_size, stat.st_mtime_ns) == (size, modified):
            return
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        _at(folder, path.split("/")).download(partial)
        os.utime(partial, ns=(max(modified, 0), max(modified, 0)))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _delete_others(root: Path, known: set[str]) -> None:
    for path in _copies(root):
        if path.relative_to(root).as_posix() not in known:
            path.unlink(missing_ok=True)


def _copies(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
