"""Layouts told apart, and what each knows of its pictures."""

import json

import dataset_trees as trees
import pytest

from rarelib.datasets import records
from rarelib.datasets.coco import is_coco
from rarelib.datasets.recognition import (
    LAYOUTS,
    LOOKED_AT,
    check_asked,
    dataset_sentence,
    list_dataset,
    reasons_not_drawn,
)
from rarelib.params import DATASETS
from rarelib.tables import check_table


def by_name(images):
    return images.set_index(images["path"].str.rpartition("/")[2])


def test_every_layout_is_a_value_of_the_parameter():
    assert {"auto", *LAYOUTS} == set(DATASETS)


def test_nuscenes_by_its_tables(tmp_path):
    images, layout = list_dataset(trees.nuscenes_tree(tmp_path))
    assert (layout.name, layout.version) == ("nuscenes", "v1.0-mini")
    check_table("images", images)
    drawn = images[images["sampled"]]
    assert len(drawn) == 8 and not drawn["path"].str.contains("sweeps|maps").any()
    assert drawn.groupby("group").size().to_dict() == {"scene-0000": 4, "scene-0001": 4}
    assert drawn.groupby(["group", "time_of_day", "weather", "location"]).size().index.tolist() == [
        ("scene-0000", "day", "dry", "singapore-onenorth"),
        ("scene-0001", "night", "rainy", "boston-seaport"),
    ]
    assert set(drawn["camera"]) == {"CAM_FRONT", "CAM_BACK"}
    assert set(drawn["sample_token"]) == {"0-0", "0-1", "1-0", "1-1"}
    front = drawn[(drawn["camera"] == "CAM_FRONT") & (drawn["group"] == "scene-0000")]
    assert (front["timestamp"].max() - front["timestamp"].min()).round(6) == 0.5


def test_cameras_and_sweeps_are_chosen_before_the_draw(tmp_path):
    root = trees.nuscenes_tree(tmp_path)
    images, layout = list_dataset(root, cameras=["CAM_BACK"], sweeps=True, max_images=6)
    drawn = images[images["sampled"]]
    assert len(drawn) == 6 and set(drawn["camera"]) == {"CAM_BACK"}
    told = reasons_not_drawn(layout, images, cameras=["CAM_BACK"], sweeps=True)
    assert sum(told.values()) == (~images["sampled"]).sum() and len(told) == 3
    assert "between the key frames (sweeps: false)" in reasons_not_drawn(layout, images, cameras=["CAM_BACK"])
    with pytest.raises(
        ValueError, match=r"cameras of the data set \(CAM_BACK, CAM_FRONT\). Got \['CAM_FRONT', 'CAM_REAR'\]"
    ):
        list_dataset(root, cameras=["CAM_FRONT", "CAM_REAR"])


def test_no_more_of_a_long_listing_is_taken_than_tells_what_is_asked_for(tmp_path):
    taken = []

    def paths(first, many=50_000):
        for number in range(many):
            taken.append(number)
            yield f"samples/{'CAM_BACK' if number < first else 'CAM_FRONT'}/{number}.jpg"

    check_asked(tmp_path, paths(0), dataset="nuscenes", cameras=["CAM_FRONT"])
    assert len(taken) == LOOKED_AT
    taken.clear()
    check_asked(tmp_path, paths(10 * LOOKED_AT), cameras=["CAM_FRONT", "CAM_BACK"])
    assert 10 * LOOKED_AT < len(taken) <= 20 * LOOKED_AT
    taken.clear()
    with pytest.raises(ValueError, match=r"\(CAM_BACK, CAM_FRONT\). Got \['X'\]"):
        check_asked(tmp_path, paths(10), cameras=["X"])
    assert len(taken) == 50_000
    strange = (f"{number}.jpg" for number in range(10))
    with pytest.raises(ValueError, match=r"Got 'video', but names such as .* are those of 'folder'"):
        check_asked(tmp_path, strange, dataset="video")
    mixed = [f"notes/{number}.jpg" for number in range(LOOKED_AT)]
    check_asked(tmp_path, [*mixed, *paths(0, 2 * LOOKED_AT)], dataset="nuscenes", cameras=["CAM_FRONT"])


def test_a_camera_that_only_the_tables_name_is_known(tmp_path):
    root = trees.nuscenes_tree(tmp_path, cameras=("CAM_FRONT",))
    sensors = root / "v1.0-mini" / "sensor.json"
    sensors.write_text(sensors.read_text().replace('"channel": "CAM_FRONT"', '"channel": "CAM_WIDE"'))
    paths = [path.relative_to(root).as_posix() for path in root.rglob("*.jpg")]
    check_asked(root, paths, cameras=["CAM_WIDE"])
    assert set(list_dataset(root, cameras=["CAM_WIDE"])[0].query("sampled")["camera"]) == {"CAM_WIDE"}
    sensors.write_text("[]")
    with pytest.raises(ValueError, match=r"tables in v1.0-mini are not whole: they lack 's-CAM_FRONT'"):
        check_asked(root, paths, cameras=["CAM_WIDE"])


