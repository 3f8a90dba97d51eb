"""Pictures beside an export: flat names that tell the drive; files are linked or copied, frames of videos written."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from ..pictures.crops import JPEG_QUALITY, write_jpeg
from ..pictures.decoding import ImageError, read_image
from ..pictures.paths import split_frame
from ..pictures.sources import Folder
from .rows import Export

ORIENTATION = 0x0112  # EXIF: the picture is stored turned
GIF = ".gif"  # YOLO trains without them and says nothing; others take each frame for a picture
AS_STORED = (None, 0, 1)
MOST_BYTES = 240  # of a file name; disks take 255


def flat_names(paths: Sequence[str], image_ids: Sequence[str]) -> list[str]:
    """Return one file name for each path: drive_00/0000.jpg becomes drive_00__0000.jpg.

    A frame is named by its video and its milliseconds: drive.mp4#t=00012.500 becomes drive__00012500ms.jpg. Names that
    would be equal without their suffix, by which labels are put to pictures, also on a disk that ignores case, get the
    picture's id before it; so do names that are cut at their beginning, as no disk takes them whole.
    """
    names = [_file_name(path).replace("/", "__") for path in paths]
    times = Counter(_stem(name) for name in names)
    return [
        name if times[_stem(name)] == 1 and len(name.encode()) <= MOST_BYTES else _with_id(name, image_id)
        for name, image_id in zip(names, image_ids, strict=True)
    ]


def _stem(name: str) -> str:
    return Path(name).stem.casefold()


def _with_id(name: str, image_id: str) -> str:
    end = f"__{image_id}{Path(name).suffix}"
    stem = Path(name).stem.encode()[-(MOST_BYTES - len(end.encode())) :]
    return stem.decode(errors="ignore") + end


def place_pictures(export: Export, source: Folder | None, out: Path, *, how: str, folder: str = "images") -> Export:
    """Bring an export's pictures below a folder and return it with their file names there.

    A picture stored turned is written upright, as boxes are of the upright picture and not all tools turn it; a frame
    of a video is written as JPEG, a GIF's first frame, of which its boxes are, as PNG; a picture of an address is
    copied.

    Args:
        export: What is exported.
        source: Folder or address of the pictures; None is enough for reference.
        out: Folder of the export.
        how: link, copy, or reference, which leaves the path below images_folder as file name.
        folder: Below `out`.

    Raises:
        FileNotFoundError: If a picture is missing.
        ImageError: If a frame cannot be read.
    """
    if how == "reference":
        return export.with_files(export.images["path"].tolist())
    assert source is not None
    names = flat_names(export.images["path"], export.images["image_id"])
    (out / folder).mkdir(parents=True, exist_ok=True)
    for path, name in sorted(zip(export.images["path"], names, strict=True)):  # frames in order of time
        if split_frame(path) is None:
            _place(source / path, out / folder / name, how)
        else:
            _write_frame(source / path, out / folder / name)
    return export.with_files([f"{folder}/{name}" for name in names])


def _file_name(path: str) -> str:
    frame = split_frame(path)
    if frame is None:
        return path if not path.lower().endswith(GIF) else f"{path[: -len(GIF)]}.png"
    return f"{frame[0].rpartition('.')[0]}__{round(frame[1] * 1000):08d}ms.jpg"


def _write_frame(path: Folder, target: Path) -> None:
    try:
        write_jpeg(target, read_image(path, max_megapixels=float("inf")))
    except ImageError as error:
        if str(error) == "missing":
            raise _missing(path.name.rpartition("#")[0]) from error
        raise ImageError(f"The frame {path.name} cannot be read: {error}.") from error


def _missing(name: str) -> FileNotFoundError:
    return FileNotFoundError(f"The picture {name} is missing; give its folder by --images_folder.")


def _place(picture: Folder, target: Path, how: str) -> None:
    try:
        data = picture.read_bytes()
    except FileNotFoundError as error:
        raise _missing(picture.name) from error
    with Image.open(io.BytesIO(data)) as opened:
        moving = picture.name.lower().endswith(GIF)
        turned = opened.getexif().get(ORIENTATION) not in AS_STORED
        if moving:
            opened.convert("RGB").save(target, format="PNG")
        elif turned:
            ImageOps.exif_transpose(opened).save(target, format=opened.format, quality=JPEG_QUALITY)
    if moving or turned:
        return
    if how == "link" and isinstance(picture, Path):
        target.symlink_to(picture.resolve())
    else:
        target.write_bytes(data)
