"""Charts of a run's tables: tables in, figure out; no file is opened here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..language import phrases, say
from ..params import OUTLIER_METHODS
from ..tables import is_proposal
from ..words.vocabulary import shown_name
from .style import (
    COMMON,
    INK,
    PALE,
    QUIET,
    RARE,
    Chart,
    fit_text,
    new_chart,
    quiet_axes,
    styled,
    words_only,
)

PICTURE_STEPS = ("listed", "sampled", "unreadable")
NAME_COLUMNS = 24


@styled
def plot_class_counts(objects: pd.DataFrame, *, max_classes: int = 20, language: str = "en") -> Chart:
    """Show how often each class was found, detected objects and proposals apart.

    Of more classes than fit, the most frequent and the rarest are shown and those between summed up.
    """
    title = say("plots.class_counts", language, objects=len(objects), classes=objects["class_name"].nunique())
    if objects.empty:
        return words_only(title, say("plots.no_objects", language))
    proposal = pd.Series(is_proposal(objects), objects.index)
    counts = pd.crosstab(_shown_classes(objects, language), proposal).reindex(columns=[False, True], fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    rows = _middle_summed(counts, max_classes, language)
    chart = new_chart(title, height=1.0 + 0.24 * len(rows))
    axes = quiet_axes(chart.add_subplot(), grid="")
    _bars(axes, rows.index, [rows[False], rows[True]], [COMMON, PALE], labels=[f"{n:,}" for n in rows.sum(axis=1)])
    if proposal.any():
        _key(chart, {say("plots.detected", language): COMMON, say("plots.proposals", language): PALE})
    return chart


@styled
def plot_confidence_sizes(objects: pd.DataFrame, images: pd.DataFrame, *, language: str = "en") -> Chart:
    """Show how sure the detector was, how large the objects are, and how many a picture holds."""
    title = say("plots.confidence_sizes", language)
    if objects.empty:
        return words_only(title, say("plots.no_objects", language))
    proposal = pd.Series(is_proposal(objects), objects.index)
    sides = np.sqrt((objects["x_max"] - objects["x_min"]) * (objects["y_max"] - objects["y_min"])).clip(lower=1)
    read = images[images["sampled"] & images["error"].eq("")]
    held = objects.groupby("image_id").size().reindex(read["image_id"], fill_value=0)
    chart = new_chart(title, height=3.0)
    left, middle, right = (quiet_axes(axes, grid="y") for axes in chart.subplots(1, 3))
    _stacked(left, objects["confidence"], proposal, np.linspace(0, 1, 26), (COMMON, PALE))
    low, high = np.floor(np.log2(sides.min())), np.ceil(np.log2(sides.max() + 1e-9))
    _stacked(middle, sides, proposal, np.logspace(low, max(high, low + 1), 25, base=2), (COMMON, PALE))
    middle.set_xscale("log", base=2)
    middle.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if len(held):
        counts = held.value_counts()
        right.bar(counts.index, counts, width=0.9, color=COMMON)
        right.xaxis.get_major_locator().set_params(integer=True)
    for axes, name in ((left, "confidence"), (middle, "side_px"), (right, "per_picture")):
        axes.set(xlabel=say(f"plots.{name}", language), ylabel="")
        axes.yaxis.get_major_locator().set_params(integer=True)
    left.set_ylabel(say("plots.objects", language))
    right.set_ylabel(say("plots.pictures", language))
    if proposal.any():
        _key(chart, {say("plots.detected", language): COMMON, say("plots.proposals", language): PALE})
    return chart


@styled
def plot_early_filter(
    objects: pd.DataFrame, early_filter: pd.DataFrame, *, max_classes: int = 16, language: str = "en"
) -> Chart:
    """Show how many of each class the early filter kept, and for what reasons it kept or set aside."""
    table = objects[["object_id", "class_name"]].merge(early_filter, on="object_id")
    title = say("plots.early_filter", language, kept=int(table["keep"].sum()), objects=len(table))
    if table.empty:
        return words_only(title, say("plots.no_objects", language))
    counts = pd.crosstab(_shown_classes(table, language), table["keep"].astype(bool)).reindex(
        columns=[True, False], fill_value=0
    )
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    rows = _middle_summed(counts, max_classes, language)
    reasons = table.groupby(["keep", "reason"]).size().sort_values(ascending=False).head(8)
    places = max(len(rows), len(reasons), 2)
    chart = new_chart(title, height=1.3 + 0.26 * places)
    left, right = (quiet_axes(axes, grid="") for axes in chart.subplots(1, 2))
    labels = [f"{kept:,} / {kept + aside:,}" for kept, aside in zip(rows[True], rows[False], strict=True)]
    _bars(left, rows.index, [rows[True], rows[False]], [COMMON, PALE], labels=labels, places_in_all=places)
    names = [fit_text(reason, 44) for _, reason in reasons.index]
    colours = [COMMON if keep else PALE for keep, _ in reasons.index]
    _bars(right, names, [reasons], [colours], labels=[f"{n:,}" for n in reasons], places_in_all=places)
    left.set_title(say("plots.by_class", language), color=QUIET)
    right.set_title(say("plots.by_reason", language), color=QUIET)
    _key(chart, {say("plots.kept", language): COMMON, say("plots.set_aside", language): PALE})
    return chart


@styled
def plot_scores(
    scores: pd.DataFrame, methods: Sequence[str] = OUTLIER_METHODS, contamination: float = 0.1, *, language: str = "en"
) -> Chart:
    """Show how each method's scores are spread, with its threshold, and the rarity with the selected objects."""
    title = say("plots.scores", language, share=contamination)
    if scores.empty:
        return words_only(title, say("plots.no_embedded", language))
    names = [method for method in methods if method in scores and scores[method].notna().any()]
    rows = -(-(len(names) + 1) // 3)
    chart = new_chart(title, height=0.6 + 2.0 * rows)
    panels = chart.subplots(rows, 3, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        _score_panel(quiet_axes(axes, grid="y"), scores[name].dropna(), contamination, language)
        axes.set_title(method_name(name, language))
    _rarity_panel(quiet_axes(panels[len(names)], grid="y"), scores, language)
    for axes in panels[len(names) + 1 :]:
        axes.set_axis_off()
    chart.supxlabel(say("plots.scores_note", language), x=0.01, ha="left", fontsize=8, color=QUIET)
    return chart


@styled
def plot_agreement(
    scores: pd.DataFrame,
    methods: Sequence[str] = OUTLIER_METHODS,
    contamination: float = 0.1,
    *,
    language: str = "en",
) -> Chart:
    """Show which share of the objects that one method marks another marks as well."""
    title = say("plots.agreement", language)
    if scores.empty:
        return words_only(title, say("plots.no_embedded", language))
    import seaborn as sns

    marked = _marked(scores, methods, contamination)
    sets = [marks.to_numpy(dtype=bool) for marks in marked.values()]
    shared = np.array([[np.count_nonzero(one & other) for other in sets] for one in sets])
    shares = shared / np.maximum(np.diag(shared), 1)[:, None]
    names = [method_name(name, language) for name in marked]
    chart = new_chart(title, height=1.5 + 0.46 * len(names))
    axes = chart.add_subplot()
    texts = np.array([[f"{share:.0%}" if any_marked else "–" for share in row]
                      for row, any_marked in zip(shares, np.diag(shared) > 0, strict=True)], dtype=object)  # fmt: skip
    np.fill_diagonal(texts, [f"{count:,}" for count in np.diag(shared)])
    across, down = [fit_text(name, 13, 3) for name in names], [fit_text(name, 26) for name in names]
    sns.heatmap(shares, cmap=_blues(), vmin=0, vmax=1, annot=texts, fmt="", annot_kws={"fontsize": 8.5}, cbar=False,
                xticklabels=across, yticklabels=down, ax=axes)  # fmt: skip
    axes.tick_params(rotation=0)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    axes.set_xlabel(fit_text(say("plots.agreement_note", language, share=contamination), 110, 2))
    return chart


@styled
def plot_funnel(counts: Mapping[str, int | None], *, language: str = "en") -> Chart:
    """Show how many pictures and objects are left after each step; None is a step that was skipped."""
    title = say("plots.funnel", language)
    pictures = {step: count for step, count in counts.items() if step in PICTURE_STEPS}
    rest = {step: count for step, count in counts.items() if step not in PICTURE_STEPS}
    if not any(counts.values()):
        return words_only(title, say("plots.nothing_listed", language))
    chart = new_chart(title, height=0.9 + 0.3 * (len(counts) + 1))
    groups = [(name, steps) for name, steps in (("pictures", pictures), ("objects", rest)) if steps]
    panels = chart.subplots(len(groups), 1, squeeze=False, height_ratios=[len(steps) for _, steps in groups])
    for axes, (name, steps) in zip(panels.ravel(), groups, strict=True):
        names = [step_name(step, language) for step in steps]
        texts = [say("plots.skipped", language) if count is None else f"{count:,}" for count in steps.values()]
        colours = [RARE if step in ("selected", "unreadable") else COMMON for step in steps]
        _bars(quiet_axes(axes, grid=""), names, [[count or 0 for count in steps.values()]], [colours], labels=texts)
        axes.set_title(say(f"plots.{name}", language), color=QUIET)
    chart.align_ylabels()
    return chart


def method_name(name: str, language: str = "en") -> str:
    """Return what an outlier method or a flag is called."""
    return _phrase_or_name("plots.method", name, language)


def step_name(name: str, language: str = "en") -> str:
    """Return what a step of the funnel is called."""
    return _phrase_or_name("plots.step", name, language)


def _phrase_or_name(prefix: str, name: str, language: str) -> str:
    key = f"{prefix}.{name}"
    return say(key, language) if key in phrases() else name.replace("_", " ")


def _shown_classes(objects: pd.DataFrame, language: str) -> pd.Series:
    return objects["class_name"].map(partial(shown_name, language=language))


def _middle_summed(counts: pd.DataFrame, rows: int, language: str) -> pd.DataFrame:
    named = counts.rename(index=lambda name: fit_text(name, NAME_COLUMNS))
    if len(counts) <= rows:
        return named
    head, tail = (rows - 1) // 2, rows - 1 - (rows - 1) // 2
    middle = counts.iloc[head : len(counts) - tail]
    label = say("plots.classes_between", language, classes=len(middle))
    return pd.concat([named.iloc[:head], middle.sum().to_frame(label).T, named.iloc[len(counts) - tail :]])


def _bars(
    axes: Axes,
    names: Sequence[str],
    parts: Sequence[Any],
    colours: Sequence[Any],
    *,
    labels: Sequence[str],
    places_in_all: int = 0,
) -> None:
    places = np.arange(len(names))
    ends = np.cumsum([np.asarray(part, dtype=float) for part in parts], axis=0)  # (n_parts, n_names)
    for end, colour in reversed([*zip(ends, colours, strict=True)]):  # the longest lies at the back
        axes.barh(places, end, height=0.68, color=colour, edgecolor=colour)
    for place, (end, label) in enumerate(zip(ends[-1], labels, strict=True)):
        axes.annotate(
            label, (end, place), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK,
        )  # fmt: skip
    axes.set_yticks(places, list(names), color=INK)
    axes.set_xticks([])
    axes.set_xlim(0, max(ends.max() * 1.15, 1))
    axes.set_ylim(max(len(names), places_in_all) - 0.4, -0.6)
    axes.spines["bottom"].set_visible(False)


def _key(chart: Chart, colours: Mapping[str, str]) -> None:
    patches = [Patch(color=colour, label=name) for name, colour in colours.items()]
    chart.legend(handles=patches, loc="outside upper right", ncols=len(patches), handlelength=1.0, handleheight=1.0)


def _stacked(axes: Axes, values: pd.Series, second: pd.Series, bins: np.ndarray, colours: tuple[str, str]) -> None:
    """Draw the distribution of values in two groups, the second on top of the first."""
    second = second.to_numpy(bool)
    counts = [np.histogram(values.to_numpy(float)[group], bins)[0] for group in (~second, second)]
    middles, widths = (bins[1:] + bins[:-1]) / 2, 0.92 * np.diff(bins)
    for count, below, colour in zip(counts, (0, counts[0]), colours, strict=True):
        for bar in axes.bar(middles, count, widths, bottom=below, color=colour):
            bar.sticky_edges.y[:] = [0]  # a bar of nothing on the highest one leaves room above it


def _score_panel(axes: Axes, values: pd.Series, contamination: float, language: str) -> None:
    threshold = values.quantile(1 - contamination)
    low, middle = values.min(), values.median()
    high = min(values.max(), max(middle + 6 * (threshold - middle), threshold))
    bins = np.linspace(low, high if high > low else low + 1, 31)
    shown = values.clip(upper=bins[-1])
    _stacked(axes, shown, shown > threshold, bins, (COMMON, RARE))
    axes.set(xlabel="", ylabel="")
    axes.axvline(threshold, color=RARE, linewidth=0.8, linestyle=(0, (4, 3)))
    text = say("plots.marked_from", language, marked=int((values >= threshold).sum()), threshold=threshold)
    axes.set_title(text, loc="right", fontsize=8, color=RARE)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.xaxis.get_major_locator().set_params(nbins=5)


def _rarity_panel(axes: Axes, scores: pd.DataFrame, language: str) -> None:
    chosen = scores["selected"].astype(bool)
    _stacked(axes, scores["rarity"], chosen, np.linspace(0, 1, 31), (COMMON, RARE))
    axes.set(xlabel="", ylabel="")
    axes.set_title(method_name("rarity", language))
    text = say("plots.selected_count", language, selected=int(chosen.sum()))
    axes.set_title(text, loc="right", fontsize=8, color=RARE)
    axes.yaxis.get_major_locator().set_params(integer=True)


def _marked(scores: pd.DataFrame, methods: Sequence[str], contamination: float) -> dict[str, pd.Series]:
    present = [method for method in methods if method in scores and scores[method].notna().any()]
    marked = {method: scores[method] >= scores[method].quantile(1 - contamination) for method in present}
    return {**marked, **{flag: scores[flag] for flag in ("is_outlier", "is_rare_class", "selected")}}


def _blues() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("quiet blues", ["#f5f8fa", COMMON, "#2b4a66"])
