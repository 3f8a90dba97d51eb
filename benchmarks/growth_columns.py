"""What each outlier column, and the joining of events that overlap, costs in seconds and memory, by objects.

Run: python benchmarks/growth_columns.py [250000 1000000] [--dim 64] [--folder FOLDER] [--memory_gb 1]

Made-up vectors and tables of growth_stored.py, read from disk: ten boxes a picture, of which five are proposals, and
every second of these lies over a detection. A process for each count. Seconds are the processor's. Memory is the peak
of what the process holds for itself (RssAnon, sampled) beyond what it held before the step, once the C library has
given back what was free.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from growth_stored import DIM, PER_PICTURE, Watch, draw_tables, draw_vectors, memory_mib, things_of

METHODS = ("isolation_forest", "lof", "lof_per_class", "knn", "mahalanobis", "class_conditional_knn")
DETECTED_OF_TEN, SHIFT_PX = 5, 8


def main() -> None:
    """Measure all counts, or one where a process is told to, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", type=int, nargs="*", default=[250_000, 1_000_000])
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_growth_columns")
    parser.add_argument("--memory_gb", type=float, default=1.0)
    parser.add_argument("--one", action="store_true", help="measure the one count here and print it as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.counts[0], options)))
        return
    found = {count: measure_apart(count, options) for count in options.counts}
    print(f"| step | {' | '.join(f'{n:,}: s, MiB' for n in found)} |\n{'|---' * (len(found) + 1)}|")
    for name in (*METHODS, "join_overlapping"):
        cells = [f"{seconds:.1f}, {mib:.0f}" for seconds, mib in (of[name] for of in found.values())]
        print(f"| {name} | {' | '.join(cells)} |")


def measure_apart(count: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one count in a process of its own."""
    command = [sys.executable, __file__, str(count), "--one", "--folder", str(options.folder)]
    command += ["--dim", str(options.dim), "--memory_gb", str(options.memory_gb)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(count: int, options: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Return seconds of the processor and memory [MiB] of each step."""
    import faiss  # noqa: F401  what steps import is not what they take
    import sklearn.covariance
    import sklearn.ensemble  # noqa: F401

    from rarelib.ranking.events import join_overlapping
    from rarelib.ranking.outliers import outlier_scores
    from rarelib.ranking.stored import StoredVectors

    path = options.folder / f"{count}_{options.dim}.npy"
    draw_vectors(path, count, dim=options.dim)
    objects, event = crowded_tables(count), things_of(np.arange(count))
    vectors = StoredVectors(np.load(path, mmap_mode="r"), memory_gb=options.memory_gb)
    rarity, _ = np.random.default_rng(5).random(count), vectors.fingerprints
    names = objects["class_name"]
    steps: dict[str, Callable[[], Any]] = {
        "join_overlapping": lambda: join_overlapping(event, rarity, vectors, objects),
        **{name: partial(outlier_scores, vectors, methods=[name], class_names=names) for name in METHODS},
    }
    watch = Watch()
    return {name: cost_of(step, watch) for name, step in steps.items()}


def cost_of(step: Callable[[], Any], watch: Watch) -> tuple[float, float]:
    """Do a step; return its seconds of the processor and the memory that it took at most [MiB]."""
    ctypes.CDLL(None).malloc_trim(0)
    before = watch.highest["RssAnon"] = memory_mib("RssAnon")
    start = time.process_time()
    step()
    seconds = time.process_time() - start
    return seconds, max(watch.highest["RssAnon"], memory_mib("RssAnon")) - before


def crowded_tables(count: int) -> pd.DataFrame:
    """Return objects of which half are proposals, every second of them a little beside a detection of its picture."""
    objects, slot = draw_tables(count)[0], np.arange(count) % PER_PICTURE
    objects["origin"] = np.where(slot < DETECTED_OF_TEN, "detected", "proposal")
    over = np.flatnonzero((slot >= DETECTED_OF_TEN) & (slot % 2 == 0))
    for side in ("x_min", "y_min", "x_max", "y_max"):
        values = objects[side].to_numpy(copy=True)
        values[over] = values[over - DETECTED_OF_TEN] + SHIFT_PX
        objects[side] = values
    return objects.astype(dict.fromkeys(("image_id", "class_name", "origin"), "category"))


if __name__ == "__main__":
    main()
