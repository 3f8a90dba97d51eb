"""Worlds in which somebody judges: planted kinds, stored vectors, and real and drawn pictures seen by the library."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from quality_data import DEMO_SEED, PictureSet, find_shared, read_demo, read_picture_sets
from quality_ways import score_by_default

from rarelib.ranking.outliers import outlier_scores

LOOKS, STRANGE, STRANGE_KIND, DIM, SIZE = 52, 100, 5, 128, 3000
# kinds, objects of each, spread, how far the ranking lifts them [standard deviations]
PLANTED = {
    "tight": (12, 5, 0.3, 1.0),
    "scattered": (30, 2, 1.0, 1.2),
    "middling": (20, 3, 1.0, 0.7),
    "loose": (15, 4, 0.8, 1.2),
    "few large": (4, 25, 0.7, 0.8),
}
STORED = {"MVTec-AD": 5, "CIFAR10": 100}  # anomalies of each file
PICTURES = ("both beside ordinary frames", "pasted into ordinary frames")
DEMO, DEMO_SEEDS = "demo world", (DEMO_SEED, 9001)
SORTS = (tuple(PLANTED), tuple(STORED), (*PICTURES, DEMO))
DRAWN = 0.8  # of the objects of pictures, at random by the seed
World = tuple[np.ndarray, np.ndarray, np.ndarray]  # unit rows, rarity, kind (-1 for what is not wanted)


def read_worlds(seeds: int, pictures: Path | None) -> dict[str, list[World]]:
    """Return so many draws of each world.

    Args:
        seeds: Draws.
        pictures: Where what was seen of the pictures is kept; None leaves them and the demo world out.
    """
    stored = find_shared() / "data" / "embeddings_adbench"
    makers: dict[str, Callable[[int], World]] = {
        name: lambda seed, about=about: planted_world(seed, *about) for name, about in PLANTED.items()
    }
    for name, anomalies in STORED.items() if stored.is_dir() else ():
        files = sorted(stored.glob(f"*{name}*.npz"))
        makers[name] = lambda seed, files=files, anomalies=anomalies: stored_world(files, anomalies, seed)
    for name, sets in _pictures(pictures).items() if pictures else ():
        makers[name] = lambda seed, sets=sets: drawn_world(sets[seed % len(sets)], seed)
    return {name: [make(seed) for seed in range(seeds)] for name, make in makers.items()}


def planted_world(seed: int, kinds: int, per_kind: int, spread: float, lift: float) -> World:
    """Return common objects in many looks, strange ones that nobody wants, and the wanted kinds."""
    generator = np.random.default_rng(seed)
    cone, wanted = generator.normal(size=DIM), kinds * per_kind
    shares = generator.dirichlet(np.r_[np.ones(12), np.full(LOOKS - 12, 0.05)])
    sizes = [
        *((size, generator.uniform(0.4, 1.0)) for size in generator.multinomial(SIZE - wanted - STRANGE, shares)),
        *((STRANGE_KIND, generator.choice([0.3, 1.0])) for _ in range(STRANGE // STRANGE_KIND)),
        *[(per_kind, spread)] * kinds,
    ]
    rows = np.concatenate([_look(generator, cone, *size) for size in sizes])
    kind = np.r_[np.full(SIZE - wanted, -1), np.repeat(np.arange(kinds), per_kind)]
    lifts = np.r_[np.zeros(SIZE - wanted - STRANGE), np.full(STRANGE, 2.0), np.full(wanted, lift)]
    order = generator.permutation(SIZE)
    return rows[order], _percentiles(generator.normal(size=SIZE) + lifts)[order], kind[order]


def stored_world(files: list[Path], anomalies: int, seed: int) -> World:
    """Return stored vectors, ranked by their nearest neighbours; a file's anomalies are a kind, of one file each."""
    generator, vectors, kinds = np.random.default_rng(seed), [], []
    for number, file in enumerate(files):
        stored = np.load(file)
        normal, odd = (np.flatnonzero(stored["y"] == value) for value in (0, 1))
        odd = generator.permutation(odd)[:anomalies]
        vectors.append(stored["X"][np.r_[normal, odd]])
        kind = np.full(len(odd), number) if len(files) > 1 else np.arange(len(odd))
        kinds.append(np.r_[np.full(len(normal), -1), kind])
    rows = np.concatenate(vectors)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return rows, _percentiles(outlier_scores(rows, methods=["knn"], seed=0)["knn"]), np.concatenate(kinds)


def picture_world(pictures: PictureSet) -> World:
    """Return all boxes of a set in the ranking of a run; a kind is a class, or each thing where all have one name."""
    truth = pictures.truth
    names = truth["class_name"] if truth["class_name"].nunique() > 1 else pd.Series(truth.index, truth.index)
    number = pd.Series(np.unique(names.astype(str), return_inverse=True)[1], index=truth.index)
    shown = pictures.pairs.drop_duplicates("object_id").set_index("object_id")["truth_row"].map(number)
    kind = pictures.objects["object_id"].map(shown).fillna(-1).to_numpy(int)
    rarity = score_by_default(pictures, 0)["rarity"].to_numpy(float)
    return pictures.vectors.astype(np.float32), rarity, kind


def drawn_world(world: World, seed: int) -> World:
    """Return a draw of the objects of a world."""
    size = len(world[2])
    rows = np.sort(np.random.default_rng(seed).permutation(size)[: round(DRAWN * size)])
    return world[0][rows], world[1][rows], world[2][rows]


@cache
def _pictures(kept: Path) -> dict[str, list[World]]:
    found = {
        name: [picture_world(one) for one in sets]
        for name, sets in read_picture_sets(find_shared(), kept, seeds=2)
        if name in PICTURES
    }
    return {**found, DEMO: [picture_world(read_demo(kept, seed=seed)) for seed in DEMO_SEEDS]}


def _look(generator: np.random.Generator, cone: np.ndarray, size: int, spread: float) -> np.ndarray:
    centre = cone + generator.normal(size=DIM)
    rows = centre / np.linalg.norm(centre) + spread * generator.normal(size=(size, DIM)) / DIM**0.5
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _percentiles(values: np.ndarray) -> np.ndarray:
    return (np.argsort(np.argsort(values)) + 1) / len(values)
