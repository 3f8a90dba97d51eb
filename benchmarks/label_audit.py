"""Swap some labels on purpose and measure how well the audit finds them, beside cleanlab's object detection scores.

    python benchmarks/label_audit.py                        # the demo world's truth, its own CLIP
    python benchmarks/label_audit.py --labelled FOLDER --yolo_model yolov8n.pt   # a labelled set (COCO's class names)

Prints, for each share of swapped labels, the average precision of the order, and precision and recall of what is called
mislabelled, over seeds. cleanlab sees the boxes of the detector, which for the demo world is the demo's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from rarelib.datasets.recognition import list_dataset
from rarelib.demo.draw.labelled_trees import write_tree
from rarelib.demo.draw.world import save_world
from rarelib.objects.detection import detect_objects
from rarelib.objects.embedding import embed_objects, load_embedder
from rarelib.objects.labelled import read_boxes
from rarelib.trust import label_audit
from rarelib.trust.cleanlab_scores import cleanlab_scores, has_cleanlab, see_boxes
from rarelib.trust.label_audit import audit_labels

SHARES, SEEDS = (0.0, 0.01, 0.05, 0.15), 3
WAYS = {"1 neighbour": (1, 0.9), "3 neighbours": (3, 0.9), "5 neighbours": (5, 0.9), "3, near or not": (3, 1e9)}


def main() -> int:
    """Cut, embed, swap, audit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelled", type=Path)
    parser.add_argument("--yolo_model", default="demo")
    parser.add_argument("--scenes", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.labelled or _draw(Path(place), options.scenes)
        images, _ = list_dataset(folder)
        images = images[images["sampled"] & (images["error"] == "")]
        objects, _ = detect_objects(images, folder, read_boxes(images, folder), place, Path(place) / "parts")
        kind = "yolo" if options.labelled else "clip"
        embedder = load_embedder(kind, clip_model="demo", yolo_model=options.yolo_model)
        vectors, ids, _ = embed_objects(objects, place, embedder, Path(place) / "vectors")
        vectors, seen = np.array(vectors), see_boxes(images, folder, options.yolo_model)
    print(f"{len(objects):,} labels of {objects['class_name'].nunique()} classes in {len(images):,} pictures, {kind}")
    print(f"cleanlab: {'installed' if has_cleanlab() else 'not installed'}, {len(seen):,} boxes seen")
    for share in SHARES:
        found = [_measure(objects, vectors, ids, seen, share, seed) for seed in range(SEEDS)]
        for way, values in pd.concat(found).groupby("way", sort=False).mean().iterrows():
            print(
                f"{share:5.0%} swapped  {way:16} " + "  ".join(f"{name} {value:6.3f}" for name, value in values.items())
            )
    return 0


def _draw(place: Path, scenes: int) -> Path:
    save_world(place / "world", n_scenes=scenes, seed=11)
    write_tree(place / "world", place / "tree", layout="coco")
    return place / "tree"


def _measure(
    objects: pd.DataFrame, vectors: np.ndarray, ids: list[str], seen: pd.DataFrame, share: float, seed: int
) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    wrong = generator.choice(len(objects), round(len(objects) * share), replace=False)
    weight = np.sqrt(objects["class_name"].value_counts())
    given = objects.copy()
    for row in wrong:
        others = weight.drop(objects["class_name"].iloc[row])
        given.loc[given.index[row], "class_name"] = generator.choice(others.index, p=others / others.sum())
    is_wrong = pd.Series(False, index=objects["object_id"])
    is_wrong.iloc[wrong] = True
    rows = []
    for way, (neighbours, quantile) in WAYS.items():
        label_audit.NEIGHBOURS, label_audit.AS_NEAR_AS = neighbours, min(quantile, 1.0)
        table = audit_labels(given, vectors, ids, pd.Series(dtype=str)).set_index("object_id")
        called = table["issue"] == "mislabelled" if quantile <= 1 else table["mislabelled"] > 0.5
        rows.append(_row(way, table["mislabelled"].fillna(0.5), called, is_wrong))
    scores = cleanlab_scores(given, seen).set_index("object_id")["swap"]
    rows.append(_row("cleanlab swap", 1 - scores.fillna(1), scores < 0.5, is_wrong))
    return pd.DataFrame(rows)


def _row(way: str, suspicion: pd.Series, called: pd.Series, is_wrong: pd.Series) -> dict[str, float | str]:
    truth = is_wrong.loc[suspicion.index]
    hits = (called & truth).sum()
    precision = average_precision_score(truth, suspicion) if truth.any() else np.nan
    return {"way": way, "AP": precision, "called": called.sum(), "precision": hits / max(called.sum(), 1),
            "recall": hits / truth.sum() if truth.any() else np.nan}  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
