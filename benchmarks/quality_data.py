"""Sets with known rare objects, detected and embedded by the library itself; kept in a folder for the next time."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from rarelib.objects.detection import detect_objects, load_detector
from rarelib.objects.embedding import embed_objects, load_embedder
from rarelib.objects.zero_shot import zero_shot_classes
from rarelib.pictures.listing import list_images
from rarelib.trust.evaluation import match_truth, read_truth

BICYCLIST = 10  # class number in CamVid's annotation
MIN_AREA_PX = 100  # smaller pieces of a mask are no object
FEW_TRUE = 12  # true objects that are left of a kind that is too frequent to be rare
ANOMALY_SHARE = 0.02
MAX_COMMON = 1500  # per stored set, so that five seeds take minutes
DEMO_SCENES = 300


@dataclass
class PictureSet:
    """Pictures with true rare objects, and the boxes that the library cut from them, proposals included."""

    name: str
    images: pd.DataFrame
    objects: pd.DataFrame  # in the order of the vectors
    vectors: np.ndarray
    truth: pd.DataFrame
    zero_shot: pd.DataFrame

    def __post_init__(self) -> None:
        self.pairs = match_truth(self.truth, self.objects, self.images)
        self.rare = self.objects["object_id"].isin(self.pairs["object_id"]).to_numpy()

    def take(self, keep: np.ndarray, **changes: object) -> "PictureSet":
        """Return the set with some of its boxes."""
        return replace(self, objects=self.objects[keep].reset_index(drop=True), vectors=self.vectors[keep], **changes)

    def detected(self) -> "PictureSet":
        """Return the set without proposals."""
        return self.take((self.objects["origin"] == "detected").to_numpy())


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

    def read(name: str, truth: pd.DataFrame, pictures: str = "images") -> PictureSet:
        return read_set(name, data / name / pictures, truth, detector, {"embedder": "yolo"}, cache)

    if not data.is_dir():
        yield "all sets of real pictures", f"{data} is not here"
    else:
        anomalies = [read(name, boxes_from_masks(data / name)) for name in ("road_anomaly21", "fishyscapes_static")]
        for found in anomalies:
            yield found.name, [found]
        yield (
            "both among ordinary frames",
            [join_sets([*anomalies, read("kitti", nothing), read("nuscenes", nothing, "")])],
        )
        bicyclists = read("camvid", boxes_of_bicyclists(data / "camvid"))
        yield "camvid bicyclists, all", [bicyclists]
        yield "camvid bicyclists, few", [thin_truth(bicyclists, FEW_TRUE, seed=seed) for seed in range(seeds)]
    yield "demo world", read_demo(cache)


def join_sets(sets: list[PictureSet]) -> PictureSet:
    """Return one set of the pictures of several."""
    sets = [_tagged(one, f"{number}-") for number, one in enumerate(sets)]
    tables = [
        pd.concat([getattr(one, name) for one in sets if len(getattr(one, name))], ignore_index=True)
        for name in ("images", "objects", "truth")
    ]
    nothing = sets[0].zero_shot.head(0)  # ids are new, and these embedders have no text tower
    return PictureSet("joined", *tables[:2], np.concatenate([one.vectors for one in sets]), tables[2], nothing)


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


def read_demo(cache: Path) -> list[PictureSet] | str:
    """Return a demo world of its own seed, seen through the demo models; or why it is not there."""
    from rarelib.demo.draw.world import save_world
    from rarelib.models import weights

    models = Path(weights.__file__).parent / "demo" / "models"
    if not (models / "detector.pt").is_file() or not (models / "clip").is_dir():
        return "its models are not trained yet"
    world = cache / "demo_world"
    if not (world / "truth.parquet").is_file():
        save_world(world, n_scenes=DEMO_SCENES, seed=4711)
    truth = read_truth(world / "truth.parquet")
    return [read_set("demo world", world / "images", truth, "demo", {"clip_model": "demo"}, cache)]


def read_set(
    name: str, pictures: Path, truth: pd.DataFrame, yolo_model: str, embedder: dict[str, str], cache: Path
) -> PictureSet:
    """Detect and embed all boxes of a folder of pictures by the library, or take up what an earlier call left."""
    root = cache / name.replace(" ", "_")
    images = list_images(pictures)
    if not (root / "vectors.npy").is_file():
        detector = load_detector(yolo_model)
        objects, _ = detect_objects(images, pictures, detector, root, root / "parts" / "boxes")
        model = load_embedder(yolo_model=yolo_model, **embedder)
        vectors, ids, _ = embed_objects(objects, root, model, root / "parts" / "vectors")
        objects.set_index("object_id").loc[ids].reset_index().to_parquet(root / "objects.parquet")
        zero_shot_classes(vectors, ids, objects, model).to_parquet(root / "zero_shot.parquet")
        np.save(root / "vectors.npy", vectors)
    wanted = truth[truth["wanted"]] if "wanted" in truth else truth
    objects, zero_shot = (pd.read_parquet(root / f"{table}.parquet") for table in ("objects", "zero_shot"))
    return PictureSet(name, images, objects, np.load(root / "vectors.npy"), wanted, zero_shot)


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
