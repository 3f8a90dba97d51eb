"""Label Studio's tasks with predictions, and the labelling interface that shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from ..run.folder import write_text
from ..tables import BOX
from .rows import FIELDS, PLACE, Export

LOCAL_FILES = "/data/local-files/?d="  # what Label Studio serves from LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT
VERDICTS = {"yes": "rare", "no": "common"}


def write_label_studio(export: Export, out: Path, *, base: str) -> None:
    """Write tasks.json and config.xml.

    Each object is a rectangle whose id is its object_id, with a choice rare or common of its own, which comes back by
    `rarelib import`; rank, reason and caption are the region's text.

    Args:
        export: What is exported.
        out: Folder.
        base: What stands before a picture's file name below Label Studio's document root.
    """
    tasks = [_task(export.name, image, objects, base) for image, objects in export.pictures()]
    write_text(out / "tasks.json", json.dumps(tasks, ensure_ascii=False))
    write_text(out / "config.xml", interface(export.class_names))


def interface(class_names: list[str]) -> str:
    """Return the labelling interface: a picture, a rectangle of each class, and a verdict for each."""
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in class_names)
    choices = "\n".join(f'    <Choice value="{choice}"/>' for choice in VERDICTS.values())
    return f"""<View>
  <Image name="image" value="$image" zoom="true"/>
  <RectangleLabels name="label" toName="image">
{labels}
  </RectangleLabels>
  <Choices name="rare" toName="image" perRegion="true" choice="single" showInline="true">
{choices}
  </Choices>
</View>
"""


def _task(name: str, image: Any, objects: Any, base: str) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    for row in objects.itertuples(index=False):
        results += _regions(row, image)
    place = {key: value for key in PLACE if (value := getattr(image, key)) == value and value != ""}
    fields = ("object_id", *FIELDS[1:])
    about = [{key: getattr(row, key) for key in fields} for row in objects.itertuples(index=False)]
    return {
        "data": {"image": LOCAL_FILES + quote(base + image.file_name), "image_id": image.image_id, "path": image.path,
                 **place, "objects": about},
        "predictions": [{"model_version": f"rarelib {name}", "score": float(objects["rarity"].max()),
                         "result": results}],
    }  # fmt: skip


def _regions(row: Any, image: Any) -> list[dict[str, Any]]:
    x_min, y_min, x_max, y_max = (float(getattr(row, name)) for name in BOX)
    percent = {
        "x": 100 * x_min / image.width, "y": 100 * y_min / image.height, "rotation": 0,
        "width": 100 * (x_max - x_min) / image.width, "height": 100 * (y_max - y_min) / image.height,
    }  # fmt: skip
    common = {"id": row.object_id, "to_name": "image", "original_width": int(image.width),
              "original_height": int(image.height), "image_rotation": 0}  # fmt: skip
    words = [f"#{row.rank:.0f} {row.reason}", *([row.caption] if row.caption else [])]
    box = {**common, "from_name": "label", "type": "rectanglelabels", "score": float(row.rarity),
           "value": {**percent, "rectanglelabels": [row.class_name]}, "meta": {"text": words}}  # fmt: skip
    if not row.rare:
        return [box]
    choice = {"from_name": "rare", "type": "choices", "value": {**percent, "choices": [VERDICTS[row.rare]]}}
    return [box, {**common, **choice}]
