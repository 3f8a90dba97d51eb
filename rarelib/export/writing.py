"""Write an export whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd

from ..pictures.listing import image_id_of
from ..pictures.paths import split_frame
from ..pictures.sources import Folder
from ..run.asked import asked_parameters
from ..run.folder import RunFolder, write_text
from ..tables import BOX
from .coco import write_coco, write_fiftyone
from .cvat import write_cvat
from .frames import list_frames
from .huggingface import PICTURES, write_huggingface
from .label_studio import write_label_studio
from .pictures import place_pictures
from .rows import FIELDS, PLACE, Export, collect_rows
from .yolo import write_yolo

LISTED = ("image_id", "path", "sampled", "error", "group")  # what the control is drawn by
PICTURES_NEEDED = ("yolo", "huggingface")
FOLDERS = {"huggingface": PICTURES, "fiftyone": "data"}


def export_run(
    run: RunFolder,
    out: Path,
    *,
    to: str = "csv",
    what: str = "selection",
    pictures: str | None = None,
    images_folder: str | None = None,
    verdicts: str | Path | None = None,
) -> Export:
    """Write a run's objects in the form of another tool into a new folder.

    Args:
        run: A run whose stages 01 to 04 are finished.
        out: New or empty folder.
        to: One of FORMATS (rarelib.export).
        what: selection, rare (judged so), or all.
        pictures: link, copy or reference; by default csv refers to them and all others link.
        images_folder: Folder of the pictures; by default the one of the run, where that was named by a relative path.
        verdicts: CSV; by default the run's own verdicts.csv.

    Raises:
        ValueError: If the folder is not empty, the format cannot refer to pictures or to frames of videos, or nothing
            is judged rare.
        FileNotFoundError: If a picture is missing.
    """
    how = pictures or ("reference" if to == "csv" else "link")
    if how == "reference" and to in PICTURES_NEEDED:
        raise ValueError(f"The option '--pictures' must be link or copy for {to}, which reads pictures beside labels.")
    export = collect_rows(run, what=what, verdicts=verdicts)
    if how == "reference" and to != "csv" and any(split_frame(path) for path in export.images["path"]):
        raise ValueError(f"The option '--pictures' must be link or copy for {to} with videos: frames are no files.")
    source = None if how == "reference" else pictures_of(run, images_folder)
    partial = new_folder(out)
    try:
        export = place_pictures(export, source, partial, how=how, folder=FOLDERS.get(to, "images"))
        base = "" if how == "reference" else f"{out.resolve().name}/"
        _write(export, partial, to, base)
        finish_folder(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return export


def export_frames(
    run: RunFolder,
    out: Path,
    *,
    what: str = "selection",
    per_drive: int | None = 10,
    seed: int = 0,
    images_folder: str | None = None,
    verdicts: str | Path | None = None,
) -> pd.DataFrame:
    """Write the table of list_frames as frames.csv, and its paths as frames_rare.txt and frames_control.txt.

    What is a frame of a video is written as a picture into frames/, and stands there as path.

    Args:
        run: A run whose stages 01 to 04 are finished.
        out: Folder.
        what: selection, rare (judged so), or all.
        per_drive: At most this many frames of one drive; None for no limit.
        seed: Of the control.
        images_folder: Folder of the videos; as for export_run.
        verdicts: CSV; by default the run's own verdicts.csv.

    Raises:
        ValueError: If nothing is judged rare, or a frame cannot be read.
        FileNotFoundError: If a video is missing.
    """
    export = collect_rows(run, what=what, verdicts=verdicts)
    frames = list_frames(export, run.read_table("images", columns=list(LISTED)), per_drive=per_drive, seed=seed)
    of_video = frames["path"].map(split_frame).notna()
    if of_video.any():
        pictures = frames.loc[of_video, ["path"]].assign(image_id=lambda rows: rows["path"].map(image_id_of))
        cut = Export(pd.DataFrame(), pictures, export.name)
        placed = place_pictures(cut, pictures_of(run, images_folder), out, how="copy", folder="frames")
        frames = frames.assign(frame=frames["path"].where(of_video, ""))
        frames.loc[of_video, "path"] = placed.images["file_name"]
    write_text(out / "frames.csv", frames.to_csv(index=False))
    for kind in ("rare", "control"):
        paths = frames.loc[frames["kind"] == kind, "path"]
        write_text(out / f"frames_{kind}.txt", "".join(f"{path}\n" for path in paths))
    return frames


def pictures_of(run: RunFolder, images_folder: str | None) -> Folder:
    """Return the folder or address of a run's pictures.

    Raises:
        ValueError: If it is not there; a run keeps no absolute path.
    """
    named = images_folder or asked_parameters(run).get("images_folder", "")
    folder = run.images_root(named)
    if isinstance(folder, Path) and not folder.is_dir():
        raise ValueError(
            "The option '--images_folder' must name the folder of the run's pictures; a run keeps no absolute path. "
            + ("Nothing was given." if named.startswith("<") or not named else f"{named!r} is not there.")
        )
    return folder


def check_new(out: Path) -> None:
    """Check that nothing of an earlier export is in the folder asked for.

    Raises:
        ValueError: If it is there and not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"The option '--out' must name a new or empty folder. {out} is not empty.")


def new_folder(out: Path) -> Path:
    """Return a partial folder beside the one asked for.

    Raises:
        ValueError: If that one is there and not empty.
    """
    check_new(out)
    partial = out.parent / f".{out.name}.{os.getpid()}.partial"
    partial.mkdir(parents=True)
    return partial


def finish_folder(partial: Path, out: Path) -> None:
    """Give a partial folder its name."""
    if out.exists():
        out.rmdir()
    partial.rename(out)


def _write(export: Export, out: Path, to: str, base: str) -> None:
    if to == "label-studio":
        write_label_studio(export, out, base=base)
    elif to == "csv":
        _write_csv(export, out)
    else:
        writers = {"coco": write_coco, "yolo": write_yolo, "cvat": write_cvat, "fiftyone": write_fiftyone}
        {**writers, "huggingface": write_huggingface}[to](export, out)


def _write_csv(export: Export, out: Path) -> None:
    about = export.images[["image_id", "path", "file_name", "width", "height", *PLACE]]
    columns = ["object_id", "path", "file_name", "width", "height", "class_name", *BOX, *FIELDS[1:], *PLACE]
    table = export.objects.merge(about, on="image_id", how="left").sort_values("rank")
    write_text(out / "objects.csv", table[columns].to_csv(index=False))
