"""Every kind of bad picture and odd name that a folder of 300,000 pictures may hold, each made here."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

GOOD, BAD = "good", "bad"
NAMES = {
    "spaces": "a picture with  spaces .jpg", "quotes": "it's \"quoted\".jpg", "newline": "two\nlines.jpg",
    "tab": "tab\there.jpg", "emoji": "🚗💥.jpg", "japanese": "道路の写真.jpg", "combining": "e\u0301cole.jpg",
    "right-to-left": "\u202egnp.drive.jpg", "long": "x" * 246 + ".jpg", "upper": "UPPER.JPG", "leading-dash": "-rf.jpg",
    "leading-dot": ".hidden.jpg", "percent": "100%25.jpg",
    "markup": "<b onmouseover=alert(1)>.jpg", "dollar": "$HOME.jpg",
    "semicolon": "a;touch b.jpg", "backslash": "back\\slash.jpg", "star": "st*r?.jpg", "brackets": "[a].{b}.jpg",
    "comma": "a,b.jpg", "hash": "#1.jpg", "double-suffix": "a.jpg.jpg", "case-one": "case.jpg", "case-two": "Case.jpg",
}  # fmt: skip


def make_zoo(folder: Path, *, seed: int = 0) -> dict[str, str]:
    """Fill a folder and return what each kind must become: path relative to the folder -> good or bad.

    A good one must be read; a bad one must have its row with a reason.
    """
    picture = _noise(seed)
    expected: dict[str, str] = {}
    for path, content in {**_good_formats(picture), **_bad_files(picture), **_odd_names(picture)}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        expected[path] = GOOD if path.startswith(("good/", "names/", "same/")) else BAD
    return {**expected, **_odd_places(folder, picture)}


def _noise(seed: int) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 255, (12, 20, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((160, 96), Image.Resampling.BICUBIC)


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def _good_formats(picture: Image.Image) -> dict[str, bytes]:
    frames = [picture.rotate(angle) for angle in (90, 180)]
    deep = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    floats = Image.fromarray(np.asarray(picture.convert("L"), dtype=np.float32))
    not_a_number = np.asarray(floats).copy()
    not_a_number[:10] = np.nan
    alpha = picture.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(picture.size))
    palette = picture.quantize(16)
    exif = {orientation: Image.Exif() for orientation in range(1, 10)}
    for orientation, block in exif.items():
        block[0x0112] = orientation
    turned = {
        f"good/exif-{orientation}.jpg": _saved(picture, "JPEG", exif=block.tobytes())
        for orientation, block in exif.items()
    }
    return {
        "good/plain.jpg": _saved(picture, "JPEG"),
        "good/progressive.jpeg": _saved(picture, "JPEG", progressive=True),
        "good/grey.jpg": _saved(picture.convert("L"), "JPEG"),
        "good/cmyk.jpg": _saved(picture.convert("CMYK"), "JPEG"),
        "good/trailing-bytes.jpg": _saved(picture, "JPEG") + b"and more" * 9,
        "good/plain.png": _saved(picture, "PNG"),
        "good/alpha.png": _saved(alpha, "PNG"),
        "good/palette.png": _saved(palette, "PNG"),
        "good/palette-transparent.png": _saved(palette, "PNG", transparency=0),
        "good/16-bit.png": _saved(deep, "PNG"),
        "good/1-bit.png": _saved(picture.convert("1"), "PNG"),
        "good/grey-alpha.png": _saved(picture.convert("LA"), "PNG"),
        "good/animated.png": _saved(picture, "PNG", save_all=True, append_images=frames),
        "good/plain.bmp": _saved(picture, "BMP"),
        "good/still.gif": _saved(picture, "GIF"),
        "good/animated.gif": _saved(picture, "GIF", save_all=True, append_images=frames, duration=50),
        "good/plain.webp": _saved(picture, "WEBP"),
        "good/animated.webp": _saved(picture, "WEBP", save_all=True, append_images=frames, duration=50),
        "good/plain.tif": _saved(picture, "TIFF"),
        "good/lzw.tiff": _saved(picture, "TIFF", compression="tiff_lzw"),
        "good/pages.tiff": _saved(picture, "TIFF", save_all=True, append_images=frames),
        "good/float.tif": _saved(floats, "TIFF"),
        "good/not-a-number.tif": _saved(Image.fromarray(not_a_number), "TIFF"),
        "good/cmyk.tif": _saved(picture.convert("CMYK"), "TIFF"),
        "good/png-called.jpg": _saved(picture, "PNG"),
        "good/jpeg-called.png": _saved(picture, "JPEG"),
        "good/one-pixel.png": _saved(picture.resize((1, 1)), "PNG"),
        "good/one-row.png": _saved(picture.resize((300, 1)), "PNG"),
        "good/one-column.jpg": _saved(picture.resize((1, 300)), "JPEG"),
        **turned,
    }


def _bad_files(picture: Image.Image) -> dict[str, bytes]:
    jpeg, png, gif = (_saved(picture, form) for form in ("JPEG", "PNG", "GIF"))
    webp, tiff, bmp = (_saved(picture, form) for form in ("WEBP", "TIFF", "BMP"))
    damaged = bytearray(png)
    damaged[len(png) // 2 : len(png) // 2 + 40] = b"\0" * 40
    return {
        "bad/empty.jpg": b"",
        "bad/one-byte.png": b"\x89",
        "bad/text.jpg": b"this is no picture\n" * 40,
        "bad/html.jpg": b"<!doctype html><script>alert(1)</script>" * 9,
        "bad/zeros.png": b"\0" * 5000,
        "bad/cut.jpg": jpeg[: len(jpeg) // 2],
        "bad/cut-in-header.jpg": jpeg[:100],
        "bad/cut.png": png[: len(png) // 2],
        "bad/cut.gif": gif[: len(gif) // 2],
        "bad/cut.webp": webp[: len(webp) // 2],
        "bad/cut.tif": tiff[: len(tiff) // 2],
        "bad/cut.bmp": bmp[: len(bmp) // 2],
        "bad/damaged.png": bytes(damaged),
        "bad/bomb.png": _png_header(30_000, 30_000),
        "bad/bomb.bmp": _bmp_header(30_000, 30_000),
        "bad/no-size.png": _png_header(0, 0),
        "bad/nan-size.tif": _tiff_with_float_size(),
        "bad/heic-called.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200,
        "bad/pickle-called.png": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07\x62\x75\x69\x6c\x74\x69\x6e\x73\x94.",
        "bad/zip-called.jpg": b"PK\x03\x04" + b"\0" * 100,
        "bad/svg-called.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "bad/pdf-called.jpg": b"%PDF-1.7\n" + b"\0" * 100,
    }


def _odd_names(picture: Image.Image) -> dict[str, bytes]:
    jpeg = _saved(picture, "JPEG")
    deep = "/".join(f"level{depth}" for depth in range(12))
    named = {f"names/{name}": jpeg for name in NAMES.values()}
    return {**named, f"names/{deep}/a.jpg": jpeg, "same/one/a.jpg": jpeg, "same/two/a.jpg": jpeg}


def _odd_places(folder: Path, picture: Image.Image) -> dict[str, str]:
    (folder / "bad" / "folder.jpg").mkdir()
    (folder / "bad" / "circle").symlink_to(folder, target_is_directory=True)
    (folder / "bad" / "itself.jpg").symlink_to(folder / "bad" / "itself.jpg")
    (folder / "bad" / "nowhere.jpg").symlink_to(folder / "bad" / "does-not-exist.jpg")
    os.mkfifo(folder / "bad" / "pipe.jpg")
    (folder / "good" / "link.jpg").symlink_to(folder / "good" / "plain.jpg")
    (folder / "bad" / "notes.txt").write_text("no picture's suffix: not listed", encoding="utf-8")
    forbidden = folder / "bad" / "forbidden.jpg"
    forbidden.write_bytes(_saved(picture, "JPEG"))
    forbidden.chmod(0)
    readable_anyway = os.access(forbidden, os.R_OK)  # the superuser reads everything
    bad = ("bad/folder.jpg", "bad/itself.jpg", "bad/nowhere.jpg", "bad/pipe.jpg")
    return {**dict.fromkeys(bad, BAD), "good/link.jpg": GOOD, "bad/forbidden.jpg": GOOD if readable_anyway else BAD}


def _png_header(width: int, height: int) -> bytes:
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 1000))]
    body = b"".join(_chunk(kind, data) for kind, data in [*chunks, (b"IEND", b"")])
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bmp_header(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 100, 0, 0, 54) + info + b"\0" * 100


def _tiff_with_float_size() -> bytes:
    nan = struct.unpack("<I", struct.pack("<f", float("nan")))[0]
    entries = [
        (256, 11, 1, nan),
        (257, 11, 1, nan),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (279, 4, 1, 9),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + b"\0" * 4
