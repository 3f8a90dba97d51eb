"""How the scoring of vectors on disk grows, and what that says of 10 and 100 million.

Run: python benchmarks/growth_stored.py [30000 60000 120000] [--folder FOLDER]   (2 GB of disk a million)
Each count runs in a process of its own: the look of every object, then its events. Seconds are the processor's, as
the machine may be shared; memory is what a process holds beside the file that it reads. What is predicted for more
comes with its error: the largest count predicted from the smaller ones, against what it took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

DIM, KINDS, RARE_SHARE = 512, 400, 0.001
PER_PICTURE, PER_DRIVE = 10, 400
TOP_SHARE = 0.01
PREDICTED = (1_000_000, 10_000_000, 100_000_000)


def main() -> None:
    """Measure all counts, or one where a process is told to, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", type=int, nargs="*", default=[30_000, 60_000, 120_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_growth")
    parser.add_argument("--one", action="store_true", help="measure the one count here and print it as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.counts[0], options.folder)))
        return
    rows = []
    for count in options.counts:
        command = [sys.executable, __file__, str(count), "--one", "--folder", str(options.folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False), "\n")
    for stage in ("look_s", "events_s", "memory_mib"):
        print(predict(table["count"].to_numpy(float), table[stage].to_numpy(float), stage))


def measure(count: int, folder: Path) -> dict[str, float]:
    """Score so many vectors from a file; return seconds of the processor, memory [MiB], and how good the order is."""
    from rarelib.ranking.events import group_duplicates
    from rarelib.ranking.looks import embedding_rarity

    path = folder / f"{count}.npy"
    draw_vectors(path, count)
    vectors = np.load(path, mmap_mode="r")
    number = np.arange(count)
    names, drives = (number * 7919 % 40).astype(str), (number // PER_DRIVE).astype(str)
    rare = _is_rare(count)
    before, start = _anonymous_mib("RssAnon"), time.process_time()
    looks = embedding_rarity(vectors, class_names=names, scenes=drives)
    looked = time.process_time()
    group_duplicates(vectors, looks, similarity=0.95, places=places_of(count))
    grouped = time.process_time()
    first = np.argsort(-looks)[: round(TOP_SHARE * count)]
    return {
        "count": count,
        "look_s": round(looked - start, 1),
        "events_s": round(grouped - looked, 1),
        "memory_mib": round(_anonymous_mib("VmHWM") - before - _file_mib(), 0),
        "rare_found_in_first_1_%": round(float(rare[first].sum() / rare.sum()), 3),
    }


def predict(counts: np.ndarray, values: np.ndarray, name: str) -> str:
    """Fit a line through what was measured and say what it gives for more, with its error at the largest count."""
    slope, base = np.polyfit(counts, values, 1)
    early, start = np.polyfit(counts[:-1], values[:-1], 1)
    error = (early * counts[-1] + start) / values[-1] - 1
    more = ", ".join(f"{count:,}: {base + slope * count:,.0f}" for count in PREDICTED)
    return f"{name}: {more} (the largest count was predicted {error:+.0%} wrong from the smaller ones)"


def draw_vectors(path: Path, count: int) -> None:
    """Write unit rows around many directions, one in a thousand around none, block by block."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    rng, rare = np.random.default_rng(0), _is_rare(count)
    centres = rng.normal(size=(KINDS, DIM)).astype(np.float32)
    stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, DIM))
    for start in range(0, count, 20_000):
        block = slice(start, min(start + 20_000, count))
        rows = rng.standard_normal((block.stop - start, DIM), dtype=np.float32)
        kinds = centres[rng.integers(0, KINDS, len(rows))]
        rows += np.where(rare[block, None], rng.standard_normal(rows.shape, dtype=np.float32), kinds)
        stored[block] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    stored.flush()


def places_of(count: int) -> pd.DataFrame:
    """Return ten boxes a picture, forty pictures a drive, at random places."""
    number, corner = np.arange(count), np.random.default_rng(1).uniform(0, 800, (count, 2))
    return pd.DataFrame({"image_id": (number // PER_PICTURE).astype(str), "group": (number // PER_DRIVE).astype(str),
                         "frame": number // PER_PICTURE % (PER_DRIVE // PER_PICTURE), "class_name": "car",
                         "x_min": corner[:, 0], "y_min": corner[:, 1], "x_max": corner[:, 0] + 90,
                         "y_max": corner[:, 1] + 90, "width": 1600, "height": 900})  # fmt: skip


def _is_rare(count: int) -> np.ndarray:
    return np.random.default_rng(2).random(count) < RARE_SHARE


def _anonymous_mib(field: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def _file_mib() -> float:
    return _anonymous_mib("RssFile")


if __name__ == "__main__":
    main()
