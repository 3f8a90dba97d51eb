"""How the whole ranking of vectors on disk grows, and what that says of 10 and 100 million.

Run: python benchmarks/growth_stored.py [300000 1000000 3000000] [--folder FOLDER] [--memory_gb 8]

Each count takes 2 GB of disk a million and runs in a process of its own: `score_objects` over made-up objects, all
default signs, with the outlier columns asked for by --methods. Seconds are the processor's, as the machine may be
shared. Memory is the peak of what the process holds for itself (RssAnon, sampled), the tables that it was given
included; pages of the mapped file, which the system may take back at any time, are told apart.

Vectors: directions of 400 kinds, a spread that falls with the direction as in real embeddings, and half of the things
seen in four pictures of a drive one after the other; one object in a thousand is of no kind.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls

DIM, KINDS, CLASSES, RARE_SHARE = 512, 400, 40, 0.001
PER_PICTURE, PER_DRIVE, SEEN_IN = 10, 400, 4
VIEWS = np.float32(0.1)  # of a thing's own spread, by which its views differ
TOP_SHARE, SAMPLED_S = 0.01, 0.05
PREDICTED = (10_000_000, 100_000_000)
# what is timed of the ranking: functions of scoring.py, and what they are called in the table
STEPS = {"join_tables": "tables", "outlier_scores": "outlier columns", "hidden_share": "hidden",
         "find_tracks": "tracks", "_events": "events, twice", "embedding_rarity": "look", "_add_signs": "signs",
         "spread_order": "order", "nearest_common": "neighbours", "explain_objects": "reasons"}  # fmt: skip


def main() -> None:
    """Measure all counts, or one where a process is told to, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", type=int, nargs="*", default=[300_000, 1_000_000, 3_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_growth")
    parser.add_argument("--memory_gb", type=float, default=8.0)
    parser.add_argument("--methods", nargs="*", default=["mahalanobis"])
    parser.add_argument("--one", action="store_true", help="measure the one count here and print it as JSON")
    parser.add_argument("--known", type=Path, help="file of earlier results, to which new ones are added")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.counts[0], options)))
        return
    rows = json.loads(options.known.read_text()) if options.known and options.known.is_file() else []
    for count in options.counts:
        rows.append(measure_apart(count, options))
        print(json.dumps(rows[-1]), flush=True)
        if options.known:
            options.known.write_text(json.dumps(rows, indent=1))
    table = pd.DataFrame(rows).sort_values("objects")
    print(table.set_index("objects").T.to_string(), "\n")
    print(predict(table, "seconds", [*STEPS.values()]))
    print(predict(table, "MiB", ["memory_mib"]))


