"""Verdicts that were given in another tool, brought back as the run's verdicts.csv."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

import numpy as np

from ..pictures.boxes import overlaps
from ..run.folder import RunFolder
from ..run.rows import rows_of
from ..run.user_tables import is_yes
from ..run.verdict_file import PLACE, VerdictFile
from ..tables import BOX
from .rows import VERDICTS

SAID = {"rare": True, "common": False}  # beside yes and no
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
        said = dict(readers[source](file, run))
    except (ValueError, KeyError, TypeError, AttributeError, xml.ParseError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file.name} is not an export of {source}: {_squeeze(error)}.") from error
    known = set(rows_of(run, "scores", list(said), columns=["object_id"])["object_id"])
    rare, common = ([each for each in said if each in known and said[each] is verdict] for verdict in (True, False))
    if not rare and not common:
        raise ValueError(f"{file.name} has no verdict on an object of {run.root.name}.")
    words = {**dict.fromkeys(rare, "yes"), **dict.fromkeys(common, "no")}
    judged = rows_of(run, "objects", list(words), columns=["object_id", *PLACE])
    VerdictFile(run.root / VERDICTS, run).put(words, judged)
    return {"rare": len(rare), "common": len(common), "unknown": sum(each not in known for each in said)}


def _label_studio(file: Path, run: RunFolder) -> Iterator[tuple[str, bool]]:
    tasks = json.loads(file.read_text(encoding="utf-8"))
    place = None
    for task in tasks:
        known = {each["object_id"] for each in task["data"].get("objects", [])}
        for annotation in task.get("annotations") or []:
            if annotation.get("was_cancelled"):
                continue
            for region in annotation["result"]:
                verdict = _verdict(next(iter(region["value"].get("choices", [])), None))
                if verdict is None:
                    continue
                name = region["id"]
                if name not in known:
                    place = place if place is not None else _Places(run)
                    name = place.object_at(known, _pixels(region)) or name
                yield name, verdict


def _cvat(file: Path, run: RunFolder) -> Iterator[tuple[str, bool]]:
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
            yield fields["object_id"], verdict


def _fiftyone(file: Path, run: RunFolder) -> Iterator[tuple[str, bool]]:
    waiting: list[Any] = [json.loads(file.read_text(encoding="utf-8"))]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            fields = {**value, **(value["attributes"] if isinstance(value.get("attributes"), dict) else {})}
            verdict = next((said for each in (*(value.get("tags") or []), fields.get("rare"))
                            if (said := _verdict(each)) is not None), None)  # fmt: skip
            if isinstance(fields.get("object_id"), str):
                if verdict is not None:
                    yield fields["object_id"], verdict
            else:
                waiting += value.values()


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
    return SAID.get(str(word).strip().lower(), is_yes(word))


def _squeeze(text: object, limit: int = 160) -> str:
    return " ".join(str(text).split())[:limit]