def test_nuscenes_tables_are_found_above_the_pictures_of_one_camera(tmp_path):
    images, layout = list_dataset(trees.nuscenes_tree(tmp_path) / "samples" / "CAM_FRONT")
    assert layout.version == "v1.0-mini"
    assert sorted(set(images["group"])) == ["scene-0000", "scene-0001"] and set(images["camera"]) == {"CAM_FRONT"}


def test_nuscenes_by_the_names_of_its_pictures(tmp_path):
    name = "n015-2018-11-21-19-58-51+0800__CAM_BACK_LEFT__1542801733447405.jpg"
    trees.save_picture(tmp_path / name)
    images, layout = list_dataset(tmp_path)
    row = images.iloc[0]
    assert (layout.name, layout.version) == ("nuscenes", "")
    assert (row["group"], row["camera"]) == ("n015-2018-11-21-19-58-51+0800", "CAM_BACK_LEFT")
    assert (row["location"], row["time_of_day"], row["timestamp"]) == ("singapore", "night", 1542801733.447405)


def test_real_nuscenes_frames_get_scene_and_camera_from_their_names(shared):
    images, layout = list_dataset(shared / "data" / "nuscenes")
    assert layout.name == "nuscenes" and images["sampled"].all()
    assert images["camera"].value_counts().to_dict() == {
        "CAM_BACK": 50, "CAM_FRONT": 9, "CAM_FRONT_LEFT": 9, "CAM_FRONT_RIGHT": 9,
    }  # fmt: skip
    named = images[images["camera"] != "CAM_BACK"]
    assert named.groupby("group").size().to_dict() == {
        "n008-2018-09-18-13-10-39-0400": 12, "n015-2018-08-03-15-00-36+0800": 15,
    }  # fmt: skip


def test_kitti_object_tracking_and_raw(tmp_path):
    images, layout = list_dataset(trees.kitti_tree(tmp_path / "object"))
    assert (layout.name, layout.version) == ("kitti", "object")
    assert set(images["group"]) == {""} and set(images["camera"]) == {"image_2"}
    trees.save_picture(tmp_path / "tracking" / "training" / "image_02" / "0007" / "000001.png")
    images, layout = list_dataset(tmp_path / "tracking")
    assert (layout.version, images["group"][0]) == ("tracking", "0007")
    drive = tmp_path / "raw" / "2011_09_26" / "2011_09_26_drive_0001_sync"
    for frame in range(2):
        trees.save_picture(drive / "image_02" / "data" / f"{frame:010d}.png")
    (drive / "image_02" / "timestamps.txt").write_text("2011-09-26 13:02:25.964389445\n2011-09-26 13:02:26.064390000\n")
    images, layout = list_dataset(tmp_path / "raw")
    assert (layout.version, images["camera"][0]) == ("raw", "image_02")
    assert set(images["group"]) == {"2011_09_26_drive_0001_sync"}
    assert images["timestamp"].diff()[1] == pytest.approx(0.1, abs=2e-6)


def test_bdd100k_conditions_come_from_its_labels(tmp_path):
    images, layout = list_dataset(trees.bdd100k_tree(tmp_path))
    assert layout.name == "bdd100k"
    rows = by_name(images)
    assert rows["time_of_day"].tolist() == ["day", "night", "dusk"]
    assert rows["weather"].tolist() == ["clear", "rainy", ""]
    assert rows["group"].tolist() == ["0000f77c-6257be58", "0000f77c-62c2a288", "0000f77c-cb820c98"]
    _, layout = list_dataset(tmp_path / "images" / "100k" / "train")
    assert [path.name for path in layout.files] == ["bdd100k_labels_images_train.json"]


def test_bdd100k_labels_of_one_picture_a_file(tmp_path):
    root = trees.bdd100k_tree(tmp_path)
    frames = json.loads((root / "labels" / "bdd100k_labels_images_train.json").read_text())
    (root / "labels" / "bdd100k_labels_images_train.json").unlink()
    for frame in frames:
        stem = frame["name"].removesuffix(".jpg")
        path = root / "labels" / "100k" / "train" / f"{stem}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"name": stem, "attributes": frame["attributes"], "frames": [{"objects": frame["labels"]}]}
        path.write_text(json.dumps(record))
    images, _ = list_dataset(root)
    assert by_name(images)["time_of_day"].tolist() == ["day", "night", "dusk"]


