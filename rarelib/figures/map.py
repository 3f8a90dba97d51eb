"""The map: objects where a projection puts them, near objects look alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from ..language import say
from ..tables import require_columns
from .style import CLASS_COLOURS, INK, PAPER, RARE, Chart, fit_text, new_chart, styled, words_only

MARKERS = "osD^vP"


@styled
def plot_map(
    positions: pd.DataFrame,
    objects: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    total: int | None = None,
    labelled: int = 6,
    language: str = "en",
) -> Chart:
    """Show the objects where a projection puts them, coloured by class, the selection ringed.

    Args:
        positions: The map table: object_id, x, y.
        objects: Rows with object_id and class_name, those on the map at least.
        scores: Rows with object_id, selected and rank, those on the map at least; the selected are ringed.
        total: How many objects there are, by default as many as scores; where more than on the map, the figure says so.
        labelled: How many of the rarest are named on the map.
        language: Of all that is written.

    Raises:
        TableError: If a table lacks one of these columns.
    """
    require_columns(positions, "map", "object_id", "x", "y")
    require_columns(objects, "objects", "object_id", "class_name")
    require_columns(scores, "scores", "object_id", "selected", "rank")
    table = positions.merge(objects[["object_id", "class_name"]], on="object_id").merge(
        scores[["object_id", "selected", "rank"]], on="object_id", how="left"
    )
    table["selected"] = table["selected"].eq(True)
    title = say("plots.map", language, objects=len(table))
    if table.empty:
        return words_only(title, say("plots.no_embedded", language))
    chart = new_chart(title, height=6.2)
    axes = chart.add_subplot()
    axes.set(xticks=[], yticks=[], xmargin=0.06, ymargin=0.06)
    axes.spines[:].set_visible(False)
    _class_points(axes, table, language)
    chosen = table[table["selected"]].sort_values("rank")
    ring = f"{say('plots.selected', language)} {len(chosen):,}"
    axes.scatter(chosen["x"], chosen["y"], s=58, facecolors="none", edgecolors=RARE, linewidths=1.1, label=ring)
    _name_points(axes, chosen.head(labelled))
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.3, labelspacing=0.7)
    for handle in legend.legend_handles:
        handle.set_sizes([36])  # type: ignore[union-attr]
    notes = [say("plots.map_note", language)]
    total = len(scores) if total is None else total
    if len(table) < total:
        notes.insert(0, say("plots.map_capped", language, shown=len(table), total=total))
    axes.set_xlabel("\n".join(fit_text(note, 130) for note in notes), loc="left", multialignment="left")
    return chart


def _class_points(axes: Axes, table: pd.DataFrame, language: str) -> None:
    counts = table["class_name"].value_counts()
    size = float(np.clip(9000 / len(table), 5, 36))
    others = table[~table["class_name"].isin(counts.index[: len(CLASS_COLOURS)])]
    for number, (name, count) in enumerate(counts.head(len(CLASS_COLOURS)).items()):
        points = table[table["class_name"] == name]
        style = {
            "color": CLASS_COLOURS[number],
            "marker": MARKERS[number % len(MARKERS)],
            "label": f"{fit_text(name, 22)} {count:,}",
        }
        axes.scatter(points["x"], points["y"], s=size, alpha=0.75, linewidths=0, **style)
    if len(others):
        label = say("plots.other_classes", language, classes=others["class_name"].nunique(), objects=len(others))
        axes.scatter(others["x"], others["y"], s=size, color="#9aa5b1", marker="X", linewidths=0, label=label)


def _name_points(axes: Axes, rows: pd.DataFrame) -> None:
    """Name the points, the first of those that stand so close that their names would cover each other."""
    places = rows[["x", "y"]].to_numpy()
    reach = np.array([np.ptp(axes.get_xlim()) * 0.14, np.ptp(axes.get_ylim()) * 0.03])
    named: list[np.ndarray] = []
    for row, place in zip(rows.itertuples(), places, strict=True):
        if any((np.abs(place - other) < reach).all() for other in named):
            continue
        named.append(place)
        text = f"{int(row.rank)} {fit_text(row.class_name, 18)}"
        label = axes.annotate(text, (row.x, row.y), (6, 5), textcoords="offset points", fontsize=8, color=INK)
        label.set_path_effects([withStroke(linewidth=2.5, foreground=PAPER)])
