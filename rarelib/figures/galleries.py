"""Figures made of pictures: contact sheet, boxes, the rarest crops, and crops beside their common neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..language import phrases, say, text_columns
from ..tables import BOX, DETECTED, LABEL
from ..words.vocabulary import shown_name
from .labels import place_labels
from .style import (
    DPI,
    INK,
    RARE,
    WIDTH,
    Chart,
    fit_text,
    new_chart,
    printable,
    styled,
    words_only,
)

TILE_COLOUR = "#eef2f5"
CAPTION_LINES = 6  # at most
CAPTION_LINE = 0.118  # height of one [inches]
LANDSCAPE = 0.8  # height over width of a gallery's tile
NAME_LETTERS, NEIGHBOUR_LETTERS = 16, 13  # below the small tiles of neighbours: "24 parking meter" fits
LETTERS_PER_INCH = 15.5  # of the small print under a picture
NAMED = (DETECTED, LABEL)  # origins of boxes whose class is no guess
LABEL_PAD = 0.8  # points around a box's label


@styled
def plot_contact_sheet(
    pictures: Sequence[np.ndarray], titles: Sequence[str] = (), *, columns: int = 4, language: str = "en"
) -> Chart:
    """Show pictures, uint8 (height, width, 3), in a grid, each with its title below."""
    title = say("plots.contact_sheet", language, pictures=len(pictures))
    if not pictures:
        return words_only(title, say("plots.no_pictures", language))
    columns = min(columns, max(len(pictures), 2))
    cell = WIDTH / columns
    chart, panels = _grid(title, len(pictures), columns, cell * _height_over_width(pictures) + 0.28)
    for axes, picture, name in zip(panels, pictures, titles or [""] * len(pictures), strict=False):
        axes.set_axis_on()
        axes.imshow(_shrunk(picture, int(cell * DPI)), interpolation="antialiased")
        axes.set_xlabel(_tail(name, int(cell * LETTERS_PER_INCH)), fontsize=7, loc="left", labelpad=2)
    return chart


@styled
def plot_boxes(
    pictures: Sequence[np.ndarray],
    boxes: Sequence[pd.DataFrame],
    *,
    scales: Sequence[float] | None = None,
    columns: int = 2,
    language: str = "en",
) -> Chart:
    """Show pictures with their boxes: what was detected in solid lines with its class, proposals dashed.

    Args:
        pictures: uint8 arrays of shape (height, width, 3).
        boxes: For each picture its rows of the objects table, in pixels of the original picture.
        scales: For each picture its width over the original's width; None where none was made smaller.
        columns: Pictures side by side.
        language: Of the title and of classes.
    """
    title = say("plots.boxes", language)
    if not pictures:
        return words_only(title, say("plots.no_pictures", language))
    columns = min(columns, len(pictures))
    cell = WIDTH / columns
    chart, panels = _grid(title, len(pictures), columns, cell * _height_over_width(pictures) + 0.12)
    for axes, picture, rows, scale in zip(panels, pictures, boxes, scales or [1.0] * len(pictures), strict=False):
        height, width = picture.shape[0] / scale, picture.shape[1] / scale
        axes.imshow(_shrunk(picture, int(cell * DPI)), extent=(0, width, height, 0), interpolation="antialiased")
        for row in rows.sort_values("confidence").itertuples():
            _box(axes, row, language)
    chart.draw_without_rendering()  # only a finished layout tells how large a label is beside its picture
    for axes, rows in zip(panels, boxes, strict=False):
        _put_labels(axes, rows.sort_values("confidence"))
    return chart


@styled
def plot_gallery(
    crops: Sequence[np.ndarray], rows: pd.DataFrame, *, columns: int = 5, title: str = "gallery", language: str = "en"
) -> Chart:
    """Show objects with what is known of them, in the order of the rows.

    Args:
        crops: uint8 arrays of shape (height, width, 3), or pictures of PIL, one for each row.
        rows: Table with any of called (or class_name), rank, rarity, similarity, reason, event_size, origin.
        columns: Tiles side by side.
        title: gallery or looks_like, which are said in the language, or words of your own.
        language: Of all that is written.

    Raises:
        ValueError: If there is not one crop for each row, or no column.
    """
    if len(crops) != len(rows):
        raise ValueError(f"The gallery needs one crop for each row. Got {len(crops)} crops for {len(rows)} rows.")
    if columns < 1:
        raise ValueError(f"The gallery needs at least 1 column. Got {columns!r} instead.")
    if title == "looks_like" and rows.empty:
        return words_only(say("report.plot.looks_like", language), say("plots.no_names", language))
    title = say(f"plots.{title}", language, objects=len(rows)) if f"plots.{title}" in phrases() else title
    crops = [np.asarray(crop) for crop in crops]
    if rows.empty:
        return words_only(title, say("plots.no_crops", language))
    cell = WIDTH / columns
    letters = int(cell * LETTERS_PER_INCH)
    reasons = [fit_text(reason, letters, CAPTION_LINES) for reason in rows.get("reason", [""] * len(rows))]
    lines = max(len(reason.split("\n")) if reason else 0 for reason in reasons)
    chart, panels = _grid(title, len(rows), columns, cell * LANDSCAPE + 0.36 + CAPTION_LINE * lines)
    for axes, crop, row, reason in zip(panels, crops, rows.to_dict("records"), reasons, strict=False):
        _tile(axes, crop, cell, height_over_width=LANDSCAPE)
        _caption(axes, row, reason, letters=letters, lines=lines)
    return chart


@styled
def plot_neighbours(
    crops: Sequence[np.ndarray],
    rows: pd.DataFrame,
    neighbour_crops: Sequence[np.ndarray],
    neighbour_rows: pd.DataFrame,
    *,
    positions: int = 3,
    language: str = "en",
) -> Chart:
    """Show objects beside the common objects that look most like them, two such groups in a line.

    Args:
        crops: uint8 arrays of shape (height, width, 3), one for each of the rows; more are left out.
        rows: Table with object_id, class_name and rank.
        neighbour_crops: One for each of the neighbours' rows.
        neighbour_rows: Table with object_id, position (from 1), similarity (cosine) and class_name of the neighbour.
        positions: How many neighbours of each object are shown.
        language: Of all that is written.
    """
    title = say("plots.neighbours", language)
    if rows.empty:
        return words_only(title, say("plots.no_crops", language))
    group = positions + 1
    cell = WIDTH / (2 * group)
    chart, panels = _grid(title, (len(rows) + len(rows) % 2) * group, 2 * group, cell + 0.3)
    keys = zip(neighbour_rows["object_id"], neighbour_rows["position"], strict=True)
    near = {key: number for number, key in enumerate(keys)}
    for number, (crop, row) in enumerate(zip(crops, rows.to_dict("records"), strict=False)):
        _tile(panels[number * group], crop, cell, edge=RARE)
        rank = "".join(f"{number} " for number in _rank(row))
        name = rank + fit_text(row["class_name"], NAME_LETTERS - len(rank))
        panels[number * group].set_xlabel(name, fontsize=8, color=RARE, loc="left", labelpad=2)
        for position in range(1, group):
            found = near.get((row["object_id"], position))
            if found is not None:
                axes = panels[number * group + position]
                _tile(axes, neighbour_crops[found], cell)
                _likeness(axes, neighbour_rows.iloc[found])
    return chart


def _grid(title: str, cells: int, columns: int, cell_height: float) -> tuple[Chart, list[Axes]]:
    rows = -(-cells // columns)
    chart = new_chart(title, height=0.4 + rows * cell_height)
    chart.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.0, hspace=0.0)  # type: ignore[union-attr, call-arg]
    panels = list(chart.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels:
        axes.set(xticks=[], yticks=[], anchor="N")  # in the middle, what stands below would be cut off
        axes.spines[:].set_visible(False)
        axes.set_axis_off()  # until something is shown in it
    return chart, panels


def _height_over_width(pictures: Sequence[np.ndarray]) -> float:
    shapes = [picture.shape[0] / picture.shape[1] for picture in pictures]
    return float(np.clip(np.median(shapes), 0.2, 2.0))


def _shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    from PIL import Image

    shown = Image.fromarray(np.ascontiguousarray(picture))
    shown.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(shown)


def _tile(axes: Axes, crop: np.ndarray, inches: float, *, height_over_width: float = 1.0, edge: str = "") -> None:
    """Show a crop, its proportions kept, in the middle of a tile."""
    axes.set_axis_on()
    axes.set_facecolor(TILE_COLOUR)
    if edge:
        axes.spines[:].set(visible=True, color=edge, linewidth=1.2)
    height, width = crop.shape[0] / height_over_width, crop.shape[1]
    half_width, half_height = 0.5 * width / max(width, height), 0.5 * height / max(width, height)
    extent = (0.5 - half_width, 0.5 + half_width, 0.5 + half_height, 0.5 - half_height)
    axes.imshow(_shrunk(crop, int(inches * DPI)), extent=extent, interpolation="antialiased", aspect=height_over_width)
    axes.set(xlim=(0, 1), ylim=(1, 0))


def _caption(axes: Axes, row: Mapping[str, Any], reason: str, *, letters: int, lines: int) -> None:
    """Write name, number and reason below a tile; all tiles get room for so many lines of reasons."""
    score = row.get("rarity", row.get("similarity"))
    name = "  ".join([*_rank(row), fit_text(row.get("called", row.get("class_name", "")), letters - 10)])
    axes.annotate(name, (0, 0), (0, -3), **_below(), fontsize=8.5, color=INK, ha="left")
    if score is not None:
        axes.annotate(f"{score:.2f}", (1, 0), (0, -3), **_below(), fontsize=7.5, color=RARE, ha="right")
    filled = reason + "\n" * (lines - 1 - reason.count("\n"))
    axes.set_xlabel(f"\n{filled}", fontsize=7, loc="left", labelpad=4)


def _rank(row: Mapping[str, Any]) -> list[str]:
    return [f"{int(row['rank'])}"] if "rank" in row else []


def _below() -> dict[str, Any]:
    return {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top"}


def _likeness(axes: Axes, row: pd.Series) -> None:
    text = f"{row['similarity']:.2f} {fit_text(row['class_name'], NEIGHBOUR_LETTERS)}"
    axes.set_xlabel(text, fontsize=7, loc="left", labelpad=2)


def _box(axes: Axes, row: Any, language: str) -> None:
    x, y = row.x_min, row.y_min
    named = row.origin in NAMED
    style = {"edgecolor": "#35c4f0"} if named else {"linestyle": (0, (3, 2)), "edgecolor": "#f0b429"}
    axes.add_patch(Rectangle((x, y), row.x_max - x, row.y_max - y, fill=False, linewidth=1.1, **style))
    if named:
        text = f"{fit_text(shown_name(row.class_name, language), 16)} {row.confidence:.2f}"
        label = axes.text(x, y, text, fontsize=6, color=INK, va="top", clip_on=True)
        label.set_bbox({"facecolor": "#35c4f0", "edgecolor": "none", "pad": LABEL_PAD, "alpha": 0.85})


def _put_labels(axes: Axes, rows: pd.DataFrame) -> None:
    """Move the labels of these boxes into the picture and apart, in the order in which they were drawn."""
    pixel = np.abs(np.diff(axes.transData.inverted().transform([(0, 0), (1, 1)]), axis=0)[0])  # in the picture's pixels
    pad = LABEL_PAD * DPI / 72 * pixel
    sizes = np.array([label.get_window_extent().size for label in axes.texts]).reshape(-1, 2) * pixel + 2 * pad
    _, width, height, _ = axes.images[0].get_extent()
    places = place_labels(rows.loc[rows["origin"].isin(NAMED), BOX].to_numpy(float), sizes, (width, height))
    for label, place in zip(axes.texts, places, strict=True):
        label.set_position(place + pad)


def _tail(name: str, columns: int) -> str:
    """Return the end of a name, which tells pictures of one drive apart."""
    text = printable(name)
    if text_columns(text) <= columns:
        return text
    while text and text_columns(text) >= columns:
        text = text[1:]
    return "…" + text
