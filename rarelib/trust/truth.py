"""Where the truth of a run is from: a table, a file of labels, or the labels of the data set itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..datasets.labels import has_labels, read_label_file, read_labels
from ..datasets.layout import Layout
from ..datasets.recognition import pictures_layout, recognise
from ..datasets.remote_labels import label_folder
from ..language import say
from ..pictures.sources import Folder
from ..words.keywords import has_keyword
from .evaluation import read_truth

# what is rare on roads among the categories of each data set, by whole words of their names; COCO and YOLO have no
# categories of their own, CODA and SearchAD say it of each label
RARE_OF = {
    "nuscenes": (
        "animal", "wheelchair", "stroller", "personal mobility", "ambulance", "police", "vehicle construction",
        "construction vehicle", "trailer", "debris",
    ),
    "kitti": ("tram", "misc", "person sitting"),
    "bdd100k": ("train", "trailer", "other vehicle", "other person"),
}  # fmt: skip
SHOWN_KINDS = 12  # in a sentence


def find_truth(
    path: Path | None,
    folder: Folder,
    images: pd.DataFrame,
    *,
    from_labels: bool = True,
    dataset: str = "auto",
    rare_categories: Sequence[str] = (),
    language: str = "en",
) -> tuple[pd.DataFrame | None, str]:
    """Return the true objects of a run, and in words where they are from when they are labels.

    Args:
        path: Table of true objects (see read_truth), or .json of labels (COCO, CODA, SearchAD); None for none.
        folder: The pictures' folder or address.
        images: The images table; labels are read of sampled pictures that could be opened.
        from_labels: Without a path, take the labels of the data set.
        dataset: Layout of the folder, as in recognise.
        rare_categories: As in mark_rare.
        language: Of what is said.

    Returns:
        A table as of read_truth, None where there is no truth; and a sentence, "" for tables and for no labels.

    Raises:
        ValueError: If the file cannot be read.
    """
    readable = images[images["sampled"] & (images["error"] == "")]
    if path is not None and path.suffix.lower() != ".json":
        return read_truth(path), ""
    if path is not None:
        labels, name = read_label_file(path, label_folder(folder, []), readable), path.name
        return _with_words(mark_rare(labels, rare_categories), readable, name, language)
    if not from_labels:
        return None, ""
    layout = pictures_layout(recognise(folder, images["path"].tolist(), dataset=dataset))
    try:
        labels = _labels_of(layout, folder, readable)
    except (ValueError, LookupError, TypeError, OSError) as error:  # nobody asked for these: no reason to stop
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return None, say("truth_labels_broken", language, error=said)
    if labels is None:
        return None, ""
    rare = mark_rare(labels, rare_categories, usual=RARE_OF.get(layout.name, ()))
    return _with_words(rare, readable, layout.name, language)


def mark_rare(labels: pd.DataFrame, rare_categories: Sequence[str], *, usual: Sequence[str] = ()) -> pd.DataFrame:
    """Return labels with `wanted`: whether they count as rare; boxes over many things (crowds) are left out.

    Args:
        labels: Of read_labels.
        rare_categories: Words or phrases; a category whose name contains one, as whole words, is rare. They decide
            alone where there are any.
        usual: The same for labels that do not say themselves whether they are rare.
    """
    labels = labels[~labels["crowd"]].reset_index(drop=True)
    if len(rare_categories):
        return labels.assign(wanted=has_keyword(labels["class_name"], rare_categories))
    usually = has_keyword(labels["class_name"], usual)
    said = labels["rare"].to_numpy()
    return labels.assign(wanted=np.where(said == "", usually, said == "yes"))


def _labels_of(layout: Layout, folder: Folder, images: pd.DataFrame) -> pd.DataFrame | None:
    if not has_labels(layout):
        return None
    labels = read_labels(layout, label_folder(folder, images["path"].tolist(), of_all=True), images)
    return None if labels.empty else labels


def _with_words(labels: pd.DataFrame, images: pd.DataFrame, name: str, language: str) -> tuple[pd.DataFrame, str]:
    """Return labels as a truth table, its drives those of the pictures, and what they are in words."""
    rare = labels[labels["wanted"]]
    key = "truth_labels_not_rare" if rare.empty else "truth_labels"
    counted = (labels if rare.empty else rare)["class_name"].value_counts()
    kinds = ", ".join(counted.index[:SHOWN_KINDS])
    if len(counted) > SHOWN_KINDS:
        kinds = say("truth_labels_more", language, kinds=kinds, more=len(counted) - SHOWN_KINDS)
    drive = labels["path"].map(images.drop_duplicates("path").set_index("path")["group"])
    truth = labels.assign(rare=labels["wanted"], drive=drive.where(drive != "", labels["path"]))
    return truth, say(key, language, name=name, kinds=kinds)
