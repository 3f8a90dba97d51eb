"""How time and memory grow with the work: `python benchmarks/growth.py look|rank|detect COUNT`, one job per process.

Prints seconds and peak memory beyond imports, models and inputs [MiB], as cells of speed.py's table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from rarelib.models.runtime import worker_count
from rarelib.objects.detection import detect_objects, load_detector
from rarelib.pictures.listing import list_images
from rarelib.settings import DetectSettings, SelectSettings

SHARED = Path(os.environ.get("RARELIB_SHARED", Path(__file__).parents[1] / ".." / "shared"))
COPIED = 60  # so many pictures are copied; more are links to these


def main() -> None:
    """Do one job and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", choices=["look", "rank", "detect"])
    parser.add_argument("count", type=int)
    parser.add_argument("--images_folder", default=str(SHARED / "data" / "nuscenes"))
    parser.add_argument("--yolo_model", default=str(SHARED / "models" / "yolov8n.pt"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run = {
            "look": lambda: prepare_look(options.count),
            "rank": lambda: prepare_ranking(options.count),
            "detect": lambda: prepare_detection(options, Path(place)),
        }[options.job]()
        before, start = _memory_mib("VmRSS"), time.perf_counter()
        run()
        print(f"{time.perf_counter() - start:.1f} | {_memory_mib('VmHWM') - before:.0f}")


def measure_growth(counts: list[int], pictures: list[int], *, images_folder: str, yolo_model: str) -> list[str]:
    """Return the table of all jobs, each measured in a process of its own."""
    jobs = [(job, count) for count in counts for job in ("look", "rank")] + [("detect", count) for count in pictures]
    names = {"look": "look of {:,} vectors of 512", "rank": "whole ranking of {:,} objects"}
    lines = ["## Growth", "", "| what | seconds | peak memory beyond imports and models [MiB] |", "|---|---|---|"]
    for job, count in jobs:
        command = [sys.executable, __file__, job, str(count), "--images_folder", images_folder]
        done = subprocess.run([*command, "--yolo_model", yolo_model], check=True, capture_output=True, text=True)
        name = names.get(job, "detection of {:,} pictures").format(count)
        lines.append(f"| {name} | {done.stdout.strip().splitlines()[-1]} |")
    return lines


def prepare_look(count: int) -> Callable[[], object]:
    """Draw vectors; the job is the default embedding score."""
    from rarelib.ranking.outliers import embedding_rarity

    vectors, names = _draw_vectors(count)
    return partial(embedding_rarity, vectors, class_names=names)


def prepare_ranking(count: int) -> Callable[[], object]:
    """Draw ten objects a picture, forty pictures a drive; the job is all default settings with every method."""
    from rarelib.ranking.scoring import score_objects

    vectors, names = _draw_vectors(count)
    number = np.arange(count)
    pictures = pd.DataFrame({"image_id": [f"{picture:012x}" for picture in range(count // 10 + 1)]})
    pictures = pictures.assign(width=1600, height=900, group=[f"drive {row // 40}" for row in range(len(pictures))])
    ids = (pictures["image_id"].to_numpy()[number // 10] + np.char.add("-", (number % 10).astype(str))).tolist()
    corner = np.random.default_rng(1).uniform(0, 800, (count, 2))
    objects = pd.DataFrame({"object_id": ids, "image_id": pictures["image_id"].to_numpy()[number // 10]})
    objects = objects.assign(class_name=names, origin="detected", confidence=0.8, objectness=0.8, sharpness=200.0,
                             brightness=0.5, contrast=0.2, x_min=corner[:, 0], y_min=corner[:, 1],
                             x_max=corner[:, 0] + 90, y_max=corner[:, 1] + 90)  # fmt: skip
    return partial(score_objects, objects, pictures, vectors, ids)


def prepare_detection(options: argparse.Namespace, place: Path) -> Callable[[], object]:
    """Lay out so many pictures, many of them links to the same; the job is detection with crops."""
    folder = copy_pictures(options.images_folder, place / "pictures", count=min(options.count, COPIED))
    copies = sorted(folder.iterdir())
    for number in range(len(copies), options.count):
        source = copies[number % len(copies)]
        (folder / f"{source.stem}-{number}{source.suffix}").hardlink_to(source)
    model = shutil.copy(options.yolo_model, place)
    detector, workers = load_detector(model), worker_count(None)
    images = list_images(folder)
    detect_afresh(images.head(4), folder, detector, place, workers)
    return partial(detect_afresh, images, folder, detector, place, workers)


def copy_pictures(source: str, folder: Path, *, count: int) -> Path:
    """Copy a sample of a folder's pictures into a new one."""
    images = list_images(source, settings=SelectSettings(max_images=count))
    folder.mkdir()
    for row in images[images["sampled"]].itertuples():
        shutil.copy(Path(source) / row.path, folder / f"{row.image_id}{Path(row.path).suffix}")
    return folder


def detect_afresh(images: pd.DataFrame, folder: Path, detector, place: Path, workers: int) -> object:
    """Detect into a new folder, without proposals, as the plain way has none."""
    root = Path(tempfile.mkdtemp(dir=place))  # kept to the end: ext4 makes files slowly where others were just deleted
    return detect_objects(
        images, folder, detector, root, root / "parts", settings=DetectSettings(proposals=False), workers=workers
    )


def _draw_vectors(count: int) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 512)).astype(np.float32)
    kinds = rng.integers(0, 40, count)
    vectors = np.empty((count, 512), np.float32)
    for start in range(0, count, 50_000):
        rows = kinds[start : start + 50_000]
        noisy = centres[rows] + rng.standard_normal((len(rows), 512), dtype=np.float32)
        vectors[start : start + 50_000] = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    return vectors, [f"kind {kind}" for kind in kinds]


def _memory_mib(field: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")  # VmRSS: in memory now; VmHWM: at its peak
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
