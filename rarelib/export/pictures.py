"""Pictures beside an export: flat names that tell the drive, linked, copied, or only referred to."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from .rows import Export

HOW = ("link", "copy", "reference")
ORIENTATION = 0x0112  # EXIF: the picture is stored turned
AS_STORED = (None, 0, 1)


def flat_names(paths: Sequence[str], image_ids: Sequence[str]) -> list[str]:
    """Return one file name for each path: drive_00/0000.jpg becomes drive_00__0000.jpg.

    Names that would be equal, also on a disk that ignores case, get the picture's id before the suffix.
    """
    names = [path.replace("/", "__") for path in paths]
    times = Counter(name.casefold() for name in names)
    return [
        name if times[name.casefold()] == 1 else f"{Path(name).stem}__{image_id}{Path(name).suffix}"
        for name, image_id in zip(names, image_ids, strict=True)
    ]


def place_pictures(export: Export, source: Path | None, out: Path, *, how: str, folder: str = "images") -> Export:
    """Bring an export's pictures below a folder and return it with their file names there.

    A picture stored turned is written upright, as boxes are of the upright picture and not all tools turn it.

    Args:
        export: What is exported.
        source: Folder of the pictures; None is enough for reference.
        out: Folder of the export.
        how: link, copy, or reference, which leaves the path below images_folder as file name.
        folder: Below `out`.

    Raises:
        FileNotFoundError: If a picture is missing.
    """
    if how == "reference":
        return export.with_files(export.images["path"].tolist())
    assert source is not None
    names = flat_names(export.images["path"], export.images["image_id"])
    (out / folder).mkdir(parents=True, exist_ok=True)
    for path, name in zip(export.images["path"], names, strict=True):
        _place((source / path).resolve(), out / folder / name, how)
    return export.with_files([f"{folder}/{name}" for name in names])


def _place(picture: Path, target: Path, how: str) -> None:
    if not picture.is_file():
        raise FileNotFoundError(f"The picture {picture.name} is missing; give its folder by --images_folder.")
    with Image.open(picture) as opened:
        turned = opened.getexif().get(ORIENTATION) not in AS_STORED
        if turned:
            ImageOps.exif_transpose(opened).save(target, format=opened.format)
    if not turned and how == "link":
        target.symlink_to(picture)
    elif not turned:
        shutil.copyfile(picture, target)
