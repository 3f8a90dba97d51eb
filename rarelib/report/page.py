"""Which objects and pictures a self-contained page holds, so that it stays small; what is left out is counted."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..explore.chosen import choose_objects
from ..explore.likeness import first_of_events
from ..explore.payload import component_data
from ..explore.places import places_on_map
from ..explore.rows import crop_sources, gather_objects, neighbours_of, open_tables
from ..explore.thumbnails import PictureIndex, small_picture
from ..pictures.sources import Folder
from ..run.asked import asked_parameters
from ..run.folder import VERDICTS, RunFolder
from ..run.queries import Tables
from ..run.rows import vectors_of
from ..run.verdict_file import VerdictFile
from ..tables import BOX

MAX_BYTES = 14_000_000  # of pictures in base64 and what stands around them
CARD_SIDE, SMALL_SIDE, WHOLE_SIDE = 240, 80, 800  # px
CARD_QUALITY, SMALL_QUALITY, WHOLE_QUALITY = 74, 60, 52  # WebP
COMMON_SHOWN = 800  # objects beside the cards and what belongs to them, so that the map shows what is normal
ALIKE = 12
WORKERS = 4


@dataclass
class Budget:
    """Bytes that a page may still take."""

    left: int

    def uri(self, content: bytes, kind: str = "image/webp") -> str:
        """Return a data URI; "" where there is nothing, or where the page would become too large."""
        text = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}" if content else ""
        if len(text) > self.left:
            return ""
        self.left -= len(text)
        return text


def page_rows(run: RunFolder, *, max_objects: int, language: str) -> tuple[pd.DataFrame, int, int]:
    """Return the rows that a page shows: the rarest selected, what is marked and what belongs to them, some others.

    Args:
        run: A run whose stages 01 to 04 are finished.
        max_objects: At most so many selected ones are cards, rarest first; those marked for the precision always.
        language: "en" or "ja".

    Returns:
        Rows of `rows.gather_objects`, the cards first; how many are cards; how many of the run's are selected.
    """
    with open_tables(run) as tables:
        object_ids, cards = choose_objects(tables, cards=max_objects, common=COMMON_SHOWN)
        selected = int(tables.value("SELECT count(*) FROM scores WHERE selected"))
    rows = gather_objects(run, among=object_ids, language=language)
    return rows.set_index("object_id", drop=False).loc[object_ids].reset_index(drop=True), cards, selected


def page_data(run: RunFolder, rows: pd.DataFrame, *, language: str) -> dict[str, Any]:
    """Return what the component is told of these rows, with all of them on the map."""
    asked = asked_parameters(run) if run.has("config.json") else {}
    vectors = vectors_of(run, rows["object_id"])
    placed = rows.assign(**places_on_map(rows[["x", "y"]], vectors)) if len(rows) else rows
    return component_data(
        placed,
        neighbours_of(run, rows["object_id"]),
        run_name=f"{run.root.resolve().name}-{_boxes_stamp(run)}",
        verdicts=VerdictFile(run.root / VERDICTS, run).rows,
        can={"words": False, "learn": False, "frames": False, "download": True},
        selection=asked.get("selection", "ranked"),
        language=language,
    )


def _boxes_stamp(run: RunFolder) -> str:
    """Return what tells a run's boxes from those of other pictures, whatever the order of the rows: 16 hex digits.

    An id comes from a picture's path, which pictures of another data set may have as well; so the boxes take part.
    """
    box = ", ".join(f"round({side})::BIGINT" for side in BOX)
    with Tables(run, "objects") as tables:
        found = tables.value(
            f"SELECT coalesce(bit_xor(md5_number_lower(concat_ws(' ', object_id, {box}))), 0) FROM objects"
        )
    return f"{int(found):016x}"


def page_pictures(
    run: RunFolder, rows: pd.DataFrame, cards: int, images_root: Folder, budget: Budget, *, language: str = "en"
) -> tuple[dict[str, Any], int, int]:
    """Return the pictures of a page, the most wanted first: crops of cards, small crops, whole pictures.

    Args:
        run: The run.
        rows: Of page_rows.
        cards: How many of them are cards.
        images_root: Folder of the source pictures; where it is missing there are no whole pictures.
        budget: What the pictures may take; it is used up here.
        language: Of the names of boxes.

    Returns:
        crops (data URI or "" for each row), whole (list), whole_of (row -> its place in the list, -1 for none) and
        similar (row -> rows like it); how many of the cards' whole pictures are in, and of how many.
    """
    paths = crop_sources(rows, run, images_root)
    crops = [budget.uri(each) for each in _encode(paths[:cards], CARD_SIDE, CARD_QUALITY)]
    crops += [budget.uri(each) for each in _encode(paths[cards:], SMALL_SIDE, SMALL_QUALITY)]
    index = PictureIndex(run, rows["object_id"], among=rows["image_id"][:cards], language=language)
    places = [index.place_of(image_id) for image_id in rows["image_id"][:cards]]
    wanted = list(dict.fromkeys(places))
    encoded = _encode((images_root / index.path_of(place) for place in wanted), WHOLE_SIDE, WHOLE_QUALITY)
    shown: dict[int, dict[str, Any]] = {}
    for place, content in zip(wanted, encoded, strict=True):
        if not content:
            continue
        url = budget.uri(content)
        if not url:
            break
        shown[place] = {**index.about(place), "url": url}
    number = {place: position for position, place in enumerate(shown)}
    pictures = {"crops": crops, "whole": list(shown.values()), "whole_of": [number.get(p, -1) for p in places]}
    return {**pictures, "similar": _similar(run, rows, cards)}, len(shown), len(wanted)


def _encode(paths: Iterable[Folder | Callable[[], np.ndarray]], side: int, quality: int) -> Iterator[bytes]:
    """Yield the pictures in order; encoders let other threads work, and no more is read ahead than a few."""
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting = [pool.submit(small_picture, path, side, form="webp", quality=quality) for path in paths]
        try:
            for one in waiting:
                yield one.result()
        finally:
            for one in waiting:
                one.cancel()


def _similar(run: RunFolder, rows: pd.DataFrame, cards: int) -> list[list[int]]:
    """Return for each card the rows of other events most like it, among those of the page."""
    vectors, events = vectors_of(run, rows["object_id"]), pd.factorize(rows["event"])[0]
    likeness = vectors[:cards] @ vectors.T
    return [first_of_events(likeness[row], events, count=ALIKE, but_not=events[row])[0] for row in range(cards)]
