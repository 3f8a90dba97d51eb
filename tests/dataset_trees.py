"""Small trees of known data sets, as their owners lay them out."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

SIZE_WH = (160, 90)
INTRINSIC = [[126.0, 0.0, 80.0], [0.0, 126.0, 45.0], [0.0, 0.0, 1.0]]
# of a camera that looks along x of the car: its z forward, its x to the right, its y down
FORWARD = [0.5, -0.5, 0.5, -0.5]
LOGS = ("n015-2018-07-24-11-22-45+0800", "n008-2018-08-01-15-16-36-0400")
EMPTY_TABLES = ("attribute", "visibility", "map")


def save_picture(path: Path, *, size_wh: tuple[int, int] = SIZE_WH, grey: int = 120) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.as_posix())).integers(0, 30, (size_wh[1], size_wh[0], 3))
    Image.fromarray((noise + grey).clip(0, 255).astype(np.uint8)).save(path)


def nuscenes_tree(
    root: Path, *, frames: int = 2, cameras: tuple[str, ...] = ("CAM_FRONT", "CAM_BACK"), boxes: list[dict] = ()
) -> Path:
    """Write pictures and the 13 tables of v1.0-mini: two scenes (day, rainy night) of so many samples.

    Each box is one annotation in the first sample: category, translation (x ahead, y left, z up of the car) [m], size
    (width, length, height) [m], rotation (w, x, y, z).
    """
    tables: dict[str, list[dict]] = {name: [] for name in EMPTY_TABLES}
    tables |= {name: [] for name in ("log", "scene", "sample", "sample_data", "ego_pose", "sensor",
                                     "calibrated_sensor", "category", "instance", "sample_annotation")}  # fmt: skip
    tables["visibility"] = [{"token": "4", "level": "v80-100", "description": ""}]
    tables["map"] = [{"token": "map", "log_tokens": ["log0", "log1"], "category": "semantic_prior",
                      "filename": "maps/a.png"}]  # fmt: skip
    for camera in cameras:
        tables["sensor"].append({"token": f"s-{camera}", "channel": camera, "modality": "camera"})
    for number, (log, words) in enumerate(zip(LOGS, ("Parked cars", "Night, rain, bus"), strict=True)):
        _scene(tables, number, log, words, frames, cameras)
    _annotations(tables, boxes)
    for name, rows in tables.items():
        path = root / "v1.0-mini" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows, indent=0), encoding="utf-8")
    for row in tables["sample_data"]:
        save_picture(root / row["filename"])
    save_picture(root / "maps" / "a.png")
    return root


def _scene(tables: dict, number: int, log: str, words: str, frames: int, cameras: tuple[str, ...]) -> None:
    location = ("singapore-onenorth", "boston-seaport")[number]
    date = log.split("-", 1)[1][:10]
    tables["log"].append({"token": f"log{number}", "logfile": log, "vehicle": log[:4], "date_captured": date,
                          "location": location})  # fmt: skip
    tables["scene"].append({"token": f"scene{number}", "log_token": f"log{number}", "nbr_samples": frames,
                            "first_sample_token": f"{number}-0", "last_sample_token": f"{number}-{frames - 1}",
                            "name": f"scene-{number:04d}", "description": words})  # fmt: skip
    start = int(datetime(2018, 8, 1, tzinfo=UTC).timestamp() * 1e6) + number * 10**9
    for camera in cameras:
        tables["calibrated_sensor"].append({"token": f"c-{number}-{camera}", "sensor_token": f"s-{camera}",
                                            "translation": [1.5, 0.0, 1.5], "rotation": FORWARD,
                                            "camera_intrinsic": INTRINSIC})  # fmt: skip
    for frame in range(frames):
        token, time = f"{number}-{frame}", start + frame * 500_000
        tables["sample"].append({"token": token, "timestamp": time, "scene_token": f"scene{number}",
                                 "prev": f"{number}-{frame - 1}" if frame else "",
                                 "next": f"{number}-{frame + 1}" if frame + 1 < frames else ""})  # fmt: skip
        for camera in cameras:
            for sweep in (0, 1):
                at = time + sweep * 80_000
                data = f"d-{token}-{camera}-{sweep}"
                folder = "sweeps" if sweep else "samples"
                tables["ego_pose"].append({"token": data, "timestamp": at, "translation": [100.0, 50.0, 0.0],
                                           "rotation": [1.0, 0.0, 0.0, 0.0]})  # fmt: skip
                tables["sample_data"].append({
                    "token": data, "sample_token": token, "ego_pose_token": data, "timestamp": at, "prev": "",
                    "calibrated_sensor_token": f"c-{number}-{camera}", "fileformat": "jpg", "next": "",
                    "is_key_frame": not sweep, "height": SIZE_WH[1], "width": SIZE_WH[0],
                    "filename": f"{folder}/{camera}/{log}__{camera}__{at}.jpg",
                })  # fmt: skip


def _annotations(tables: dict, boxes: list[dict]) -> None:
    for number, box in enumerate(boxes):
        category = f"k-{box['category']}"
        if category not in [row["token"] for row in tables["category"]]:
            tables["category"].append({"token": category, "name": box["category"], "description": ""})
        tables["instance"].append({"token": f"i{number}", "category_token": category, "nbr_annotations": 1,
                                   "first_annotation_token": f"a{number}",
                                   "last_annotation_token": f"a{number}"})  # fmt: skip
        ahead, left, up = box["translation"]
        tables["sample_annotation"].append({
            "token": f"a{number}", "sample_token": box.get("sample", "0-0"), "instance_token": f"i{number}",
            "visibility_token": "4", "attribute_tokens": [], "translation": [100.0 + ahead, 50.0 + left, up],
            "size": box["size"], "rotation": box.get("rotation", [1.0, 0.0, 0.0, 0.0]), "prev": "", "next": "",
            "num_lidar_pts": 5, "num_radar_pts": 0,
        })  # fmt: skip


def kitti_tree(root: Path) -> Path:
    """Write three pictures of the object benchmark with labels, one object that nobody cares about among them."""
    for number in range(3):
        save_picture(root / "training" / "image_2" / f"{number:06d}.png")
        lines = [
            "Car 0.00 0 1.5 10.00 20.00 50.00 60.00 1 1 1 1 1 1 0",
            "DontCare -1 -1 -10 1 2 9 9 -1 -1 -1 -1 -1 -1 -1",
        ]
        if number == 2:
            lines.append("Tram 0.00 0 1.5 60.50 20.25 150.75 70.00 1 1 1 1 1 1 0")
        label = root / "training" / "label_2" / f"{number:06d}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def bdd100k_tree(root: Path) -> Path:
    """Write three pictures of as many videos, and their label file in the form of 2018."""
    names = ["0000f77c-6257be58.jpg", "0000f77c-62c2a288.jpg", "0000f77c-cb820c98.jpg"]
    hours, weather = ("daytime", "night", "dawn/dusk"), ("clear", "rainy", "undefined")
    frames = []
    for number, name in enumerate(names):
        save_picture(root / "images" / "100k" / "train" / name)
        labels = [{"category": "car", "id": 1, "box2d": {"x1": 10.5, "y1": 20, "x2": 50, "y2": 60.25}},
                  {"category": "lane/road curb", "id": 2, "poly2d": []}]  # fmt: skip
        if number == 1:
            labels.append({"category": "train", "id": 3, "box2d": {"x1": 60, "y1": 10, "x2": 150, "y2": 80}})
        attributes = {"weather": weather[number], "scene": "city street", "timeofday": hours[number]}
        frames.append({"name": name, "attributes": attributes, "timestamp": 10000, "labels": labels})
    path = root / "labels" / "bdd100k_labels_images_train.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(frames), encoding="utf-8")
    return root


def coco_tree(root: Path) -> Path:
    """Write two drives of pictures under images/train2017, annotations/instances_train2017.json, and masks."""
    images, annotations = [], []
    for number in range(4):
        name = f"drive_{number % 2}/{number:03d}.jpg"
        save_picture(root / "images" / "train2017" / name)
        save_picture(root / "masks" / f"{number:03d}.png")
        images.append({"id": number + 7, "file_name": name, "width": SIZE_WH[0], "height": SIZE_WH[1]})
        annotations.append({"id": number, "image_id": number + 7, "category_id": 3, "bbox": [10, 20, 40.5, 30],
                            "area": 1215, "iscrowd": 0})  # fmt: skip
    annotations.append({"id": 9, "image_id": 7, "category_id": 5, "bbox": [80, 5, 60, 70], "area": 4200, "iscrowd": 0})
    annotations.append({"id": 10, "image_id": 7, "category_id": 3, "bbox": [0, 0, 160, 20], "area": 9, "iscrowd": 1})
    categories = [{"id": 3, "name": "car"}, {"id": 5, "name": "horse"}]
    path = root / "annotations" / "instances_train2017.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"info": {"year": 2017}, "images": images, "annotations": annotations,
                                "categories": categories}), encoding="utf-8")  # fmt: skip
    return root


def yolo_tree(root: Path) -> Path:
    """Write three pictures under images/train with labels/train and data.yaml; one picture has no object."""
    for number, lines in enumerate((["0 0.5 0.5 0.25 0.5"], ["0 0.25 0.5 0.1 0.2", "1 0.75 0.5 0.5 1.0"], [])):
        save_picture(root / "images" / "train" / f"{number}.jpg")
        label = root / "labels" / "train" / f"{number}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/train\nnames: [car, horse]\n")
    return root
