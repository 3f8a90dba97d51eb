"""Hugging Face datasets: an imagefolder with metadata.jsonl, and the same as Parquet with the pictures inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ..run.folder import whole_file, write_text
from ..tables import BOX
from .rows import FIELDS, PLACE, Export

PICTURES = "imagefolder/train"
ROWS_AT_ONCE = 50  # pictures in memory
TEXT, NUMBER = {"dtype": "string", "_type": "Value"}, {"dtype": "float64", "_type": "Value"}
NUMBERS = ("rank", "rarity", "confidence")


def write_huggingface(export: Export, out: Path) -> None:
    """Write imagefolder/train/metadata.jsonl and parquet/train-….parquet.

    A row is a picture; `objects` holds lists as long as it has objects, `bbox` as x, y, width, height in px.
    """
    rows = [_row(image, objects) for image, objects in export.pictures()]
    lines = [json.dumps({**row, "file_name": Path(row["file_name"]).name}, ensure_ascii=False) for row in rows]
    write_text(out / PICTURES / "metadata.jsonl", "".join(f"{line}\n" for line in lines))
    path = out / "parquet" / "train-00000-of-00001.parquet"
    schema = _schema()
    with whole_file(path) as partial, parquet.ParquetWriter(partial, schema) as writer:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            embedded = [_embed(row, out) for row in rows[start : start + ROWS_AT_ONCE]]
            writer.write_table(pa.Table.from_pylist(embedded, schema))


def _row(image: Any, objects: Any) -> dict[str, Any]:
    boxes = [[round(float(value), 2) for value in (x, y, right - x, bottom - y)]
             for x, y, right, bottom in objects[BOX].to_numpy()]  # fmt: skip
    lists = {name: objects[name].tolist() for name in ("class_name", *FIELDS)}
    lists = {name: [float(value) for value in values] if name in NUMBERS else values for name, values in lists.items()}
    place = {name: getattr(image, name) for name in PLACE if name != "timestamp"}
    time = float(image.timestamp) if image.timestamp not in ("", None) and image.timestamp == image.timestamp else None
    about = {"image_id": image.image_id, "path": image.path, "width": int(image.width), "height": int(image.height)}
    return {"file_name": image.file_name, **about, **place, "timestamp": time, "objects": {"bbox": boxes, **lists}}


def _embed(row: dict[str, Any], out: Path) -> dict[str, Any]:
    name = row["file_name"]
    picture = {"bytes": (out / name).read_bytes(), "path": Path(name).name}
    return {"image": picture, **{key: value for key, value in row.items() if key != "file_name"}}


def _schema() -> pa.Schema:
    """Return the columns with the features that `datasets` reads from Parquet's metadata."""
    texts = ("image_id", "path", *(name for name in PLACE if name != "timestamp"))
    lists = {"bbox": pa.list_(pa.list_(pa.float64())), "class_name": pa.list_(pa.string())}
    lists |= {name: pa.list_(pa.float64() if name in NUMBERS else pa.string()) for name in FIELDS}
    fields = [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        *((name, pa.string()) for name in texts),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("timestamp", pa.float64()),
        ("objects", pa.struct(list(lists.items()))),
    ]
    number = {"dtype": "int64", "_type": "Value"}
    of_list = {name: {"feature": NUMBER if name in NUMBERS else TEXT, "_type": "List"} for name in lists}
    of_list["bbox"] = {"feature": {"feature": NUMBER, "_type": "List"}, "_type": "List"}
    features = {"image": {"_type": "Image"}, **dict.fromkeys(texts, TEXT), "width": number, "height": number,
                "timestamp": NUMBER, "objects": of_list}  # fmt: skip
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(fields, metadata=about)
