"""Judge page by page through whole rankings, as a user does: with events, spread and proposals, run after run.

Run: python benchmarks/verdict_pages.py [--demo-seeds 4711 9001 9002 9003] [--page 50] [--out verdict_pages.md]
On the picture sets of quality.py (RARELIB_SHARED) and on demo worlds: each page has the next entries, 50 by default,
that neither they nor another view of their event was judged; the truth judges them, and score_objects ranks anew.
`without` goes on down the first ranking. The first time takes minutes more, to detect and embed.
"""

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from quality import machine, markdown
from quality_data import DEMO_SCENES, DEMO_SEED, PictureSet, find_shared, read_demo, read_picture_sets

from rarelib.ranking.scoring import score_objects
from rarelib.settings import ScoreSettings

ROUNDS = 4
SETS = ("both beside ordinary frames", "pasted into ordinary frames", "camvid bicyclists, few")
WAYS = {"without": False, "with verdicts": True}
FOUND = ("kinds", "things", "boxes")


def main() -> None:
    """Judge all worlds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo-seeds", type=int, nargs="*", default=[DEMO_SEED, 9001, 9002, 9003])
    parser.add_argument("--demo-scenes", type=int, default=DEMO_SCENES)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--page", type=int, default=50)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_quality")
    parser.add_argument("--out", type=Path, default=Path("verdict_pages.md"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows = {}
    for name, pictures in worlds(options):
        for way, judges in WAYS.items():
            rows[name, way] = judged(pictures, judges=judges, size=options.page)
            print(name, way, rows[name, way].tolist(), flush=True)
    options.out.write_text(report(rows, options), encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


def worlds(options: argparse.Namespace) -> Iterator[tuple[str, PictureSet]]:
    """Yield each draw of the sets, and each demo world."""
    for name, draws in read_picture_sets(find_shared(), options.cache, seeds=options.seeds):
        for number, draw in enumerate(draws if name in SETS else ()):
            yield f"{name} {number}", draw
    for seed in options.demo_seeds:
        yield f"demo world {seed}", read_demo(options.cache, seed=seed, n_scenes=options.demo_scenes)


def judged(pictures: PictureSet, *, judges: bool, size: int) -> np.ndarray:
    """Return the kinds, true things and boxes of true things seen after each page, int array (ROUNDS + 1, 3)."""
    ids = pictures.objects["object_id"]
    shown = pictures.pairs.drop_duplicates("object_id").set_index("object_id")["truth_row"]
    truth = pictures.truth  # a box that tells no thing is one of its own
    thing = truth["thing"] if "thing" in truth else truth.index.to_series()
    verdicts, found = pd.Series(np.nan, index=ids), []
    first = scores = ranked(pictures)
    for _ in range(ROUNDS + 1):
        page = next_page(scores if judges else first, verdicts, size)
        verdicts[page] = np.isin(page, shown.index).astype(float)
        seen = shown.reindex(verdicts.index[verdicts == 1])
        found.append((truth.loc[seen, "class_name"].nunique(), thing.loc[seen].nunique(), len(seen)))
        scores = ranked(pictures, verdicts) if judges else first
    return np.array(found)


def next_page(scores: pd.DataFrame, verdicts: pd.Series, size: int) -> list[str]:
    """Return the next entries of a ranking of whose event nothing was judged."""
    known = set(scores.loc[scores["object_id"].map(verdicts).notna(), "event"])
    entries = scores[(scores["event"] == scores["object_id"]) & ~scores["event"].isin(known)]
    return entries.sort_values("rank")["object_id"].head(size).tolist()


def ranked(pictures: PictureSet, verdicts: pd.Series | None = None) -> pd.DataFrame:
    """Return the scores of the shipped default, with verdicts where some are given."""
    return score_objects(
        pictures.objects,
        pictures.images,
        pictures.vectors,
        pictures.objects["object_id"].tolist(),
        zero_shot=pictures.zero_shot,
        verdicts=None if verdicts is None else verdicts.to_numpy(),
        settings=ScoreSettings(seed=0),
    )[0]


def report(rows: dict[tuple[str, str], np.ndarray], options: argparse.Namespace) -> str:
    """Return a row for each world and way: what was found after each page; and the means of pictures and of demos."""
    seeds = " ".join(map(str, options.demo_seeds))
    table = pd.DataFrame({f"{name}, {way}": _texts(found) for (name, way), found in rows.items()}).T
    for sort, of_demo in (("pictures", False), ("demo worlds", True)):
        for way in WAYS:
            some = [found for (name, of), found in rows.items() if of == way and name.startswith("demo") == of_demo]
            if some:
                table.loc[f"**mean of {sort}, {way}**"] = _texts(np.mean(some, axis=0))
    scenes = f" --demo-scenes {options.demo_scenes}" if options.demo_scenes != DEMO_SCENES else ""
    command = (
        f"python benchmarks/verdict_pages.py --demo-seeds {seeds}{scenes} --seeds {options.seeds} --page {options.page}"
    )
    return (
        f"# Pages of {options.page} judged through whole rankings\n\n`{command}` on {machine()}. Seen after the first "
        f"page, which both ways share, and after each of {ROUNDS} further ones: kinds (CamVid's and the anomalies "
        f"beside ordinary frames have one name), true things (once in all pictures of a drive), and boxes that "
        f"show one.\n\n{markdown(table)}\n"
    )


def _texts(found: np.ndarray) -> dict[str, str]:
    return {what: " ".join(f"{value:.3g}" for value in found[:, column]) for column, what in enumerate(FOUND)}


if __name__ == "__main__":
    main()
