"""Compare a ranking with the truth in three steps that are never mixed: detected, ranked, and both end to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from ..language import say
from ..pictures.boxes import COVER, INSIDE, IOU, match_boxes
from ..run.user_tables import numbers, read_user_table, yes_or_no
from ..tables import BOX

BUDGET_SHARE = 0.05
PRECISION_AT = (10, 20, 50, 100)
RESAMPLES = 500
PERMUTATIONS = 100  # random orders that are measured as the control
LEAST_CLUSTERS = 5
REQUIRED = ("path", *BOX, "class_name", "rare")


def read_truth(path: str | Path | None) -> pd.DataFrame | None:
    """Read a table of true objects (csv or parquet); None for no path.

    Columns: path (of the picture, relative to images_folder), x_min, y_min, x_max, y_max [px], class_name, rare
    (should be found); optional: odd (an odd instance of a common class), seen (the kind was in training), drive.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read or a column is missing.
    """
    if path is None:
        return None
    path = Path(path).expanduser()
    truth = read_user_table(path, columns=REQUIRED, what="truth table")
    where = f"The truth table {path.name}"
    truth = truth.assign(**{side: numbers(truth[side], where=where) for side in BOX})
    flags = [name for name in ("rare", "odd", "seen") if name in truth]
    truth = truth.assign(**{name: yes_or_no(truth[name], where=where) for name in flags})
    wanted = truth["rare"] | truth["odd"] if "odd" in truth else truth["rare"]
    return truth.assign(wanted=wanted).reset_index(drop=True)


def match_truth(truth: pd.DataFrame, objects: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of true objects and boxes that show them: truth_row, object_id, iou; each box once, its best."""
    image_of = images.set_index("path")["image_id"]
    boxes = dict(tuple(objects.groupby("image_id")))
    pairs = []
    for path, rows in truth.groupby("path"):
        found = boxes.get(image_of.get(path))
        if found is None:
            continue
        iou = match_boxes(rows[BOX].to_numpy(float), found[BOX].to_numpy(float))
        best = iou.argmax(axis=0)
        shows = np.flatnonzero(iou[best, np.arange(len(found))] > 0)
        ids = found["object_id"].to_numpy()
        pairs += [(rows.index[best[box]], ids[box], iou[best[box], box]) for box in shows]
    return pd.DataFrame(pairs, columns=["truth_row", "object_id", "iou"])


def evaluate_ranking(
    truth: pd.DataFrame | None,
    objects: pd.DataFrame,
    images: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    seed: int = 0,
    told: str = "",
    language: str = "en",
) -> dict[str, Any]:
    """Measure detection, ranking and both end to end, for all wanted kinds and for seen and unseen ones apart.

    Args:
        truth: From read_truth or truth.find_truth; only rows of sampled pictures count.
        objects: All boxes, embedded or not.
        images: The images table.
        scores: The ranking, rank 1 is shown first.
        seed: Seed of the resamples and of the random order.
        told: What find_truth says of where the truth is from; it stands first in the sentence.
        language: Language of the sentences.

    Returns:
        JSON-able: available, sentence, rule, steps (step, kind, value, low, high, random, n), curve, auroc,
        average_precision, r_precision, precision_at. Intervals are 95 %, over resamples of drives (or pictures).
    """
    if truth is None:
        return {"available": False, "sentence": told or say("evaluation_none", language)}
    sampled = images[images["sampled"]]
    wanted = truth[truth["wanted"] & truth["path"].isin(sampled["path"])]
    if wanted.empty or scores.empty:
        return {"available": False, "sentence": told or say("evaluation_nothing_rare", language)}
    pairs = match_truth(truth, objects, images)
    shown, generator = _Shown.of(wanted, pairs, scores), np.random.default_rng(seed)
    heads = pd.Index(scores["object_id"]).get_indexer(scores["event"])
    rank = shown.first_ranks(scores["rank"].to_numpy(), heads)
    by_chance = _random_ranks(shown, scores, generator)
    detected = wanted.index.isin(pairs["truth_row"])
    steps = _steps(wanted, detected, rank, by_chance, len(scores), generator)
    positive = scores["object_id"].isin(pairs.loc[pairs["truth_row"].isin(wanted.index), "object_id"]).to_numpy()
    measures = {"auroc": _auroc(scores, positive), **_retrieval(scores, positive)}
    sentence = _sentence(steps, measures, len(wanted), language)
    return {
        "available": True,
        "sentence": f"{told} {sentence}" if told and language == "en" else told + sentence,
        "rule": say("evaluation_rule", language, iou=IOU, inside=INSIDE, cover=COVER),
        "budget_share": BUDGET_SHARE,
        "steps": steps,
        "curve": _curve(rank[detected], by_chance[:, detected], len(scores)),
        **measures,
        "precision_at": {str(k): _precision_at(scores, positive, k) for k in PRECISION_AT if k <= len(scores)},
    }


