"""Sets with known rare objects, detected and embedded by the library itself; kept in a folder for the next time."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from quality_pasted import save_pasted

import rarelib
from rarelib.datasets.recognition import list_dataset
from rarelib.objects.detection import detect_objects, load_detector
from rarelib.objects.embedding import embed_objects, load_embedder
from rarelib.objects.zero_shot import zero_shot_classes
from rarelib.trust.evaluation import match_truth, read_truth

BICYCLIST = 10  # class number in CamVid's annotation
MIN_AREA_PX = 100  # smaller pieces of a mask are no object
FEW_TRUE = 12  # true objects that are left of a kind that is too frequent to be rare
ANOMALY_SHARE = 0.02
MAX_COMMON = 1500  # per stored set, so that five seeds take minutes
DEMO_SCENES = 300
DEMO_SEED = 4711  # no model was trained on it, and no run draws it by default
MOST_PASTED = 3  # draws of pasted sets, each of which is detected anew
SEEN_BY = ("objects", "models", "pictures")  # rooms that decide boxes and vectors
DEMO_TOO = ("words", "demo/models", "demo/draw")  # and what the demo world shows, and a CLIP says of it


@dataclass
class PictureSet:
    """Pictures with true rare objects, and the boxes that the library cut from them, proposals included.

    `source` names where each picture comes from: figures are taken within one source and then joined, so that telling
    sources apart earns nothing.
    """

    name: str
    images: pd.DataFrame
    objects: pd.DataFrame  # in the order of the vectors
    vectors: np.ndarray
    truth: pd.DataFrame
    zero_shot: pd.DataFrame
    source: dict[str, str] = field(default_factory=dict)  # of image ids

    def __post_init__(self) -> None:
        self.pairs = match_truth(self.truth, self.objects, self.images)
        self.rare = self.objects["object_id"].isin(self.pairs["object_id"]).to_numpy()

    def take(self, keep: np.ndarray, **changes: object) -> "PictureSet":
        """Return the set with some of its boxes."""
        return replace(self, objects=self.objects[keep].reset_index(drop=True), vectors=self.vectors[keep], **changes)

    def detected(self) -> "PictureSet":
        """Return the set without proposals."""
        return self.take((self.objects["origin"] == "detected").to_numpy())

    def sources(self) -> np.ndarray:
        """Return the source of each box, in the order of the objects."""
        return self.objects["image_id"].map(lambda image_id: self.source.get(image_id, "")).to_numpy(str)


@dataclass
class VectorSet:
    """Stored vectors of which a few are anomalies."""

    name: str
    vectors: np.ndarray
    rare: np.ndarray


def read_picture_sets(shared: Path, cache: Path, *, seeds: int) -> Iterator[tuple[str, list[PictureSet] | str]]:
    """Yield each set by name, in one or several draws, or the reason why it is left out."""
    detector = str(shared / "models" / "yolov8n.pt")
    data, nothing = shared / "data", truth_table([])

    def read(name: str, truth: pd.DataFrame, folder: Path) -> PictureSet:
        return read_set(name, folder, truth, detector, {"embedder": "yolo"}, cache)

    if not data.is_dir():
        yield "all sets of real pictures", f"{data} is not here"
    else:
        names = ("road_anomaly21", "fishyscapes_static")
        anomalies = [read(name, boxes_from_masks(data / name), data / name / "images") for name in names]
        for found in anomalies:
            yield found.name, [found]
        ordinary = [
            read("kitti", nothing, data / "kitti" / "images"),
            read("nuscenes", nothing, data / "nuscenes"),
        ]
        yield "both beside ordinary frames", [join_sets([*anomalies, *ordinary])]
        yield (
            "pasted into ordinary frames",
            [
                join_sets(
                    [
                        read(f"pasted {seed} {name}", truth_table(rows), folder)
                        for name, folder, rows in save_pasted(data, cache / f"pasted_{seed}", seed=seed)
                    ]
                )
                for seed in range(min(seeds, MOST_PASTED))
            ],
        )
        bicyclists = read("camvid", boxes_of_bicyclists(data / "camvid"), data / "camvid" / "images")
        yield "camvid bicyclists, all", [bicyclists]
        yield "camvid bicyclists, few", [thin_truth(bicyclists, FEW_TRUE, seed=seed) for seed in range(seeds)]
    yield "demo world", [read_demo(cache)]


def join_sets(sets: list[PictureSet]) -> PictureSet:
    """Return one set of the pictures of several, each of which stays a source of its own."""
    sets = [_tagged(one, f"{number}-") for number, one in enumerate(sets)]
    tables = [
        pd.concat([getattr(one, name) for one in sets if len(getattr(one, name))], ignore_index=True)
        for name in ("images", "objects", "truth")
    ]
    nothing = sets[0].zero_shot.head(0)  # ids are new, and these embedders have no text tower
    source = {image_id: one.name for one in sets for image_id in one.images["image_id"]}
    vectors = np.concatenate([one.vectors for one in sets])
    return PictureSet("joined", *tables[:2], vectors, tables[2], nothing, source)


def _tagged(one: PictureSet, tag: str) -> PictureSet:
    """Return the set under ids and paths that no other set has."""
    ids = {name: tag + one.objects[name] for name in ("object_id", "image_id")}
    images = one.images.assign(image_id=tag + one.images["image_id"], path=f"{one.name}/" + one.images["path"])
    truth = one.truth.assign(path=f"{one.name}/" + one.truth["path"])
    return replace(one, images=images, objects=one.objects.assign(**ids), truth=truth)


def thin_truth(pictures: PictureSet, count: int, *, seed: int) -> PictureSet:
    """Return the set with so many true objects that a box shows; boxes of the others are taken out."""
    shown = np.sort(pictures.pairs["truth_row"].unique())
    drawn = np.random.default_rng(seed).permutation(shown)[:count]
    kept = pictures.pairs.loc[pictures.pairs["truth_row"].isin(drawn), "object_id"]
    keep = ~pictures.rare | pictures.objects["object_id"].isin(kept).to_numpy()
    return pictures.take(keep, truth=pictures.truth.loc[np.sort(drawn)])


def read_demo(cache: Path, *, seed: int = DEMO_SEED, n_scenes: int = DEMO_SCENES) -> PictureSet:
    """Return a demo world of its own seed, seen through the demo models as `params/demo.yaml` has it."""
    from rarelib.demo.draw.world import save_world
    from rarelib.params import load_params

    params = load_params(Path(__file__).parents[1] / "params" / "demo.yaml")
    world = cache / f"demo_world_{seed}_{n_scenes}_{made_by(DEMO_TOO)}"
    if not (world / "truth.parquet").is_file():
        save_world(world, n_scenes=n_scenes, seed=seed)
    truth = read_truth(world / "truth.parquet")
    model = {"clip_model": params.clip_model}
    name = f"demo world {seed} {n_scenes}"
    return read_set(name, world / "images", truth, params.yolo_model, model, cache, imgsz=params.imgsz)


def read_set(
    name: str,
    pictures: Path,
    truth: pd.DataFrame,
    yolo_model: str,
    embedder: dict[str, str],
    cache: Path,
    *,
    imgsz: int = 640,
) -> PictureSet:
    """Detect and embed all boxes of a folder of pictures by the library, or take up what an earlier call left.

    What was left counts only while the code and the demo models that made it are the same.
    """
    rooms = SEEN_BY + (DEMO_TOO if yolo_model == "demo" else ())
    root = cache / f"{name.replace(' ', '_')}_{imgsz}_{made_by(rooms)}"
    images, _ = list_dataset(pictures)
    images = images[images["sampled"]].reset_index(drop=True)
    if not (root / "vectors.npy").is_file():
        detector = load_detector(yolo_model, imgsz=imgsz)
        objects, _ = detect_objects(images, pictures, detector, root, root / "parts" / "boxes")
        model = load_embedder(yolo_model=yolo_model, **embedder)
        vectors, ids, _ = embed_objects(objects, root, model, root / "parts" / "vectors")
        objects.set_index("object_id").loc[ids].reset_index().to_parquet(root / "objects.parquet")
        zero_shot_classes(vectors, ids, objects, model)[0].to_parquet(root / "zero_shot.parquet")
        np.save(root / "vectors.npy", vectors)
    wanted = truth[truth["wanted"]] if "wanted" in truth else truth
    objects, zero_shot = (pd.read_parquet(root / f"{table}.parquet") for table in ("objects", "zero_shot"))
    return PictureSet(name, images, objects, np.load(root / "vectors.npy"), wanted, zero_shot)


@cache
def made_by(rooms: tuple[str, ...]) -> str:
    """Return a hash of everything in some rooms of the library."""
    package = Path(rarelib.__file__).parent
    files = [file for room in rooms for file in sorted((package / room).rglob("*")) if file.is_file()]
    files = [file for file in files if file.suffix in (".py", ".yaml", ".txt", ".pt", ".safetensors", ".json")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def boxes_from_masks(folder: Path) -> pd.DataFrame:
    """Return the true objects of a set that brings boxes_from_masks.json (COCO form)."""
    coco = json.loads((folder / "boxes_from_masks.json").read_text(encoding="utf-8"))
    path = {image["id"]: image["file_name"] for image in coco["images"]}
    return truth_table([(path[found["image_id"]], *found["bbox"], "anomaly") for found in coco["annotations"]])


def boxes_of_bicyclists(folder: Path) -> pd.DataFrame:
    """Return the connected pieces of CamVid's bicyclist masks."""
    rows = []
    for file in sorted((folder / "annot").iterdir()):
        mask = (cv2.imread(str(file), cv2.IMREAD_UNCHANGED) == BICYCLIST).astype(np.uint8)
        _, _, pieces, _ = cv2.connectedComponentsWithStats(mask)
        picture = next((folder / "images").glob(f"{file.stem}.*")).name
        rows += [(picture, *piece[:4], "bicyclist") for piece in pieces[1:] if piece[4] >= MIN_AREA_PX]
    return truth_table(rows)


