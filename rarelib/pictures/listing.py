"""List and sample the pictures of a folder; whatever is no picture gets a reason, never a stop."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .decoding import ImageError, read_image, read_size, reason_of
from .sources import READERS, Folder, RemotePath, source_of

__all__ = ["ImageError", "group_of", "has_pictures", "image_id_of", "list_images", "read_image", "read_samples"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
NUSCENES_NAME = re.compile(r"^(n\d{3}-\d{4}(?:-\d{2}){5}[+-]\d{4})__[A-Z_]+__\d+")


@dataclass(frozen=True)
class Found:
    """A file or folder with a picture's suffix: its path, relative and posix, and why it is no picture."""

    path: str
    error: str = ""


def list_images(
    folder: str | Folder,
    *,
    sampling_rate: float = 1.0,
    max_images: int | None = None,
    seed: int = 0,
    group_pattern: str = "auto",
    max_megapixels: float = 200.0,
    may_be_drawn: Callable[[list[str]], np.ndarray] | None = None,
) -> pd.DataFrame:
    """List the pictures of a folder and draw a sample; only the headers of sampled ones are read.

    Args:
        folder: Searched recursively; each real folder once, so that circles of links end. Or an address.
        sampling_rate: Share that is drawn, in [0, 1].
        max_images: At most this many are drawn; None takes all.
        seed: Seed of the draw.
        group_pattern: Regular expression whose first group names the drive; "auto" knows nuScenes names and
            takes the sub-folder otherwise.
        max_megapixels: Larger pictures get an error, in million pixels.
        may_be_drawn: Tells for all paths, sorted, which may be in the sample, bool array (n,); by default all.

    Returns:
        The images table, sorted by path: image_id, path, width, height [px, upright; 0 if not looked at], sampled,
        error, group.

    Raises:
        FileNotFoundError: If the folder is missing.
        OSError: If an address cannot be listed.
        ValueError: If group_pattern is not a regular expression with a group.
    """
    folder = source_of(folder)
    if isinstance(folder, Path) and not folder.is_dir():
        raise FileNotFoundError(f"The 'images_folder' parameter must be an existing folder. Got '{folder}' instead.")
    pattern = _compile_group(group_pattern)
    found = sorted(_find_pictures(folder), key=lambda entry: entry.path)
    paths = [entry.path for entry in found]
    eligible = np.arange(len(found)) if may_be_drawn is None else np.flatnonzero(may_be_drawn(paths))
    sampled = np.zeros(len(found), bool)
    sampled[eligible] = _draw(len(eligible), sampling_rate=sampling_rate, max_images=max_images, seed=seed)
    headers = _read_headers(folder, [found[i] for i in np.flatnonzero(sampled)], max_megapixels)
    width, height = np.zeros(len(found), int), np.zeros(len(found), int)
    errors = np.array([entry.error for entry in found], dtype=object)
    for position, (size_wh, error) in zip(np.flatnonzero(sampled), headers, strict=True):
        (width[position], height[position]), errors[position] = size_wh, error
    return pd.DataFrame(
        {
            "image_id": pd.Series([image_id_of(path) for path in paths], dtype="str"),
            "path": pd.Series(paths, dtype="str"),
            "width": width,
            "height": height,
            "sampled": sampled,
            "error": pd.Series(errors, dtype="str"),
            "group": pd.Series([group_of(path, pattern) for path in paths], dtype="str"),
        }
    )


@dataclass(frozen=True)
class Samples:
    """A few pictures to look at: (H, W, 3) uint8 RGB each, ids, titles (paths), scales (shown over original width)."""

    pictures: list[np.ndarray]
    image_ids: list[str]
    titles: list[str]
    scales: list[float]


