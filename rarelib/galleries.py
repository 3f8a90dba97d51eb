"""Figures made of pictures: contact sheet, boxes, the rarest crops, and crops beside their common neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .language import say
from .plot_style import COMMON, DPI, INK, PALE, PAPER, QUIET, RARE, WIDTH, Chart, fit_text, new_chart, words_only

TILE_COLOUR = "#eef2f5"
LETTERS_PER_INCH = 13.0  # of the small print under a picture


def plot_contact_sheet(
    pictures: Sequence[np.ndarray], titles: Sequence[str] = (), *, columns: int = 4, language: str = "en"
) -> Chart:
    """Show pictures, uint8 (height, width, 3), in a grid, each with its title below."""
    title = say("plots.contact_sheet", language, pictures=len(pictures))
    if not pictures:
        return words_only(title, say("plots.no_pictures", language))
    wide = np.median([picture.shape[0] / picture.shape[1] for picture in pictures])
    columns = min(columns, max(len(pictures), 2))
    cell = WIDTH / columns
    chart, panels = _grid(title, len(pictures), columns, cell * float(wide) + 0.28)
    for number, axes in enumerate(panels):
        if number >= len(pictures):
            axes.set_axis_off()
            continue
        _picture(axes, pictures[number], cell)
        name = titles[number] if number < len(titles) else ""
        axes.set_xlabel(_tail(name, int(cell * LETTERS_PER_INCH)), fontsize=7, loc="left", labelpad=2)
    return chart


def plot_boxes(
    pictures: Sequence[np.ndarray], boxes: Sequence[pd.DataFrame], *, columns: int = 2, language: str = "en"
) -> Chart:
    """Show pictures with their boxes: what was detected in solid lines with its class, proposals dashed.

    Args:
        pictures: uint8 arrays of shape (height, width, 3) in the resolution of the boxes.
        boxes: For each picture its rows of the objects table.
        columns: Pictures side by side.
        language: Of the title.
    """
    title = say("plots.boxes", language)
    if not pictures:
        return words_only(title, say("plots.no_pictures", language))
    wide = np.median([picture.shape[0] / picture.shape[1] for picture in pictures])
    columns = min(columns, len(pictures))
    chart, panels = _grid(title, len(pictures), columns, WIDTH / columns * float(wide) + 0.12)
    for number, axes in enumerate(panels):
        if number >= len(pictures):
            axes.set_axis_off()
            continue
        height, width = pictures[number].shape[:2]
        _picture(axes, pictures[number], WIDTH / columns, extent=(0, width, height, 0))
        for row in boxes[number].sort_values("confidence").itertuples():
            _box(axes, row)
    return chart


def plot_gallery(
    crops: Mapping[str, np.ndarray], rows: pd.DataFrame, *, columns: int = 5, language: str = "en"
) -> Chart:
    """Show objects with rank, class, rarity and reason, in the order of the rows.

    Args:
        crops: object_id -> uint8 array of shape (height, width, 3); what is missing is said so on its tile.
        rows: Table with object_id, class_name, rank, rarity, reason.
        columns: Tiles side by side.
        language: Of all that is written.
    """
    title = say("plots.gallery", language, objects=len(rows))
    if rows.empty:
        return words_only(title, say("plots.no_crops", language))
    chart, panels = _grid(title, len(rows), columns, WIDTH / columns * 0.8 + 0.82)
    for axes, row in zip(panels, rows.itertuples(), strict=False):
        _tile(axes, crops.get(row.object_id), WIDTH / columns, language)
        _caption(axes, row, WIDTH / columns)
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    return chart


def plot_neighbours(
    crops: Mapping[str, np.ndarray],
    rows: pd.DataFrame,
    neighbours: pd.DataFrame,
    *,
    positions: int = 3,
    language: str = "en",
) -> Chart:
    """Show objects beside the common objects that look most like them, two such groups in a line.

    Args:
        crops: object_id -> uint8 array of shape (height, width, 3), of the objects and of their neighbours.
        rows: Table with object_id, class_name, rank, rarity.
        neighbours: Table with object_id, neighbour_id, position (from 1), similarity (cosine).
        positions: How many neighbours of each object are shown.
        language: Of all that is written.
    """
    title = say("plots.neighbours", language)
    if rows.empty:
        return words_only(title, say("plots.no_crops", language))
    columns = 2 * (positions + 1)
    cell = WIDTH / columns
    chart, panels = _grid(title, 2 * -(-len(rows) // 2) * (positions + 1), columns, cell + 0.42)
    near = neighbours.set_index(["object_id", "position"])
    for number, row in enumerate(rows.itertuples()):
        group = panels[number * (positions + 1) : (number + 1) * (positions + 1)]
        _tile(group[0], crops.get(row.object_id), cell, language, edge=RARE)
        group[0].set_xlabel(f"{int(row.rank)} {fit_text(row.class_name, 14)}", fontsize=8, color=RARE, loc="left")
        for position, axes in enumerate(group[1:], 1):
            _neighbour(axes, crops, near, (row.object_id, position), cell, language)
    for axes in panels[len(rows) * (positions + 1) :]:
        axes.set_axis_off()
    return chart


def _grid(title: str, cells: int, columns: int, cell_height: float) -> tuple[Chart, list[Axes]]:
    rows = -(-cells // columns)
    chart = new_chart(title, height=0.4 + rows * cell_height)
    chart.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.0, hspace=0.0)  # type: ignore[union-attr, call-arg]
    panels = list(chart.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return chart, panels


def _picture(
    axes: Axes, picture: np.ndarray, inches: float, extent: tuple[float, float, float, float] | None = None
) -> None:
    axes.imshow(_shrunk(picture, int(inches * DPI)), extent=extent, interpolation="antialiased")


def _shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    from PIL import Image

    shown = Image.fromarray(picture)
    shown.thumbnail((2 * side, 2 * side), Image.Resampling.BOX)
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(shown)


def _tile(axes: Axes, crop: np.ndarray | None, inches: float, language: str, edge: str = "") -> None:
    """Show a crop, its proportions kept, in the middle of a square tile."""
    axes.set(xlim=(0, 1), ylim=(1, 0), aspect=0.8 if not edge and inches > 1.5 else 1.0)
    axes.set_facecolor(TILE_COLOUR)
    if edge:
        axes.spines[:].set(visible=True, color=edge, linewidth=1.2)
    if crop is None:
        axes.text(0.5, 0.5, say("plots.picture_missing", language), ha="center", va="center", fontsize=7, color=QUIET)
        return
    height, width = crop.shape[0] / axes.get_aspect(), crop.shape[1]  # type: ignore[operator]
    half_width, half_height = 0.5 * width / max(width, height), 0.5 * height / max(width, height)
    extent = (0.5 - half_width, 0.5 + half_width, 0.5 + half_height, 0.5 - half_height)
    aspect = axes.get_aspect()
    axes.imshow(_shrunk(crop, int(inches * DPI)), extent=extent, interpolation="antialiased", aspect=aspect)
    axes.set(xlim=(0, 1), ylim=(1, 0))


def _caption(axes: Axes, row: object, inches: float) -> None:
    letters = int(inches * LETTERS_PER_INCH)
    name = f"{int(row.rank)}  {fit_text(row.class_name, letters - 10)}"  # type: ignore[attr-defined]
    axes.annotate(name, (0, 0), (0, -3), **_below(), fontsize=8.5, color=INK, ha="left")
    score = f"{row.rarity:.2f}"  # type: ignore[attr-defined]
    axes.annotate(score, (1, 0), (0, -3), **_below(), fontsize=7.5, color=RARE, ha="right")
    reason = fit_text(row.reason, letters, 4)  # type: ignore[attr-defined]
    axes.set_xlabel("\n" + reason + "\n" * (3 - reason.count("\n")), fontsize=7, loc="left", labelpad=4)


def _below() -> dict[str, object]:
    return {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top"}


def _neighbour(
    axes: Axes,
    crops: Mapping[str, np.ndarray],
    near: pd.DataFrame,
    key: tuple[str, int],
    inches: float,
    language: str,
) -> None:
    if key not in near.index:
        axes.set_axis_off()
        return
    _tile(axes, crops.get(near.loc[key, "neighbour_id"]), inches, language)
    axes.set_xlabel(f"{near.loc[key, 'similarity']:.2f}", fontsize=7, loc="center", labelpad=2)


def _box(axes: Axes, row: object) -> None:
    x, y = row.x_min, row.y_min  # type: ignore[attr-defined]
    proposal = row.lane == "proposal"  # type: ignore[attr-defined]
    style = {"linestyle": (0, (3, 2)), "edgecolor": "#f0b429"} if proposal else {"edgecolor": "#35c4f0"}
    axes.add_patch(
        Rectangle((x, y), row.x_max - x, row.y_max - y, fill=False, linewidth=1.1, **style)  # type: ignore[attr-defined, arg-type]
    )
    if not proposal:
        text = f"{fit_text(row.class_name, 16)} {row.confidence:.2f}"  # type: ignore[attr-defined]
        label = axes.text(x, y, text, fontsize=6, color=INK, va="bottom", clip_on=True)
        label.set_bbox({"facecolor": "#35c4f0", "edgecolor": "none", "pad": 0.8, "alpha": 0.85})


def _tail(name: str, columns: int) -> str:
    """Return the end of a name, which tells pictures of one drive apart."""
    from .plot_style import printable, text_columns

    text = printable(name)
    if text_columns(text) <= columns:
        return text
    while text_columns(text) >= columns:
        text = text[1:]
    return "…" + text