def truth_table(rows: list[tuple]) -> pd.DataFrame:
    """Return a truth table of (path, left, top, width, height, class_name) rows, all of them rare."""
    table = pd.DataFrame(rows, columns=["path", "x_min", "y_min", "width", "height", "class_name"])
    x_max, y_max = table["x_min"] + table.pop("width"), table["y_min"] + table.pop("height")
    return table.assign(x_max=x_max, y_max=y_max, rare=True, wanted=True)


def read_vector_sets(shared: Path, *, seeds: int) -> Iterator[VectorSet]:
    """Yield draws of ADBench's stored vectors, 2 % of each draw anomalies, rows of length 1."""
    for file in sorted((shared / "data" / "embeddings_adbench").glob("*.npz")):
        with np.load(file) as stored:
            vectors, rare = stored["X"].astype(np.float32), stored["y"].astype(bool)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for seed in range(seeds):
            rows = draw_anomalies(rare, np.random.default_rng(seed))
            yield VectorSet(file.stem, vectors[rows], rare[rows])


def draw_anomalies(rare: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return rows of which 2 % are anomalies, at least 3."""
    common = generator.permutation(np.flatnonzero(~rare))[:MAX_COMMON]
    count = max(round(len(common) * ANOMALY_SHARE / (1 - ANOMALY_SHARE)), 3)
    return np.concatenate([common, generator.permutation(np.flatnonzero(rare))[:count]])


def find_shared() -> Path:
    """Return the folder of the shared sets."""
    return Path(os.environ.get("RARELIB_SHARED", Path(__file__).resolve().parents[2] / "shared"))
