"""The real notebooks over data as it lies on disk: a nuScenes tree ranked by its own labels, and a folder of videos."""

import json

import numpy as np
import pandas as pd
import pytest
from drawn_videos import draw_video
from small_demo import run_demo

from rarelib.demo.draw.labelled_trees import write_tree
from rarelib.demo.draw.world import save_world
from rarelib.export.writing import export_run
from rarelib.pictures.crops import cut_crop
from rarelib.pictures.decoding import read_image
from rarelib.pipeline.check import check_run
from rarelib.tables import BOX

QUICK = {"demo_scenes": 0, "skip_visualization": True, "skip_caption": True, "audit": False}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    save_world(folder, n_scenes=12, seed=7, workers=1)
    return folder


def test_a_nuscenes_tree_is_ranked_by_its_own_labels_without_a_detector(world, tmp_path):
    placed = write_tree(world, tmp_path / "nuscenes", layout="nuscenes")
    run, _ = run_demo(
        tmp_path, **QUICK, name="labels", images_folder=str(tmp_path / "nuscenes"), boxes="labels",
        yolo_model="weights/none.pt", rare_categories=["power cabinets"],
    )  # fmt: skip
    assert list(check_run(run.root)) == []
    objects, images = run.read_table("objects"), run.read_table("images").set_index("image_id")
    truth = pd.read_parquet(world / "truth.parquet")
    assert len(objects) == len(truth) and set(objects["origin"]) == {"label"}
    assert objects["class_name"].value_counts().to_dict() == truth["class_name"].value_counts().to_dict()
    assert set(images["path"]) >= set(placed.values()) and images["group"].str.startswith("scene-").sum() == len(placed)
    assert "yolo_model" not in run.read_json("config.json")["models"]
    assert "nuScenes (tables: v1.0-mini)" in (run.root / "01_select_images.ipynb").read_text(encoding="utf-8")
    measured = run.read_json("tables/evaluation.json")
    detected = next(step for step in measured["steps"] if step["step"] == "detected")
    cabinets = (truth["class_name"] == "power cabinet").sum()
    assert (detected["n"], detected["value"]) == (cabinets, 1.0) and measured["average_precision"] > 0
    assert "Labels of the data set (nuscenes) are the truth" in (run.root / "report.html").read_text(encoding="utf-8")
    assert "No detector was asked" in (run.root / "02_detect_objects.ipynb").read_text(encoding="utf-8")


def test_a_folder_of_videos_goes_through_all_stages(world, tmp_path):
    folder = tmp_path / "dashcam"
    frames = [read_image(path) for path in sorted((world / "images").rglob("*.jpg"))]
    for drive in range(2):
        pictures = frames[drive * 6 : drive * 6 + 6]
        times = [number / 2 for number in range(6)]
        draw_video(folder / f"{drive}.mp4", times=times, size_wh=frames[0].shape[1::-1], pictures=pictures)
    (folder / "broken.mp4").write_bytes((folder / "0.mp4").read_bytes()[:9000])
    run, _ = run_demo(tmp_path, **QUICK, name="videos", images_folder=str(folder), video_fps=2.0)
    assert list(check_run(run.root)) == []
    images = run.read_table("images")
    assert len(images) == 13 and images["group"].value_counts().to_dict() == {"0.mp4": 6, "1.mp4": 6, "broken.mp4": 1}
    assert images.set_index("path").loc["broken.mp4", "error"].startswith("not a video")
    objects = run.read_table("objects").merge(images, on="image_id")
    assert objects["image_id"].nunique() > 8
    for row in objects.head(5).itertuples():
        crop = cut_crop(read_image(folder / row.path), np.array([getattr(row, side) for side in BOX]))
        kept = read_image(run.root / row.crop_path)
        assert kept.shape == crop.shape and np.abs(kept.astype(int) - crop).mean() < 12
    found = json.loads((run.root / "detection_results.json").read_text(encoding="utf-8"))
    assert all("#t=" in each["original_path"] for each in found)
    export = export_run(run, tmp_path / "yolo", to="yolo", images_folder=str(folder))
    assert all((tmp_path / "yolo" / name).is_file() for name in export.images["file_name"])
