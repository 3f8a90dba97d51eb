"""Two rankings beside each other: where each object stands in one and in the other."""

from __future__ import annotations

import pandas as pd

from ..language import say
from .style import COMMON, GRID, PALE, RARE, Chart, new_chart, quiet_axes, styled, words_only

COLOURS = {"neither": PALE, "common": COMMON, "gained": RARE, "lost": "#b08900"}
SIZE = {"neither": 5, "common": 16, "gained": 16, "lost": 16}  # points squared
HEIGHT = 5.4  # inches


@styled
def plot_rank_changes(table: pd.DataFrame, *, language: str = "en") -> Chart:
    """Show each object's rank in two runs, the first ranks at the lower left, those that selected it in colour.

    Args:
        table: Table with rank_first, rank_second (NaN where not ranked) and group ("common", "gained", "lost" or
            "neither"); `attrs["neither"]` is how many these stand for.
        language: Of all that is written.
    """
    title = say("compare.ranks", language)
    ranked = table.dropna(subset=["rank_first", "rank_second"])
    if ranked.empty:
        return words_only(title, say("compare.no_ranks", language))
    chart = new_chart(title, height=HEIGHT)
    axes = quiet_axes(chart.add_subplot(), grid="both")
    most = ranked[["rank_first", "rank_second"]].to_numpy(float).max()
    axes.plot([1, most], [1, most], color=GRID, linewidth=1.2)
    for group, colour in COLOURS.items():
        rows = ranked[ranked["group"] == group]
        count = max(table.attrs.get(group, 0), len(rows))  # of those that neither selects, some may be left out
        label = f"{say(f'compare.group_{group}', language)} {count:,}"
        axes.scatter(rows["rank_first"], rows["rank_second"], SIZE[group], color=colour, label=label, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel=say("compare.rank_first", language))
    axes.set_ylabel(say("compare.rank_second", language))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_minor_formatter("")
    chart.legend(loc="outside lower left", ncols=2)
    return chart
