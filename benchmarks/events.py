"""Measure how well views of one thing are grouped to one event: pairs of boxes against the demo world's own truth.

Run: python benchmarks/events.py [--seeds 3] [--scenes 180]
Real sequences without identities (../shared camvid, nuscenes) tell what is surely wrong: pairs of two drives, and pairs
of one picture whose boxes do not overlap. The constants of rarelib/ranking/tracks.py and events.py were chosen here.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from quality_data import find_shared

from rarelib.datasets.recognition import list_dataset
from rarelib.demo.draw.world import draw_scene, scene_path
from rarelib.objects.detection import detect_objects, load_detector
from rarelib.objects.embedding import embed_objects, load_embedder
from rarelib.params import Params
from rarelib.pictures.boxes import match_boxes, overlaps
from rarelib.pictures.crops import write_jpeg
from rarelib.ranking.events import group_duplicates, join_overlapping, number_frames
from rarelib.tables import BOX

FIRST_SEED = 8000  # worlds that no other measurement draws
REAL = {"camvid": ("camvid/images", r"([0-9A-Za-z]+)_"), "nuscenes": ("nuscenes", "")}


def main() -> None:
    """Measure all worlds and sequences and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scenes", type=int, default=180)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_events")
    options = parser.parse_args()
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        table, vectors = read_world(options.cache / f"world_{seed}_{options.scenes}", seed, options.scenes)
        rows.append({"set": f"demo world {seed}", **measure_pairs(table, group(table, vectors))})
    for name in REAL:
        table, vectors = read_sequence(options.cache / name, name)
        rows.append({"set": name, **measure_impossible(table, group(table, vectors))})
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:.3f}"))


def group(table: pd.DataFrame, vectors: np.ndarray) -> np.ndarray:
    """Return the event of each box, whatever its rarity, at the default similarity."""
    similarity = Params.model_fields["duplicate_similarity"].default
    rarity = np.zeros(len(table))
    event = group_duplicates(vectors, rarity, similarity=similarity, places=table)
    return join_overlapping(event, rarity, vectors, table)


def measure_pairs(table: pd.DataFrame, event: np.ndarray) -> dict[str, float]:
    """Return precision and recall of pairs of boxes with a known thing, and what an event's views cost a reader.

    Returns:
        precision: Of the pairs that share an event, the share that shows one thing.
        recall: Of the pairs that show one thing, the share that shares an event; recall_rare of rare things alone.
        repeats: Entries that a rare thing is shown with on average, 1 is best.
        lost: Share of the rare things with no entry of their own: an event of another thing took them in.
    """
    known = (table["thing"] >= 0).to_numpy()
    thing, group = table["thing"].to_numpy()[known], event[known]
    rare = table["rare"].to_numpy(bool)[known]
    both = pd.DataFrame({"thing": thing, "event": group, "rare": rare})
    joined = both.groupby(["thing", "event"]).agg(n=("rare", "size"), rare=("rare", "first")).reset_index()
    true_pairs = _pairs(joined["n"])
    of_event, of_thing = joined.groupby("event")["n"].sum(), joined.groupby("thing")["n"].sum()
    rare_rows = joined[joined["rare"]]
    heads = pd.Series(table["thing"].to_numpy(), index=np.arange(len(table)))
    own = heads.loc[rare_rows["event"]].to_numpy() == rare_rows["thing"].to_numpy()
    entries = rare_rows.assign(own=own).groupby("thing")["own"].sum()
    return {
        "boxes": int(known.sum()),
        "precision": true_pairs.sum() / max(_pairs(of_event).sum(), 1),
        "recall": true_pairs.sum() / max(_pairs(of_thing).sum(), 1),
        "recall_rare": _pairs(rare_rows["n"]).sum() / max(_pairs(rare_rows.groupby("thing")["n"].sum()).sum(), 1),
        "repeats": entries[entries > 0].mean(),
        "lost": (entries == 0).mean(),
    }