def _steps(
    wanted: pd.DataFrame,
    detected: np.ndarray,
    rank: np.ndarray,
    by_chance: np.ndarray,
    n_objects: int,
    generator: np.random.Generator,
) -> list[dict[str, Any]]:
    """Return detected, ranked and both, for all wanted kinds and for seen and unseen ones."""
    kinds = {"all": np.ones(len(wanted), bool)}
    if "seen" in wanted:
        seen = wanted["seen"].to_numpy(bool)
        kinds |= {"seen": seen, "unseen": ~seen}
    clusters = wanted["drive" if "drive" in wanted else "path"].to_numpy()
    budget = max(round(BUDGET_SHARE * n_objects), 1)
    shown, random = rank <= budget, (by_chance <= budget).mean(axis=0)
    steps = []
    for kind, rows in kinds.items():
        if rows.any():
            both = rows & detected
            among_boxes = float(random[both].mean()) if both.any() else None
            steps += [
                _step("detected", kind, detected[rows], clusters[rows], None, generator),
                _step("ranked", kind, shown[both], clusters[both], among_boxes, generator),
                _step("end_to_end", kind, shown[rows], clusters[rows], float(random[rows].mean()), generator),
            ]
    return steps


@dataclass(frozen=True)
class _Shown:
    """Which rows of a ranking show which wanted true objects.

    Attributes:
        row: Of each pair's object in the ranking, -1 where it was not ranked; integer array (n_pairs,).
        place: Of each pair's true object among the wanted ones, likewise.
        kind: Of each pair's true object, as a number, likewise.
        of_row: The kind that each row of the ranking shows, -1 for none; integer array (n_objects,).
        n_wanted: How many are wanted.
    """

    row: np.ndarray
    place: np.ndarray
    kind: np.ndarray
    of_row: np.ndarray
    n_wanted: int

    @classmethod
    def of(cls, wanted: pd.DataFrame, pairs: pd.DataFrame, scores: pd.DataFrame) -> _Shown:
        place = wanted.index.get_indexer(pairs["truth_row"])
        pairs, place = pairs[place >= 0], place[place >= 0]
        row = pd.Index(scores["object_id"]).get_indexer(pairs["object_id"])
        kind = pd.factorize(wanted["class_name"])[0][place]
        of_row = np.full(len(scores), -1)
        of_row[row[row >= 0]] = kind[row >= 0]
        return cls(row, place, kind, of_row, len(wanted))

    def first_ranks(self, ranks: np.ndarray, heads: np.ndarray) -> np.ndarray:
        """Return for each wanted true object the first rank that shows it; inf if none does.

        Args:
            ranks: Of each row, (n_objects,).
            heads: For each row the row that speaks for its event, -1 for none, (n_objects,).
        """
        there = self.row >= 0
        row, kind = self.row[there], self.kind[there]
        head = heads[row]
        of_event = np.where((head >= 0) & (self.of_row[head] == kind), ranks[head], np.inf)
        first = np.full(self.n_wanted, np.inf)
        np.minimum.at(first, self.place[there], np.minimum(ranks[row], of_event))
        return first


