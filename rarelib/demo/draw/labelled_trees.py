"""The drawn world laid out as owners of data sets lay theirs out: pictures, folders and label files of their schema."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

from ...tables import BOX

STARTED_US = 1_532_402_927_612_460  # of the first sample, as nuScenes counts time
SAMPLE_US = 500_000
FOCAL_PX, DEPTH_M, THICKNESS_M = 800.0, 20.0, 0.01
FORWARD = [0.5, -0.5, 0.5, -0.5]  # of a camera that looks along x of the car: its z forward, x to the right, y down
CAMERA_XYZ_M = [1.5, 0.0, 1.5]
VISIBILITY = {"1": "v0-40", "2": "v40-60", "3": "v60-80", "4": "v80-100"}


def write_tree(world: Path, out: Path, *, layout: str) -> dict[str, str]:
    """Write a drawn world with its truth as labels in the layout of a data set.

    Args:
        world: Folder of save_world: images/ and truth.parquet.
        out: New folder.
        layout: coco, yolo, kitti, bdd100k or nuscenes.

    Returns:
        Where each picture lies in the tree, by its path in the world.
    """
    truth = pd.read_parquet(world / "truth.parquet")
    paths = sorted(path.relative_to(world / "images").as_posix() for path in (world / "images").rglob("*.jpg"))
    boxes = dict(list(truth.groupby("path")))
    labels = {path: boxes.get(path, truth.iloc[:0]) for path in paths}
    return WRITERS[layout](world / "images", out, labels)


def _coco(images: Path, out: Path, labels: dict[str, pd.DataFrame]) -> dict[str, str]:
    number_of = _numbered(labels, first=1)
    form: dict[str, Any] = {"info": {"description": "demo world"}, "licenses": [], "images": [], "annotations": []}
    for number, (path, rows) in enumerate(labels.items(), 1):
        width, height = _copy(images / path, out / "val" / path)
        form["images"].append({"id": number, "file_name": path, "width": width, "height": height})
        for name, (left, top, right, bottom) in _boxes(rows):
            form["annotations"].append({
                "id": len(form["annotations"]) + 1, "image_id": number, "category_id": number_of[name],
                "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top),
                "iscrowd": 0, "segmentation": [],
            })  # fmt: skip
    form["categories"] = [{"id": number, "name": name, "supercategory": ""} for name, number in number_of.items()]
    _write(out / "annotations" / "instances_val.json", json.dumps(form))
    return {path: f"val/{path}" for path in labels}


def _yolo(images: Path, out: Path, labels: dict[str, pd.DataFrame]) -> dict[str, str]:
    number_of = _numbered(labels, first=0)
    for path, rows in labels.items():
        width, height = _copy(images / path, out / "images" / path)
        lines = [
            f"{number_of[name]} {(left + right) / 2 / width:.6f} {(top + bottom) / 2 / height:.6f} "
            f"{(right - left) / width:.6f} {(bottom - top) / height:.6f}\n"
            for name, (left, top, right, bottom) in _boxes(rows)
        ]
        _write((out / "labels" / path).with_suffix(".txt"), "".join(lines))
    names = "".join(f"  {number}: {name}\n" for name, number in number_of.items())
    _write(out / "data.yaml", f"path: .\ntrain: images\nval: images\nnames:\n{names}")
    return {path: f"images/{path}" for path in labels}


def _kitti(images: Path, out: Path, labels: dict[str, pd.DataFrame]) -> dict[str, str]:
    placed = {}
    for number, (path, rows) in enumerate(labels.items()):
        placed[path] = f"training/image_2/{number:06d}.png"
        (out / placed[path]).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(out / placed[path]), cv2.imread(str(images / path)))
        lines = [
            f"{name.title().replace(' ', '_')} 0.00 0 -10 {' '.join(f'{value:.2f}' for value in box)} "
            "-1 -1 -1 -1000 -1000 -1000 -10\n"
            for name, box in _boxes(rows)
        ]
        lines.append("DontCare -1 -1 -10 0.00 0.00 9.00 9.00 -1 -1 -1 -1000 -1000 -1000 -10\n")
        _write(out / "training" / "label_2" / f"{number:06d}.txt", "".join(lines))
    return placed


def _bdd100k(images: Path, out: Path, labels: dict[str, pd.DataFrame]) -> dict[str, str]:
    frames, placed = [], {}
    for number, (path, rows) in enumerate(labels.items()):
        drive = list(dict.fromkeys(each.rpartition("/")[0] for each in labels)).index(path.rpartition("/")[0])
        name = f"{drive:08x}-{number:08x}.jpg"
        placed[path] = f"images/100k/val/{name}"
        _copy(images / path, out / placed[path])
        sides = ("x1", "y1", "x2", "y2")
        found = [{"category": name, "id": str(n), "box2d": dict(zip(sides, box, strict=True))}
                 for n, (name, box) in enumerate(_boxes(rows))]  # fmt: skip
        about = {"weather": "clear", "scene": "city street", "timeofday": "daytime"}
        frames.append({"name": name, "attributes": about, "timestamp": 10000, "labels": found})
    _write(out / "labels" / "bdd100k_labels_images_val.json", json.dumps(frames))
    return placed


def _nuscenes(images: Path, out: Path, labels: dict[str, pd.DataFrame]) -> dict[str, str]:
    tables: dict[str, list[dict[str, Any]]] = {
        "attribute": [], "log": [], "scene": [], "sample": [], "sample_data": [], "ego_pose": [],
        "calibrated_sensor": [], "instance": [], "sample_annotation": [],
        "sensor": [{"token": "front", "channel": "CAM_FRONT", "modality": "camera"}],
        "visibility": [{"token": token, "level": level, "description": ""} for token, level in VISIBILITY.items()],
        "category": [{"token": f"k-{name}", "name": name, "description": ""} for name in _numbered(labels, first=0)],
    }  # fmt: skip
    drives = dict.fromkeys(path.rpartition("/")[0] for path in labels)
    placed: dict[str, str] = {}
    for number, drive in enumerate(drives):
        of_drive = {path: rows for path, rows in labels.items() if path.rpartition("/")[0] == drive}
        placed |= _scene(tables, number, images, out, of_drive)
    tables["map"] = [{"token": "map", "log_tokens": [log["token"] for log in tables["log"]],
                      "category": "semantic_prior", "filename": "maps/empty.png"}]  # fmt: skip
    (out / "maps").mkdir(parents=True)
    cv2.imwrite(str(out / "maps" / "empty.png"), cv2.imread(str(images / next(iter(labels))))[:8, :8])
    for name, rows in tables.items():
        _write(out / "v1.0-mini" / f"{name}.json", json.dumps(rows))
    return placed


def _scene(
    tables: dict[str, list[dict[str, Any]]], number: int, images: Path, out: Path, labels: dict[str, pd.DataFrame]
) -> dict[str, str]:
    log, scene, tokens = f"log{number}", f"scene{number}", [f"{number}-{n}" for n in range(len(labels))]
    logfile, mount = f"n015-2018-07-{number % 28 + 1:02d}-11-28-47+0800", f"c{number}"
    height, width = cv2.imread(str(images / next(iter(labels)))).shape[:2]
    tables["log"].append({"token": log, "logfile": logfile, "vehicle": "n015", "location": "singapore-onenorth",
                          "date_captured": logfile[5:15]})  # fmt: skip
    tables["scene"].append({"token": scene, "log_token": log, "nbr_samples": len(tokens), "name": f"scene-{number:04d}",
                            "first_sample_token": tokens[0], "last_sample_token": tokens[-1],
                            "description": "Drawn street"})  # fmt: skip
    intrinsic = [[FOCAL_PX, 0.0, width / 2], [0.0, FOCAL_PX, height / 2], [0.0, 0.0, 1.0]]
    tables["calibrated_sensor"].append({"token": mount, "sensor_token": "front", "translation": CAMERA_XYZ_M,
                                        "rotation": FORWARD, "camera_intrinsic": intrinsic})  # fmt: skip
    placed = {}
    for n, (token, (path, rows)) in enumerate(zip(tokens, labels.items(), strict=True)):
        time = STARTED_US + number * 10**9 + n * SAMPLE_US
        beside = {"prev": tokens[n - 1] if n else "", "next": tokens[n + 1] if n + 1 < len(tokens) else ""}
        placed[path] = f"samples/CAM_FRONT/{logfile}__CAM_FRONT__{time}.jpg"
        _copy(images / path, out / placed[path])
        tables["sample"].append({"token": token, "timestamp": time, "scene_token": scene, **beside})
        tables["ego_pose"].append({"token": token, "timestamp": time, "translation": [100.0, 50.0, 0.0],
                                   "rotation": [1.0, 0.0, 0.0, 0.0]})  # fmt: skip
        tables["sample_data"].append({
            "token": token, "sample_token": token, "ego_pose_token": token, "calibrated_sensor_token": mount,
            "timestamp": time, "fileformat": "jpg", "is_key_frame": True, "height": height, "width": width,
            "filename": placed[path], **beside,
        })  # fmt: skip
        for row, (name, box) in enumerate(_boxes(rows)):
            _annotate(tables, f"{token}-{row}", token, name, _in_space(box, (width, height)))
    return placed


def _in_space(box: list[float], picture_wh: tuple[int, int]) -> dict[str, list[float]]:
    """Return a flat upright box in space (centre and width, length, height [m]) that the camera sees as that box."""
    left, top, right, bottom = box
    scale = DEPTH_M / FOCAL_PX
    to_the_right = ((left + right) / 2 - picture_wh[0] / 2) * scale
    down = ((top + bottom) / 2 - picture_wh[1] / 2) * scale
    centre = [100.0 + CAMERA_XYZ_M[0] + DEPTH_M, 50.0 - to_the_right, CAMERA_XYZ_M[2] - down]
    return {"translation": centre, "size": [(right - left) * scale, THICKNESS_M, (bottom - top) * scale]}


def _annotate(tables: dict[str, list[dict[str, Any]]], token: str, sample: str, name: str, place: dict) -> None:
    tables["instance"].append({"token": f"i-{token}", "category_token": f"k-{name}", "nbr_annotations": 1,
                               "first_annotation_token": token, "last_annotation_token": token})  # fmt: skip
    tables["sample_annotation"].append({
        "token": token, "sample_token": sample, "instance_token": f"i-{token}", "visibility_token": "4",
        "attribute_tokens": [], **place, "rotation": [1.0, 0.0, 0.0, 0.0], "prev": "", "next": "",
        "num_lidar_pts": 5, "num_radar_pts": 0,
    })  # fmt: skip


def _numbered(labels: dict[str, pd.DataFrame], *, first: int) -> dict[str, int]:
    names = sorted({name for rows in labels.values() for name in rows["class_name"]})
    return {name: number for number, name in enumerate(names, first)}


def _boxes(rows: pd.DataFrame) -> list[tuple[str, list[float]]]:
    return list(zip(rows["class_name"], rows[BOX].to_numpy(float).tolist(), strict=True))


def _copy(source: Path, target: Path) -> tuple[int, int]:
    """Copy a picture and return its width and height [px]."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return tuple(cv2.imread(str(source)).shape[1::-1])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Path, dict[str, pd.DataFrame]], dict[str, str]]] = {
    "coco": _coco, "yolo": _yolo, "kitti": _kitti, "bdd100k": _bdd100k, "nuscenes": _nuscenes,
}  # fmt: skip
