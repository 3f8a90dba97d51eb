"""What made objects rare: one stacked bar each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..language import phrases, say
from .style import CLASS_COLOURS, INK, PALE, RARE, Chart, fit_text, new_chart, quiet_axes, styled, words_only

BAR = 0.62  # of the room that a row has
LINE, FRAME = 0.3, 1.5  # inches
LEAST_SEEN = 0.005  # of a rarity
# raising signs keep their colour everywhere, also in the explorer; what holds down is pale
COLOURS = {
    "sign_look": CLASS_COLOURS[0],
    "sign_name": "#d0762b",
    "sign_frequency": CLASS_COLOURS[1],
    "sign_words": CLASS_COLOURS[2],
    "sign_strange": CLASS_COLOURS[3],
    "sign_doubt": CLASS_COLOURS[4],
    "sign_keyword": CLASS_COLOURS[5],
}


def sign_name(name: str, language: str = "en") -> str:
    """Return what a sign's column is called in bars and legends."""
    key = f"sign.{name.removeprefix('sign_')}"
    return say(key, language) if key in phrases() else name.replace("_", " ")


@styled
def plot_signs(parts: pd.DataFrame, rows: pd.DataFrame, *, language: str = "en") -> Chart:
    """Show for each object how much of its rarity each sign made, and how much was held down.

    Args:
        parts: Of `ranking.shares.rarity_parts`, one row an object.
        rows: Table with class_name and rank, in the same order, and rarity, which is marked where it is not that of
            the signs.
        language: Of all that is written.
    """
    title = say("plots.signs", language)
    if parts.empty or not len(parts.columns):
        return words_only(title, say("plots.no_signs", language))
    chart = new_chart(title, height=FRAME + LINE * len(parts))
    axes = quiet_axes(chart.add_subplot())
    names = [f"{rank}  {fit_text(name, 22)}" for rank, name in zip(rows["rank"], rows["class_name"], strict=True)]
    down = np.arange(len(parts))
    left = np.zeros(len(parts))
    for column in parts.columns:
        width = parts[column].to_numpy(float)
        colour = COLOURS.get(column, PALE)
        label = sign_name(column, language) if width.max() >= LEAST_SEEN else None  # nothing that is seen, no entry
        axes.barh(down, width, BAR, left, color=colour, label=label, edgecolor="white", linewidth=0.4)
        left += width
    rarity = _moved_rarity(parts, rows)
    if not np.isnan(rarity).all():
        label = say("plots.signs_moved", language)
        axes.plot(rarity, down, linestyle="", marker="D", markersize=4, color=RARE, label=label)
    axes.set_yticks(down, names, color=INK)
    axes.set(
        xlim=(0, max(np.nanmax([*left, *rarity]) * 1.02, 0.05)), xlabel=fit_text(say("plots.signs_axis", language), 80)
    )
    axes.invert_yaxis()
    chart.legend(loc="outside lower left", ncols=3)
    return chart


def _moved_rarity(parts: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Return the rarities that are not those by the signs, NaN for all others."""
    by_signs = parts[[name for name in parts if name in COLOURS]].sum(axis=1).to_numpy(float)
    rarity = rows["rarity"].to_numpy(float) if "rarity" in rows else by_signs
    return np.where(np.abs(rarity - by_signs) >= LEAST_SEEN, rarity, np.nan)
