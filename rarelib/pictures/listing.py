"""List and sample the pictures of a folder; whatever is no picture gets a reason, never a stop."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..settings import SelectSettings
from .decoding import ImageError, read_image, read_size
from .files import Found, find_pictures, with_frames
from .paths import is_video, split_frame
from .sampling import draw_paths
from .sources import READERS, Folder, source_of

__all__ = ["ImageError", "group_of", "has_pictures", "image_id_of", "list_images", "read_image", "read_samples"]

NUSCENES_NAME = re.compile(r"^(n\d{3}-\d{4}(?:-\d{2}){5}[+-]\d{4})__[A-Z_]+__\d+")


def list_images(
    folder: str | Folder,
    *,
    settings: SelectSettings | Mapping[str, Any] | None = None,
    may_be_drawn: Callable[[list[str]], np.ndarray] | None = None,
    earlier: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """List the pictures of a folder and draw a sample; only the headers of sampled ones are read, and whole videos.

    The draw takes pictures in the order of a hash of seed and path, so that it hardly changes with the folder.

    Args:
        folder: Searched recursively; each real folder once, so that circles of links end. Or an address.
        settings: Or options by name, such as {"sampling_rate": 0.2}; by default those of params.py. A group_pattern's
            first group names the drive; "auto" knows nuScenes names and takes the video or the sub-folder otherwise. A
            video that has no frame keeps a row with the reason.
        may_be_drawn: Tells for all paths, sorted, which may be in the sample, bool array (n,); by default all.
        earlier: What this function returned before, with the same options: what was drawn stays drawn, what is new
            gives its share, and headers of files with the same size and time are not read again.

    Returns:
        The images table, sorted by path: image_id, path, width, height [px, upright; 0 if not looked at], sampled,
        error, group; and size [bytes] and modified [ns since 1970] of the file, -1 where unknown.

    Raises:
        FileNotFoundError: If the folder is missing.
        OSError: If an address cannot be listed.
        ValueError: If group_pattern is not a regular expression with a group.
    """
    settings = SelectSettings.taken(settings)
    folder, named = source_of(folder), bool(str(folder))
    if isinstance(folder, Path) and not (named and folder.is_dir()):
        raise FileNotFoundError(
            f"The 'images_folder' parameter must be an existing folder. Got '{folder if named else ''}' instead."
        )
    pattern = compile_group(settings.group_pattern)
    found = sorted(with_frames(folder, find_pictures(folder), settings.video_fps), key=lambda entry: entry.path)
    paths = [entry.path for entry in found]
    eligible = np.arange(len(found)) if may_be_drawn is None else np.flatnonzero(may_be_drawn(paths))
    images = pd.DataFrame(
        {
            "image_id": pd.Series([image_id_of(path) for path in paths], dtype="str"),
            "path": pd.Series(paths, dtype="str"),
            "width": np.zeros(len(found), int),
            "height": np.zeros(len(found), int),
            "sampled": np.zeros(len(found), bool),
            "error": pd.Series([entry.error for entry in found], dtype="str"),
            "group": pd.Series([group_of(path, pattern) for path in paths], dtype="str"),
            "size": np.array([entry.size for entry in found], np.int64),
            "modified": np.array([entry.modified for entry in found], np.int64),
        }
    )
    earlier = images.head(0) if earlier is None else earlier
    place = pd.Index(earlier["path"]).get_indexer(paths)  # of each picture in the earlier table, -1 if it is new
    kept = np.append(earlier["sampled"].to_numpy(bool), False)[place]  # a new one was not drawn
    drawn = draw_paths(
        np.array(paths, dtype=object)[eligible],
        kept[eligible],
        place[eligible] < 0,
        sampling_rate=settings.sampling_rate,
        max_images=settings.max_images,
        seed=settings.seed,
    )
    images["sampled"] = np.isin(np.arange(len(found)), eligible[drawn])
    same = np.flatnonzero(images["sampled"].to_numpy() & kept)
    return _with_headers(images, same, earlier.iloc[place[same]], folder, found, settings.max_megapixels)


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
    """Tell whether a folder holds at least one file with a picture's or video's suffix; stops at the first."""
    return next(find_pictures(source_of(folder)), None) is not None


def image_id_of(path: str) -> str:
    """Return the id of a picture: 12 hex digits of the hash of its relative posix path."""
    return hashlib.sha256(path.encode()).hexdigest()[:12]


def group_of(path: str, pattern: re.Pattern[str] | None = None) -> str:
    """Return the drive or scene of a relative posix path, "" if unknown.

    Without a pattern it is the video of a frame, what nuScenes' names tell, or the sub-folder.
    """
    if pattern is not None:
        match = pattern.search(path)
        return (match.group(1) or "") if match else ""
    if is_video(path):
        return path
    frame = split_frame(path)
    if frame is not None:
        return frame[0]
    folder, _, name = path.rpartition("/")
    match = NUSCENES_NAME.match(name)
    return match.group(1) if match else folder


def compile_group(group_pattern: str) -> re.Pattern[str] | None:
    """Return the pattern whose first group names a drive; None for "auto".

    Raises:
        ValueError: If it is not a regular expression with a group.
    """
    if group_pattern == "auto":
        return None
    try:
        pattern = re.compile(group_pattern)
    except re.error as error:
        raise ValueError(f"The 'group_pattern' parameter is not a regular expression: {error}.") from error
    if not pattern.groups:
        raise ValueError(f"The 'group_pattern' parameter must have a group in brackets. Got '{group_pattern}' instead.")
    return pattern


def _with_headers(
    images: pd.DataFrame,
    same: np.ndarray,
    before: pd.DataFrame,
    folder: Folder,
    found: list[Found],
    max_megapixels: float,
) -> pd.DataFrame:
    """Fill in width, height and error of what is drawn, from headers; of unchanged files as before.

    Args:
        images: The table, not yet filled in.
        same: Positions of pictures that were drawn before as well.
        before: What was known of these, in their order.
        folder: Of the pictures.
        found: All of them.
        max_megapixels: Larger ones get an error.
    """
    unchanged = (before[["size", "modified"]].to_numpy() == images.iloc[same][["size", "modified"]].to_numpy()).all(1)
    unchanged &= before["error"].eq("").to_numpy() & (before["modified"] >= 0).to_numpy()
    filled = {name: images[name].to_numpy(dtype=object) for name in ("width", "height", "error")}
    for name, values in filled.items():
        values[same[unchanged]] = before[name].to_numpy(dtype=object)[unchanged]
    to_read = images["sampled"].to_numpy().copy()
    to_read[same[unchanged]] = False
    headers = _read_headers(folder, [found[i] for i in np.flatnonzero(to_read)], max_megapixels)
    for position, (size_wh, error) in zip(np.flatnonzero(to_read), headers, strict=True):
        filled["width"][position], filled["height"][position] = size_wh
        filled["error"][position] = error
    types = {"width": "int64", "height": "int64", "error": "str"}
    return images.assign(**{name: pd.Series(values).astype(types[name]) for name, values in filled.items()})


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
