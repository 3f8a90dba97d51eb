"""What a folder costs that was run before and has changed: `python benchmarks/grown_folder.py --scenes 20000`.

Draws scenes of the demo world, runs stages 01 to 03, adds, removes and changes some, runs them again, and runs the
same folder from nothing by each of --engines. Prints seconds on the clock and of CPU, the counts of both stages, and
whether all tables are equal. With --drawn fewer scenes are drawn, and cut and mirrored to as many pictures.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cpu_seconds import spending
from PIL import Image, ImageOps

from rarelib.demo.draw.world import JPEG_QUALITY, save_world
from rarelib.params import load_params
from rarelib.pipeline.stages import run_pipeline
from rarelib.pipeline.terminal import Terminal
from rarelib.run.folder import RunFolder

DEMO = Path(__file__).parents[1] / "params" / "demo.yaml"
STAGES = ("02_detect_objects", "03_embed_objects")
HEAD = ("seconds", "CPU seconds", "new", "changed", "removed", "reused", "vectors made", "vectors reused")
EDGE_PX = 6  # more of the left edge is cut off each further picture of a scene
TABLES = ("images", "objects", "unreadable", "early_filter", "zero_shot")


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("scenes", 20000), ("added", 200), ("removed", 50), ("changed", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--drawn", type=int, help="scenes drawn, by default all")
    parser.add_argument("--engines", nargs="+", default=["local"], choices=["local", "ray"])
    parser.add_argument("--folder", type=Path, help="where to work, by default a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        measure(Path(place), options)


def measure(place: Path, options: argparse.Namespace) -> None:
    """Run the folder as it was, as it has become, and that from nothing."""
    folder, aside, wanted = place / "world" / "images", place / "aside", options.scenes + options.added
    save_world(place / "world", n_scenes=options.drawn or wanted, seed=0, workers=options.workers)
    multiply(folder, wanted)
    drawn = sorted(folder.rglob("*.jpg"))
    later = [(path, aside / path.relative_to(folder)) for path in drawn[len(drawn) - options.added :]]
    for path, target in later:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    given = {
        "demo_scenes": 0,
        "images_folder": str(folder),
        "runs_dir": str(place / "runs"),
        "workers": options.workers,
    }
    print("| what | " + " | ".join(HEAD) + " |\n" + "|---" * 9 + "|", flush=True)
    run_timed("first run", given, name="grown")
    for path, target in later:
        target.replace(path)
    for path in drawn[: options.removed]:
        path.unlink()
    for path, other in zip(drawn[options.removed :][: options.changed], reversed(drawn), strict=False):
        shutil.copyfile(other, path)
    run_timed("the changed folder again", given, name="grown")
    grown = RunFolder(place / "runs" / "grown")
    for engine in options.engines:
        run_timed(f"the changed folder from nothing, engine {engine}", given, name=engine, engine=engine)
        differs = differing(grown, RunFolder(place / "runs" / engine))
        print(f"\nTables that differ from those of the grown run: {', '.join(differs) or 'none'}.\n", flush=True)


def multiply(folder: Path, wanted: int) -> None:
    """Save scenes again with edges cut off, every second mirrored, until there are as many pictures as wanted."""
    scenes = sorted(folder.rglob("*.jpg"))
    for number in range(len(scenes), wanted):
        times, scene = divmod(number, len(scenes))
        with Image.open(scenes[scene]) as picture:
            cut = picture.crop((EDGE_PX * times, 0, *picture.size))
        cut = ImageOps.mirror(cut) if times % 2 else cut
        cut.save(scenes[scene].with_name(f"{scenes[scene].stem}_{times}.jpg"), quality=JPEG_QUALITY)


def run_timed(what: str, given: dict[str, Any], **own: Any) -> None:
    """Run stages 01 to 03 and print a row of the table."""
    with spending() as spent:
        params = load_params(DEMO, {**given, **own})
        run = run_pipeline(params, until="04_score_rarity", terminal=Terminal(io.StringIO()))
    detected, embedded = (json.loads(run.marker_path(stage).read_text(encoding="utf-8"))["counts"] for stage in STAGES)
    pictures = (detected[key] for key in ("new", "changed", "removed", "reused"))
    vectors = (embedded["embedded"] - embedded["reused"], embedded["reused"])
    cells = [what, f"{spent.wall_s:.0f}", f"{spent.cpu_s:.0f}", *pictures, *vectors]
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def differing(one: RunFolder, other: RunFolder) -> list[str]:
    """Return the tables in which two runs differ."""
    found = []
    for table in TABLES:
        try:
            pd.testing.assert_frame_equal(one.read_table(table), other.read_table(table), rtol=1e-3, atol=1e-4)
        except AssertionError:
            found.append(table)
    same = np.allclose(one.read_vectors()[0], other.read_vectors()[0], atol=1e-5)
    return found if same else [*found, "embeddings"]


if __name__ == "__main__":
    main()
