"""Label quality by cleanlab's object detection scores (Tkachenko, 2023, arXiv:2309.00832), where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..models.detector import Detector, load_detector
from ..pictures.boxes import suppress
from ..pictures.decoding import ImageError, read_image
from ..pictures.sources import Folder, source_of
from ..run.progress import track
from ..tables import BOX

NAMES = ("swap", "badloc")  # of a wrong class, and of a box in the wrong place
# from where a detector's word for another class counts: of cleanlab's own 0.95 YOLOv8 is hardly ever so sure
OPTIONS = {"swap": {"high_probability_threshold": 0.5}, "badloc": {}}


def has_cleanlab() -> bool:
    """Tell whether cleanlab is installed: `pip install rarelib[labels]`."""
    return find_spec("cleanlab") is not None


def cleanlab_scores(labels: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return cleanlab's scores of each label, by what a detector sees in the same pictures.

    Args:
        labels: Rows with object_id, image_id, class_name and box [px].
        predicted: Rows with image_id, class_name, confidence and box [px]; classes are the same where their names are,
            in whatever case.

    Returns:
        object_id, swap and badloc, each in [0, 1], lower is worse; NaN where the detector does not know the class, or
        where cleanlab is not installed.
    """
    known = sorted(set(predicted["class_name"].str.casefold()))
    named = labels["class_name"].str.casefold()
    judged = labels[named.isin(known)] if has_cleanlab() else labels.head(0)
    empty = pd.DataFrame({"object_id": labels["object_id"], **dict.fromkeys(NAMES, np.nan)})
    if judged.empty:
        return empty.reset_index(drop=True)
    from cleanlab.object_detection import rank

    number = {name: place for place, name in enumerate(known)}
    pictures = dict(list(judged.groupby("image_id", sort=False)))
    seen = dict(list(predicted.groupby("image_id")))
    given = [{"bboxes": rows[BOX].to_numpy(float), "labels": rows["class_name"].str.casefold().map(number).to_numpy()}
             for rows in pictures.values()]  # fmt: skip
    told = [_by_class(seen.get(image_id, predicted.head(0)), number) for image_id in pictures]
    ids = [object_id for rows in pictures.values() for object_id in rows["object_id"]]
    scores = {
        name: np.concatenate(getattr(rank, f"compute_{name}_box_scores")(labels=given, predictions=told, **options))
        for name, options in OPTIONS.items()
    }
    found = pd.DataFrame({"object_id": pd.Series(ids, dtype="str"), **scores})
    return empty[["object_id"]].merge(found, on="object_id", how="left")


def see_boxes(
    images: pd.DataFrame, folder: str | Folder, yolo_model: str, *, conf: float = 0.25, iou: float = 0.45
) -> pd.DataFrame:
    """Return what a detector sees in pictures: image_id, class_name, confidence and box [px].

    Args:
        images: Rows with image_id and path.
        folder: Folder or address that the paths are relative to.
        yolo_model: As in load_detector; "" asks none, nor is one asked where cleanlab is not installed.
        conf: Least confidence.
        iou: Overlap at which the weaker box is dropped.
    """
    types = {"image_id": "str", "class_name": "str", **dict.fromkeys(["confidence", *BOX], float)}
    nothing = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in types.items()})
    if not yolo_model or not has_cleanlab():
        return nothing
    detector = load_detector(yolo_model)
    detector.open()
    rows = track(list(images.itertuples()), "images")
    found = [_seen(row, source_of(folder), detector, conf, iou) for row in rows]
    return pd.concat([nothing, *found], ignore_index=True).astype(types)


def cleanlab_sentence(audited: pd.DataFrame, scores: pd.DataFrame, model: str, language: str = "en") -> str:
    """Return in words how far cleanlab's swap scores and the audit here agree on the most suspicious labels."""
    judged = scores.dropna(subset="swap").merge(audited, on="object_id")
    if judged.empty:
        return say("labels.no_cleanlab", language)
    count = min(max(int((judged["mislabelled"] > 0.5).sum()), 1), len(judged))
    here = set(judged.nlargest(count, "mislabelled")["object_id"])
    there = set(judged.nsmallest(count, "swap")["object_id"])
    counts = {"labels": len(scores), "judged": len(judged), "count": count, "shared": len(here & there)}
    return say("labels.cleanlab", language, model=Path(model).name, **counts)


def _seen(row: Any, folder: Folder, detector: Detector, conf: float, iou: float) -> pd.DataFrame:
    try:
        picture = read_image(folder / row.path)
    except ImageError:
        return pd.DataFrame({"image_id": []})  # the run tells why
    boxes = suppress(detector.find_boxes([picture], least=conf)[0], iou=iou, limit=300)
    table = pd.DataFrame(boxes.xyxy, columns=BOX).assign(image_id=row.image_id, confidence=boxes.confidence)
    return table.assign(class_name=[detector.class_names[number] for number in boxes.class_id])


def _by_class(rows: pd.DataFrame, number: dict[str, int]) -> np.ndarray:
    """Return one array (n, 5) of box and confidence for each class, as cleanlab asks for."""
    classes = rows["class_name"].str.casefold().map(number).to_numpy()
    values = rows[[*BOX, "confidence"]].to_numpy(float)
    found = np.empty(len(number), dtype=object)
    for place in range(len(number)):
        found[place] = values[classes == place].reshape(-1, 5)
    return found
