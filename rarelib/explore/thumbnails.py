"""Pictures made small enough to be sent: crops, and whole pictures with what stands in them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from ..objects.zero_shot import known_looks, shown_names
from ..pictures.decoding import ImageError, read_image
from ..pictures.sources import Folder
from ..run.folder import RunFolder
from ..run.queries import ROW, Tables
from ..tables import BOX

WEBP_METHOD = 2  # measured: 9 ms a picture and 6 % more bytes than method 3, which takes 23 ms


def small_picture(
    source: Folder | Callable[[], np.ndarray], side: int, *, form: str = "jpeg", quality: int = 82
) -> bytes:
    """Return a picture, its longer side at most so long [px], encoded as jpeg or webp; b"" if it cannot be read.

    Args:
        source: Where it lies, or what reads it.
        side: Longer side [px].
        form: jpeg or webp.
        quality: Of the encoding.
    """
    try:
        picture = Image.fromarray(source() if callable(source) else read_image(source))
    except ImageError:
        return b""
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, form, quality=quality, **({"method": WEBP_METHOD} if form == "webp" else {}))
    return buffer.getvalue()


class PictureIndex:
    """The pictures of a run: which boxes each holds, which stand before and after it in its drive."""

    def __init__(
        self, run: RunFolder, object_ids: Sequence[str], *, among: Sequence[str] | None = None, language: str = "en"
    ) -> None:
        """Number the pictures by drive and path, and find those of the objects that a component shows.

        Args:
            run: With the tables of pictures and objects.
            object_ids: Of the rows that the component shows.
            among: image_ids of the pictures that are asked for first; what is known of them is found at once.
            language: Of the names of boxes.
        """
        self._tables = Tables(run, "images", "objects", optional=("zero_shot",))
        self._language = language
        self._row = {object_id: row for row, object_id in enumerate(object_ids)}
        ordered = f'row_number() OVER (ORDER BY "group", path, {ROW}) - 1 AS place'
        self._tables.make(
            "places",
            f"""
            SELECT *, {_beside("lag")} AS before, {_beside("lead")} AS after FROM
                (SELECT image_id, path, width, height, "group", {ordered} FROM images)""",
        )
        self._images: dict[int, dict[str, Any]] = {}
        self._place: dict[str, int] = {}
        self._boxes: dict[str, list[dict[str, Any]]] = {}
        if among is not None:
            self._find("image_id", list(among))

    def place_of(self, image_id: str) -> int:
        """Return where a picture stands."""
        if image_id not in self._place:
            self._find("image_id", [image_id])
        return self._place[image_id]

    def path_of(self, place: int) -> str:
        """Return a picture's path, relative to images_folder."""
        return str(self._image(place)["path"])

    def about(self, place: int) -> dict[str, Any]:
        """Return path, width, height, boxes (row -1 where it is not shown), and the places before and after."""
        image = self._image(place)
        boxes = self._boxes.get(image["image_id"], [])
        return {
            "path": image["path"],
            "width": int(image["width"]),
            "height": int(image["height"]),
            "boxes": [self._box(box) for box in boxes],
            **{side: None if pd.isna(image[side]) else int(image[side]) for side in ("before", "after")},
        }

    def _image(self, place: int) -> dict[str, Any]:
        if place not in self._images:
            self._find("place", [place])
        return self._images[place]

    def _find(self, column: str, wanted: list[Any]) -> None:
        """Take up pictures, told by id or place, and their boxes."""
        self._tables.keep("wanted", pd.DataFrame({column: wanted}).drop_duplicates())
        images = self._tables.rows(f"SELECT * FROM places SEMI JOIN wanted USING ({column})")
        self._images |= {int(image["place"]): image for image in images.to_dict("records")}
        self._place |= {
            image_id: int(place) for image_id, place in zip(images["image_id"], images["place"], strict=True)
        }
        self._tables.keep("wanted", images[["image_id"]])
        columns = ", ".join(("object_id", "image_id", *BOX, "class_name", "origin"))
        boxes = self._tables.rows(f"SELECT {columns} FROM objects SEMI JOIN wanted USING (image_id) ORDER BY {ROW}")
        looks = known_looks(self._tables, boxes["object_id"])
        boxes["called"] = shown_names(boxes, looks, language=self._language)
        self._boxes |= {image_id: part.to_dict("records") for image_id, part in boxes.groupby("image_id")}

    def _box(self, box: dict[str, Any]) -> dict[str, Any]:
        xyxy = [round(box[side], 1) for side in BOX]
        row = self._row.get(box["object_id"], -1)
        return {"row": row, "xyxy": xyxy, "name": box["called"], "origin": box["origin"]}


def _beside(way: str) -> str:
    """Return the SQL of the place beside a picture in its drive, NULL at its ends and for pictures of no drive."""
    return f"""CASE WHEN "group" <> '' THEN {way}(place) OVER (PARTITION BY "group" ORDER BY place) END"""
