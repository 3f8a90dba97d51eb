"""Simulate rounds of 50 verdicts: wanted objects and kinds found with verdicts, without, and at random.

Run: python benchmarks/verdict_rounds.py [--seeds 5] [--choose] [--out benchmarks/verdict_rounds_results.md]
Worlds: planted ones of tight, scattered, middling, … kinds; the stored vectors of ../shared (RARELIB_SHARED); pictures
and the demo world as the library sees them, the first time in minutes (`--pictures no` leaves them out). Every way
looks at as many objects and begins with the same page; `without` goes on down the ranking. `--choose` chooses how much
verdicts teach (`Learning`) with each world left out, in some minutes more.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from quality import machine, markdown
from verdict_worlds import PICTURES, PLANTED, SORTS, STORED, World, read_worlds

from rarelib.ranking import verdict_kernel
from rarelib.ranking.verdict_kernel import Learning, Likeness
from rarelib.ranking.verdict_page import learned_order

PAGE, ROUNDS = 50, 4
TRIED = {  # values of Learning
    "reach": (0.6, 0.8),
    "variety": (2.0, 3.0),
    "fall": (0.4, 0.6, 0.8),
    "fall_spread": (0.5, 1.0, 1.25, 1.5),
    "tail": (200, 400, 800),
    "haste": (0.7, 0.8, 0.9, 1.0),
}
CANDIDATES = 60  # of all combinations, drawn at random (Bergstra and Bengio 2012)
BEHIND = 5.0  # what a kind fewer than without verdicts costs, where a kind found is worth 1
SAME_THINGS = [set(PICTURES)]  # worlds that show the same things are left out together
Draws = dict[str, list[World]]


def main() -> None:
    """Measure all worlds, choose values where asked, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--pictures", default=str(Path(tempfile.gettempdir()) / "rarelib_quality"))
    parser.add_argument("--out", type=Path, default=Path("verdict_rounds.md"))
    options = parser.parse_args()
    worlds = read_worlds(options.seeds, None if options.pictures == "no" else Path(options.pictures))
    ways = {"shipped": dict.fromkeys(worlds, Learning())}
    if options.choose:
        ways |= choose_with_each_left_out(worlds)
    found = {way: {name: rounds(worlds[name], one) for name, one in of.items()} for way, of in ways.items()}
    options.out.write_text(report(worlds, ways, found, options.seeds), encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


class Measured(Likeness):
    """Likeness of the objects of one world, measured once for all ways of learning."""

    def __init__(self, vectors: np.ndarray) -> None:
        """Measure all pairs."""
        super().__init__(vectors, 1.0)
        everything = np.arange(len(vectors))
        self.neighbours, self.cosine = self.half, super().between(everything, everything)[1].astype(np.float32)

    def reaching(self, _: np.ndarray, reach: float) -> "Measured":
        """Return itself with another reach; called in place of the class."""
        self.half = reach * self.neighbours
        return self

    def between(self, rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return likeness and cosine of pairs that were measured."""
        cosine = self.cosine[np.ix_(rows, others)].astype(float)
        return 0.5 ** (np.clip(1 - cosine, 0, None) / self.half), cosine


def look(world: World, way: Learning | str, seed: int) -> np.ndarray:
    """Return wanted objects and kinds found after the first page and after each round, int array (ROUNDS + 1, 2)."""
    vectors, rarity, kind = world
    verdicts, found = np.full(len(kind), np.nan), []
    generator = np.random.default_rng(seed)
    for number in range(ROUNDS + 1):
        if way == "without" or not number:
            order = np.argsort(-rarity, kind="stable")
        elif way == "random":
            order = generator.permutation(len(kind))
        else:
            order = learned_order(rarity, vectors, verdicts, learning=way)
        page = order[np.isnan(verdicts[order])][:PAGE]
        verdicts[page] = kind[page] >= 0
        shown = kind[~np.isnan(verdicts)]
        found.append(((shown >= 0).sum(), len(set(shown) - {-1})))
    return np.array(found)


def rounds(draws: list[World], way: Learning | str) -> np.ndarray:
    """Return the means over draws of `look`."""
    return np.mean([look(world, way, seed) for seed, world in enumerate(draws)], axis=0)


def judge(found: np.ndarray, without: np.ndarray, draws: list[World]) -> float:
    """Return the share of wanted objects and kinds found, mean over rounds, less what is behind no verdicts."""
    kinds = np.mean([len(set(kind) - {-1}) for *_, kind in draws])
    wanted = np.mean([(kind >= 0).sum() for *_, kind in draws])
    behind = np.maximum(without - found, 0)[1:, 1].mean() / kinds
    return float((found[1:, 0].mean() / wanted + found[1:, 1].mean() / kinds) / 2 - BEHIND * behind)


def choose_with_each_left_out(worlds: Draws) -> dict[str, dict[str, Learning]]:
    """Return what is chosen on all worlds, and for each world what the others choose."""
    tried = candidates()
    judged = pd.DataFrame({name: judge_all(name, draws, tried) for name, draws in worlds.items()})
    print(pd.concat([pd.DataFrame(map(asdict, tried))[list(TRIED)], judged.round(3)], axis=1).to_string(), flush=True)
    left_out = {name: [other for other in worlds if not _shows_the_same(name, other)] for name in worlds}
    return {
        "chosen on all worlds": dict.fromkeys(worlds, tried[mean_of_sorts(judged).argmax()]),
        "chosen without this world": {name: tried[mean_of_sorts(judged[of]).argmax()] for name, of in left_out.items()},
    }


def mean_of_sorts(judged: pd.DataFrame) -> pd.Series:
    """Return the mean of planted worlds, of stored vectors and of pictures, each of which counts as one."""
    sorts = [[name for name in sort if name in judged] for sort in SORTS]
    return pd.concat([judged[names].mean(axis=1) for names in sorts if names], axis=1).mean(axis=1)


def candidates() -> list[Learning]:
    """Return the combinations of values that are tried."""
    every = list(product(*TRIED.values()))
    drawn = np.random.default_rng(0).permutation(len(every))[:CANDIDATES]
    return [Learning(**dict(zip(TRIED, every[number], strict=True))) for number in drawn]


def judge_all(name: str, draws: list[World], tried: list[Learning]) -> list[float]:
    """Return `judge` of each way of learning in one world."""
    found = []
    for seed, world in enumerate(draws):
        with mock.patch.object(verdict_kernel, "Likeness", Measured(world[0]).reaching):
            found.append([look(world, learning, seed) for learning in tried])
        print(name, seed, flush=True)
    without = rounds(draws, "without")
    return [judge(one, without, draws) for one in np.mean(found, axis=0)]


def _shows_the_same(name: str, other: str) -> bool:
    return name == other or any({name, other} <= same for same in SAME_THINGS)


def report(
    worlds: Draws, ways: Mapping[str, dict[str, Learning]], found: dict[str, dict[str, np.ndarray]], seeds: int
) -> str:
    """Return what was found in each world and round, and the values that were chosen, as Markdown."""
    told = (
        f"`python benchmarks/verdict_rounds.py --seeds {seeds}{' --choose' if len(ways) > 1 else ''}` on {machine()}."
    )
    text = [f"# Rounds of {PAGE} verdicts\n\n{told} {_how_to_read(seeds)}\n"]
    for column, what in ((1, "Kinds"), (0, "Wanted objects")):
        text.append(f"## {what}\n\n{markdown(_table(worlds, found, column))}\n")
    if len(ways) > 1:
        on_all = next(iter(ways["chosen on all worlds"].values()))
        chosen = {"shipped": Learning(), "on all": on_all}
        chosen |= {f"without {name}": one for name, one in ways["chosen without this world"].items()}
        table = pd.DataFrame({name: asdict(one) for name, one in chosen.items()})
        text.append(f"## Values\n\n{markdown(table.map('{:.2g}'.format))}\n")
    return "\n".join(text)


def _how_to_read(seeds: int) -> str:
    return (
        f"Means of {seeds} draws of each world, found after the first page of the ranking, which all ways share, and "
        f"after each of {ROUNDS} further pages; every way looks at as many objects, `without` goes on down the "
        f"ranking. Planted worlds: {', '.join(PLANTED)}; stored vectors: {', '.join(STORED)}; the others are pictures "
        f"as the library sees them, in the ranking of a run. Values are chosen among {CANDIDATES} combinations by the "
        f"share of objects and of kinds found, mean over rounds, less {BEHIND:g} times what is behind `without` in "
        f"kinds; planted worlds, stored vectors and pictures count as one each. The last column is what to expect of "
        f"a world not seen."
    )


def _table(worlds: Draws, found: dict[str, dict[str, np.ndarray]], column: int) -> pd.DataFrame:
    rows = {}
    for name, draws in worlds.items():
        ways = {way: rounds(draws, way) for way in ("without", "random")} | {way: of[name] for way, of in found.items()}
        rows[name] = {way: " ".join(f"{value:.1f}" for value in of[:, column]) for way, of in ways.items()}
    return pd.DataFrame(rows).T


if __name__ == "__main__":
    main()
