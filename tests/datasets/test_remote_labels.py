"""Labels behind an address: read as from disk, fetched once, and nothing of what has gone there."""

import os
import uuid

import pandas as pd
import pytest
from dataset_trees import bdd100k_tree, coco_tree, kitti_tree, nuscenes_tree, save_picture, yolo_tree
from s3_server import serve_s3

from rarelib.addresses import stores
from rarelib.addresses.remote import RemotePath, remote_path
from rarelib.datasets.recognition import list_dataset, recognise
from rarelib.datasets.remote_labels import _listed, label_files, label_folder
from rarelib.objects.labelled import read_boxes
from rarelib.params import load_params
from rarelib.pictures.listings import listed_once
from rarelib.pipeline.plan import _labels_of
from rarelib.pipeline.preflight import check_inputs
from rarelib.run.places import CACHE
from rarelib.trust.truth import find_truth

CART = {"category": "human.pedestrian.stroller", "translation": (12.0, 0.5, 0.5), "size": (1.0, 1.5, 1.2)}
CAR = {"category": "vehicle.car", "translation": (20.0, -3.0, 0.8), "size": (1.8, 4.2, 1.6)}
TREES = {  # data set -> what writes it, and the folders of its pictures that a user may name
    "nuscenes": (lambda root: nuscenes_tree(root, boxes=[CART, CAR]), ("", "samples", "samples/CAM_FRONT")),
    "kitti": (kitti_tree, ("", "training", "training/image_2")),
    "bdd100k": (bdd100k_tree, ("", "images/100k/train")),
    "coco": (coco_tree, ("", "images/train2017")),
    "yolo": (yolo_tree, ("", "images", "images/train")),
}
CASES = [(name, within) for name, (_, folders) in TREES.items() for within in folders]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    _listed.cache_clear()
    return tmp_path / "cache"


def put(root, address):
    """Copy a tree to an address."""
    for path in (path for path in root.rglob("*") if path.is_file()):
        (RemotePath(address) / path.relative_to(root).as_posix()).upload(path)


def in_memory(root):
    address = f"memory://{uuid.uuid4().hex}/sets/{root.name}"
    put(root, address)
    return address


@pytest.mark.parametrize(("name", "within"), CASES, ids=["/".join(case) for case in CASES])
def test_a_data_set_at_an_address_is_read_as_on_disk(tmp_path, name, within):
    root = TREES[name][0](tmp_path / name)
    address = in_memory(root)
    here, there = (root / within if within else root), (f"{address}/{within}" if within else address)
    images, layout = list_dataset(here, max_images=100)
    remote, found = list_dataset(there, max_images=100)
    assert (found.name, found.version) == (layout.name, layout.version) == (name, layout.version)
    untold = ["size", "modified"]  # a store in memory tells no time
    pd.testing.assert_frame_equal(remote.drop(columns=untold), images.drop(columns=untold))
    boxes, labels = read_boxes(images, here), read_boxes(remote, there)
    assert len(boxes.labels) > 1 and labels.crowds == boxes.crowds
    pd.testing.assert_frame_equal(labels.labels, boxes.labels)
    truth, said = find_truth(None, here, images)
    remote_truth, remote_said = find_truth(None, RemotePath(there), remote)
    pd.testing.assert_frame_equal(remote_truth, truth)
    assert remote_said == said != ""


@pytest.fixture
def s3(tmp_path, monkeypatch):
    stores.forget_stores()
    (tmp_path / "served").mkdir()
    with serve_s3(tmp_path / "served", monkeypatch) as server:
        yield server
    stores.forget_stores()


def test_label_files_are_fetched_once_and_again_when_they_changed(s3, monkeypatch):
    root = kitti_tree(s3.root / "kitti")
    images, _ = list_dataset("s3://kitti/training", max_images=9)
    fetched = []
    download = RemotePath.download
    monkeypatch.setattr(RemotePath, "download", lambda place, to: fetched.append(place.name) or download(place, to))
    first = read_boxes(images, "s3://kitti/training")
    assert read_boxes(images, "s3://kitti/training").sha256 == first.sha256 and fetched == []
    label = root / "training/label_2/000001.txt"
    label.write_text("Van 0.00 0 1.5 10.00 20.00 50.00 60.00 1 1 1 1 1 1 0\n")
    os.utime(label, (1e9, 1e9))
    (root / "training/label_2/000000.txt").unlink()
    _listed.cache_clear()
    again = read_boxes(images, "s3://kitti/training")
    assert fetched == ["000001.txt"]
    assert again.labels["class_name"].tolist() == ["Van", "Car", "Tram"]


