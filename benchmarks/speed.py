"""How fast, beside what a user would do instead: `python benchmarks/speed.py [--quick]`.

Everything is timed in turn, round after round, on the same machine; a ratio is the median of the rounds' ratios, which
a busy machine disturbs less than seconds. Models are loaded and warm before the first round.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("YOLO_VERBOSE", "false")
from growth import SHARED, copy_pictures, detect_afresh, measure_growth
from plain_way import detect_by_ultralytics, detect_plainly, embed_plainly

from rarelib.models.runtime import choose_runtime, ordered_map, worker_count
from rarelib.objects.detection import load_detector
from rarelib.objects.embedding import embed_objects, load_embedder
from rarelib.pictures.boxes import Boxes, fit_letterbox, overlaps, suppress
from rarelib.pictures.decoding import read_image
from rarelib.pictures.listing import list_images

Way = tuple[Callable[[], object], int]  # what is timed, how many items it does


def main() -> None:
    """Measure what was asked for, print the tables and keep them."""
    options = _options()
    with tempfile.TemporaryDirectory() as place:
        lines = [_machine(), "", *measure_detection(options, Path(place)), "", *measure_clip(options, Path(place))]
        lines += ["", *measure_large_detector(options, Path(place)), "", *_grow(options)]
        lines += ["", *measure_whole_run(options, Path(place))]
    text = "\n".join(lines) + "\n"
    print(text)
    Path(options.output).write_text(f"# Speed\n\n`{' '.join(['python', *sys.argv])}`\n\n{text}", encoding="utf-8")


def measure_detection(options: argparse.Namespace, place: Path) -> list[str]:
    """Time detection and crops; compare the boxes with ultralytics' own."""
    from ultralytics import YOLO

    folder = copy_pictures(options.images_folder, place / "pictures", count=options.pictures)
    images, model = list_images(folder), shutil.copy(options.yolo_model, place)
    paths = [folder / path for path in images["path"]]
    yolo, workers = YOLO(model), worker_count(None)
    (place / "plain").mkdir()
    ways: dict[str, Way] = {
        "plain way": (partial(detect_plainly, paths, yolo, place / "plain"), len(paths)),
        "ultralytics save_crop": (partial(detect_by_ultralytics, folder, yolo, place / "own"), len(paths)),
    }
    pure, matched, reference = {}, {}, _reference_boxes(paths, yolo)
    for runtime in _runtimes():
        for count in sorted({1, workers}):
            detector = load_detector(model, runtime=runtime, calibration_images=paths)
            name = f"{detector.runtime}, {count} threads"
            ways[name] = (partial(detect_afresh, images, folder, detector, place, count), len(paths))
        matched[name] = _matched_share(paths, detector, reference)
        ways[f"{name}: model alone"] = (_alone(detector, paths[0], len(paths), workers), len(paths))
        pure[name] = f"{name}: model alone"
    rates = _time(ways, rounds=options.rounds)
    extra = {name: f"{share:.1%}" for name, share in matched.items()}
    return ["## Detection and crops", "", *_table(rates, "plain way", "images/s", pure, extra, "boxes as ultralytics")]


