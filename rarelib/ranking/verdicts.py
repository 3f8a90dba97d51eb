"""Your verdicts: used to re-rank, and to measure the precision of a ranking."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..language import say
from .early_filter import id_chances
from .order import Places
from .verdict_page import learned_order

DRAWN_FROM, DRAWN = 50, 12  # a handful among the first: more is hardly judged, and 12 give an interval worth reading


def rerank(
    rarity: np.ndarray,
    vectors: np.ndarray,
    verdicts: np.ndarray | None,
    *,
    events: np.ndarray | None = None,
    places: Places | None = None,
    shown: np.ndarray | None = None,
) -> np.ndarray:
    """Return a rarity that has learned from verdicts; a "no" alone teaches too.

    Objects that were not judged keep the run's values of rarity, dealt out in the order of `learned_order`. Judged
    objects take the verdict itself, above or below all others, and speak for their event, whose other views
    follow them.

    Args:
        rarity: Float array (n,), higher is rarer.
        vectors: Unit rows (n, dim).
        verdicts: Float array (n,): 1, 0 or NaN.
        events: Int array (n,): the row of the head of each object's event; None where events are not known.
        places: As in `learned_order`.
        shown: As in `learned_order`.

    Returns:
        Float array (n,) in [0, 1], higher is rarer.
    """
    if verdicts is None or np.isnan(verdicts).all():
        return rarity
    said = spread_verdicts(verdicts, events)
    order = learned_order(
        np.asarray(rarity, dtype=float), vectors, verdicts, settled=~np.isnan(said), places=places, shown=shown
    )
    learned = np.empty(len(rarity))
    learned[order] = np.sort(rarity)[::-1]
    unjudged = 0.01 + 0.98 * learned  # between what was judged common and what was judged rare
    judged = np.where(said == 1, 0.99, 0.0) + 0.005 * ~np.isnan(verdicts) + 0.004 * learned
    return np.where(np.isnan(said), unjudged, judged)


def spread_verdicts(verdicts: np.ndarray, events: np.ndarray | None) -> np.ndarray:
    """Return verdicts with those of an event on all its views; an object's own wins, views that disagree teach none."""
    if events is None:
        return verdicts
    of_event = pd.Series(verdicts).groupby(np.asarray(events)).transform("mean").to_numpy()
    agreed = np.where((of_event == 0) | (of_event == 1), of_event, np.nan)
    return np.where(np.isnan(verdicts), agreed, verdicts)


def draw_for_precision(scores: pd.DataFrame, *, k: int = DRAWN_FROM, size: int = DRAWN, seed: int = 0) -> list[str]:
    """Return the objects whose verdicts measure the precision: a random draw among the first that a page shows.

    It rests on the ids and on the ranks that no verdict has changed, so verdicts and the order of the rows leave it.

    Args:
        scores: Of `score_objects`: object_id and rank_before_verdicts; without the latter nothing is drawn.
        k: It is drawn among the first k; the selected stand first.
        size: So many are drawn, all k where there are no more.
        seed: Of the draw.

    Returns:
        object_ids in the order of their ranks.
    """
    if "rank_before_verdicts" not in scores:
        return []
    first = scores[scores["rank_before_verdicts"] <= k].sort_values("object_id", kind="stable")
    drawn = first.iloc[np.argsort(id_chances(first["object_id"], seed), kind="stable")[:size]]
    return drawn.sort_values("rank_before_verdicts")["object_id"].tolist()


def precision_sentence(
    scores: pd.DataFrame,
    verdicts: np.ndarray | None,
    *,
    elsewhere: int = 0,
    k: int = DRAWN_FROM,
    size: int = DRAWN,
    language: str = "en",
) -> str:
    """Return how many verdicts were used, and the precision by those of the random draw; no other verdict takes part.

    Args:
        scores: Of `score_objects`.
        verdicts: Float array (n,) in the order of the scores: 1 rare, 0 common, NaN unsure or not judged.
        elsewhere: How many verdicts are on none of these objects; they are told and not used.
        k: The draw's, as in `draw_for_precision`.
        size: The draw's.
        language: "en" or "ja".
    """
    said = pd.Series(np.nan if verdicts is None else np.asarray(verdicts, dtype=float), index=scores.index)
    drawn = draw_for_precision(scores, k=k, size=size)
    judged = said[scores["object_id"].isin(drawn)].dropna()
    used = {"rare": int((said == 1).sum()), "common": int((said == 0).sum())}
    texts = [say("verdicts_used", language, **used)] if said.notna().any() else []
    if elsewhere:
        texts.append(say("verdicts_elsewhere", language, count=elsewhere))
    texts = texts or [say("verdicts_none", language)]
    if drawn:
        texts.append(say("verdicts_marked", language, drawn=len(drawn), k=k, judged=len(judged)))
        texts.append(_share_of_rare(judged, language))
    return (" " if language == "en" else "").join(texts)


def _share_of_rare(judged: pd.Series, language: str) -> str:
    if judged.empty:
        return say("verdicts_judge_marked", language)
    rare = int(judged.sum())
    low, high = wilson_interval(rare, len(judged))
    return say("verdicts_precision", language, judged=len(judged), rare=rare, low=low, high=high)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    if not trials:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
