"""nuScenes: cameras, scenes and conditions from its tables, or from the names of its pictures alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from ..pictures.listing import group_of
from .layout import Layout, described, most
from .records import LabelError, read_records

PICTURE = re.compile(r"^(?P<log>(?P<car>n\d{3})-\d{4}(?:-\d\d){2}-(?P<hour>\d\d)-\d\d-\d\d[+-]\d{4})"
                     r"__(?P<camera>CAM_[A-Z_]+)__(?P<microseconds>\d+)")  # fmt: skip
CAMERA_FOLDER = re.compile(r"(?:^|/)(CAM_[A-Z_]+)/")
CITY = {"n008": "boston", "n015": "singapore"}  # the two cars of the set
NIGHT_HOURS = (
    *range(19, 24),
    *range(6),
)  # in Singapore, where it was driven at night, the sun sets near seven all year


@dataclass(frozen=True)
class Nuscenes(Layout):
    """nuScenes by its tables (a folder v1.0-… in the pictures' folder or up to three above it), or by names.

    A scene is a group; without tables, a log is.
    """

    tables: tuple[Path, ...] = ()
    name: ClassVar[str] = "nuscenes"

    @classmethod
    def find(cls, folder: Path, paths: Sequence[str]) -> Self | None:
        """Recognise names and folders of cameras, and find the tables."""
        if not most([_camera(folder, path) != "" for path in paths]):
            return None
        tables = tuple(find_tables(folder))
        return cls(folder, ", ".join(table.name for table in tables), tables)

    def describe(self, paths: Sequence[str]) -> pd.DataFrame:
        """Return what names tell, and over it what the tables tell; pictures are known by their file names.

        Raises:
            LabelError: If a table lacks what another names.
        """
        table = self._by_names(paths)
        names = pd.Series([path.rpartition("/")[2] for path in paths], dtype="str")
        for folder in self.tables:
            try:
                known = read_pictures(folder, set(names)).reindex(names)
            except KeyError as error:
                raise LabelError(f"The tables in {folder.name} are not whole: they lack {error}.") from error
            there = known["group"].notna().to_numpy()
            for column in known:
                table.loc[there, column] = known.loc[there, column].to_numpy()
        return table

    def cameras(self, paths: Sequence[str]) -> set[str]:
        """Return the cameras that names and folders tell."""
        return {_camera(self.folder, path) for path in paths} - {""}

    def is_picture(self, paths: Sequence[str]) -> np.ndarray:
        """Return which are pictures of a camera; the maps are none."""
        return np.array([_camera(self.folder, path) != "" for path in paths], bool)

    def _by_names(self, paths: Sequence[str]) -> pd.DataFrame:
        matches = [PICTURE.match(path.rpartition("/")[2]) for path in paths]
        hours = [int(match["hour"]) if match else None for match in matches]
        return described(
            len(paths),
            group=[group_of(path) for path in paths],
            camera=[_camera(self.folder, path) for path in paths],
            location=[CITY.get(match["car"], "") if match else "" for match in matches],
            time_of_day=["" if hour is None else "night" if hour in NIGHT_HOURS else "day" for hour in hours],
            timestamp=[int(match["microseconds"]) / 1e6 if match else np.nan for match in matches],
        )


def find_tables(folder: Path) -> Iterator[Path]:
    """Yield the folders with nuScenes tables in a folder or the nearest of three above it, the largest last."""
    folder = folder.resolve()
    for place in (folder, *folder.parents[:3]):
        tables = [path.parent for path in place.glob("v1.*/sample_data.json")]
        if tables:
            yield from sorted(tables, key=lambda table: ((table / "sample_data.json").stat().st_size, table.name))
            return


def read_table(folder: Path, name: str, *fields: str) -> dict[str, dict[str, Any]]:
    """Return a table of nuScenes as token -> some of its fields."""
    return {row["token"]: {field: row[field] for field in fields} for row in read_records(folder / f"{name}.json")}


def read_pictures(folder: Path, names: set[str]) -> pd.DataFrame:
    """Return what the tables tell of these pictures, by file name: the columns of Layout.describe."""
    channel = {token: row["channel"] for token, row in read_table(folder, "sensor", "channel").items()}
    mounted = read_table(folder, "calibrated_sensor", "sensor_token")
    scene_of = {token: row["scene_token"] for token, row in read_table(folder, "sample", "scene_token").items()}
    log = read_table(folder, "log", "location")
    scenes = read_table(folder, "scene", "name", "description", "log_token")
    rows = []
    for record in read_records(folder / "sample_data.json"):
        name = record["filename"].rpartition("/")[2]
        if name not in names:
            continue
        scene = scenes[scene_of[record["sample_token"]]]
        words = scene["description"].lower()
        rows.append(
            {
                "name": name,
                "group": scene["name"],
                "camera": channel[mounted[record["calibrated_sensor_token"]]["sensor_token"]],
                "sample_token": record["sample_token"],
                "location": log[scene["log_token"]]["location"],
                "time_of_day": "night" if "night" in words else "day",
                "weather": "rainy" if "rain" in words else "dry",
                "timestamp": record["timestamp"] / 1e6,
            }
        )
    columns = ["name", *described(0).columns]
    return pd.DataFrame(rows, columns=columns).drop_duplicates("name").set_index("name")


def _camera(folder: Path, path: str) -> str:
    match = PICTURE.match(path.rpartition("/")[2])
    if match:
        return match["camera"]
    folders = CAMERA_FOLDER.findall(f"{folder.name}/{path}")
    return folders[-1] if folders else ""