def measure_large_detector(options: argparse.Namespace, place: Path) -> list[str]:
    """Time detection beside the model alone for a YOLOv8x of random weights, which finds nothing to crop."""
    from ultralytics import YOLO

    YOLO("yolov8x.yaml").save(place / "yolov8x.pt")
    folder = copy_pictures(options.images_folder, place / "few", count=max(options.pictures // 2, 4))
    images, workers = list_images(folder), worker_count(None)
    detector = load_detector(str(place / "yolov8x.pt"))
    ways: dict[str, Way] = {
        "stage": (partial(detect_afresh, images, folder, detector, place, workers), len(images)),
        "model alone": (_alone(detector, folder / images["path"].iloc[0], len(images), workers), len(images)),
    }
    table = _table(_time(ways, rounds=options.rounds), "stage", "images/s", {"stage": "model alone"}, {}, "")
    return [f"## YOLOv8x, {detector.runtime}, {workers} threads", "", *table]


def measure_clip(options: argparse.Namespace, place: Path) -> list[str]:
    """Time the embedding of crops with an exact-size, randomly initialised CLIP ViT-B/32."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    torch.manual_seed(0)
    CLIPModel(CLIPConfig()).save_pretrained(place / "clip")  # the default sizes are those of ViT-B/32
    CLIPImageProcessor().save_pretrained(place / "clip")
    device = choose_runtime("torch", "auto").device
    model, processor = CLIPModel.from_pretrained(place / "clip").eval().to(device), CLIPImageProcessor()
    objects = _crop_table(place, options.crops)
    few = objects.head(max(options.crops // 4, 1))
    crop_paths = [place / path for path in few["crop_path"]]
    ways: dict[str, Way] = {"plain way": (partial(embed_plainly, crop_paths, model, processor), len(few))}
    crops = [read_image(place / path) for path in objects["crop_path"].head(32)]
    pure, cosines, reference, workers = {}, {}, None, worker_count(None)
    for runtime in (name for name in _runtimes() if not name.endswith("int8")):
        embedder = load_embedder("clip", clip_model=str(place / "clip"), runtime=runtime)
        name = f"{embedder.about['runtime']}, {workers} threads"
        ways[name] = (partial(_embed_afresh, objects, embedder, place, workers), len(objects))
        squares = np.zeros((32, embedder.size, embedder.size, 3), np.uint8)
        calls = max(len(objects) // 32, workers)
        ways[f"{name}: model alone"] = (partial(_run_alone, embedder, [squares] * calls, workers), calls * 32)
        pure[name] = f"{name}: model alone"
        vectors = embedder.embed_crops(crops)
        reference = vectors if reference is None else reference
        cosines[name] = f"{(vectors * reference).sum(axis=1).min():.5f}"
    rates = _time(ways, rounds=options.rounds)
    return ["## CLIP ViT-B/32", "", *_table(rates, "plain way", "crops/s", pure, cosines, "least cosine with torch")]


def _grow(options: argparse.Namespace) -> list[str]:
    counts = [count for count in (10_000, 100_000, 1_000_000) if count <= options.most_vectors]
    pictures = [options.pictures, options.pictures * (2 if options.quick else 8)]
    return measure_growth(counts, pictures, images_folder=options.images_folder, yolo_model=options.yolo_model)


def measure_whole_run(options: argparse.Namespace, place: Path) -> list[str]:
    """Time the whole run of the demo, from the command to the report."""
    if options.quick:
        return []
    command = [sys.executable, "-m", "rarelib", "run", "params/demo.yaml", "--runs_dir", str(place / "runs")]
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL)
    return ["## Whole run of the demo", "", f"{time.perf_counter() - start:.0f} s"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images_folder", default=str(SHARED / "data" / "nuscenes"))
    parser.add_argument("--yolo_model", default=str(SHARED / "models" / "yolov8n.pt"))
    parser.add_argument("--pictures", type=int, help="pictures per round")
    parser.add_argument("--crops", type=int, help="crops per round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--most_vectors", type=int, help="leave larger scoring jobs out")
    parser.add_argument("--quick", action="store_true", help="a smaller round, for a look")
    parser.add_argument("--output", default=str(Path(__file__).with_name("speed_results.md")))
    options = parser.parse_args()
    defaults = (
        {"pictures": 12, "crops": 64, "rounds": 2, "most_vectors": 10_000}
        if options.quick
        else {"pictures": 60, "crops": 192, "rounds": 5, "most_vectors": 1_000_000}
    )
    for name, value in defaults.items():
        setattr(options, name, getattr(options, name) or value)
    return options


def _runtimes() -> list[str]:
    on_gpu = choose_runtime().library == "torch"
    return ["torch"] if on_gpu else ["torch", "openvino_f32", "openvino", "openvino_int8"]


def _embed_afresh(objects, embedder, place: Path, workers: int) -> None:
    with tempfile.TemporaryDirectory(dir=place) as parts:
        embed_objects(objects, place, embedder, parts, workers=workers)


def _alone(detector, path: Path, count: int, workers: int) -> Callable[[], None]:
    picture = read_image(path)
    canvases = np.repeat(fit_letterbox(picture.shape[1::-1], 640).draw(picture)[None], count, axis=0)
    return partial(_run_alone, detector, np.array_split(canvases, -(-count // detector.batch)), workers)


def _run_alone(model, batches: list[np.ndarray], workers: int) -> None:
    model.open(workers)
    for _ in ordered_map(model.network, batches, workers=workers):
        pass


def _crop_table(place: Path, count: int):
    import pandas as pd

    crops = sorted((place / "plain").glob("*.jpg"))
    paths = [str(crops[number % len(crops)].relative_to(place)) for number in range(count)]
    return pd.DataFrame({"object_id": [f"{number:06d}" for number in range(count)], "crop_path": paths})


def _reference_boxes(paths: list[Path], yolo) -> list[Boxes]:
    options = {"conf": 0.25, "iou": 0.45, "max_det": 100, "imgsz": 640, "verbose": False}
    found = (yolo.predict(path, **options)[0].boxes.cpu().numpy() for path in paths)
    return [Boxes(boxes.xyxy, boxes.conf, boxes.cls.astype(int)) for boxes in found]


def _matched_share(paths: list[Path], detector, reference: list[Boxes]) -> float:
    detector.open(1)
    hits = 0
    for path, boxes in zip(paths, reference, strict=True):
        found = suppress(detector.find_boxes([read_image(path)], least=0.25)[0], iou=0.45, limit=100)
        fits = (overlaps(boxes.xyxy, found.xyxy)[0] > 0.85) & (boxes.class_id[:, None] == found.class_id[None])
        hits += min(fits.any(axis=1).sum(), fits.any(axis=0).sum())
    return hits / max(sum(len(boxes) for boxes in reference), 1)


def _time(ways: dict[str, Way], *, rounds: int) -> dict[str, list[float]]:
    for run, _ in ways.values():
        run()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        names = list(ways) if number % 2 == 0 else list(reversed(ways))
        for name in names:
            run, count = ways[name]
            start = time.perf_counter()
            run()
            rates[name].append(count / (time.perf_counter() - start))
    return rates


def _table(rates, base: str, unit: str, pure: dict[str, str], extra: dict[str, str], extra_title: str) -> list[str]:
    def ratio(name: str, to: str) -> float:
        return median(a / b for a, b in zip(rates[name], rates[to], strict=True))

    lines = [f"| way | {unit} | times the {base} | stage time / model time | {extra_title} |", "|---|---|---|---|---|"]
    for name, values in rates.items():
        share = f"{1 / ratio(name, pure[name]):.2f}" if name in pure else ""
        cells = [name, f"{median(values):.1f}", f"{ratio(name, base):.2f}", share, extra.get(name, "")]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, runtime auto = {choose_runtime()}"


if __name__ == "__main__":
    main()
