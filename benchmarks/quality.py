"""Measure how early known rare objects are shown: our default beside single methods, the plain recipe and peers.

Run: python benchmarks/quality.py [--seeds 5] [--only "demo world"] [--out benchmarks/quality_results.md]
It needs the shared pictures (RARELIB_SHARED or ../shared) and `pip install -e .[benchmarks]` for PyOD and cleanlab.
`sign_weights.py` chooses the weights of the signs with one set left out, `verdict_rounds.py` simulates a user who
judges, and `demo_quality.py` looks at the first page of whole demo runs.
"""

import argparse
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
from quality_data import PictureSet, VectorSet, find_shared, read_picture_sets, read_vector_sets
from quality_measures import CROPS_PER_PICTURE, PRECISION_AT, RESAMPLES, describe, measure
from quality_ways import DETECTED_ONLY, OURS, PLAIN, score_pictures, scorers, without_each_sign
from sklearn.metrics import average_precision_score, roc_auc_score

from rarelib.ranking.outliers import embedding_rarity, outlier_scores

STORED = "stored vectors (ADBench)"


def main() -> None:
    """Measure all sets and write one table each, and one of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", help="sets whose names hold this")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_quality")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("quality_results.md"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")  # peers warn of their own affairs
    shared, tables, ablations, notes = find_shared(), {}, {}, []
    for name, draws in read_picture_sets(shared, options.cache, seeds=options.seeds):
        if isinstance(draws, str):
            notes.append(f"- {name}: left out, {draws}")
        elif not options.only or options.only in name:
            tables[name], ablations[name] = measure_pictures(draws), ablate(draws)
            notes.append(f"- {name}: {describe(draws)}")
            print(f"\n{notes[-1]}\n{tables[name].to_string()}\n{ablations[name].to_string()}", flush=True)
    if not options.only or options.only in STORED:
        tables[STORED] = measure_vectors(read_vector_sets(shared, seeds=options.seeds))
    options.out.write_text(report(tables, ablations, notes, options.seeds), encoding="utf-8")
    print(f"\n{options.out.read_text(encoding='utf-8')}")


def measure_pictures(draws: list[PictureSet]) -> pd.DataFrame:
    """Return a row per way with the figures of `measure`, means over the draws."""
    rows = [
        {"way": name, **measure(ranked, *ranking, seed)}
        for seed, pictures in enumerate(draws)
        for name, ranked, ranking in score_pictures(pictures, seed)
    ]
    return pd.DataFrame(rows).groupby("way", sort=False).mean()


def ablate(draws: list[PictureSet]) -> pd.DataFrame:
    """Return a row per sign: the figures of the default ranking without it, means over the draws."""
    rows = [
        {"without": name, **measure(pictures, *ranking, seed)}
        for seed, pictures in enumerate(draws)
        for name, ranking in without_each_sign(pictures, seed)
    ]
    return pd.DataFrame(rows).groupby("without", sort=False).mean()


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


def report(tables: dict[str, pd.DataFrame], ablations: dict[str, pd.DataFrame], notes: list[str], seeds: int) -> str:
    """Return all tables as Markdown, with the command and the machine."""
    auroc = pd.DataFrame({name: table["AUROC"] for name, table in tables.items()})
    found = pd.DataFrame({name: _found(table) for name, table in tables.items() if "found" in table})
    parts = [
        "# How early rare objects are shown",
        f"`python benchmarks/quality.py --seeds {seeds}` on {machine()}. {_peer_versions()}; real pictures by YOLOv8n "
        "and its own features, the demo world by its own models at the size they were made for. AUROC and average "
        "precision are over boxes (0.5 is chance for AUROC), in brackets 95 % of resamples of whole pictures (of sets "
        "for stored vectors); P@k is the share of the first k crops that show something rare; found counts objects "
        f"within the first {CROPS_PER_PICTURE} crops a picture, of those with any crop, of all: without a crop no "
        "ranking can find. Our default ranks proposals too, as it is shipped, so that it has more boxes to order and "
        "its AUROC and average precision do not compare with the others, found does; the row of detected boxes only "
        "compares in all. Where sets are joined, figures are taken within each source: telling sources apart earns "
        "nothing. How the weights of the signs do on sets that had no part in their choice is measured by "
        "`sign_weights.py`, what verdicts add by `verdict_rounds.py`, the first page of the demo by `demo_quality.py`.",
        "\n".join(notes),
        "## Found of all sets",
        markdown(found.dropna(how="all").fillna("")),
        "## AUROC of all sets",
        markdown(auroc.map(lambda value: "" if np.isnan(value) else f"{value:.3f}")),
    ]
    for name, table in tables.items():
        parts += [f"## {name}", markdown(as_text(table))]
    parts += ["## Each sign left out", "Change of AUROC, and of the objects found, when the default does without it."]
    parts += [markdown(changes(ablations))]
    parts += ["## Where our default is not the best", "\n".join(shortfalls(tables)) or "Nowhere."]
    return "\n\n".join(parts) + "\n"


def changes(ablations: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return for each sign (rows) and set (columns) what leaving it out changes, as text."""
    columns = {}
    for name, table in ablations.items():
        change = table.drop(index="none") - table.loc["none"]
        columns[name] = [f"{row.AUROC:+.3f}, {row.found:+.3g}" for row in change.itertuples()]
    signs = next(iter(ablations.values())).index.drop("none") if ablations else []
    return pd.DataFrame(columns, index=signs)


def shortfalls(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Say for which sets another way finds more objects, or has a higher AUROC on the same boxes, than ours."""
    for name, table in tables.items():
        measures = {"AUROC": DETECTED_ONLY if DETECTED_ONLY in table.index else OURS}
        measures |= {"found": OURS} if "found" in table else {}
        for measured, ours in measures.items():
            others = table[measured].drop([OURS, DETECTED_ONLY], errors="ignore")
            ahead = others[others > table.loc[ours, measured] + 5e-4].sort_values(ascending=False)
            if len(ahead):
                told = ", ".join(f"{way} {value:.3g}" for way, value in ahead.items())
                yield f"- {name}, {measured}: {told}; ours {table.loc[ours, measured]:.3g}"


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the figures as they are printed."""
    text = pd.DataFrame(index=table.index)
    text["AUROC"] = [f"{row.AUROC:.3f} ({row.low:.2f}–{row.high:.2f})" for row in table.itertuples()]
    text["average precision"] = table["AP"].map("{:.3f}".format)
    if "found" in table:
        for k in PRECISION_AT:
            text[f"P@{k}"] = table[f"P@{k}"].map("{:.2f}".format)
        text["found"] = _found(table)
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


def _found(table: pd.DataFrame) -> pd.Series:
    texts = [f"{row.found:.3g} of {row.ceiling:.3g} of {row.of:.3g}" for row in table.itertuples()]
    return pd.Series(texts, index=table.index)


def _peer_versions() -> str:
    try:
        return f"PyOD {version('pyod')} and cleanlab {version('cleanlab')} with their own defaults, on the same vectors"
    except PackageNotFoundError:
        return "PyOD and cleanlab were not installed"


if __name__ == "__main__":
    main()
