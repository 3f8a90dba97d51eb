"""Measure what spreading the page over pictures, overlaps and events is worth: true objects within two crops a picture.

Run: python benchmarks/spread.py [--seeds 3]
"""

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from quality import machine, markdown
from quality_data import PictureSet, find_shared, read_picture_sets
from quality_measures import measure
from quality_ways import score_by_default

from rarelib.ranking import order

TRIED = {
    "SAME_PICTURE": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "OVERLAPPING": (0.1, 0.3, 0.6, 1.0),
    "SAME_EVENT": (0.2, 0.5, 0.8, 1.0),
}


def main() -> None:
    """Print a row per constant and value, a column per set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_quality")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    sets = {
        name: draws
        for name, draws in read_picture_sets(find_shared(), options.cache, seeds=options.seeds)
        if not isinstance(draws, str)
    }
    rows = []
    for constant, values in TRIED.items():
        for value in values:
            with replaced(constant, value):
                rows.append({"": f"{constant} {value}", **{name: share_found(draws) for name, draws in sets.items()}})
            print(rows[-1], flush=True)
    print(f"{machine()}\n\n{markdown(pd.DataFrame(rows).set_index('').map('{:.3f}'.format))}")


@contextmanager
def replaced(constant: str, value: float) -> Iterator[None]:
    """Let a constant of the order have another value for a while."""
    before = getattr(order, constant)
    setattr(order, constant, value)
    try:
        yield
    finally:
        setattr(order, constant, before)


def share_found(draws: list[PictureSet]) -> float:
    """Return the share of true objects with a crop that stand within the first two crops a picture, over draws."""
    shares = []
    for seed, pictures in enumerate(draws):
        scores = score_by_default(pictures, seed)
        figures = measure(pictures, scores["rarity"].to_numpy(float), -scores["rank"].to_numpy(float), seed)
        shares.append(figures["found"] / max(figures["ceiling"], 1))
    return sum(shares) / len(shares)


if __name__ == "__main__":
    main()
