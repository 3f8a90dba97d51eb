"""Draw the demo world: driving scenes with the true box, kind and rarity of every object, by seed and index."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache, partial
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...pictures.crops import write_jpeg
from .canvas import Canvas
from .kinds import COLOURS
from .layout import LOOK_SEEDS, WORLD, Drive, Mix, Placed, lay_out_drive
from .scenery import (
    ROAD_M,
    WEATHERS,
    draw_atmosphere,
    draw_backdrop,
    draw_building,
    draw_lamp_post,
    draw_lanes,
    draw_tree,
    make_light,
    place_body,
)

SIZE_WH = (960, 540)
FRAMES_PER_DRIVE = 6
SCENES_PER_TASK = 4 * FRAMES_PER_DRIVE
SCENES_PER_ROW_GROUP = 500
NEAREST_M, LEAST_VISIBLE = 5.5, 0.35
LEAST_SIDE_PX = 24  # of 960: a person can tell what it is
TRUTH_COLUMNS = ("path", "x_min", "y_min", "x_max", "y_max", "class_name", "rare", "odd", "seen", "drive", "thing")
JPEG_QUALITY = 92


def draw_scene(seed: int, index: int, *, size_wh: tuple[int, int] = SIZE_WH, mix: Mix = WORLD,
               frames_per_drive: int = FRAMES_PER_DRIVE) -> tuple[np.ndarray, list[dict[str, Any]]]:  # fmt: skip
    """Draw one scene; the same seed and index always give the same picture, alone or in parallel.

    Args:
        seed: Seed of the world.
        index: Number of the scene; every `frames_per_drive` scenes are neighbouring frames of one drive.
        size_wh: Width and height of the picture [px].
        mix: How many objects of each role.
        frames_per_drive: Scenes of one drive.

    Returns:
        Picture (H, W, 3), uint8 RGB, and its truth: one row per object that shows, with the columns of
        TRUTH_COLUMNS (`thing` is an object's own number in the world, the same in every frame that shows it) and
        also `role`, `colour` and `visible` (share of the object that is not hidden).
    """
    number, frame = divmod(index, frames_per_drive)
    drive, backdrop = _start_drive(seed, number, size_wh, mix)
    rng = np.random.default_rng([seed, number, frame, 1])
    canvas = Canvas(drive.camera, backdrop[1], backdrop[0].copy(), mirrored=drive.mirrored)
    travelled = drive.speed * frame
    _draw_surroundings(canvas, drive, travelled, seed, number)
    shown = _draw_objects(canvas, drive, travelled, frame, seed, number)
    picture = draw_atmosphere(canvas.picture, WEATHERS[drive.weather], drive.camera, rng)
    path = scene_path(index, frames_per_drive)
    rows = list(_truth_rows(canvas.numbers, shown, path, number))
    return _mirror(picture, rows) if drive.mirrored else (picture, rows)


def draw_world(n_scenes: int, *, seed: int, **options: Any) -> Iterator[tuple[np.ndarray, list[dict[str, Any]]]]:
    """Draw scenes 0 to n_scenes - 1 one after another; options are those of `draw_scene`."""
    for index in range(n_scenes):
        yield draw_scene(seed, index, **options)


def save_world(folder: str | Path, *, n_scenes: int, seed: int, workers: int | None = None, **options: Any) -> Path:
    """Write `images/drive_XX/NNNN.jpg` and `truth.parquet` into a folder; memory stays the same for any number.

    Args:
        folder: Where to write.
        n_scenes: How many scenes.
        seed: Seed of the world.
        workers: Processes that draw; None takes all cores, 1 draws in this one.
        options: Those of `draw_scene`.

    Returns:
        Path of the truth table: one row per true object with the columns of TRUTH_COLUMNS, paths relative to
        `images`, boxes in pixels.
    """
    import pyarrow as pa
    from pyarrow import parquet

    from ...run.folder import whole_file
    from ...run.progress import track

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save = partial(_save_scene, folder / "images", seed, options)
    types = dict.fromkeys(("path", "class_name", "drive"), pa.string()) | dict.fromkeys(
        ("rare", "odd", "seen"), pa.bool_()
    )
    types["thing"] = pa.int64()
    schema = pa.schema([(name, types.get(name, pa.float64())) for name in TRUTH_COLUMNS])
    found = track(map_scenes(save, n_scenes, workers=workers), "scenes", total=n_scenes)
    with whole_file(folder / "truth.parquet") as partial_file, parquet.ParquetWriter(partial_file, schema) as writer:
        while rows := list(chain.from_iterable(islice(found, SCENES_PER_ROW_GROUP))):
            writer.write_table(pa.Table.from_pylist(rows, schema))
    return folder / "truth.parquet"


def map_scenes(task: Callable[[int], Any], n_scenes: int, *, workers: int | None = None) -> Iterator[Any]:
    """Yield task(0) to task(n_scenes - 1) in order, computed in processes; None takes all cores, 1 uses this one.

    Neighbouring scenes go to the same process, which keeps their drive; results wait for nobody but the next ones.
    """
    workers = workers or os.cpu_count() or 1
    chunks = [range(start, min(start + SCENES_PER_TASK, n_scenes)) for start in range(0, n_scenes, SCENES_PER_TASK)]
    if min(workers, len(chunks)) <= 1:
        yield from map(task, range(n_scenes))
        return
    # spawned, not forked: a kernel has threads, and a fork of them can hang
    with ProcessPoolExecutor(workers, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        waiting: deque[Future[list[Any]]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(_map_chunk, task, chunk))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _map_chunk(task: Callable[[int], Any], scenes: range) -> list[Any]:
    return [task(index) for index in scenes]


def scene_path(index: int, frames_per_drive: int = FRAMES_PER_DRIVE) -> str:
    """Return where a scene's picture lies, relative to the pictures' folder."""
    drive, frame = divmod(index, frames_per_drive)
    return f"drive_{drive:02d}/{frame:04d}.jpg"


def _save_scene(images: Path, seed: int, options: dict[str, Any], index: int) -> list[dict[str, Any]]:
    picture, rows = draw_scene(seed, index, **options)
    path = images / scene_path(index, options.get("frames_per_drive", FRAMES_PER_DRIVE))
    write_jpeg(path, picture, quality=JPEG_QUALITY)
    return rows


@lru_cache(maxsize=2)
def _start_drive(seed: int, number: int, size_wh: tuple[int, int], mix: Mix) -> tuple[Drive, tuple[np.ndarray, Any]]:
    rng = np.random.default_rng([seed, number, 0])
    drive = lay_out_drive(rng, size_wh=size_wh, mix=mix)
    weather = WEATHERS[drive.weather]
    light = make_light(weather, rng)
    return drive, (draw_backdrop(drive.camera, light, weather, rng), light)


def _draw_surroundings(canvas: Canvas, drive: Drive, travelled: float, seed: int, number: int) -> None:
    draw_lanes(canvas, travelled, crossing_m=drive.crossing_m)
    for i, (side, near, long, set_back) in enumerate(drive.houses):
        ahead = near - travelled
        if ahead + long > 4:
            draw_building(
                canvas, side, max(ahead, 1.0), ahead + long - max(ahead, 1.0), set_back, _look(seed, number, 5000 + i)
            )
    trees = [(z - travelled, x, i) for i, (x, z) in enumerate(drive.trees) if z - travelled > 5]
    for z, x, i in sorted(trees, reverse=True):
        draw_tree(place_body(canvas, x, z, 0.0), _look(seed, number, 6000 + i))
    for side, z in sorted(drive.lamps, key=lambda lamp: -lamp[1]):
        if z - travelled > 4:
            draw_lamp_post(place_body(canvas, side * (ROAD_M + 0.7), z - travelled, 0.0), side)


def _draw_objects(
    canvas: Canvas, drive: Drive, travelled: float, frame: int, seed: int, number: int
) -> list[tuple[Placed, int, int]]:
    moved = [placed.at_frame(frame) for placed in drive.objects]
    ahead = [
        p for p in moved if p.z - travelled - p.kind.size_m[2] / 2 > NEAREST_M - 1.5 and _is_large(canvas, p, travelled)
    ]
    shown = []
    for n, placed in enumerate(sorted(ahead, key=lambda p: -p.z), start=1):
        body = place_body(canvas, placed.x, placed.z - travelled, placed.yaw)
        if placed.kind.name in ("traffic light", "stop sign"):
            body = place_body(canvas, placed.x, placed.z - travelled, placed.yaw * 0.6)
        canvas.number = 0
        body.shadow(placed.kind.size_m[0] / 2 + 0.1, placed.kind.size_m[2] / 2 + 0.1)
        canvas.number = n
        placed.kind.draw(body, np.random.default_rng(placed.look_seed), COLOURS[placed.colour])
        shown.append((placed, n, int(np.count_nonzero(canvas.numbers == n))))
    return shown


def _is_large(canvas: Canvas, placed: Placed, travelled: float) -> bool:
    side = placed.kind.narrow_m * canvas.camera.focal / (placed.z - travelled)
    return side >= LEAST_SIDE_PX * canvas.camera.width / SIZE_WH[0]


def _truth_rows(
    numbers: np.ndarray, shown: list[tuple[Placed, int, int]], path: str, drive: int
) -> Iterator[dict[str, Any]]:
    for placed, number, drawn in shown:
        box = cv2.boundingRect((numbers == number).view(np.uint8))
        visible = cv2.countNonZero((numbers == number).view(np.uint8)) / max(drawn, 1)
        if min(box[2:]) < LEAST_SIDE_PX or visible < LEAST_VISIBLE:
            continue
        kind = placed.kind
        yield {
            "path": path, "x_min": float(box[0]), "y_min": float(box[1]), "x_max": float(box[0] + box[2]),
            "y_max": float(box[1] + box[3]), "class_name": kind.name, "rare": kind.role in ("rare", "odd"),
            "odd": kind.role == "odd", "seen": kind.seen, "drive": path.split("/")[0], "role": kind.role,
            "colour": placed.colour if kind.coloured else "", "visible": visible,
            "thing": drive * LOOK_SEEDS + placed.look_seed,
        }  # fmt: skip


def _mirror(picture: np.ndarray, rows: list[dict[str, Any]]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    width = picture.shape[1]
    flipped = [{**row, "x_min": width - row["x_max"], "x_max": width - row["x_min"]} for row in rows]
    return np.ascontiguousarray(picture[:, ::-1]), flipped


def _look(seed: int, number: int, item: int) -> np.random.Generator:
    return np.random.default_rng([seed, number, item])
