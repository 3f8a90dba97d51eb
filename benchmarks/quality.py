"""Measure how early known rare objects are shown: our default beside single methods, the plain recipe and peers.

Run: python benchmarks/quality.py [--seeds 5] [--out benchmarks/quality_results.md]
It needs the shared pictures (RARELIB_SHARED or ../shared) and `pip install -e .[benchmarks]` for PyOD and cleanlab.
"""

import argparse
import os
import platform
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from quality_data import PictureSet, VectorSet, find_shared, read_picture_sets, read_vector_sets
from sklearn.metrics import average_precision_score, roc_auc_score

from rarelib.params import OUTLIER_METHODS
from rarelib.ranking.early_filter import filter_objects
from rarelib.ranking.outliers import embedding_rarity, outlier_scores
from rarelib.ranking.scoring import score_objects
from rarelib.settings import FilterSettings
from rarelib.trust.evaluation import match_truth

CROPS_PER_PICTURE = 2
RESAMPLES = 300
MIN_SIDE_PX = 32
OURS, OURS_WITH_PROPOSALS, PLAIN = "**rarelib default**", "**rarelib default, with proposals**", "plain recipe"
Scorer = Callable[[np.ndarray, int], np.ndarray]


def main() -> None:
    """Measure all sets and write one table each, and one of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_quality")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("quality_results.md"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")  # peers warn of their own affairs
    shared, tables, notes = find_shared(), {}, []
    for name, draws in read_picture_sets(shared, options.cache, seeds=options.seeds):
        if isinstance(draws, str):
            notes.append(f"- {name}: left out, {draws}")
            continue
        tables[name] = measure_pictures(draws)
        notes.append(f"- {name}: {describe(draws)}")
        print(f"\n{name}\n{tables[name].to_string()}", flush=True)
    tables["stored vectors (ADBench)"] = measure_vectors(read_vector_sets(shared, seeds=options.seeds))
    options.out.write_text(report(tables, notes, options.seeds), encoding="utf-8")
    print(f"\n{options.out.read_text(encoding='utf-8')}")


def scorers() -> dict[str, Scorer]:
    """Return what gives each row of vectors a score, higher is rarer, by name."""
    own = {
        method: lambda vectors, seed, method=method: outlier_scores(vectors, methods=[method], seed=seed)[method]
        for method in OUTLIER_METHODS
        if method != "class_conditional_knn"
    }
    return {"random": lambda vectors, seed: np.random.default_rng(seed).random(len(vectors)), **own, **peers()}


def peers() -> dict[str, Scorer]:
    """Return PyOD's and cleanlab's own scores with their own defaults."""
    from cleanlab.outlier import OutOfDistribution
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN

    def cleanlab(vectors: np.ndarray, seed: int) -> np.ndarray:
        neighbours = min(10, len(vectors) - 1)
        return -OutOfDistribution({"k": neighbours}).fit_score(features=vectors, verbose=False)

    return {
        "PyOD ECOD": lambda vectors, seed: ECOD().fit(vectors).decision_scores_,
        "PyOD IForest": lambda vectors, seed: IForest(random_state=seed).fit(vectors).decision_scores_,
        "PyOD KNN": lambda vectors, seed: KNN().fit(vectors).decision_scores_,
        "cleanlab OutOfDistribution": cleanlab,
    }


def score_pictures(pictures: PictureSet, seed: int) -> Iterator[tuple[str, PictureSet, np.ndarray, np.ndarray]]:
    """Yield each way's name, the boxes, their scores and the order in which they are shown; higher is rarer, first."""
    detected = pictures.detected()
    classes = detected.objects["class_name"]
    single = {name: score(detected.vectors, seed) for name, score in scorers().items()}
    by_class = {"methods": ["class_conditional_knn"], "class_names": classes.to_numpy(str), "seed": seed}
    single |= outlier_scores(detected.vectors, **by_class)
    single["class frequency"] = -classes.map(classes.value_counts()).to_numpy(float)
    for name, scores in single.items():
        yield name, detected, scores, scores
    yield PLAIN, detected, *rank_plainly(detected, seed)
    yield OURS, detected, *rank_by_default(detected, seed)
    yield OURS_WITH_PROPOSALS, pictures, *rank_by_default(pictures, seed)


