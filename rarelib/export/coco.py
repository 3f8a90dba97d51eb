"""COCO's annotations, for tools of that form (fields under `attributes`) and for FiftyOne (fields of their own)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..run.folder import write_text
from ..tables import BOX
from .rows import FIELDS, PLACE, Export


def write_coco(export: Export, out: Path) -> None:
    """Write annotations/instances_default.json: images, annotations (x, y, width, height in px), categories from 1."""
    write_text(out / "annotations" / "instances_default.json", json.dumps(coco_form(export), ensure_ascii=False))


def write_fiftyone(export: Export, out: Path) -> None:
    """Write labels.json of a COCODetectionDataset, whose importer makes attributes of further fields."""
    write_text(out / "labels.json", json.dumps(coco_form(export, nested=False), ensure_ascii=False))


def coco_form(export: Export, *, nested: bool = True) -> dict[str, Any]:
    """Return the export in COCO's form; ids are counted from 1, rarest objects first in each picture."""
    number_of = {name: number for number, name in enumerate(export.class_names, 1)}
    images, annotations = [], []
    for image_number, (image, objects) in enumerate(export.pictures(), 1):
        place = {name: value for name in PLACE if (value := getattr(image, name)) == value and value != ""}
        images.append({"id": image_number, "file_name": _below(image), "width": int(image.width),
                       "height": int(image.height), "path": image.path, **place})  # fmt: skip
        for row in objects.itertuples(index=False):
            x_min, y_min, x_max, y_max = (round(float(getattr(row, name)), 2) for name in BOX)
            width, height = round(x_max - x_min, 2), round(y_max - y_min, 2)
            fields = {name: getattr(row, name) for name in FIELDS}
            own = {"attributes": fields} if nested else {"score": fields.pop("confidence"), **fields}
            annotations.append({
                "id": len(annotations) + 1, "image_id": image_number, "category_id": number_of[row.class_name],
                "bbox": [x_min, y_min, width, height], "area": round(width * height, 2), "iscrowd": 0,
                "segmentation": [], **own,
            })  # fmt: skip
    categories = [{"id": number, "name": name, "supercategory": ""} for name, number in number_of.items()]
    info = {"description": f"rarelib run {export.name}", "version": "1"}
    return {"info": info, "licenses": [], "categories": categories, "images": images, "annotations": annotations}


def _below(image: Any) -> str:
    """Return the file name below images/ or data/, where readers look for it; a path that is referred to stays."""
    return Path(image.file_name).name if image.file_name != image.path else image.path
