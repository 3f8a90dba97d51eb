"""Find the files of pictures and videos below a folder or an address; whatever is no picture gets a reason."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from .decoding import ImageError, reason_of
from .listings import files_of
from .paths import PICTURES, VIDEOS, frame_path, is_video
from .sources import Folder, RemotePath

SUFFIXES = (*PICTURES, *VIDEOS)
# what file managers and network disks put beside pictures: no pictures of a person, although some are named like one
LITTER = re.compile(r"(^|/)(\._[^/]*$|(@eaDir|__MACOSX|\.Trash[^/]*|\.Spotlight-V100|\$RECYCLE\.BIN)/)")


@dataclass(frozen=True)
class Found:
    """A file with a picture's or video's suffix, or a frame.

    Attributes:
        path: Relative and posix.
        error: Why it is no picture.
        size: Of the file [bytes], -1 if unknown.
        modified: When it was changed last [ns since 1970], -1 if unknown.
    """

    path: str
    error: str = ""
    size: int = -1
    modified: int = -1


def find_pictures(folder: Folder) -> Iterator[Found]:
    """Yield every file below a folder or address whose name ends as pictures and videos do; each real folder once.

    What file managers leave (._a.jpg, @eaDir/, __MACOSX/, …) is none.
    """
    if isinstance(folder, RemotePath):
        files = (file for file in files_of(folder) if _is_named_so(file[0]))
        yield from (Found(path, "", size, modified) for path, size, modified in files)
        return
    seen: set[tuple[int, int]] = set()
    waiting = [("", os.fspath(folder))]
    while waiting:
        prefix, place = waiting.pop()
        try:
            status = os.stat(place)  # noqa: PTH116 - a Path per entry doubles the time of a long listing
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(place) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(_printable(prefix) or ".", f"folder cannot be listed: {reason_of(error)}")
            continue
        for entry in entries:
            if _is_folder(entry) and not LITTER.search(f"{entry.name}/"):
                waiting.append((f"{prefix}{entry.name}/", entry.path))
            if _is_named_so(entry.name):
                yield _found(prefix + entry.name, entry)
        waiting.sort(reverse=True)  # the next folder by name, so that links resolve alike on every file system


def _is_named_so(path: str) -> bool:
    return path.lower().endswith(SUFFIXES) and not LITTER.search(path)


def with_frames(folder: Folder, found: Iterable[Found], fps: float) -> list[Found]:
    """Return the same with the frames of each video, so many a second, in its place; a video without any keeps why."""
    files = list(found)
    videos = [entry for entry in files if is_video(entry.path) and not entry.error]
    if not videos:
        return files

    from .video import frame_times

    def frames_of(video: Found) -> list[Found]:
        try:
            times = frame_times(folder / video.path, fps)
        except ImageError as error:
            return [replace(video, error=str(error))]
        return [replace(video, path=frame_path(video.path, seconds)) for seconds in times]

    with ThreadPoolExecutor(8) as pool:
        frames = [entry for entries in pool.map(frames_of, videos) for entry in entries]
    return [*(entry for entry in files if entry.error or not is_video(entry.path)), *frames]


def _found(path: str, entry: os.DirEntry[str]) -> Found:
    if _printable(path) != path:
        return Found(_printable(path), "name is not valid UTF-8")
    if _is_folder(entry):
        return Found(path, "a folder, not a picture")
    try:
        if not entry.is_file():
            return Found(path, "broken link" if entry.is_symlink() else "not a regular file")
        status = entry.stat()
    except OSError as error:  # a link to itself
        return Found(path, reason_of(error))
    return Found(path, "", status.st_size, status.st_mtime_ns)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
