"""Which objects and pictures a self-contained page holds, so that it stays small; what is left out is counted."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..explore.likeness import first_of_events
from ..explore.payload import component_data
from ..explore.places import places_on_map
from ..explore.rows import crop_sources, read_optional
from ..explore.thumbnails import PictureIndex, small_picture
from ..explore.verdict_file import VerdictFile
from ..pictures.sources import Folder
from ..run.folder import VERDICTS, RunFolder

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
    refused: int = field(default=0)

    def uri(self, content: bytes, kind: str = "image/webp") -> str:
        """Return a data URI; "" where there is nothing, or where the page would become too large."""
        text = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}" if content else ""
        if len(text) > self.left:
            self.refused += 1
            return ""
        self.left -= len(text)
        return text


def choose_rows(
    rows: pd.DataFrame, neighbours: pd.DataFrame | None, *, max_objects: int, seed: int = 0
) -> tuple[pd.DataFrame, int]:
    """Return the rows that a page shows: the rarest selected, what is marked and what belongs to them, some others.

    Args:
        rows: Of `rows.gather_objects`.
        neighbours: The neighbours table, or None.
        max_objects: At most so many selected ones are cards, rarest first; those marked for the precision always.
        seed: Of the draw among the rest.

    Returns:
        The rows, the cards first, and how many are cards.
    """
    selected = rows[rows["selected"].astype(bool)].head(max_objects)
    cards = rows[rows["object_id"].isin(selected["object_id"]) | rows["marked"]]
    beside = (
        set(neighbours[neighbours["object_id"].isin(cards["object_id"])]["neighbour_id"])
        if neighbours is not None
        else set()
    )
    rest = rows[~rows["object_id"].isin(cards["object_id"])]
    belongs = rest["object_id"].isin(beside) | (rest["event"].isin(cards["event"]) & ~rest["selected"].astype(bool))
    common = rest[~belongs & ~rest["selected"].astype(bool)]
    drawn = common.sample(min(len(common), COMMON_SHOWN), random_state=seed).sort_values("rank")
    return pd.concat([cards, rest[belongs], drawn], ignore_index=True), len(cards)


def page_data(run: RunFolder, rows: pd.DataFrame, *, language: str) -> dict[str, Any]:
    """Return what the component is told of these rows, with all of them on the map."""
    vectors = _vectors_of(run, rows)
    placed = rows.assign(**places_on_map(rows[["x", "y"]], vectors)) if len(rows) else rows
    return component_data(
        placed,
        read_optional(run, "neighbours"),
        run_name=run.root.resolve().name,
        verdicts=VerdictFile(run.root / VERDICTS).words,
        can={"words": False, "learn": False, "frames": False, "download": True},
        language=language,
    )


def page_pictures(
    run: RunFolder, rows: pd.DataFrame, cards: int, images_root: Folder, budget: Budget
) -> tuple[dict[str, Any], int, int]:
    """Return the pictures of a page, the most wanted first: crops of cards, small crops, whole pictures.

    Args:
        run: The run.
        rows: Of choose_rows.
        cards: How many of them are cards.
        images_root: Folder of the source pictures; where it is missing there are no whole pictures.
        budget: What the pictures may take; it is used up here.

    Returns:
        crops (data URI or "" for each row), whole (list), whole_of (row -> its place in the list, -1 for none) and
        similar (row -> rows like it); how many of the cards' whole pictures are in, and of how many.
    """
    paths = crop_sources(rows, run, images_root)
    crops = [budget.uri(each) for each in _encode(paths[:cards], CARD_SIDE, CARD_QUALITY)]
    crops += [budget.uri(each) for each in _encode(paths[cards:], SMALL_SIDE, SMALL_QUALITY)]
    index = PictureIndex(run.read_table("images"), run.read_table("objects"), rows["object_id"].tolist())
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
    vectors, events = _vectors_of(run, rows), pd.factorize(rows["event"])[0]
    likeness = vectors[:cards] @ vectors.T
    return [first_of_events(likeness[row], events, count=ALIKE, but_not=events[row])[0] for row in range(cards)]


def _vectors_of(run: RunFolder, rows: pd.DataFrame) -> np.ndarray:
    vectors, ids = run.read_vectors()
    place = pd.Series(np.arange(len(ids)), index=ids)
    return np.asarray(vectors[place.reindex(rows["object_id"]).to_numpy(int)], dtype=np.float32)
