"""Simulate rounds of 50 verdicts: wanted objects and kinds found with verdicts, without, and at random.

Run: python benchmarks/verdict_rounds.py [--seeds 4]
Planted worlds of tight, scattered and middling kinds, and the stored vectors of ../shared (RARELIB_SHARED).
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rarelib.ranking.outliers import outlier_scores
from rarelib.ranking.verdicts import rerank

PAGE, ROUNDS = 50, 4
LOOKS, STRANGE, STRANGE_KIND, DIM, SIZE = 52, 100, 5, 128, 3000
# kinds, objects of each, spread, how far the ranking lifts them [standard deviations]
PLANTED = {
    "tight": (12, 5, 0.3, 1.0),
    "scattered": (30, 2, 1.0, 1.2),
    "middling": (20, 3, 1.0, 0.7),
    "loose": (15, 4, 0.8, 1.2),
    "few large": (4, 25, 0.7, 0.8),
}
World = tuple[np.ndarray, np.ndarray, np.ndarray]  # unit rows, rarity, kind (-1 for what is not wanted)


def main() -> None:
    """Print for each world the means over seeds, after each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    seeds = range(parser.parse_args().seeds)
    stored = Path(os.environ.get("RARELIB_SHARED", "../shared")) / "data" / "embeddings_adbench"
    worlds: dict[str, Callable[[int], World]] = {
        name: lambda seed, about=about: planted_world(seed, *about) for name, about in PLANTED.items()
    }
    if stored.is_dir():
        worlds["MVTec-AD"] = lambda seed: stored_world(sorted(stored.glob("*MVTec*.npz")), 5, seed)
        worlds["CIFAR10"] = lambda seed: stored_world(sorted(stored.glob("*CIFAR*.npz")), 100, seed)
    for name, world in worlds.items():
        drawn = [world(seed) for seed in seeds]
        for way in ("without", "random", "verdicts"):
            found = np.mean([look(one, way, seed) for seed, one in enumerate(drawn)], axis=0)
            print(f"{name:10} {way:9} wanted {found[:, 0].round(1)} kinds {found[:, 1].round(1)}", flush=True)


def look(world: World, way: str, seed: int) -> np.ndarray:
    """Return wanted objects and kinds found after each round, int array (ROUNDS + 1, 2)."""
    vectors, rarity, kind = world
    verdicts, found = np.full(len(kind), np.nan), []
    generator = np.random.default_rng(seed)
    for number in range(ROUNDS + 1):
        worth = rerank(rarity, vectors, verdicts) if way == "verdicts" else rarity
        worth = generator.random(len(kind)) if way == "random" and number else worth
        order = np.argsort(-worth, kind="stable")
        page = order[np.isnan(verdicts[order])][:PAGE]
        verdicts[page] = kind[page] >= 0
        shown = kind[~np.isnan(verdicts)]
        found.append(((shown >= 0).sum(), len(set(shown) - {-1})))
    return np.array(found)


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


def _look(generator: np.random.Generator, cone: np.ndarray, size: int, spread: float) -> np.ndarray:
    centre = cone + generator.normal(size=DIM)
    rows = centre / np.linalg.norm(centre) + spread * generator.normal(size=(size, DIM)) / DIM**0.5
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _percentiles(values: np.ndarray) -> np.ndarray:
    return (np.argsort(np.argsort(values)) + 1) / len(values)


if __name__ == "__main__":
    main()