def test_coco_masks_are_no_pictures_and_splits_no_drives(tmp_path):
    images, layout = list_dataset(trees.coco_tree(tmp_path))
    assert (layout.name, layout.version) == ("coco", "instances_train2017")
    assert images[images["sampled"]]["group"].tolist() == ["drive_0", "drive_0", "drive_1", "drive_1"]
    assert not images[images["path"].str.startswith("masks/")]["sampled"].any()
    told = reasons_not_drawn(layout, images)
    assert list(told) == ["no picture of a camera (map, mask, label drawn as a picture)"]
    assert sum(told.values()) == (~images["sampled"]).sum() > 0
    images, layout = list_dataset(tmp_path, sampling_rate=0.5)
    assert sum(reasons_not_drawn(layout, images).values()) == (~images["sampled"]).sum()
    assert reasons_not_drawn(layout, images)["not in the sample (sampling_rate, max_images)"] == 2
    _, beside = list_dataset(tmp_path / "images" / "train2017")
    assert beside.name == "coco"


@pytest.mark.parametrize("keys", [("images", "annotations", "categories"), ("info", "annotations", "images")])
def test_coco_is_known_whatever_long_array_its_file_begins_with(tmp_path, monkeypatch, keys):
    file = next((trees.coco_tree(tmp_path) / "annotations").glob("*.json"))
    known = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({key: known.get(key, {}) for key in keys}), encoding="utf-8")
    monkeypatch.setattr(records, "CHUNK", 60)
    assert list_dataset(tmp_path)[1].name == "coco"
    file.write_text(json.dumps({"images": known["images"], "other": 1}), encoding="utf-8")
    assert not is_coco(file)
    file.write_text('{"images": [{"id": 1, "file_name": "0123456789012345678901234567890123456789.jpg"}, {"id"')
    assert not is_coco(file)


def test_a_json_file_of_other_pictures_makes_no_coco(tmp_path):
    root = trees.coco_tree(tmp_path)
    trees.save_picture(root / "other" / "new" / "a.jpg")
    assert list_dataset(root / "other" / "new")[1].name == "folder"


def test_coco_is_known_by_any_of_its_pictures(tmp_path):
    trees.save_picture(tmp_path / "late.jpg")
    names = [*(f"{number}.jpg" for number in range(6000)), "late.jpg"]
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    (tmp_path / "labels.json").write_text(json.dumps({"images": images, "annotations": []}), encoding="utf-8")
    assert list_dataset(tmp_path)[1].name == "coco"


@pytest.mark.parametrize("images", [{"a": "a.jpg"}, ["a.jpg", None], "a.jpg"])
def test_a_json_file_of_another_tool_makes_no_coco(tmp_path, images):
    trees.save_picture(tmp_path / "a.jpg")
    (tmp_path / "export.json").write_text(json.dumps({"images": images, "info": {}}), encoding="utf-8")
    assert list_dataset(tmp_path)[1].name == "folder"


def test_yolo_by_its_label_files(tmp_path):
    images, layout = list_dataset(trees.yolo_tree(tmp_path))
    assert layout.name == "yolo" and set(images["group"]) == {""}
    (tmp_path / "images" / "notes").mkdir()
    (tmp_path / "labels" / "train" / "0.txt").write_text("a picture of a car")
    (tmp_path / "labels" / "train" / "1.txt").write_text("and another")
    assert list_dataset(tmp_path)[1].name == "folder"


def test_a_plain_folder_leaves_out_labels_drawn_as_pictures(tmp_path):
    trees.save_picture(tmp_path / "images" / "a.jpg")
    trees.save_picture(tmp_path / "annot" / "a.png")
    trees.save_picture(tmp_path / "annot" / "alone.png")
    images, layout = list_dataset(tmp_path)
    assert layout.name == "folder"
    assert images[images["sampled"]]["path"].tolist() == ["annot/alone.png", "images/a.jpg"]


def test_the_layout_can_be_named_and_must_fit(tmp_path):
    root = trees.nuscenes_tree(tmp_path)
    images, layout = list_dataset(root, dataset="folder", group_pattern="(CAM_[A-Z]+)")
    assert layout.name == "folder" and images["sampled"].all()
    assert set(images["group"]) == {"CAM_FRONT", "CAM_BACK", ""}
    with pytest.raises(ValueError, match=r"must be the layout of the pictures' folder. Got 'kitti'"):
        list_dataset(root, dataset="kitti")


def test_an_empty_folder_is_a_plain_one(tmp_path):
    images, layout = list_dataset(tmp_path)
    assert layout.name == "folder" and images.empty


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_was_recognised_is_told(tmp_path, language):
    images, layout = list_dataset(trees.nuscenes_tree(tmp_path / "n"))
    said = dataset_sentence(layout, images, language)
    for word in ("nuScenes", "v1.0-mini", "CAM_BACK, CAM_FRONT", "day 8", "night 8", "rainy 8"):
        assert word in said
    for tree in (trees.kitti_tree, trees.bdd100k_tree, trees.coco_tree, trees.yolo_tree):
        images, layout = list_dataset(tree(tmp_path / tree.__name__))
        assert dataset_sentence(layout, images, language)
    (tmp_path / "plain").mkdir()
    images, layout = list_dataset(tmp_path / "plain")
    assert dataset_sentence(layout, images, language)
