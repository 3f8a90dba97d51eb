"""Choose how fast what surprises saturates (SURPRISE_NATS): the ranking of demo worlds and of real anomalies.

Run: python benchmarks/surprise.py [--worlds 3] [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from events import FIRST_SEED, read_world
from quality_data import boxes_from_masks, find_shared, join_sets, read_set, truth_table
from sklearn.metrics import average_precision_score, roc_auc_score

from rarelib.demo.draw.world import SIZE_WH
from rarelib.ranking import percentiles
from rarelib.ranking.scoring import score_objects
from rarelib.settings import ScoreSettings

TRIED = (1.5, 2.0, 3.0, 4.0, 6.0)
Boxes = tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]


def main() -> None:
    """Print AUROC and average precision of the rarity for each value and set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--scenes", type=int, default=180)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_events")
    options = parser.parse_args()
    sets = {f"world {seed}": read_boxes(options.cache, seed, options.scenes)
            for seed in range(FIRST_SEED, FIRST_SEED + options.worlds)} | read_real(options.cache)  # fmt: skip
    rows = []
    for nats in TRIED:
        percentiles.SURPRISE_NATS = nats
        rows += [{"nats": nats, "set": name, **measure(*boxes)} for name, boxes in sets.items()]
    table = pd.DataFrame(rows).pivot_table(index="nats", columns="set", values=["AUROC", "AP"])
    print(table.to_string(float_format=lambda value: f"{value:.3f}"))


def measure(objects: pd.DataFrame, images: pd.DataFrame, vectors: np.ndarray, rare: np.ndarray) -> dict[str, float]:
    """Return how early the rare boxes come by their rarity."""
    settings = ScoreSettings(outlier_methods=("knn",))
    scores, _ = score_objects(objects, images, vectors, objects["object_id"].tolist(), settings=settings)
    return {"AUROC": roc_auc_score(rare, scores["rarity"]), "AP": average_precision_score(rare, scores["rarity"])}


def read_boxes(cache: Path, seed: int, scenes: int) -> Boxes:
    """Return a demo world as events.py draws it: boxes, pictures, vectors, and which boxes show a rare thing."""
    objects, vectors = read_world(cache / f"world_{seed}_{scenes}", seed, scenes)
    images = objects[["image_id", "path", "group"]].drop_duplicates("image_id")
    images = images.assign(width=SIZE_WH[0], height=SIZE_WH[1], sampled=True, error="")
    return objects, images, vectors, objects["rare"].to_numpy(bool)


def read_real(cache: Path) -> dict[str, Boxes]:
    """Return the real anomalies of the shared sets, each alone and all beside ordinary frames."""
    data = find_shared() / "data"
    model, nothing = str(find_shared() / "models" / "yolov8n.pt"), truth_table([])

    def read(name: str, truth: pd.DataFrame, pictures: str = "images"):
        return read_set(name, data / name / pictures, truth, model, {"embedder": "yolo"}, cache)

    alone = [read(name, boxes_from_masks(data / name)) for name in ("road_anomaly21", "fishyscapes_static")]
    together = join_sets([*alone, read("kitti", nothing), read("nuscenes", nothing, "")])
    sets = {"road": alone[0], "pasted": alone[1], "beside ordinary": together}
    return {name: (one.objects, one.images, one.vectors, one.rare) for name, one in sets.items()}


if __name__ == "__main__":
    main()