def rank_by_default(pictures: PictureSet, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rarity, and minus the rank, which shows an event once before it shows further views."""
    ids = pictures.objects["object_id"].tolist()
    options = {"zero_shot": pictures.zero_shot, "seed": seed}
    scores, _ = score_objects(pictures.objects, pictures.images, pictures.vectors, ids, **options)
    return scores["rarity"].to_numpy(float), -scores["rank"].to_numpy(float)


def rank_plainly(pictures: PictureSet, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of the plain recipe; what its early filter leaves out comes last, all alike."""
    objects = pictures.objects
    keep = filter_objects(objects, settings=FilterSettings(selection="union", seed=seed))["keep"].to_numpy(bool)
    rarity, order = np.full(len(objects), -1.0), np.full(len(objects), -float(len(objects)))
    ids = objects.loc[keep, "object_id"].tolist()
    scores, _ = score_objects(objects, pictures.images, pictures.vectors[keep], ids, selection="union", seed=seed)
    rarity[keep], order[keep] = scores["rarity"], -scores["rank"]
    return rarity, order


def measure_pictures(draws: list[PictureSet]) -> pd.DataFrame:
    """Return a row per way: AUROC with its interval, average precision, true objects found at the budget."""
    rows = [
        {"way": name, "seed": seed, **measure(ranked, scores, order, seed)}
        for seed, pictures in enumerate(draws)
        for name, ranked, scores, order in score_pictures(pictures, seed)
    ]
    table = pd.DataFrame(rows)
    return table.groupby("way", sort=False).mean().drop(columns="seed")


def measure(pictures: PictureSet, scores: np.ndarray, order: np.ndarray, seed: int) -> dict[str, float]:
    """Return the figures of one ranking; the interval is over resampled pictures (2.5 to 97.5 %)."""
    budget = CROPS_PER_PICTURE * len(pictures.images)
    first = np.argsort(-order, kind="stable")[:budget]
    shown = pictures.objects["object_id"].to_numpy()[first]
    low, high = picture_interval(pictures, scores, seed)
    return {
        "AUROC": roc_auc_score(pictures.rare, scores),
        "low": low,
        "high": high,
        "AP": average_precision_score(pictures.rare, scores),
        "found": pictures.pairs.loc[pictures.pairs["object_id"].isin(shown), "truth_row"].nunique(),
        "of": len(pictures.truth),
    }


def picture_interval(pictures: PictureSet, scores: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the interval of the AUROC over resamples of whole pictures."""
    generator = np.random.default_rng(seed)
    rows_of = list(pictures.objects.groupby("image_id").indices.values())
    values = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rows_of[number] for number in generator.integers(0, len(rows_of), len(rows_of))])
        if 0 < pictures.rare[rows].sum() < len(rows):
            values.append(roc_auc_score(pictures.rare[rows], scores[rows]))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def measure_vectors(sets: Iterator[VectorSet]) -> pd.DataFrame:
    """Return a row per way: mean AUROC over sets and seeds, its interval over sets, average precision."""
    ways = {
        **scorers(),
        PLAIN: lambda vectors, seed: sum(
            pd.Series(scores).rank().to_numpy()
            for scores in outlier_scores(vectors, methods=["isolation_forest", "lof"], seed=seed).values()
        ),
        OURS: lambda vectors, seed: embedding_rarity(vectors, seed=seed),
    }
    rows = []
    for seed, stored in enumerate(sets):
        for way, score in ways.items():
            scores = score(stored.vectors, seed)
            figures = {"AUROC": roc_auc_score(stored.rare, scores), "AP": average_precision_score(stored.rare, scores)}
            rows.append({"way": way, "set": stored.name, **figures})
    by_set = pd.DataFrame(rows).groupby(["way", "set"], sort=False).mean()
    drawn = np.random.default_rng(0).integers(0, by_set.index.levshape[1], (RESAMPLES, by_set.index.levshape[1]))
    table = by_set.groupby("way", sort=False).mean()
    for way in table.index:
        means = by_set.loc[way, "AUROC"].to_numpy()[drawn].mean(axis=1)
        table.loc[way, ["low", "high"]] = np.quantile(means, (0.025, 0.975))
    return table[["AUROC", "low", "high", "AP"]]


def describe(draws: list[PictureSet]) -> str:
    """Say how large a set is and how much of what is rare in it has a crop."""
    pictures = draws[0]
    truth = pictures.truth
    large = np.minimum(truth["x_max"] - truth["x_min"], truth["y_max"] - truth["y_min"]) >= MIN_SIDE_PX
    cut = {
        name: truth.index.isin(match_truth(truth, boxes, pictures.images)["truth_row"])[large].mean()
        for name, boxes in (("without", pictures.detected().objects), ("with", pictures.objects))
    }
    return (
        f"{len(pictures.images)} pictures, {len(pictures.detected().objects)} detected boxes "
        f"({pictures.detected().rare.sum()} show something rare), {len(truth)} rare objects, {large.sum()} of them "
        f"with a short side of at least {MIN_SIDE_PX} px; of these {cut['without']:.0%} have a crop, "
        f"{cut['with']:.0%} with proposals; {len(draws)} draw{'s' * (len(draws) > 1)}"
    )


def report(tables: dict[str, pd.DataFrame], notes: list[str], seeds: int) -> str:
    """Return all tables as Markdown, with the command and the machine."""
    overview = pd.DataFrame({name: table["AUROC"] for name, table in tables.items()})
    overview.insert(0, "mean", overview.mean(axis=1, skipna=False))
    parts = [
        "# How early rare objects are shown",
        f"`python benchmarks/quality.py --seeds {seeds}` on {machine()}. PyOD {version('pyod')} and cleanlab "
        f"{version('cleanlab')} with their own defaults, on the same vectors; real pictures by YOLOv8n and its own "
        "features. AUROC is over boxes (0.5 is chance), in brackets 95 % of resamples of whole pictures (of sets for "
        f"stored vectors); found: true objects among the first {CROPS_PER_PICTURE} crops a picture, undetected ones "
        "counted as missed; views of an event that is shown already come late in our order. With proposals "
        "there are more boxes to rank, so only 'found' compares with the others. "
        "The weights of our ranking were chosen on the real sets: none of its figures here is held back.",
        "\n".join(notes),
        "## AUROC of all sets",
        markdown(overview.map(lambda value: "" if np.isnan(value) else f"{value:.3f}")),
    ]
    for name, table in tables.items():
        parts += [f"## {name}", markdown(as_text(table))]
    parts += ["## Where our default is not the best", "\n".join(shortfalls(tables)) or "Nowhere."]
    return "\n\n".join(parts) + "\n"


def shortfalls(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Say for which sets another way has a higher AUROC than our default."""
    for name, table in tables.items():
        others = table["AUROC"].drop([OURS, OURS_WITH_PROPOSALS], errors="ignore")
        ahead = others[others > table.loc[OURS, "AUROC"] + 5e-4].sort_values(ascending=False)
        if len(ahead):
            told = ", ".join(f"{way} {value:.3f}" for way, value in ahead.items())
            yield f"- {name}: {told}; ours {table.loc[OURS, 'AUROC']:.3f}"


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the figures as they are printed."""
    text = pd.DataFrame(index=table.index)
    text["AUROC"] = [f"{row.AUROC:.3f} ({row.low:.2f}–{row.high:.2f})" for row in table.itertuples()]
    text["average precision"] = table["AP"].map("{:.3f}".format)
    if "found" in table:
        text["found"] = [f"{row.found:.3g} of {row.of:.3g}" for row in table.itertuples()]
    return text


def markdown(table: pd.DataFrame) -> str:
    """Return a table with its index as Markdown."""
    head = ["", *table.columns]
    lines = [
        head,
        ["---"] * len(head),
        *([name, *row] for name, row in zip(table.index, table.to_numpy(), strict=True)),
    ]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine() -> str:
    """Say in words what this ran on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}, no GPU"


if __name__ == "__main__":
    main()
