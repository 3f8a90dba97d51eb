"""CVAT's own form (CVAT for images 1.1), with the labels and attributes that a task must have for it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as xml

from ..run.folder import write_text
from ..tables import BOX
from .rows import FIELDS, Export

UNJUDGED = "unjudged"  # CVAT has no empty choice
VERDICTS = (UNJUDGED, "yes", "no")


def write_cvat(export: Export, out: Path) -> None:
    """Write annotations.xml, and labels.json for the raw label editor of a new task.

    The attribute `rare` is a choice of unjudged, yes and no: what is chosen comes back by `rarelib import`.
    """
    root = xml.Element("annotations")
    xml.SubElement(root, "version").text = "1.1"
    task = xml.SubElement(xml.SubElement(root, "meta"), "task")
    for name, text in (("name", export.name), ("size", len(export.images)), ("mode", "annotation")):
        xml.SubElement(task, name).text = str(text)
    labels = xml.SubElement(task, "labels")
    for name in export.class_names:
        _add_label(labels, name)
    for number, (image, objects) in enumerate(export.pictures()):
        about = {"id": number, "name": image.file_name.removeprefix("images/")}  # CVAT names a picture as uploaded
        node = xml.SubElement(root, "image", _texts({**about, "width": image.width, "height": image.height}))
        for row in objects.itertuples(index=False):
            edges = {
                edge: f"{getattr(row, name):.2f}" for edge, name in zip(("xtl", "ytl", "xbr", "ybr"), BOX, strict=True)
            }
            box = {"label": row.class_name, "source": "auto", "occluded": 0, **edges, "z_order": 0}
            box_node = xml.SubElement(node, "box", _texts(box))
            for name in FIELDS:
                value = getattr(row, name)
                xml.SubElement(box_node, "attribute", {"name": name}).text = (
                    value or UNJUDGED if name == "rare" else _clean(str(value))
                )
    xml.indent(root)
    write_text(out / "annotations.xml", xml.tostring(root, encoding="unicode", xml_declaration=True))
    write_text(out / "labels.json", json.dumps([_raw_label(name) for name in export.class_names], ensure_ascii=False))


def _add_label(labels: xml.Element, name: str) -> None:
    label = xml.SubElement(labels, "label")
    xml.SubElement(label, "name").text = _clean(name)
    attributes = xml.SubElement(label, "attributes")
    for attribute in _raw_label(name)["attributes"]:
        node = xml.SubElement(attributes, "attribute")
        for key in ("name", "mutable", "input_type", "default_value"):
            xml.SubElement(node, key).text = str(attribute[key])
        xml.SubElement(node, "values").text = "\n".join(attribute["values"])


def _raw_label(name: str) -> dict:
    attributes = []
    for field in FIELDS:
        choice = field == "rare"
        values = list(VERDICTS) if choice else [""]
        attributes.append({"name": field, "input_type": "select" if choice else "text", "mutable": False,
                           "values": values, "default_value": values[0]})  # fmt: skip
    return {"name": name, "attributes": attributes}


def _texts(values: dict) -> dict[str, str]:
    return {name: _clean(str(value)) for name, value in values.items()}


def _clean(text: str) -> str:
    """Return the text without characters that XML cannot hold."""
    return "".join(each for each in text if each in "\t\n\r" or (each >= " " and each not in "\ufffe\uffff"))
