"""What a folder costs that was run before and has changed: `python benchmarks/grown_folder.py --scenes 20000`.

Draws scenes of the demo world, runs stages 01 to 03, adds, removes and changes some, runs them again, and runs the
same folder from nothing. Prints seconds, the counts of both stages, and whether all tables are equal.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from rarelib.demo.draw.world import save_world
from rarelib.params import load_params
from rarelib.pipeline.stages import run_pipeline
from rarelib.pipeline.terminal import Terminal
from rarelib.run.folder import RunFolder

DEMO = Path(__file__).parents[1] / "params" / "demo.yaml"
STAGES = ("02_detect_objects", "03_embed_objects")
TABLES = ("images", "objects", "unreadable", "early_filter", "zero_shot")


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("scenes", 20000), ("added", 200), ("removed", 50), ("changed", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--engine", default="local")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        measure(Path(place), options)


def measure(place: Path, options: argparse.Namespace) -> None:
    """Run the folder as it was, as it has become, and that from nothing."""
    save_world(place / "world", n_scenes=options.scenes + options.added, seed=0, workers=None)
    drawn = sorted((place / "world" / "images").rglob("*.jpg"))
    folder, aside = place / "world" / "images", place / "aside"
    later = [(path, aside / path.relative_to(folder)) for path in drawn[len(drawn) - options.added :]]
    for path, target in later:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    rows = [run_timed("first run", folder, place / "runs", "grown", options.engine)]
    for path, target in later:
        target.replace(path)
    for path in drawn[: options.removed]:
        path.unlink()
    for path, other in zip(drawn[options.removed :][: options.changed], reversed(drawn), strict=False):
        shutil.copyfile(other, path)
    rows.append(run_timed("the changed folder again", folder, place / "runs", "grown", options.engine))
    rows.append(run_timed("the changed folder from nothing", folder, place / "runs", "anew", options.engine))
    print("| what | seconds | new | changed | removed | reused | vectors made | vectors reused |\n" + "|---" * 8 + "|")
    print("\n".join(rows))
    print(f"\nTables that differ: {', '.join(differing(place / 'runs')) or 'none'}.")


def run_timed(what: str, folder: Path, runs_dir: Path, name: str, engine: str) -> str:
    """Run stages 01 to 03 and return a row of the table."""
    given = {"demo_scenes": 0, "images_folder": str(folder), "runs_dir": str(runs_dir), "name": name, "engine": engine}
    start = time.perf_counter()
    run = run_pipeline(load_params(DEMO, given), until="04_score_rarity", terminal=Terminal(io.StringIO()))
    seconds = time.perf_counter() - start
    detected, embedded = (json.loads(run.marker_path(stage).read_text(encoding="utf-8"))["counts"] for stage in STAGES)
    pictures = (detected[key] for key in ("new", "changed", "removed", "reused"))
    cells = [what, f"{seconds:.0f}", *pictures, embedded["embedded"] - embedded["reused"], embedded["reused"]]
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def differing(runs_dir: Path) -> list[str]:
    """Return the tables in which the run that was continued differs from the one from nothing."""
    grown, anew = RunFolder(runs_dir / "grown"), RunFolder(runs_dir / "anew")
    found = []
    for table in TABLES:
        try:
            pd.testing.assert_frame_equal(grown.read_table(table), anew.read_table(table), rtol=1e-3, atol=1e-4)
        except AssertionError:
            found.append(table)
    same = np.allclose(grown.read_vectors()[0], anew.read_vectors()[0], atol=1e-5)
    return found if same else [*found, "embeddings"]


if __name__ == "__main__":
    main()
