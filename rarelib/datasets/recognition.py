"""Tell which layout a folder has, and list its pictures with all that the layout knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..pictures.listing import list_images
from ..pictures.sources import Folder, source_of
from ..settings import SelectSettings
from .bdd100k import Bdd100k
from .coco import Coco
from .kitti import Kitti
from .layout import Layout
from .nuscenes import Nuscenes
from .remote_labels import label_folder
from .video import Video, of_video
from .yolo import Yolo

LAYOUTS: dict[str, type[Layout]] = {
    layout.name: layout for layout in (Nuscenes, Kitti, Bdd100k, Coco, Yolo, Layout, Video)
}  # auto takes the first that fits the pictures; the plain folder fits always
SWEEPS = "sweeps/"
LOOKED_AT = 1_000  # pictures that are looked at first to check what is asked for


def recognise(folder: str | Folder, paths: Sequence[str], *, dataset: str = "auto") -> Layout:
    """Return the layout of a folder; with videos in it that of their frames, which knows the one of the pictures.

    Args:
        folder: That holds the pictures.
        paths: Of its pictures, relative to it.
        dataset: Name of the layout, or auto.

    Raises:
        ValueError: If the folder has not the layout that was named.
    """
    place = source_of(folder)
    pictures = [path for path in paths if not of_video(path)]
    folder = label_folder(place, pictures)
    tried = LAYOUTS.values() if dataset == "auto" else [LAYOUTS[dataset]]
    videos = Video.find(place, paths)
    if videos is not None and (dataset == Video.name or not pictures):
        return videos
    layout = next((found for each in tried if (found := each.find(folder, pictures)) is not None), None)
    if layout is not None and videos is not None:
        return replace(videos, pictures=layout)
    if layout is None:
        is_it = recognise(place, paths).name
        raise ValueError(
            f"The 'dataset' parameter must be the layout of the pictures' folder. Got '{dataset}', but names such as "
            f"{list(paths[:3])} are those of '{is_it}'; with auto the layout is found, with folder none is needed."
        )
    return layout


def check_asked(
    folder: str | Folder, paths: Iterable[str], *, dataset: str = "auto", cameras: Sequence[str] = ()
) -> None:
    """Check that a folder has the layout and the cameras that are asked for, on as few of its pictures as tell it.

    Args:
        folder: That holds the pictures.
        paths: Of its pictures, relative to it; of a folder on disk no more are taken than are looked at.
        dataset: Name of the layout, or auto.
        cameras: All of them must be there.

    Raises:
        ValueError: If it has not; the message says what it has instead.
        OSError: If the label files at an address cannot be read.
    """
    place, looked, rest = source_of(folder), [], iter(paths)
    many = LOOKED_AT if isinstance(place, Path) else None
    while True:
        more = list(islice(rest, many))
        looked += more
        is_all = many is None or len(more) < many
        try:
            layout = recognise(place, looked, dataset=dataset)
        except ValueError:
            if is_all:
                raise
        else:
            if set(cameras) <= layout.cameras(looked):
                return
            if is_all:  # tables of a data set can be long: they are read where names do not tell
                return _check_cameras(layout, layout.describe(looked)["camera"], cameras)
        many = len(looked)


def list_dataset(
    folder: str | Folder,
    *,
    dataset: str = "auto",
    cameras: Sequence[str] = (),
    sweeps: bool = False,
    group_pattern: str = "auto",
    earlier: pd.DataFrame | None = None,
    **drawing: Any,
) -> tuple[pd.DataFrame, Layout]:
    """List the pictures of a folder with what its layout knows of them, and draw a sample.

    Args:
        folder: Searched recursively.
        dataset: Name of the layout, or auto.
        cameras: Only pictures of these are drawn; empty takes all.
        sweeps: Also draw pictures between the key frames (folders sweeps/ of nuScenes).
        group_pattern: Regular expression whose first group names the drive; auto leaves it to the layout.
        earlier: What was listed before, as in list_images.
        drawing: sampling_rate, max_images, seed, max_megapixels and video_fps of list_images.

    Returns:
        The images table with group, camera, sample_token, location, time_of_day, weather and timestamp [s], and the
        layout. Pictures of other cameras, sweeps, maps and masks keep their rows and are not drawn.

    Raises:
        ValueError: If no picture is of a camera that is asked for, or the folder has not the layout that was named.
    """
    found: list[tuple[Layout, pd.DataFrame]] = []

    def may_be_drawn(paths: list[str]) -> np.ndarray:
        layout = recognise(folder, paths, dataset=dataset)
        found.append((layout, layout.describe(paths)))
        keep = layout.is_picture(paths)
        if not sweeps:
            keep &= ~_are_sweeps(layout, paths)
        if cameras:
            keep &= _of_cameras(*found[0], cameras)
        return keep

    settings = SelectSettings(group_pattern=group_pattern, **drawing)
    images = list_images(folder, settings=settings, may_be_drawn=may_be_drawn, earlier=earlier)
    layout, about = found[0]
    if group_pattern != "auto":
        about["group"] = images["group"]
    return images.assign(**{name: about[name] for name in about}), layout


def pictures_layout(layout: Layout) -> Layout:
    """Return the layout of the pictures that are no frames of videos, where there are any."""
    return layout.pictures if isinstance(layout, Video) and layout.pictures is not None else layout


def dataset_sentence(layout: Layout, images: pd.DataFrame, language: str = "en") -> str:
    """Return what was recognised, in words: layout, cameras, groups, conditions, and what is left out."""
    drawable = images[layout.is_picture(images["path"].tolist())]
    parts = [say("dataset.recognised", language, title=_title(layout, language))]
    beside = pictures_layout(layout)
    if beside is not layout:
        parts.append(say("dataset.beside", language, title=_title(beside, language)))
    cameras = drawable.loc[drawable["camera"] != "", "camera"]
    if len(cameras):
        parts.append(say("dataset.cameras", language, cameras=", ".join(sorted(cameras.unique()))))
    parts.append(say("dataset.groups" if (images["group"] != "").any() else "dataset.no_groups", language))
    for name in ("time_of_day", "weather", "location"):
        known = drawable.loc[drawable[name] != "", name].value_counts()
        if len(known) > 1:
            counted = ", ".join(f"{value} {count:,}" for value, count in known.head(8).items())
            parts.append(say("dataset.condition", language, what=say(f"column_{name}", language), counted=counted))
    left_out = len(images) - len(drawable)
    if left_out:
        parts.append(say("dataset.no_pictures", language, left_out=left_out))
    return " ".join(parts) if language == "en" else "".join(parts)


def reasons_not_drawn(
    layout: Layout, images: pd.DataFrame, *, cameras: Sequence[str] = (), sweeps: bool = False, language: str = "en"
) -> dict[str, int]:
    """Return why pictures of `list_dataset` were not drawn, and how many for each reason, the most frequent first."""
    paths = images["path"].tolist()
    why = {
        "drawn": images["sampled"].to_numpy(bool),
        "no_picture": ~layout.is_picture(paths),
        "sweep": _are_sweeps(layout, paths) & (not sweeps),
        "camera": ~images["camera"].isin(list(cameras)).to_numpy() & bool(cameras),
    }
    reason = pd.Series(np.select(list(why.values()), list(why), "sample"))
    counts = reason[reason != "drawn"].value_counts()
    return {say(f"dataset.not_drawn_{name}", language): int(count) for name, count in counts.items()}


def _are_sweeps(layout: Layout, paths: Sequence[str]) -> np.ndarray:
    if pictures_layout(layout).name != Nuscenes.name:
        return np.zeros(len(paths), bool)
    return np.array([SWEEPS in f"{layout.folder.name}/{path}" for path in paths], bool)


def _title(layout: Layout, language: str) -> str:
    return say(f"dataset.{layout.name}" + ("" if layout.version else "_bare"), language, version=layout.version)


def _of_cameras(layout: Layout, about: pd.DataFrame, wanted: Sequence[str]) -> np.ndarray:
    if len(about):
        _check_cameras(layout, about["camera"], wanted)
    return about["camera"].isin(list(wanted)).to_numpy()


def _check_cameras(layout: Layout, camera: pd.Series, wanted: Sequence[str]) -> None:
    known = sorted(set(camera) - {""})
    if set(wanted) <= set(known):
        return
    must = f"name cameras of the data set ({', '.join(known)})" if known else "be empty for this data set"
    why = "" if known else f", as the layout '{pictures_layout(layout).name}' tells no cameras"
    raise ValueError(f"The 'cameras' parameter must {must}. Got {list(wanted)}{why}.")
