"""Open the demo world in nuScenes' schema by the official devkit; compare its boxes with ours and with the drawn ones.

    python benchmarks/devkit.py --environment /tmp/nuscenes-devkit

The environment is made by uv where it is not there. The devkit pins an older numpy, so it is installed without its
dependencies, and what it imports beside it. Ends with 1 if a box differs by a pixel or more.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from rarelib.datasets.labels import read_labels
from rarelib.datasets.recognition import list_dataset
from rarelib.demo.draw.labelled_trees import write_tree
from rarelib.demo.draw.world import save_world
from rarelib.tables import BOX

BESIDE = ["pyquaternion", "cachetools", "shapely", "numpy", "pillow", "matplotlib", "opencv-python-headless", "tqdm",
          "scikit-learn", "parameterized", "fire", "descartes"]  # fmt: skip
CODE = """
import json, sys
import numpy as np
from nuscenes.nuscenes import NuScenes
from nuscenes.utils.geometry_utils import BoxVisibility, view_points
nusc = NuScenes(version="v1.0-mini", dataroot=sys.argv[1], verbose=False)
found = []
for data in nusc.sample_data:
    path, boxes, intrinsic = nusc.get_sample_data(data["token"], box_vis_level=BoxVisibility.ANY)
    for box in boxes:
        corners = view_points(box.corners(), intrinsic, normalize=True)[:2]
        low, high = np.clip(corners.min(axis=1), 0, None), corners.max(axis=1)
        high = np.minimum(high, (data["width"], data["height"]))
        found.append([data["filename"], box.name, *low.tolist(), *high.tolist()])
json.dump(found, sys.stdout)
"""


def main() -> int:
    """Draw, write, open, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world, tree = Path(folder) / "world", Path(folder) / "nuscenes"
        save_world(world, n_scenes=options.scenes, seed=0)
        placed = write_tree(world, tree, layout="nuscenes")
        truth = pd.read_parquet(world / "truth.parquet")
        drawn = truth.assign(path=truth["path"].map(placed))
        images, layout = list_dataset(tree)
        ours = read_labels(layout, tree, images[images["sampled"]])
        devkit = pd.DataFrame(_ask_devkit(options.environment, tree), columns=["path", "class_name", *BOX])
    print(f"{len(drawn):,} boxes drawn, {len(ours):,} read here, {len(devkit):,} by the devkit")
    gaps = {name: _gap(ours, other) for name, other in (("the devkit's", devkit), ("the drawn", drawn))}
    for name, gap in gaps.items():
        print(f"largest difference from {name}: {gap:.4f} px")
    return int(max(gaps.values()) >= 1)


def _gap(first: pd.DataFrame, second: pd.DataFrame) -> float:
    """Return the largest difference of two tables of boxes [px]; infinite if they hold others."""
    first, second = (table.sort_values(["path", "class_name", *BOX], ignore_index=True) for table in (first, second))
    names = ["path", "class_name"]
    if len(first) != len(second) or not (first[names] == second[names]).all(axis=None):
        return float("inf")
    return float(np.abs(first[BOX].to_numpy() - second[BOX].to_numpy()).max())


def _ask_devkit(environment: Path, tree: Path) -> list:
    python = environment / "bin" / "python"
    if not python.is_file():
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(environment)], check=True)
        install = ["uv", "pip", "install", "-q", "--python", str(python)]
        subprocess.run([*install, *BESIDE], check=True)
        subprocess.run([*install, "--no-deps", "nuscenes-devkit"], check=True)
    done = subprocess.run([str(python), "-c", CODE, str(tree)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    raise SystemExit(main())