def measure_impossible(table: pd.DataFrame, event: np.ndarray) -> dict[str, float]:
    """Return how many boxes an event holds, and the pairs of an event that cannot be one thing."""
    drives = pd.DataFrame({"event": event, "group": table["group"].to_numpy(), "image": table["image_id"].to_numpy()})
    pairs = _pairs(drives.groupby("event").size()).sum()
    within = _pairs(drives.groupby(["event", "group"]).size()).sum()
    apart = 0
    for _, rows in drives.groupby(["event", "image"]).indices.items():
        iou, _ = overlaps(*(table[BOX].to_numpy(float)[rows],) * 2)
        apart += int(np.triu(iou == 0, 1).sum())
    return {"boxes": len(table), "events": len(np.unique(event)), "pairs": int(pairs), "of two drives": pairs - within,
            "side by side": apart}  # fmt: skip


def read_world(folder: Path, seed: int, scenes: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw a world, detect and embed it by the demo models, and tell of each box which thing it shows, -1 unknown."""
    if not (folder / "boxes.parquet").is_file():
        truth = []
        for index in range(scenes):
            picture, rows = draw_scene(seed, index)
            path = folder / "images" / scene_path(index)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_jpeg(path, picture)
            truth += rows
        table, vectors = _detect(folder, folder / "images", "demo", {"clip_model": "demo"}, 448, "")
        table = _name_things(table, pd.DataFrame(truth))
        np.save(folder / "vectors.npy", vectors)
        table.to_parquet(folder / "boxes.parquet")
    return pd.read_parquet(folder / "boxes.parquet"), np.load(folder / "vectors.npy")


def read_sequence(folder: Path, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Detect and embed a real sequence by YOLOv8n and its own features."""
    pictures, pattern = REAL[name]
    if not (folder / "boxes.parquet").is_file():
        shared = find_shared()
        model = str(shared / "models" / "yolov8n.pt")
        table, vectors = _detect(folder, shared / "data" / pictures, model, {"embedder": "yolo"}, 640, pattern)
        np.save(folder / "vectors.npy", vectors)
        table.to_parquet(folder / "boxes.parquet")
    return pd.read_parquet(folder / "boxes.parquet"), np.load(folder / "vectors.npy")


def _detect(
    folder: Path, pictures: Path, yolo_model: str, embedder: dict[str, str], imgsz: int, pattern: str
) -> tuple[pd.DataFrame, np.ndarray]:
    images, _ = list_dataset(pictures, **({"group_pattern": pattern} if pattern else {}))
    objects, _ = detect_objects(images, pictures, load_detector(yolo_model, imgsz=imgsz), folder, folder / "boxes")
    model = load_embedder(yolo_model=yolo_model, **embedder)
    vectors, ids, _ = embed_objects(objects, folder, model, folder / "vectors")
    objects = objects.set_index("object_id").loc[ids].reset_index()
    about = images.set_index("image_id")
    objects = objects.assign(**{name: objects["image_id"].map(about[name]) for name in ("path", "group")})
    return objects.assign(frame=objects["image_id"].map(number_frames(images))), np.asarray(vectors)


def _name_things(boxes: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Tell of each box which thing it shows by the rule of the evaluation, and whether that is rare."""
    thing, rare = np.full(len(boxes), -1, np.int64), np.zeros(len(boxes), bool)
    of_picture = truth.groupby("path").indices
    for path, rows in boxes.groupby("path").indices.items():
        true = truth.iloc[of_picture.get(path, np.zeros(0, int))]
        if len(true):
            iou = match_boxes(true[BOX].to_numpy(float), boxes[BOX].to_numpy(float)[rows])
            best, found = iou.argmax(axis=0), iou.max(axis=0) > 0
            thing[rows[found]] = true["thing"].to_numpy()[best[found]]
            rare[rows[found]] = true["rare"].to_numpy(bool)[best[found]]
    return boxes.assign(thing=thing, rare=rare)


def _pairs(counts: pd.Series) -> pd.Series:
    return counts * (counts - 1) // 2


if __name__ == "__main__":
    main()
