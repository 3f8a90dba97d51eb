"""Choose the weights of the signs of rarity, and measure on each set what weights do that were chosen without it.

Run: python benchmarks/sign_weights.py [--seeds 3] [--demo-seeds 3] [--out sign_weights.md]
The signs of every object are measured once; a fusion of them is then judged in milliseconds, so that any other one can
be tried: `judge(table, fuse)` takes a table of sign columns with the truth and a function from signs to rarity.
"""

import argparse
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from quality import machine, markdown
from quality_data import PictureSet, find_shared, read_demo, read_picture_sets
from quality_ways import SIGNS, score_by_default, weights
from sklearn.metrics import average_precision_score, roc_auc_score

from rarelib.ranking.signs import fuse_signs

STEPS = np.round(np.arange(0, 1.01, 0.1), 2)  # weights that are tried
PASSES = 3  # over all signs
GAIN = 5e-4  # of the mean; a smaller one is noise and changes no weight
FIRST_DEMO_SEED = 9001
ANOMALIES, BICYCLISTS = {"road_anomaly21", "fishyscapes_static"}, {"camvid"}
MADE_OF = {  # whose rare things a set shows; sets that share some are left out together
    "both beside ordinary frames": ANOMALIES,
    "pasted into ordinary frames": ANOMALIES,
    "camvid bicyclists, all": BICYCLISTS,
    "camvid bicyclists, few": BICYCLISTS,
}
Fusion = Callable[[pd.DataFrame], np.ndarray]  # sign columns to rarity, higher is rarer
Weights = Mapping[str, float]


def main() -> None:
    """Choose weights with each set left out, and on all sets, and report both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--demo-seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_quality")
    parser.add_argument("--out", type=Path, default=Path("sign_weights.md"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    sets = read_signs(options.cache, seeds=options.seeds, demo_seeds=options.demo_seeds)
    options.out.write_text(report(sets), encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


def read_signs(cache: Path, *, seeds: int, demo_seeds: int) -> dict[str, list[pd.DataFrame]]:
    """Return for each set its draws: per object the sign columns, `rare` by the truth, and `source`."""
    found = {
        name: [measure_draw(pictures, seed) for seed, pictures in enumerate(draws)]
        for name, draws in read_picture_sets(find_shared(), cache, seeds=seeds)
        if not isinstance(draws, str)
    }
    more = [read_demo(cache, seed=FIRST_DEMO_SEED + number) for number in range(demo_seeds - 1)]
    found["demo world"] += [measure_draw(pictures, seed) for seed, pictures in enumerate(more, start=1)]
    return found


def measure_draw(pictures: PictureSet, seed: int) -> pd.DataFrame:
    """Return the signs of each object by the default ranking, with the truth."""
    scores = score_by_default(pictures, seed)
    signs = scores[[sign.name for sign in SIGNS]].reset_index(drop=True)
    return signs.assign(rare=pictures.rare, source=pictures.sources())


def judge(table: pd.DataFrame, fuse: Fusion) -> float:
    """Return how well a fusion puts what is rare first: mean of AUROC and average precision, within each source."""
    rarity, rare = fuse(table), table["rare"].to_numpy(bool)
    values = []
    for name in table["source"].unique():
        rows = (table["source"] == name).to_numpy()
        if 0 < rare[rows].sum() < rows.sum():
            values.append(roc_auc_score(rare[rows], rarity[rows]) + average_precision_score(rare[rows], rarity[rows]))
    return float(np.mean(values)) / 2


def judge_sets(sets: Mapping[str, list[pd.DataFrame]], fuse: Fusion) -> float:
    """Return the mean of `judge` over sets, each the mean over its draws."""
    return float(np.mean([np.mean([judge(table, fuse) for table in draws]) for draws in sets.values()]))


def fuse_with(chosen: Weights, table: pd.DataFrame) -> np.ndarray:
    """Fuse signs as the library does, with these weights."""
    with weights(chosen):
        return fuse_signs(table)


def choose_weights(sets: Mapping[str, list[pd.DataFrame]]) -> dict[str, float]:
    """Return weights that do well on these sets: one sign after another, from those shipped, while the mean gains."""
    chosen = shipped_weights()
    best = judge_sets(sets, partial(fuse_with, chosen))
    for _ in range(PASSES):
        before = best
        for name in chosen:
            tried = {step: judge_sets(sets, partial(fuse_with, {**chosen, name: step})) for step in STEPS.tolist()}
            step = max(tried, key=tried.get)
            if tried[step] > best + GAIN:
                chosen[name], best = step, tried[step]
        if best < before + GAIN:
            break
    return chosen


def shipped_weights() -> dict[str, float]:
    """Return the weights of the library by the names of the signs."""
    return {sign.name: sign.weight for sign in SIGNS}


def report(sets: dict[str, list[pd.DataFrame]]) -> str:
    """Return what was chosen and how it does on sets that had no part in it, as Markdown."""
    ways = {"shipped": shipped_weights(), "chosen on all sets": choose_weights(sets)}
    rows, folds = [], {}
    for name, draws in sets.items():
        folds[f"without {name}"] = choose_weights({other: sets[other] for other in sets if not _shares(name, other)})
        one = {name: draws}
        held_out = judge_sets(one, partial(fuse_with, folds[f"without {name}"]))
        told = {way: judge_sets(one, partial(fuse_with, chosen)) for way, chosen in ways.items()}
        rows.append({"set": name, **told, "chosen without this set": held_out})
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).set_index("set")
    table.loc["mean"] = table.mean()
    chosen = pd.DataFrame({**ways, **folds})
    return (
        f"# Weights of the signs\n\n`python benchmarks/sign_weights.py` on {machine()}. Mean of AUROC and average "
        f"precision within each source, over draws; the last column is what to expect of a set not seen.\n\n"
        f"{markdown(table.map('{:.3f}'.format))}\n\n## Weights\n\n{markdown(chosen.map('{:.2g}'.format))}\n"
    )


def _shares(name: str, other: str) -> bool:
    """Tell whether two sets are one, or show the same rare things."""
    return bool(MADE_OF.get(name, {name}) & MADE_OF.get(other, {other}))


if __name__ == "__main__":
    main()