def _random_ranks(shown: _Shown, scores: pd.DataFrame, generator: np.random.Generator) -> np.ndarray:
    """Return the first rank that shows each wanted true object in random orders, float array (PERMUTATIONS, n).

    A random order has the ranking's own credit: the first view of an event speaks for all.
    """
    event, count = pd.factorize(scores["event"])[0], len(scores)
    found = []
    for _ in range(PERMUTATIONS):
        ranks = generator.permutation(count) + 1
        last_to_first = np.argsort(ranks)[::-1]
        head_of = np.empty(count, int)
        head_of[event[last_to_first]] = last_to_first  # what is written last, the first of its event, stays
        found.append(shown.first_ranks(ranks, head_of[event]))
    return np.array(found)


def _step(
    step: str, kind: str, hits: np.ndarray, clusters: np.ndarray, random: float | None, generator: np.random.Generator
) -> dict[str, Any]:
    low, high = cluster_interval(hits.astype(float), clusters, generator)
    value = float(hits.mean()) if len(hits) else 0.0
    return {"step": step, "kind": kind, "value": value, "low": low, "high": high, "random": random, "n": len(hits)}


def cluster_interval(values: np.ndarray, clusters: np.ndarray, generator: np.random.Generator) -> tuple[float, float]:
    """Return the 95 % interval of a mean over resamples of whole clusters, since frames of a drive are alike."""
    if not len(values):
        return 0.0, 1.0
    _, cluster = np.unique(clusters, return_inverse=True)
    sums, sizes = np.bincount(cluster, values), np.bincount(cluster)
    if len(sizes) < LEAST_CLUSTERS:  # too few to draw from: each counts as one trial (Jeffreys)
        hits = float(values.mean()) * len(sizes)
        low, high = betaincinv(hits + 0.5, len(sizes) - hits + 0.5, (0.025, 0.975))
        return min(float(low), float(values.mean())), max(float(high), float(values.mean()))
    drawn = generator.integers(0, len(sizes), (RESAMPLES, len(sizes)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)


def _auroc(scores: pd.DataFrame, positive: np.ndarray) -> float | None:
    if positive.all() or not positive.any():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, scores["rarity"]))


def _retrieval(scores: pd.DataFrame, positive: np.ndarray) -> dict[str, float]:
    """Return average precision, and the precision among as many as there are rare ones (R-precision)."""
    hits = positive[np.argsort(scores["rank"].to_numpy())]
    total = int(hits.sum())
    if not total:
        return {"average_precision": 0.0, "r_precision": 0.0}
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return {"average_precision": float(precision[hits].mean()), "r_precision": float(hits[:total].mean())}


def _precision_at(scores: pd.DataFrame, positive: np.ndarray, k: int) -> float:
    return float(positive[np.argsort(scores["rank"].to_numpy())[:k]].mean())


def _curve(ranks: np.ndarray, by_chance: np.ndarray, n_objects: int) -> dict[str, list[float]]:
    budgets = np.unique(np.concatenate([np.linspace(0, 0.1, 21), np.linspace(0.1, 1, 19)]))
    found = [float((ranks <= budget * n_objects).mean()) if len(ranks) else 0.0 for budget in budgets]
    random = [float((by_chance <= budget * n_objects).mean()) if by_chance.size else 0.0 for budget in budgets]
    return {"budgets": budgets.tolist(), "found": found, "random": random}


def _sentence(steps: list[dict[str, Any]], measures: dict[str, float | None], truths: int, language: str) -> str:
    of = {step["step"]: step for step in steps if step["kind"] == "all"}
    ranked = of["ranked"]
    values = {
        "recall": ranked["value"],
        "low": ranked["low"],
        "high": ranked["high"],
        "random": 0.0 if ranked["random"] is None else ranked["random"],
    }
    shares = {"detected": of["detected"]["value"], "end_to_end": of["end_to_end"]["value"], "budget": BUDGET_SHARE}
    return say(
        "evaluation_sentence",
        language,
        truths=truths,
        **{name: float("nan") if value is None else value for name, value in measures.items()},
        **values,
        **shares,
    )
