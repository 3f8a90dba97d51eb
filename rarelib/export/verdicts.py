"""Verdicts that were given in another tool, brought back as the run's verdicts.csv."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

import numpy as np
import pandas as pd

from ..parameter_files import squeeze
from ..pictures.boxes import overlaps
from ..run.folder import RunFolder
from ..run.rows import rows_of
from ..run.user_tables import is_yes
from ..run.verdict_file import OWNER, PLACE, VerdictFile, rows_in_run
from ..tables import BOX
from .rows import VERDICTS

SAID = {"rare": True, "common": False}  # beside yes and no
Told = tuple[str, bool, list[float] | None]  # object_id, whether it is rare, and its box [px] where the tool tells it
CONTROL = "rare"  # of Label Studio's interface (label_studio.interface)
SAME_BOX_IOU = 0.9  # a tool that gives a box a new id leaves it where it was


def import_verdicts(run: RunFolder, file: Path, *, source: str) -> dict[str, int]:
    """Read verdicts from another tool's export and add them to the run's verdicts.csv.

    Args:
        run: Whose objects were judged.
        file: Label Studio's JSON; CVAT's XML (CVAT for images 1.1) or the zip that holds it; FiftyOne's labels in
            COCO's form or its own JSON, with a field `rare` or a tag rare or common.
        source: One of TOOLS (rarelib.export).

    Returns:
        How many objects are now said to be rare, common, and how many verdicts belong to no object of the run.

    Raises:
        ValueError: If the file is not of that tool, or has no verdict on an object of this run.
    """
    readers = {"label-studio": _label_studio, "cvat": _cvat, "fiftyone": _fiftyone}
    try:
        told = list(readers[source](file, run))
    except (ValueError, KeyError, TypeError, AttributeError, xml.ParseError, zipfile.BadZipFile) as error:
        said = f"it has no {error}" if isinstance(error, KeyError) else squeeze(error, 160)
        raise ValueError(f"{file.name} is not an export of {source}: {said}.") from error
    rows = rows_in_run(_as_rows(told, run), run)
    here = rows[rows[OWNER] != ""]
    if here.empty:
        raise ValueError(f"{file.name} has no verdict on an object of {run.root.name}.")
    judged = rows_of(run, "objects", here[OWNER], columns=["object_id", *PLACE])
    VerdictFile(run.root / VERDICTS, run).put(dict(zip(here[OWNER], here["rare"], strict=True)), judged)
    counts = {name: int((here["rare"] == word).sum()) for name, word in (("rare", "yes"), ("common", "no"))}
    return {**counts, "unknown": len(rows) - len(here)}


def _as_rows(told: list[Told], run: RunFolder) -> pd.DataFrame:
    """Return the last verdict on each object as rows of a file, with the boxes that the tool tells."""
    names, said, xyxy = zip(*told, strict=True) if told else ((), (), ())
    rows = pd.DataFrame({"object_id": names, "rare": ["yes" if rare else "no" for rare in said]}, dtype="str")
    boxes = pd.DataFrame([each or [np.nan] * 4 for each in xyxy], columns=BOX, index=rows.index, dtype=float)
    images = rows_of(run, "objects", names, columns=["object_id", "image_id"]).set_index("object_id")["image_id"]
    image_id = rows["object_id"].map(images).where(boxes.notna().all(axis=1)).fillna("").astype("str")
    return rows.assign(image_id=image_id, **boxes).drop_duplicates("object_id", keep="last", ignore_index=True)


def _label_studio(file: Path, run: RunFolder) -> Iterator[Told]:
    tasks = json.loads(file.read_text(encoding="utf-8"))
    place = None
    for task in tasks:
        known = {each["object_id"] for each in task["data"].get("objects", [])}
        for annotation in task.get("annotations") or []:
            if annotation.get("was_cancelled"):
                continue
            for region in annotation["result"] or []:
                value = region.get("value") or {}  # a relation of two regions has none
                word = next(iter(value.get("choices", [])), None)
                asked = region.get("from_name", CONTROL) == CONTROL  # a project may ask for other things by yes and no
                verdict = _verdict(word) if asked else _tagged(word)
                if verdict is None:
                    continue
                name, xyxy = region["id"], _pixels(region) if "x" in value else None
                if name not in known and xyxy is not None:
                    place = place if place is not None else _Places(run)
                    name = place.object_at(known, xyxy) or name
                yield name, verdict, xyxy


def _cvat(file: Path, run: RunFolder) -> Iterator[Told]:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive, archive.open("annotations.xml") as opened:
            root = xml.parse(opened).getroot()
    else:
        root = xml.parse(file).getroot()
    if root.tag != "annotations":
        raise ValueError(f"its root is '{root.tag}', not 'annotations'")
    for box in root.iter("box"):
        fields = {node.get("name"): node.text or "" for node in box.iter("attribute")}
        verdict = _verdict(fields.get("rare"))
        if verdict is not None and fields.get("object_id"):
            yield fields["object_id"], verdict, [float(box.attrib[side]) for side in ("xtl", "ytl", "xbr", "ybr")]


def _fiftyone(file: Path, run: RunFolder) -> Iterator[Told]:
    waiting: list[Any] = [json.loads(file.read_text(encoding="utf-8"))]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)  # what is popped comes in the order of the file
        elif isinstance(value, dict):
            fields = {**value, **(value["attributes"] if isinstance(value.get("attributes"), dict) else {})}
            tags = [_tagged(each) for each in value.get("tags") or []]
            verdict = next((said for said in (*tags, _verdict(fields.get("rare"))) if said is not None), None)
            if isinstance(fields.get("object_id"), str):
                if verdict is not None:
                    x, y, width, height = fields.get("bbox") or [0.0] * 4
                    yield fields["object_id"], verdict, [x, y, x + width, y + height] if "bbox" in fields else None
            else:
                waiting += reversed(value.values())


class _Places:
    """Finds an object of a picture by its box, where a tool has given it a name of its own."""

    def __init__(self, run: RunFolder) -> None:
        self.objects = run.read_table("objects", ["object_id", *BOX]).set_index("object_id")

    def object_at(self, object_ids: set[str], xyxy: list[float]) -> str | None:
        rows = self.objects[self.objects.index.isin(object_ids)]
        if rows.empty:
            return None
        iou, _ = overlaps(np.array([xyxy]), rows[BOX].to_numpy(float))
        return str(rows.index[iou[0].argmax()]) if iou[0].max() >= SAME_BOX_IOU else None


def _pixels(region: dict[str, Any]) -> list[float]:
    value, width, height = region["value"], region["original_width"], region["original_height"]
    x, y = value["x"] * width / 100, value["y"] * height / 100
    return [x, y, x + value["width"] * width / 100, y + value["height"] * height / 100]


def _verdict(word: Any) -> bool | None:
    said = _tagged(word)
    return is_yes(word) if said is None else said


def _tagged(word: Any) -> bool | None:
    """Return what a word says wherever it stands: rare, or common; yes and no may answer another question."""
    return SAID.get(str(word).strip().lower())
