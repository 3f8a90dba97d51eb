"""Figures of one ranking beside the truth, taken within one source of pictures and then joined."""

import numpy as np
from quality_data import PictureSet
from sklearn.metrics import average_precision_score, roc_auc_score

from rarelib.trust.evaluation import match_truth

CROPS_PER_PICTURE = 2
RESAMPLES = 300
PRECISION_AT = (10, 50, 100)
MIN_SIDE_PX = 32


def measure(pictures: PictureSet, scores: np.ndarray, order: np.ndarray, seed: int) -> dict[str, float]:
    """Return the figures of one ranking; higher scores are rarer, higher orders are shown first.

    Rates are means over the sources that hold something rare, counts are sums: AUROC with its interval over resampled
    pictures (2.5 to 97.5 %), AP, P@k (share of the first k crops that show something rare), ceiling (true objects with
    any crop), found (true objects within the first two crops a picture), of.
    """
    sources = pictures.sources()
    parts = [measure_source(pictures, sources == name, scores, order, seed) for name in _with_truth(pictures, sources)]
    counts = ("ceiling", "found")
    joined = {name: np.mean([part[name] for part in parts]) for name in parts[0] if name not in counts}
    return joined | {name: sum(part[name] for part in parts) for name in counts} | {"of": len(pictures.truth)}


def measure_source(
    pictures: PictureSet, rows: np.ndarray, scores: np.ndarray, order: np.ndarray, seed: int
) -> dict[str, float]:
    """Return the figures among the boxes of one source."""
    rare, ids, scores = pictures.rare[rows], pictures.objects["object_id"].to_numpy()[rows], scores[rows]
    images = pictures.objects["image_id"].to_numpy()[rows]
    n_pictures = sum(source == pictures.source.get(images[0], "") for source in _source_of_pictures(pictures))
    first = np.argsort(-order[rows], kind="stable")
    low, high = picture_interval(images, rare, scores, seed)
    return {
        "AUROC": roc_auc_score(rare, scores),
        "low": low,
        "high": high,
        "AP": average_precision_score(rare, scores),
        **{f"P@{k}": rare[first[:k]].mean() for k in PRECISION_AT},
        "ceiling": count_shown(pictures, ids),
        "found": count_shown(pictures, ids[first[: CROPS_PER_PICTURE * n_pictures]]),
    }


def count_shown(pictures: PictureSet, object_ids: np.ndarray) -> int:
    """Return how many true objects one of these crops shows."""
    return pictures.pairs.loc[pictures.pairs["object_id"].isin(object_ids), "truth_row"].nunique()


def picture_interval(images: np.ndarray, rare: np.ndarray, scores: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the interval of the AUROC over resamples of whole pictures."""
    generator = np.random.default_rng(seed)
    rows_of = [np.flatnonzero(images == image) for image in np.unique(images)]
    values = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rows_of[number] for number in generator.integers(0, len(rows_of), len(rows_of))])
        if 0 < rare[rows].sum() < len(rows):
            values.append(roc_auc_score(rare[rows], scores[rows]))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def describe(draws: list[PictureSet]) -> str:
    """Say how large a set is and how much of what is rare in it has a crop, whatever the ranking does."""
    pictures, detected = draws[0], draws[0].detected()
    truth = pictures.truth
    large = np.minimum(truth["x_max"] - truth["x_min"], truth["y_max"] - truth["y_min"]) >= MIN_SIDE_PX
    boxes = {"detected": detected.objects, "all": pictures.objects}
    cut = {
        name: truth.index.isin(match_truth(truth, found, pictures.images)["truth_row"]) for name, found in boxes.items()
    }
    return (
        f"{len(pictures.images)} pictures, {len(detected.objects)} detected boxes ({detected.rare.sum()} show what is "
        f"rare) and {len(pictures.objects) - len(detected.objects)} proposals, {len(truth)} rare objects: "
        f"{cut['detected'].sum()} have a detected crop, {cut['all'].sum()} any crop; of the {large.sum()} with a short "
        f"side of at least {MIN_SIDE_PX} px {cut['detected'][large].sum()} and {cut['all'][large].sum()}; "
        f"{len(draws)} draw{'s' * (len(draws) > 1)}"
    )


def _source_of_pictures(pictures: PictureSet) -> list[str]:
    return [pictures.source.get(image_id, "") for image_id in pictures.images["image_id"]]


def _with_truth(pictures: PictureSet, sources: np.ndarray) -> list[str]:
    return [name for name in np.unique(sources) if 0 < pictures.rare[sources == name].sum() < (sources == name).sum()]
