"""The pictures of an object that a model is shown: its crop with some context, and the scene with the object marked."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

JPEG_QUALITY = 90
MIN_SIDE = 28  # one visual token of Qwen2-VL is 28 x 28 px
BOX_COLOUR = (255, 0, 0)
Box = tuple[float, float, float, float]
Reader = Callable[[Path], np.ndarray]


def object_pictures(
    image_path: Path, crop_path: Path, box: Box, read: Reader, *, max_side: int, margin: float, scene: bool
) -> tuple[bytes, ...]:
    """Return the JPEG pictures of one object: the crop, and with `scene` the whole picture with a red box.

    The crop file alone is taken where neither context nor scene is asked for.

    Args:
        image_path: The original picture.
        crop_path: The crop file.
        box: x_min, y_min, x_max, y_max in the upright original [px].
        read: Returns the upright RGB array (height, width, 3) of a picture.
        max_side: Longer side of each picture [px].
        margin: Context on each side, as a share of the box's sides.
        scene: Whether the second picture is made.

    Raises:
        OSError, ValueError: If a picture cannot be read.
    """
    if margin == 0 and not scene:
        return (encode(Image.fromarray(read(crop_path)), max_side),)
    upright = Image.fromarray(read(image_path))
    pictures = (encode(upright.crop(widened(box, margin, upright.size)), max_side),)
    return (*pictures, encode(marked(upright, box, max_side), max_side)) if scene else pictures


def widened(box: Box, margin: float, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the box with a margin on each side, rounded outwards and cut at the picture's border."""
    x_min, y_min, x_max, y_max = box
    dx, dy = margin * (x_max - x_min), margin * (y_max - y_min)
    left, top = max(int(np.floor(x_min - dx)), 0), max(int(np.floor(y_min - dy)), 0)
    right, bottom = min(int(np.ceil(x_max + dx)), size_wh[0]), min(int(np.ceil(y_max + dy)), size_wh[1])
    return left, top, max(right, left + 1), max(bottom, top + 1)


def marked(picture: Image.Image, box: Box, max_side: int) -> Image.Image:
    """Return the picture, at most max_side px long, with a red frame just outside the box."""
    scale = min(max_side / max(picture.size), 1.0)
    small = picture.resize(_scaled(picture.size, scale), Image.Resampling.BICUBIC, reducing_gap=2.0)
    x_min, y_min, x_max, y_max = (value * scale for value in box)
    ImageDraw.Draw(small).rectangle((x_min - 3, y_min - 3, x_max + 3, y_max + 3), outline=BOX_COLOUR, width=2)
    return small


def encode(picture: Image.Image, max_side: int) -> bytes:
    """Return the picture as JPEG, at most max_side px long; a tiny one is enlarged to one visual token's side."""
    scale = min(max(1.0, MIN_SIDE / min(picture.size)), max_side / max(picture.size))
    if scale != 1.0:
        picture = picture.resize(_scaled(picture.size, scale), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures and keeps the last few, as the objects of one picture often follow each other.

    Travels to other processes as what it is told, not with what it has read.
    """

    max_megapixels: float

    def __call__(self, path: Path) -> np.ndarray:
        """Return the upright RGB array (height, width, 3) of a picture."""
        return self._read(path)

    def __reduce__(self) -> tuple[type[PictureReader], tuple[float]]:
        return PictureReader, (self.max_megapixels,)

    @cached_property
    def _read(self) -> Reader:
        from ..pictures.listing import read_image

        return lru_cache(maxsize=4)(lambda path: read_image(path, max_megapixels=self.max_megapixels))


def _scaled(size_wh: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(round(size_wh[0] * scale), 1), max(round(size_wh[1] * scale), 1)