def read_samples(
    images: pd.DataFrame, folder: str | Folder, *, n_samples: int, max_megapixels: float = 200.0, max_side: int = 1600
) -> Samples:
    """Read pictures spread evenly over the table, made smaller where a side is longer than max_side [px]."""
    import cv2

    rows = (
        images.iloc[np.unique(np.linspace(0, len(images) - 1, n_samples).round().astype(int))]
        if len(images)
        else images
    )
    samples = Samples([], [], [], [])
    for row in rows.itertuples():
        try:
            picture = read_image(source_of(folder) / row.path, max_megapixels=max_megapixels)
        except ImageError:
            continue  # it has its reason in the tables; here the others are enough
        scale = min(max_side / max(picture.shape[:2]), 1.0)
        size_wh = [max(round(side * scale), 1) for side in picture.shape[1::-1]]
        samples.pictures.append(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA) if scale < 1 else picture)
        samples.image_ids.append(row.image_id)
        samples.titles.append(row.path)
        samples.scales.append(scale)
    return samples


def has_pictures(folder: str | Folder) -> bool:
    """Tell whether a folder holds at least one file with a picture's suffix; stops at the first."""
    return next(_find_pictures(source_of(folder)), None) is not None


def image_id_of(path: str) -> str:
    """Return the id of a picture: 12 hex digits of the hash of its relative posix path."""
    return hashlib.sha256(path.encode()).hexdigest()[:12]


def group_of(path: str, pattern: re.Pattern[str] | None = None) -> str:
    """Return the drive or scene of a relative posix path, "" if unknown; no pattern knows nuScenes and sub-folders."""
    if pattern is not None:
        match = pattern.search(path)
        return (match.group(1) or "") if match else ""
    folder, _, name = path.rpartition("/")
    match = NUSCENES_NAME.match(name)
    return match.group(1) if match else folder


def _compile_group(group_pattern: str) -> re.Pattern[str] | None:
    if group_pattern == "auto":
        return None
    try:
        pattern = re.compile(group_pattern)
    except re.error as error:
        raise ValueError(f"The 'group_pattern' parameter is not a regular expression: {error}.") from error
    if not pattern.groups:
        raise ValueError(f"The 'group_pattern' parameter must have a group in brackets. Got '{group_pattern}' instead.")
    return pattern


def _find_pictures(folder: Folder) -> Iterator[Found]:
    if isinstance(folder, RemotePath):
        yield from (Found(path) for path, _, _ in folder.list_files() if path.lower().endswith(SUFFIXES))
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
            if _is_folder(entry):
                waiting.append((f"{prefix}{entry.name}/", entry.path))
            if entry.name.lower().endswith(SUFFIXES):
                yield _found(prefix + entry.name, entry)
        waiting.sort(reverse=True)  # the next folder by name, so that links resolve alike on every file system


def _found(path: str, entry: os.DirEntry[str]) -> Found:
    if _printable(path) != path:
        return Found(_printable(path), "name is not valid UTF-8")
    if _is_folder(entry):
        return Found(path, "a folder, not a picture")
    try:
        is_file = entry.is_file()
    except OSError as error:  # a link to itself
        return Found(path, reason_of(error))
    return Found(path, "" if is_file else "broken link" if entry.is_symlink() else "not a regular file")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _draw(count: int, *, sampling_rate: float, max_images: int | None, seed: int) -> np.ndarray:
    size = max(round(count * sampling_rate), 1 if sampling_rate > 0 else 0)
    size = min(size, count, count if max_images is None else max_images)
    drawn = np.zeros(count, bool)
    drawn[np.random.default_rng(seed).permutation(count)[:size]] = True
    return drawn


def _read_headers(folder: Folder, found: list[Found], max_megapixels: float) -> list[tuple[tuple[int, int], str]]:
    def read_header(entry: Found) -> tuple[tuple[int, int], str]:
        try:
            if entry.error:
                return (0, 0), entry.error
            return read_size(folder / entry.path, max_megapixels=max_megapixels), ""
        except ImageError as error:
            return (0, 0), str(error)

    with ThreadPoolExecutor(
        8 if isinstance(folder, Path) else READERS
    ) as pool:  # waits for the disk more than it computes
        return list(pool.map(read_header, found, chunksize=64))
