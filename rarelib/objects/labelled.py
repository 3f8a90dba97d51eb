"""Boxes that a labelled data set comes with, in a detector's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, ClassVar

import pandas as pd

from ..datasets.label_rows import has_area
from ..datasets.labels import has_labels, read_labels
from ..datasets.layout import Layout
from ..datasets.recognition import pictures_layout, recognise
from ..datasets.remote_labels import label_folder
from ..language import say
from ..models.detector import Detector, load_detector, load_with_second
from ..models.proposer import load_proposer
from ..models.quantization import CALIBRATION_IMAGES
from ..models.runtime import runtime_text
from ..pictures.sources import Folder, source_of
from ..settings import ModelSettings
from ..tables import BOX

PICTURES_AT_ONCE = 8  # read and cut by one worker


@dataclass(frozen=True)
class LabelledBoxes:
    """Boxes of a labelled data set: they are cut, and nothing is detected.

    Attributes:
        labels: One row per label: image_id, box [px of the upright picture], class_name.
        crowds: How many boxes over many things were left out.
        empty: How many boxes were left out as they have no area inside their picture.
        layout: Name of the data set's layout.
    """

    labels: pd.DataFrame
    crowds: int
    empty: int
    layout: str
    batch: ClassVar[int] = PICTURES_AT_ONCE

    @property
    def runtime(self) -> str:
        """What gave the boxes, in words."""
        return f"labels of {self.layout}"

    @cached_property
    def sha256(self) -> str:
        """Tell these labels from others."""
        return format(pd.util.hash_pandas_object(self.labels, index=False).sum().item(), "x")

    @property
    def reload(self) -> Callable[[], LabelledBoxes]:
        """Give the same in another process."""
        return partial(replace, self)

    @property
    def decided_by(self) -> list[Any]:
        """What decides which boxes there are, besides the pictures."""
        return [self.sha256, self.runtime]

    def open(self, workers: int = 1) -> None:
        """Do nothing: labels are read already."""

    def of_picture(self, image_id: str) -> pd.DataFrame:
        """Return the labels of one picture, in the order of its label file."""
        rows = self._rows.get(image_id)
        return self.labels.iloc[[]] if rows is None else self.labels.iloc[rows]

    @cached_property
    def _rows(self) -> dict[str, pd.Index]:
        return self.labels.groupby("image_id").indices


def open_boxes(
    boxes: str,
    images: pd.DataFrame,
    folder: str | Folder,
    *,
    listed: Sequence[str] | None = None,
    dataset: str = "auto",
    imgsz: int = 640,
    settings: ModelSettings | Mapping[str, Any] | None = None,
) -> Detector | LabelledBoxes:
    """Return what gives the boxes of a run: a detector, loaded, or the labels of the data set, read.

    Args:
        boxes: detector or labels.
        images: The pictures to find boxes in: image_id, path, width, height [px].
        folder: Folder or address that the paths are relative to.
        listed: Paths of all pictures of the folder, as in read_boxes.
        dataset: Layout of the folder, as in recognise.
        imgsz: Longer side of the detector's input [px].
        settings: Which detector, and how it runs.

    Raises:
        ValueError: If there are no labels, or no such detector.
        LabelError: If a label file is not what its form promises.
    """
    if boxes == "labels":
        return read_boxes(images, folder, listed=listed, dataset=dataset)
    settings = ModelSettings.taken(settings)
    calibration = [source_of(folder) / path for path in images["path"].head(CALIBRATION_IMAGES)]
    load = partial(
        load_detector, settings.yolo_model, runtime=settings.runtime, device=settings.device, imgsz=imgsz,
        trust_pickles=settings.trust_pickles, calibration_images=calibration,
    )  # fmt: skip
    if not settings.proposals:
        return load()
    load_second = partial(
        load_proposer, settings.proposal_model, words=settings.proposal_words,
        text_model=settings.proposal_text_model, device=settings.device, imgsz=settings.proposal_imgsz or imgsz,
        trust_pickles=settings.trust_pickles,
    )  # fmt: skip
    return load_with_second(load, load_second, finer=settings.proposal_imgsz)


def read_boxes(
    images: pd.DataFrame, folder: str | Folder, *, listed: Sequence[str] | None = None, dataset: str = "auto"
) -> LabelledBoxes:
    """Return the labels of these pictures.

    Boxes over many things (crowds) and boxes without an area inside their picture are counted and left out.

    Args:
        images: The pictures: image_id, path, width, height [px].
        folder: Folder or address that the paths are relative to.
        listed: Paths of all pictures of the folder, by which its layout is known: a few that were drawn may be without
            labels. By default those of `images`.
        dataset: Layout of the folder, as in recognise.

    Raises:
        ValueError: If the data set has no labels, or none of these pictures has one.
        LabelError: If a label file is not what its form promises.
    """
    paths = images["path"].tolist()
    layout = labelled_layout(folder, paths if listed is None else list(listed), dataset=dataset)
    labels = read_labels(layout, label_folder(source_of(folder), paths, of_all=True), images, without_area=True)
    crowd, there = labels["crowd"], has_area(labels)
    crowds, empty = int((crowd & there).sum()), int((~there).sum())
    labels = labels[there & ~crowd].merge(images[["path", "image_id"]], on="path")
    if labels.empty:
        left_out = f" {crowds:,} crowds and {empty:,} boxes outside their pictures are left out." * bool(crowds + empty)
        raise ValueError(
            f"The 'boxes' parameter is labels, but no label of the layout '{layout.name}' belongs to any of the "
            f"{len(images):,} pictures; take --boxes detector.{left_out}"
        )
    return LabelledBoxes(labels[["image_id", *BOX, "class_name"]].reset_index(drop=True), crowds, empty, layout.name)


def labelled_layout(folder: str | Folder, paths: Sequence[str], *, dataset: str = "auto") -> Layout:
    """Return the layout of pictures that come with labels.

    Raises:
        ValueError: If they come with none.
    """
    layout = pictures_layout(recognise(folder, paths, dataset=dataset))
    if not has_labels(layout):
        raise ValueError(
            f"The 'boxes' parameter can be labels only where labels lie beside the pictures (nuScenes, KITTI, BDD100K, "
            f"COCO, YOLO). The layout recognised is '{layout.name}'; name it by --dataset, or take --boxes detector."
        )
    return layout


def boxes_sentence(finder: Detector | LabelledBoxes, counts: dict[str, Any], language: str = "en") -> str:
    """Return in words what was found, or read, from the counts of stage 02."""
    if isinstance(finder, LabelledBoxes):
        return say(
            "labels_sentence", language, crowds=finder.crowds, empty=finder.empty, layout=finder.layout, **counts
        )
    return say("detect_sentence", language, **{**counts, "runtime": runtime_text(counts["runtime"], language)})
