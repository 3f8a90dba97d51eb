"""nuScenes: its boxes in space, projected into the pictures as the official devkit does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .label_rows import LabelRow
from .nuscenes import read_table
from .records import read_records

CORNERS = np.array(
    list(product((1, -1), repeat=3)), float
)  # in half lengths (x ahead), widths (y left), heights (z up)
IN_FRONT_M, CORNER_IN_FRONT_M = 0.1, 1.0  # of all corners, and of one that counts as seen (devkit, box_in_image)


def read_nuscenes(tables: Sequence[Path], images: pd.DataFrame) -> Iterator[LabelRow]:
    """Yield the boxes of key frames; between key frames (sweeps/) nuScenes has labelled nothing.

    A box counts where the devkit's get_sample_data(…, BoxVisibility.ANY) returns it: all corners in front of the
    camera, at least one inside the picture.
    """
    path_of = {path.rpartition("/")[2]: path for path in images["path"]}
    done: set[str] = set()
    for folder in tables:
        pictures = _pictures(folder, path_of, done)
        yield from _labels(folder, pictures)
        done |= {record["path"] for record in pictures}


def project_boxes(
    centre: np.ndarray, size_wlh: np.ndarray, rotation: np.ndarray, picture: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Project boxes in space into one picture.

    Args:
        centre: (n, 3) [m] in the world.
        size_wlh: (n, 3) width, length, height [m].
        rotation: (n, 4) unit quaternions w, x, y, z in the world.
        picture: ego_translation, ego_rotation, translation, rotation (of the camera on the car), camera_intrinsic,
            width and height [px].

    Returns:
        Boxes (n, 4) clipped to the picture [px], and which of them are seen, bool (n,).
    """
    corners = CORNERS * size_wlh[:, None, [1, 0, 2]] / 2  # (n, 8, 3)
    corners = np.einsum("nij,nkj->nki", rotation_matrices(rotation), corners) + centre[:, None]
    for translation, turn in (("ego_translation", "ego_rotation"), ("translation", "rotation")):
        matrix = rotation_matrices(np.array([picture[turn]], float))[0]
        corners = (corners - np.array(picture[translation], float)) @ matrix  # by the inverse
    depth = corners[..., 2]
    points = corners @ np.array(picture["camera_intrinsic"], float).T
    points = points[..., :2] / np.where(depth > 0, depth, np.nan)[..., None]
    limit = np.array([picture["width"], picture["height"]], float)
    inside = ((points > 0) & (points < limit)).all(axis=2) & (depth > CORNER_IN_FRONT_M)
    seen = inside.any(axis=1) & (depth > IN_FRONT_M).all(axis=1)
    points = np.clip(np.where(seen[:, None, None], points, 0), 0, limit)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1), seen


def rotation_matrices(quaternions: np.ndarray) -> np.ndarray:
    """Return the (n, 3, 3) matrices of (n, 4) quaternions w, x, y, z of any length above 0."""
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    return np.stack([
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ], axis=1).reshape(-1, 3, 3)  # fmt: skip


def _pictures(folder: Path, path_of: dict[str, str], done: set[str]) -> list[dict[str, Any]]:
    """Return key frames among the pictures with their camera and the car's place."""
    cameras = read_table(folder, "calibrated_sensor", "translation", "rotation", "camera_intrinsic")
    found = []
    for record in read_records(folder / "sample_data.json"):
        path = path_of.get(record["filename"].rpartition("/")[2])
        if path is not None and path not in done and record["is_key_frame"]:
            about = {name: record[name] for name in ("sample_token", "ego_pose_token", "width", "height")}
            found.append({"path": path, **about, **cameras[record["calibrated_sensor_token"]]})
    wanted = {record["ego_pose_token"] for record in found}
    poses = {
        pose["token"]: {f"ego_{name}": pose[name] for name in ("translation", "rotation")}
        for pose in read_records(folder / "ego_pose.json")
        if pose["token"] in wanted
    }
    return [record | poses[record["ego_pose_token"]] for record in found]


def _labels(folder: Path, pictures: list[dict[str, Any]]) -> Iterator[LabelRow]:
    if not (folder / "sample_annotation.json").is_file():
        return  # the test part has none
    class_of = {token: row["name"] for token, row in read_table(folder, "category", "name").items()}
    instance = {token: class_of[row["category_token"]]
                for token, row in read_table(folder, "instance", "category_token").items()}  # fmt: skip
    in_sample: dict[str, list[dict[str, Any]]] = {record["sample_token"]: [] for record in pictures}
    for box in read_records(folder / "sample_annotation.json"):
        if box["sample_token"] in in_sample:
            in_sample[box["sample_token"]].append(box)
    for picture in pictures:
        boxes = in_sample[picture["sample_token"]]
        if not boxes:
            continue
        in_space = (np.array([box[name] for box in boxes], float) for name in ("translation", "size", "rotation"))
        xyxy, seen = project_boxes(*in_space, picture)
        for number in np.flatnonzero(seen):
            box = boxes[number]
            yield LabelRow(
                picture["path"], *xyxy[number].tolist(), instance[box["instance_token"]],
                label_id=box["token"], instance=box["instance_token"],
            )  # fmt: skip
