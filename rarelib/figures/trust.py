"""How far to trust a ranking: the audit's curve, and the comparison with the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from ..language import say
from ..words.vocabulary import shown_name
from .style import COMMON, INK, QUIET, RARE, Chart, fit_text, new_chart, quiet_axes, styled, words_only

STEPS = ("detected", "ranked", "end_to_end")
MAX_KINDS = 12


@styled
def plot_audit(audit: Mapping[str, Any], *, language: str = "en") -> Chart:
    """Show how soon kinds that were treated as unknown would have been seen, beside a random order.

    Args:
        audit: What `audit.audit_ranking` returns.
        language: Of all that is written.
    """
    title = say("plots.audit", language)
    if not audit["available"]:
        return words_only(title, audit["sentence"])
    chart = new_chart(title, height=3.6)
    left, right = chart.subplots(1, 2, width_ratios=[3, 2])
    quiet_axes(left, grid="both").fill_between(
        audit["budgets"], audit["low_curve"], audit["high_curve"], color=RARE, alpha=0.13, linewidth=0
    )
    share = audit["budget"] / audit["n_objects"]
    left.axvline(share, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    left.annotate(
        say("plots.selected", language), (share, 1.0), (3, -3), **_offset(), va="top", fontsize=8, color=QUIET
    )
    _curves(left, audit["budgets"], audit["found"], audit["random_curve"], "plots.this_ranking", language)
    left.set_ylabel(say("plots.audit_found", language))
    _kind_ranks(quiet_axes(right, grid="x"), audit, language)
    return chart


@styled
def plot_evaluation(evaluation: Mapping[str, Any], *, language: str = "en") -> Chart:
    """Show the three steps (detected, ranked, end to end) beside chance, and how early the ranking shows the true.

    Args:
        evaluation: What `evaluation.evaluate_ranking` returns.
        language: Of all that is written.
    """
    title = say("plots.evaluation", language)
    if not evaluation["available"]:
        return words_only(title, evaluation["sentence"])
    chart = new_chart(title, height=3.8)
    left, right = chart.subplots(1, 2, width_ratios=[3, 2])
    _steps(quiet_axes(left, grid="x"), evaluation, language)
    curve = evaluation["curve"]
    right.axvline(evaluation["budget_share"], color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    _curves(
        quiet_axes(right, grid="both"),
        curve["budgets"],
        curve["found"],
        curve["random"],
        "plots.this_ranking",
        language,
    )
    right.set_ylabel(say("plots.evaluation_found", language))
    return chart


def _curves(
    axes: Axes, budgets: list[float], found: list[float], random: list[float], name: str, language: str
) -> None:
    axes.plot(budgets, found, color=RARE, linewidth=1.8, drawstyle="steps-post", label=say(name, language))
    dashes = (0, (2, 2))
    axes.plot(budgets, random, color=QUIET, linewidth=1.2, linestyle=dashes, label=say("plots.random_order", language))
    axes.legend(loc="lower right", fontsize=8.5)  # below rising curves nothing else stands, however near they run
    axes.set(xlim=(0, budgets[-1]), ylim=(0, 1.04))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel(say("plots.share_looked_at", language))


def _kind_ranks(axes: Axes, audit: Mapping[str, Any], language: str) -> None:
    kinds = sorted(audit["kinds"], key=lambda kind: kind["first_rank"])[:MAX_KINDS]
    ranks, places = [kind["first_rank"] for kind in kinds], np.arange(len(kinds))
    axes.hlines(places, 1, ranks, color="#dfe5ea", linewidth=1.5)
    axes.scatter(ranks, places, s=30, color=[RARE if rank <= audit["budget"] else COMMON for rank in ranks], zorder=3)
    for place, rank in zip(places, ranks, strict=True):
        axes.annotate(f"{rank:,}", (rank, place), (7, 0), **_offset(), va="center", fontsize=8, color=INK)
    axes.set_yticks(places, [fit_text(shown_name(kind["class_name"], language), 20) for kind in kinds], color=INK)
    axes.set(ylim=(max(len(kinds), 4) - 0.4, -0.6), xlim=(0.9, max(*ranks, 10) * 2.2), xscale="log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(say("plots.first_rank", language))
    axes.set_title(say("plots.hidden_kinds", language), color=QUIET)


def _steps(axes: Axes, evaluation: Mapping[str, Any], language: str) -> None:
    kinds = [kind for kind in ("all", "seen", "unseen") if any(step["kind"] == kind for step in evaluation["steps"])]
    of = {(step["step"], step["kind"]): step for step in evaluation["steps"]}
    places, names, place = [], [], 0.0
    for name in STEPS:
        for kind in kinds:
            _interval(axes, place, of[name, kind], RARE if kind == "all" else COMMON)
            places.append(place)
            label = f"{say(f'plots.step_{name}', language)} · {say(f'plots.kind_{kind}', language)}"
            names.append(f"{label} ({of[name, kind]['n']:,})")
            place += 1
        place += 0.6
    axes.set_yticks(places, names, color=INK)
    axes.set(xlim=(-0.02, 1.16), ylim=(place - 0.6, -0.8))
    axes.set_xticks(np.linspace(0, 1, 5))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel(say("plots.steps_note", language))


def _interval(axes: Axes, place: float, step: Mapping[str, Any], colour: str) -> None:
    if not step["n"]:
        axes.annotate("–", (0, place), (4, 0), **_offset(), va="center", color=QUIET)
        return
    axes.hlines(place, step["low"], step["high"], color=colour, linewidth=3, alpha=0.35)
    axes.scatter([step["value"]], [place], s=34, color=colour, zorder=3)
    if step["random"] is not None:
        axes.scatter([step["random"]], [place], s=50, marker="|", color=INK, linewidths=1.6, zorder=3)
    axes.annotate(f"{step['value']:.0%}", (1.03, place), va="center", fontsize=8.5, color=INK, annotation_clip=False)


def _offset() -> dict[str, Any]:
    return {"textcoords": "offset points"}
