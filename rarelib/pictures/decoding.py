"""Decode one picture to upright RGB pixels, or say why not."""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from .paths import split_frame
from .sources import MAX_FILE_MEGABYTES, Folder, RemotePath

# EXIF orientation -> how to turn the stored pixels upright (EXIF 2.32, tag 0x0112)
UPRIGHT = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
# what Pillow's readers raise on damaged files
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
          ZeroDivisionError, NotImplementedError, struct.error, zlib.error)  # fmt: skip


class ImageError(ValueError):
    """A picture that cannot be read; the message is the reason, without any path."""


class _PillowLimit:
    """Lifts Pillow's guard while pictures are read here: max_megapixels guards them, from the header on.

    Threads may enter at once; the last one that leaves puts the caller's own limit back.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                Image.MAX_IMAGE_PIXELS = self._before


pillow_limit_lifted = _PillowLimit()


def read_image(path: str | Folder, *, max_megapixels: float = 200.0) -> np.ndarray:
    """Return a picture as (H, W, 3) uint8 RGB, turned upright as its EXIF orientation says.

    Transparent pixels are laid over white, 16-bit values keep their high byte, of an animation the first frame is
    taken. JPEG is decoded by OpenCV (within a fifth of the fastest in benchmarks/decoders.py), all else by Pillow.
    `drive.mp4#t=00012.500` is the frame of a video.

    Raises:
        ImageError: With the reason: unreadable, unknown format, cut off, too large.
    """
    return read_with_content(path, max_megapixels=max_megapixels)[0]


def read_with_content(path: str | Folder, *, max_megapixels: float = 200.0) -> tuple[np.ndarray, str]:
    """Return a picture as `read_image` does, and what tells it from others: 16 hex digits of a hash.

    Of a file its bytes are hashed, of a video's frame its pixels.

    Raises:
        ImageError: With the reason.
    """
    frame = frame_of(path)
    if frame is not None:
        from .video import read_frame  # FFmpeg is loaded where there is a video

        pixels = read_frame(*frame, max_megapixels=max_megapixels)
        return pixels, _hash_of(pixels)
    data = _read_bytes(Path(path) if isinstance(path, str) else path)
    return _decode(data, max_megapixels), _hash_of(data)


def _hash_of(data: bytes | np.ndarray) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _decode(data: bytes, max_megapixels: float) -> np.ndarray:
    with pillow_limit_lifted, _open_header(data, max_megapixels) as picture:
        try:
            orientation = _orientation(picture)
            if picture.format in ("JPEG", "MPO") and picture.mode in ("RGB", "L") and _is_whole_jpeg(data):
                flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
                pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
            else:
                if picture.format == "PNG":
                    Image.open(io.BytesIO(data)).verify()  # checksums, which Pillow leaves out when it decodes
                pixels = _to_rgb(picture)
        except (*DAMAGE, cv2.error) as error:
            raise ImageError(f"cut off or damaged ({reason_of(error)})") from error
        except MemoryError as error:
            raise ImageError(f"not enough memory for {picture.width} x {picture.height} px") from error
    if pixels is None:
        raise ImageError("cut off or damaged (it has a header but no pixels)")
    return UPRIGHT[orientation](pixels) if orientation in UPRIGHT else pixels


def read_size(path: str | Folder, *, max_megapixels: float = 200.0) -> tuple[int, int]:
    """Return (width, height) [px] of the upright picture, from its header alone.

    Raises:
        ImageError: With the reason why it cannot be read.
    """
    frame = frame_of(path)
    if frame is not None:
        return _frame_size(frame[0], max_megapixels)
    try:
        place = Path(path) if isinstance(path, str) else path
        file = place.open("rb") if isinstance(place, Path) else place.open()
        with pillow_limit_lifted, file, _open_header(file, max_megapixels) as picture:
            width, height = picture.size
            return (height, width) if _orientation(picture) >= 5 else (width, height)
    except OSError as error:
        raise ImageError(reason_of(error)) from error


def _read_bytes(path: Folder) -> bytes:
    try:
        if not isinstance(path, Path):
            return path.read_bytes()
        if not path.is_file():
            raise ImageError("missing" if not path.exists() else "not a regular file")
        if path.stat().st_size > MAX_FILE_MEGABYTES * 2**20:
            raise ImageError(f"file is larger than {MAX_FILE_MEGABYTES:,} MiB")
        return path.read_bytes()
    except OSError as error:
        raise ImageError(reason_of(error)) from error


def frame_of(path: str | Folder) -> tuple[Folder, float] | None:
    """Return the video and the time [s from its first frame] of a frame's path; None for a picture of its own."""
    remote = isinstance(path, RemotePath)
    frame = split_frame(path.path if remote else str(path))
    if frame is None:
        return None
    return replace(path, path=frame[0]) if remote else Path(frame[0]), frame[1]


def _frame_size(video: Folder, max_megapixels: float) -> tuple[int, int]:
    from .video import video_facts

    size_wh = video_facts(video).size_wh
    check_megapixels(size_wh, max_megapixels)
    return size_wh


def check_megapixels(size_wh: tuple[int, int], limit: float) -> None:
    """Raise ImageError for a picture of more than so many million pixels."""
    width, height = size_wh
    if width * height > limit * 1e6:
        raise ImageError(f"{width} x {height} px is more than {limit:g} million pixels (max_megapixels)")


def _open_header(source: bytes | io.BufferedReader, max_megapixels: float) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (
        UnidentifiedImageError,
        ImportError,
    ) as error:  # ImportError: ultralytics' Image.open asks for a HEIF reader
        raise ImageError("empty file" if not _length(source) else "not a picture in a known format") from error
    except DAMAGE as error:
        raise ImageError(f"cut off or damaged ({reason_of(error)})") from error
    check_megapixels(picture.size, max_megapixels)
    return picture


def _length(source: bytes | io.BufferedReader) -> int:
    return len(source) if isinstance(source, bytes) else source.seek(0, os.SEEK_END)


def _orientation(picture: Image.Image) -> int:
    if picture.format == "TIFF":
        return 1  # Pillow turns these itself
    try:
        value = picture.getexif().get(0x0112, 1)
    except DAMAGE:
        return 1  # a damaged EXIF block does not make the pixels worse
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _is_whole_jpeg(data: bytes) -> bool:
    return data[-4096:].rstrip(b"\0\r\n ").endswith(b"\xff\xd9")  # OpenCV fills what is missing with grey


def _to_rgb(picture: Image.Image) -> np.ndarray:
    picture.load()
    if picture.mode.startswith("I"):
        values = np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(values[..., None], 3, axis=2)
    if picture.mode == "F":
        values = np.nan_to_num(np.asarray(picture), nan=0.0, posinf=255.0, neginf=0.0)
        values = np.clip(values * (255 if values.max(initial=0) <= 1 else 1), 0, 255).astype(np.uint8)
        return np.repeat(values[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.asarray(picture.convert("RGB"))


def reason_of(error: BaseException) -> str:
    """Return an error's reason in a few words, without paths or addresses."""
    text = getattr(error, "strerror", None) or re.sub(r"<[^>]*>|'[^']*/[^']*'", "it", str(error))
    return " ".join(text.split())[:120] or type(error).__name__