def test_of_many_pictures_only_the_labels_of_those_drawn_are_fetched(tmp_path):
    root = tmp_path / "yolo"
    for number in range(300):
        save_picture(root / "images" / f"{number}.jpg", size_wh=(8, 8))
        (root / "labels").mkdir(exist_ok=True)
        (root / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    place = remote_path(in_memory(root))
    paths = [f"images/{number}.jpg" for number in range(300)]
    copied = label_folder(place, paths)
    assert recognise(place, paths).name == "yolo"
    assert len(list(copied.rglob("*.txt"))) == 200
    assert len(list(label_folder(place, paths[:250], of_all=True).rglob("*.txt"))) >= 250


def test_nothing_outside_of_the_copy_is_taken_for_a_label(tmp_path, cache, monkeypatch):
    root = tmp_path / "plain"
    save_picture(root / "a.jpg")
    place = remote_path(in_memory(root))
    copied = label_folder(place, ["a.jpg"])
    copied.mkdir(parents=True, exist_ok=True)
    for folder in copied.parents:
        if folder == cache.parent:
            break
        if folder.is_relative_to(cache) and len(folder.relative_to(cache).parts) <= 2:
            (folder / "classes.txt").write_text("of somebody else")
            (folder / "annotations").mkdir(exist_ok=True)
    assert recognise(place, ["a.jpg"]).name == "folder"
    assert (cache / "labels" / "classes.txt").is_file()


def test_floors_above_that_may_not_be_listed_are_left_out(tmp_path, monkeypatch):
    address = in_memory(kitti_tree(tmp_path / "kitti"))

    def refused(place):
        raise PermissionError(13, "no access")

    monkeypatch.setattr(RemotePath, "list_folder", refused)
    assert label_files(remote_path(f"{address}/training/image_2")) == []
    inside = label_files(remote_path(f"{address}/training"))
    assert [path.rpartition("/")[2] for path, _, _ in inside] == [f"{number:06d}.txt" for number in range(3)]


def test_the_labels_at_an_address_decide_whether_a_stage_is_up_to_date(s3):
    root = kitti_tree(s3.root / "kitti")
    params = load_params(None, {"images_folder": "s3://kitti/training/image_2", "boxes": "labels"})
    before = _labels_of(params)
    assert _labels_of(params) == before
    (root / "training/label_2/000001.txt").write_text("Van 0.00 0 1.5 10.00 20.00 50.00 60.00 1 1 1 1 1 1 0\n")
    _listed.cache_clear()
    assert _labels_of(params) != before


def test_a_run_on_labels_at_an_address_is_checked_before_it_starts(s3, tmp_path):
    kitti_tree(s3.root / "kitti")
    save_picture(s3.root / "plain" / "a.jpg")
    given = {"boxes": "labels", "skip_caption": True, "runs_dir": str(tmp_path)}
    check_inputs(load_params(None, {**given, "images_folder": "s3://kitti/training"}))
    with pytest.raises(ValueError, match="can be labels only where labels lie beside the pictures"):
        check_inputs(load_params(None, {**given, "images_folder": "s3://plain"}))


def test_an_address_is_listed_once_for_what_is_asked_of_it_and_for_its_pictures(tmp_path, monkeypatch):
    address = in_memory(nuscenes_tree(tmp_path / "nuscenes"))
    listed, list_files = [], RemotePath.list_files

    def counted(place):
        listed.append(str(place))
        return list_files(place)

    monkeypatch.setattr(RemotePath, "list_files", counted)
    given = {"images_folder": address, "skip_caption": True, "runs_dir": str(tmp_path)}
    with listed_once():
        check_inputs(load_params(None, {**given, "dataset": "nuscenes", "cameras": ["CAM_BACK"]}))
        with pytest.raises(ValueError, match=r"\(CAM_BACK, CAM_FRONT\). Got \['X'\]"):
            check_inputs(load_params(None, {**given, "cameras": ["X"]}))
        with pytest.raises(ValueError, match=r"Got 'yolo', but names such as .* are those of 'nuscenes'"):
            check_inputs(load_params(None, {**given, "dataset": "yolo"}))
        list_dataset(address, cameras=["CAM_BACK"])
    assert listed.count(address) == 1 and len(listed) == len(set(listed))


def test_an_address_that_leads_out_of_its_store_is_refused():
    with pytest.raises(ValueError, match=r"without '\.\.'"):
        label_folder(remote_path("memory://a/../../b"), [])
