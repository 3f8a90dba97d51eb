"""Truth from labels: which categories count as rare, and a nuScenes tree measured by its own tables."""

import json

import dataset_trees as trees
import numpy as np
import pandas as pd
import pytest

from rarelib.datasets.recognition import list_dataset
from rarelib.tables import BOX
from rarelib.trust.evaluation import evaluate_ranking
from rarelib.trust.truth import find_truth


def annotation(category, left, sample="0-0"):
    """A box ten metres in front of the camera, so far to its left [m]."""
    return {"category": category, "translation": [11.5, left, 1.5], "size": [1.0, 1.0, 1.0], "sample": sample}


def truth_of(root, **how):
    images, _ = list_dataset(root)
    return find_truth(how.pop("path", None), root, images, **how)


def rare_kinds(truth):
    return sorted(truth.loc[truth["wanted"], "class_name"])


@pytest.fixture
def nuscenes(tmp_path):
    boxes = [
        annotation("animal", 3.0), annotation("vehicle.car", 0.0), annotation("vehicle.construction", -3.0),
        annotation("human.pedestrian.construction_worker", 0.0, "1-0"), annotation("vehicle.trailer", 3.0, "1-0"),
        annotation("human.pedestrian.personal_mobility", -3.0, "1-0"), annotation("vehicle.emergency.police", 4.5),
        annotation("movable_object.trafficcone", -4.5),
    ]  # fmt: skip
    return trees.nuscenes_tree(tmp_path / "set", cameras=("CAM_FRONT",), boxes=boxes)


def test_nuscenes_knows_its_rare_categories(nuscenes):
    truth, told = truth_of(nuscenes)
    assert len(truth) == 8 and set(truth["drive"]) == {"scene-0000", "scene-0001"}
    assert rare_kinds(truth) == [
        "animal", "human.pedestrian.personal_mobility", "vehicle.construction", "vehicle.emergency.police",
        "vehicle.trailer",
    ]  # fmt: skip
    assert "nuscenes" in told and "animal" in told and "construction_worker" not in told


def test_named_categories_decide_alone_by_whole_words(nuscenes):
    truth, _ = truth_of(nuscenes, rare_categories=["construction workers", "car"])
    assert rare_kinds(truth) == ["human.pedestrian.construction_worker", "vehicle.car"]  # and no trailer, no "mall car"


def test_a_ranking_of_a_nuscenes_tree_is_measured_by_its_tables(nuscenes):
    images, _ = list_dataset(nuscenes)
    truth, told = find_truth(None, nuscenes, images)
    objects = truth[[*BOX, "path", "class_name"]].merge(images[["path", "image_id"]], on="path")
    objects["object_id"] = [f"o{number}" for number in range(len(objects))]
    objects = objects[objects["class_name"] != "vehicle.trailer"]  # the detector misses one
    first = objects["class_name"].isin(["animal", "vehicle.construction", "vehicle.emergency.police"])
    order = pd.concat([objects[first], objects[objects["class_name"] == "vehicle.car"]])  # then a car, wrongly
    order = pd.concat([order, objects[~objects["object_id"].isin(order["object_id"])].sort_values("class_name")])
    ranks = np.arange(len(order)) + 1
    scores = pd.DataFrame({"object_id": order["object_id"], "rank": ranks, "rarity": 1 - ranks / 10,
                           "event": order["object_id"]})  # fmt: skip
    found = evaluate_ranking(truth, objects, images, scores, told=told)
    detected = next(step for step in found["steps"] if step["step"] == "detected")
    assert (detected["n"], detected["value"]) == (5, pytest.approx(4 / 5))
    # ranks 1, 2, 3 and 6 of 7 show rare ones: construction_worker stands before personal_mobility
    assert found["average_precision"] == pytest.approx((1 + 1 + 1 + 4 / 6) / 4)
    assert found["r_precision"] == pytest.approx(3 / 4)
    assert found["sentence"].startswith(told) and "average precision 0.92, R-precision 0.75" in found["sentence"]


def test_kitti_and_bdd100k_know_theirs(tmp_path):
    assert rare_kinds(truth_of(trees.kitti_tree(tmp_path / "kitti"))[0]) == ["Tram"]
    assert rare_kinds(truth_of(trees.bdd100k_tree(tmp_path / "bdd"))[0]) == ["train"]


@pytest.mark.parametrize("tree", [trees.coco_tree, trees.yolo_tree])
def test_where_no_category_is_known_to_be_rare_this_is_said_and_one_can_be_named(tmp_path, tree):
    root = tree(tmp_path / "set")
    truth, told = truth_of(root)
    scores = pd.DataFrame({"object_id": ["a"], "rank": [1], "rarity": [0.5], "event": ["a"]})
    found = evaluate_ranking(truth, pd.DataFrame(), list_dataset(root)[0], scores, told=told)
    assert not found["available"] and "rare_categories" in found["sentence"] and "car" in found["sentence"]
    truth, told = truth_of(root, rare_categories=["horses"], language="ja")
    assert rare_kinds(truth) == ["horse"] and "horse" in told
    assert not truth["crowd"].any()


def test_files_of_labels_say_themselves_what_is_rare(tmp_path):
    root = trees.coco_tree(tmp_path / "set")
    labels = {"drive_0/000.jpg": [{"label": "Excavator", "bbox": [1, 2, 30, 40]}]}
    (tmp_path / "searchad.json").write_text(json.dumps(labels), encoding="utf-8")
    assert rare_kinds(truth_of(root, path=tmp_path / "searchad.json")[0]) == ["Excavator"]
    form = json.loads((root / "annotations" / "instances_train2017.json").read_text(encoding="utf-8"))
    for each in form["annotations"]:
        each["corner_case"] = each["category_id"] == 5
    (tmp_path / "coda.json").write_text(json.dumps(form), encoding="utf-8")
    assert rare_kinds(truth_of(root, path=tmp_path / "coda.json")[0]) == ["horse"]


def test_without_labels_there_is_no_truth(tmp_path, nuscenes):
    trees.save_picture(tmp_path / "plain" / "a.jpg")
    assert truth_of(tmp_path / "plain") == (None, "")
    assert truth_of(nuscenes, from_labels=False) == (None, "")


def test_broken_labels_that_nobody_asked_for_stop_nothing_and_are_told(tmp_path):
    root = trees.kitti_tree(tmp_path / "set")
    (root / "training" / "label_2" / "000000.txt").write_text("Car 0 0 0 ten 1 2 3\n", encoding="utf-8")
    truth, told = truth_of(root)
    assert truth is None and "cannot be read" in told and "Car 0 0 0 ten" in told
