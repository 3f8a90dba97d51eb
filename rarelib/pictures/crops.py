"""Cut boxes out of pictures, judge the cut and keep it as a file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from ..tables import BOX, require_columns
from .decoding import ImageError, read_image
from .sources import Folder

FOLDER = "cropped_objects"
JPEG_QUALITY = 95
SHARPNESS_SIDE = 64  # the longer side at which sharpness is measured [px], so that it is comparable
BORDER_PX = 1.0
CUTTERS = 8


def crop_path_of(object_id: str) -> str:
    """Return where a crop lies, relative to the run: one of 256 folders, so that none grows too large."""
    return f"{FOLDER}/{object_id[:2]}/{object_id}.jpg"


def cut_crop(picture: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
    """Return the (h, w, 3) part of a picture inside a box [px], rounded outwards and clipped, at least 1 x 1."""
    height, width = picture.shape[:2]
    left, top = (int(v) for v in np.clip(np.floor(xyxy[:2]), 0, (width - 1, height - 1)))
    right, bottom = (int(v) for v in np.clip(np.ceil(xyxy[2:]), (left + 1, top + 1), (width, height)))
    return picture[top:bottom, left:right]


def encode_jpeg(picture: np.ndarray, *, quality: int = JPEG_QUALITY) -> np.ndarray:
    """Return an (h, w, 3) uint8 RGB picture as the bytes of a JPEG."""
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]


def write_jpeg(path: Path, picture: np.ndarray, *, quality: int = JPEG_QUALITY) -> None:
    """Save an (h, w, 3) uint8 RGB picture whole or not at all, its folder made where it is missing.

    cv2.imwrite would hide a full disk.

    Raises:
        OSError: If the disk is full or not writable.
    """
    data = encode_jpeg(picture, quality=quality)
    # a new file: links to the old one keep the old picture; of its own name, as a lost worker may write the same crop
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        try:
            partial.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def keep_crop(path: Path, crop: np.ndarray, *, whether: bool) -> None:
    """Save a crop, or make sure that none of an earlier run is there."""
    if whether:
        write_jpeg(path, crop)
    else:
        path.unlink(missing_ok=True)


def recut_crops(
    objects: pd.DataFrame, images: pd.DataFrame, folder: Folder, root: Path, *, max_megapixels: float = 200.0
) -> None:
    """Cut the crops that are no file out of their pictures; of a picture that cannot be read none is cut.

    Args:
        objects: Rows with image_id, crop_path and the box [px].
        images: Rows with image_id and path.
        folder: What the pictures' paths are relative to.
        root: What the crops' paths are relative to.
        max_megapixels: Larger pictures are not read.
    """
    missing = objects[~objects["crop_path"].map(lambda path: (root / path).is_file()).astype(bool)]
    paths = images.set_index("image_id")["path"]

    def recut(image_id: str, rows: pd.DataFrame) -> None:
        try:
            picture = read_image(folder / paths[image_id], max_megapixels=max_megapixels)
        except ImageError:
            return
        for crop_path, box in zip(rows["crop_path"], rows[BOX].to_numpy(), strict=True):
            write_jpeg(root / crop_path, cut_crop(picture, box))

    with ThreadPoolExecutor(CUTTERS) as pool:
        list(pool.map(lambda item: recut(*item), missing.groupby("image_id")))


def read_crop(
    row: Mapping[str, Any], root: Path, folder: Folder | None, *, read: Callable[..., np.ndarray] = read_image
) -> np.ndarray:
    """Return the crop of one object, (h, w, 3) uint8 RGB: its file, or where there is none, cut out of its picture.

    Both are the same to the last bit, as what is cut goes through a JPEG as well.

    Args:
        row: crop_path, path of the picture, and the box [px].
        root: What crop_path is relative to.
        folder: Folder or address of the pictures; None leaves it at the file.
        read: Reads a picture.

    Raises:
        ImageError: If it can neither be read nor cut.
    """
    file = root / row["crop_path"]
    if folder is None or file.is_file():
        return read_image(file)
    crop = cut_crop(read(folder / row["path"]), np.array([row[side] for side in BOX], float))
    return cv2.imdecode(encode_jpeg(crop), cv2.IMREAD_COLOR_RGB)


def read_crops(objects: pd.DataFrame, run_root: str | Path) -> list[np.ndarray]:
    """Return the crops of a table with crop_path, in its order; one that cannot be read is a grey square.

    Args:
        objects: Rows with crop_path; one row of such a table counts as a table of one.
        run_root: Folder of the run, or the run itself.

    Raises:
        FileNotFoundError: If there is no such folder.
        TableError: If the rows have no crop_path.
    """
    objects = objects.to_frame().T if isinstance(objects, pd.Series) else objects
    require_columns(objects, "objects", "crop_path")
    if not Path(run_root).is_dir():
        raise FileNotFoundError(f"The run's folder {Path(run_root)} does not exist; it is the `root` of an open run.")
    return [_read_or_grey(Path(run_root) / path) for path in objects["crop_path"]]


def measure_crop(crop: np.ndarray) -> dict[str, float]:
    """Measure how usable a crop is.

    Returns:
        brightness: Mean luma in [0, 1]; contrast: its standard deviation in [0, 1]; sharpness: variance of the
        Laplacian of the luma at a longer side of 64 px (Pech-Pacheco et al., 2000), higher is sharper.
    """
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    scale = SHARPNESS_SIDE / max(luma.shape)
    size_wh = max(round(luma.shape[1] * scale), 1), max(round(luma.shape[0] * scale), 1)
    luma = cv2.resize(luma, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    mean, deviation = cv2.meanStdDev(luma)
    _, edges = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_32F))
    return {
        "brightness": round(mean.item() / 255, 4),
        "contrast": round(deviation.item() / 255, 4),
        "sharpness": round(edges.item() ** 2, 2),
    }


def touches_border(xyxy: np.ndarray, *, width: int, height: int) -> np.ndarray:
    """Tell for each of (n, 4) boxes [px] whether it reaches the picture's edge, so that the object may be cut off."""
    near_start = (xyxy[:, :2] <= BORDER_PX).any(axis=1)
    return near_start | (xyxy[:, 2] >= width - BORDER_PX) | (xyxy[:, 3] >= height - BORDER_PX)


def _read_or_grey(path: Path) -> np.ndarray:
    try:
        return read_image(path)
    except ImageError:
        return np.full((64, 64, 3), 128, np.uint8)