def measure_apart(count: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one count in a process of its own."""
    command = [sys.executable, __file__, str(count), "--one", "--folder", str(options.folder)]
    command += ["--memory_gb", str(options.memory_gb), "--methods", *options.methods]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(count: int, options: argparse.Namespace) -> dict[str, Any]:
    """Rank so many objects; return seconds of the processor by step, memory [MiB], and how good the order is."""
    from rarelib.ranking import scoring
    from rarelib.settings import ScoreSettings

    path = options.folder / f"{count}.npy"
    draw_vectors(path, count)
    objects, images = draw_tables(count)
    watch = Watch()
    spent = time_steps(watch)
    settings = ScoreSettings(memory_gb=options.memory_gb, outlier_methods=tuple(options.methods))
    start, started = time.process_time(), time.perf_counter()
    ids = objects["object_id"]
    scores, _ = scoring.score_objects(objects, images, np.load(path, mmap_mode="r"), ids, settings=settings)
    seconds, wall, rare = time.process_time() - start, time.perf_counter() - started, is_rare(count)
    first = np.argsort(-scores["embedding_rarity"].to_numpy())[: round(TOP_SHARE * count)]
    return {
        "objects": count,
        "seconds": round(seconds, 1),
        "wall_s": round(wall, 1),
        **{name: round(value, 1) for name, value in spent.items()},
        "memory_mib": round(watch.highest["RssAnon"]),
        "with_mapped_file_mib": round(watch.highest["VmRSS"]),
        "given_tables_mib": round(watch.first),
        "strangers_in_first_1_%": round(float(rare[first].sum() / rare.sum()), 3),
        "selected": int(scores["selected"].sum()),
        "events": int(scores["event"].nunique()),
    }


class Watch:
    """The most that this process has held, sampled by a thread [MiB]."""

    def __init__(self) -> None:
        self.first = memory_mib("RssAnon")
        self.highest = {"RssAnon": 0.0, "VmRSS": 0.0}
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            for name in self.highest:
                self.highest[name] = max(self.highest[name], memory_mib(name))
            time.sleep(SAMPLED_S)


def time_steps(watch: Watch) -> dict[str, float]:
    """Let the steps of the ranking add their seconds to what is returned, and say on stderr when each ends."""
    from rarelib.ranking import scoring

    spent: dict[str, float] = {}

    def timed(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            start = time.process_time()
            found = function(*args, **options)
            spent[name] = spent.get(name, 0.0) + time.process_time() - start
            told = f"{name}: {spent[name]:.1f} s, at most {watch.highest['RssAnon']:.0f} MiB so far"
            print(time.strftime("%H:%M:%S"), told, file=sys.stderr, flush=True)
            return found

        return call

    for function, name in STEPS.items():
        setattr(scoring, function, timed(getattr(scoring, function), name))
    return spent


def predict(table: pd.DataFrame, name: str, parts: list[str]) -> str:
    """Add up the parts, each as a line through what was measured, and say what they give for more.

    With the error by which the smaller counts would have missed the largest, where there are enough for a line.
    """
    counts = table["objects"].to_numpy(float)
    more = ", ".join(f"{count:,}: {add_up(table, parts, count):,.0f}" for count in PREDICTED)
    if len(table) < 3:
        return f"{name}: {more}"
    largest = table.iloc[-1]
    error = add_up(table.iloc[:-1], parts, counts[-1]) / largest[parts].sum() - 1
    return f"{name}: {more} (the others predicted {counts[-1]:,.0f} {error:+.0%} wrong)"


def add_up(table: pd.DataFrame, parts: list[str], count: float) -> float:
    """Return the sum of the parts at another count: a constant and a share of the count each, neither below 0."""
    counts = table["objects"].to_numpy(float)
    by_count = np.stack([np.ones(len(counts)), counts], axis=1)
    lines = [nnls(by_count / counts[:, None], table[part].to_numpy(float) / counts)[0] for part in parts]
    return float(sum(base + slope * count for base, slope in lines))


def draw_vectors(path: Path, count: int, *, dim: int = DIM) -> None:
    """Write unit rows, block by block; the rows of a picture follow each other, and pictures those of their drive."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    rng, rare = np.random.default_rng(0), is_rare(count)
    spread = (1 / np.sqrt(1 + np.arange(dim))).astype(np.float32)
    spread *= np.sqrt(dim / (spread**2).sum())
    centres = rng.standard_normal((KINDS, dim), dtype=np.float32) * spread
    stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, dim))
    for start in range(0, count, PER_DRIVE * 50):
        block = np.arange(start, min(start + PER_DRIVE * 50, count))
        names, place = np.unique(things_of(block), return_inverse=True)
        own = rng.standard_normal((len(names), dim), dtype=np.float32) * spread
        odd = rare[names]
        own[odd] = rng.standard_normal((int(odd.sum()), dim), dtype=np.float32)
        own[~odd] += centres[names[~odd] % KINDS]
        rows = own[place] + rng.standard_normal((len(block), dim), dtype=np.float32) * (VIEWS * spread)
        stored[block[0] : block[-1] + 1] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    stored.flush()


def things_of(rows: np.ndarray) -> np.ndarray:
    """Return the first row of the thing that each row shows: every second is seen in SEEN_IN pictures in a row."""
    slot, picture = rows % PER_PICTURE, rows // PER_PICTURE
    first = picture - picture % SEEN_IN
    return np.where(slot % 2 == 0, first * PER_PICTURE + slot, rows)


def is_rare(count: int) -> np.ndarray:
    """Tell which things are of no kind, by their first row; bool array (count,)."""
    alone = np.random.default_rng(2).random(count) < RARE_SHARE
    return alone[things_of(np.arange(count))]


def draw_tables(count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return objects, ten a picture, and pictures, forty a drive; a thing moves little from picture to picture."""
    number = np.arange(count)
    picture, pictures = number // PER_PICTURE, np.arange(-(-count // PER_PICTURE))
    corner = np.random.default_rng(1).uniform(0, 800, (count, 2)).astype(np.float32)[things_of(number)]
    corner += 3 * (picture % SEEN_IN)[:, None].astype(np.float32)
    image_id = pd.Series(np.char.zfill(pictures.astype(str), 12), dtype="str")
    ids = image_id.take(picture).reset_index(drop=True) + pd.Series(number % PER_PICTURE).map("-{:02d}".format)
    names = pd.Series([f"kind {kind}" for kind in range(CLASSES)], dtype="str")
    of_thing = things_of(number) % KINDS % CLASSES
    told = {name: np.float32(value) for name, value in FIXED.items()}
    objects = pd.DataFrame({"object_id": ids.astype("str"), "image_id": image_id.take(picture).reset_index(drop=True),
                            "class_name": names.take(of_thing).reset_index(drop=True), "origin": "detected",
                            "x_min": corner[:, 0], "y_min": corner[:, 1], "x_max": corner[:, 0] + 90,
                            "y_max": corner[:, 1] + 90, **told})  # fmt: skip
    drive = pd.Series(pictures * PER_PICTURE // PER_DRIVE).map("drive {}".format).astype("str")
    return objects, pd.DataFrame({"image_id": image_id, "group": drive, "width": 1600, "height": 900})


FIXED = {"confidence": 0.8, "objectness": 0.8, "sharpness": 200.0, "brightness": 0.5, "contrast": 0.2}


def memory_mib(field: str) -> float:
    """Return one line of what the system says of this process [MiB]."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
