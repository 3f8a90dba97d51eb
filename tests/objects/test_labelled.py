"""Objects from the labels of a data set: as many, where and what its owners' tools say, cut and without a detector."""

import json

import dataset_trees as trees
import numpy as np
import pandas as pd
import pytest
from drawn_videos import draw_video
from PIL import Image

from rarelib.datasets.label_places import label_places
from rarelib.datasets.recognition import list_dataset
from rarelib.objects.detection import detect_objects
from rarelib.objects.labelled import boxes_sentence, open_boxes, read_boxes
from rarelib.pictures.crops import cut_crop
from rarelib.pictures.decoding import read_image
from rarelib.settings import DetectSettings
from rarelib.tables import BOX, check_table, is_proposal


def cut(folder, root, **options):
    images, _ = list_dataset(folder)
    images = images[images["sampled"] & (images["error"] == "")]
    finder = open_boxes("labels", images, folder)
    objects, unreadable = detect_objects(images, folder, finder, root, root / "parts", **options)
    return objects.merge(images[["image_id", "path"]], on="image_id"), unreadable, finder


def test_coco_labels_are_counted_as_pycocotools_counts_them(tmp_path, capsys):
    from pycocotools.coco import COCO

    root = trees.coco_tree(tmp_path / "set")
    truth = COCO(str(root / "annotations" / "instances_train2017.json"))
    wanted = truth.loadAnns(truth.getAnnIds(iscrowd=False))
    objects, unreadable, finder = cut(root / "images", tmp_path / "run")
    check_table("objects", objects)
    assert len(objects) == len(wanted) == 5 and unreadable.empty and finder.crowds == 1
    counts = objects["class_name"].value_counts().to_dict()
    assert counts == {truth.cats[k]["name"]: len(truth.getAnnIds(catIds=k, iscrowd=False)) for k in truth.getCatIds()}
    for label in wanted:
        file_name = truth.imgs[label["image_id"]]["file_name"]
        left, top, width, height = label["bbox"]
        own = objects[objects["path"].str.endswith(file_name)]
        assert ([left, top, left + width, top + height] == own[BOX]).all(axis=1).any()


def test_boxes_without_an_area_in_their_picture_are_counted(tmp_path):
    """Beside it, of negative size, or not a number: they are left out, and the run says how many."""
    outside = ["0 2.5 0.5 0.1 0.1", "0 0.5 0.5 -0.1 0.1"]
    for name, lines in (("a", ["0 0.5 0.5 0.2 0.2", *outside]), ("b", ["0 nan 0.5 0.1 0.1"]), ("c", outside)):
        trees.save_picture(tmp_path / f"{name}.jpg")
        (tmp_path / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    images, _ = list_dataset(tmp_path)
    finder = read_boxes(images, tmp_path)
    assert (len(finder.labels), finder.crowds, finder.empty) == (1, 0, 5)
    counts = {"images": 1, "objects": 1, "images_without_objects": 0, "unreadable": 0}
    assert "and 5 boxes that have no area inside the picture" in boxes_sentence(finder, counts)
    assert "画像の内側に面積のない枠 5 個" in boxes_sentence(finder, counts, "ja")
    with pytest.raises(ValueError, match="0 crowds and 2 boxes outside their pictures are left out"):
        read_boxes(images[images["path"] == "c.jpg"], tmp_path, dataset="yolo")


def test_the_layout_is_that_of_the_folder_whichever_pictures_are_drawn(tmp_path):
    """COCO's file names the first 5,000 pictures before the drawn one; YOLO's drawn pictures have no label files."""
    for number in range(6):
        trees.save_picture(tmp_path / "yolo" / f"{number}.jpg")
    for number in range(4):
        (tmp_path / "yolo" / f"{number}.txt").write_text("0 0.5 0.5 0.2 0.2", encoding="utf-8")
    images, _ = list_dataset(tmp_path / "yolo")
    finder = read_boxes(images.iloc[3:], tmp_path / "yolo", listed=images["path"])
    assert (finder.layout, len(finder.labels)) == ("yolo", 1)
    with pytest.raises(ValueError, match="no label of the layout 'yolo' belongs to any of the 2 pictures"):
        read_boxes(images.iloc[4:], tmp_path / "yolo", listed=images["path"])
    names = ["a.jpg", *(f"elsewhere/{number}.jpg" for number in range(5000)), "b.jpg"]
    known = {"images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
             "annotations": [{"id": 1, "image_id": 5001, "category_id": 1, "bbox": [1, 1, 9, 9]}],
             "categories": [{"id": 1, "name": "car"}]}  # fmt: skip
    for name in ("a.jpg", "b.jpg"):
        trees.save_picture(tmp_path / "coco" / name)
    (tmp_path / "coco" / "labels.json").write_text(json.dumps(known), encoding="utf-8")
    images, _ = list_dataset(tmp_path / "coco")
    finder = open_boxes("labels", images.iloc[1:], tmp_path / "coco", listed=images["path"])
    assert (finder.layout, len(finder.labels)) == ("coco", 1)


def test_they_are_sure_things_of_the_origin_label(tmp_path):
    objects, _, _ = cut(trees.yolo_tree(tmp_path / "set"), tmp_path / "run")
    assert objects["class_name"].tolist() == ["car", "car", "horse"] and set(objects["origin"]) == {"label"}
    assert (objects[["confidence", "objectness"]] == 1).all(axis=None) and objects["energy"].isna().all()
    assert not is_proposal(objects).any()
    horse = objects.iloc[2]
    assert horse[BOX].tolist() == [80, 0, 160, 90] and horse["object_id"].endswith("-01")
    picture = read_image(tmp_path / "set" / horse["path"])
    crop = read_image(tmp_path / "run" / horse["crop_path"])
    assert crop.shape == cut_crop(picture, horse[BOX].to_numpy(float)).shape == (90, 80, 3)


@pytest.mark.parametrize("tree", [trees.kitti_tree, trees.bdd100k_tree, trees.nuscenes_tree])
def test_every_layout_gives_its_labels(tmp_path, tree):
    box = {"category": "vehicle.car", "translation": (12.0, 0.0, 1.0), "size": (2.0, 4.0, 1.5)}
    root = tree(tmp_path / "set", boxes=[box]) if tree is trees.nuscenes_tree else tree(tmp_path / "set")
    objects, _, _ = cut(root, tmp_path / "run")
    counts = objects["class_name"].value_counts().to_dict()
    assert (
        counts
        == {
            "kitti_tree": {"Car": 3, "Tram": 1},
            "bdd100k_tree": {"car": 3, "train": 1},
            "nuscenes_tree": {"vehicle.car": 2},  # both cameras of the tree look ahead
        }[tree.__name__]
    )


def test_no_limit_and_no_threshold_of_the_detector_holds(tmp_path):
    root = trees.yolo_tree(tmp_path / "set")
    many = "".join(f"0 {x:.3f} 0.5 0.05 0.1\n" for x in np.linspace(0.05, 0.95, 120))
    (root / "labels" / "train" / "0.txt").write_text(many)
    settings = DetectSettings(max_objects=3, max_det=3, conf=1.0, task_size=1)
    objects, _, _ = cut(root, tmp_path / "run", settings=settings)
    assert len(objects) == 122 and objects["object_id"].is_unique
    alone, _, _ = cut(root, tmp_path / "again", workers=3)
    pd.testing.assert_frame_equal(objects, alone)


def test_broken_pictures_are_rows_with_the_reason(tmp_path):
    root = trees.yolo_tree(tmp_path / "set")
    whole = (root / "images" / "train" / "1.jpg").read_bytes()
    (root / "images" / "train" / "1.jpg").write_bytes(whole[: len(whole) // 2])
    objects, unreadable, _ = cut(root, tmp_path / "run")
    assert len(objects) == 1 and unreadable["error"].str.contains("cut off").all() and len(unreadable) == 1


def test_finished_tasks_made_of_other_labels_are_not_taken_up(tmp_path):
    root = trees.yolo_tree(tmp_path / "set")
    cut(root, tmp_path / "run")
    (root / "labels" / "train" / "0.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    objects, _, _ = cut(root, tmp_path / "run")
    assert objects["class_name"].tolist() == ["horse", "car", "horse"]


def test_a_folder_without_labels_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("RARELIB_CACHE", str(tmp_path / "cache"))
    trees.save_picture(tmp_path / "plain" / "a.jpg")
    with pytest.raises(ValueError, match=r"can be labels only where labels lie.*recognised is 'folder'"):
        cut(tmp_path / "plain", tmp_path / "run")
    root = trees.coco_tree(tmp_path / "set")
    file = root / "annotations" / "instances_train2017.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "annotations": []}))
    with pytest.raises(ValueError, match=r"no label of the layout 'coco' belongs to any of the 4 pictures"):
        cut(root / "images", tmp_path / "run")
    images = pd.DataFrame({"image_id": ["a"], "path": ["a.jpg"], "width": [1], "height": [1]})
    with pytest.raises(ValueError, match=r"can be labels only where labels lie.*recognised is 'folder'"):
        read_boxes(images, "memory://a-folder-without-labels")


def test_videos_beside_labelled_pictures_have_no_boxes(tmp_path):
    root = trees.yolo_tree(tmp_path / "set")
    draw_video(root / "clip.mp4")
    objects, _, _ = cut(root, tmp_path / "run")
    assert len(objects) == 3 and not objects["path"].str.contains("clip").any()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_was_read_is_told(tmp_path, language):
    _, _, finder = cut(trees.coco_tree(tmp_path / "set") / "images", tmp_path / "run")
    counts = {"images": 4, "objects": 5, "proposals": 0, "images_without_objects": 0, "unreadable": 0,
              "runtime": finder.runtime}  # fmt: skip
    said = boxes_sentence(finder, counts, language)
    assert "coco" in said and "1" in said and "5" in said


@pytest.mark.parametrize(
    ("tree", "pictures", "wanted"),
    [
        (trees.yolo_tree, "images/train", {"labels", "data.yaml"}),
        (trees.coco_tree, "images/train2017", {"instances_train2017.json"}),
        (trees.kitti_tree, "training/image_2", {"label_2"}),
        (trees.bdd100k_tree, "images/100k/train", {"labels", "bdd100k_labels_images_train.json"}),
        (trees.nuscenes_tree, "samples/CAM_FRONT", {"v1.0-mini"}),
        (trees.yolo_tree, ".", set()),
    ],
)
def test_label_files_outside_the_pictures_are_known(tmp_path, tree, pictures, wanted):
    root = tree(tmp_path / "a" / "b" / "c")
    assert {path.name for path in label_places(root / pictures)} == wanted


def test_real_labels_of_coco(shared, tmp_path):
    """Against the label files read by hand: as many lines, and the class names of the numbers."""
    root = shared / "data" / "coco_road"
    objects, _, finder = cut(root, tmp_path)
    lines = [
        line for file in sorted((root / "labels").rglob("*.txt")) for line in file.read_text().splitlines() if line
    ]
    assert len(objects) == len(lines) and finder.layout == "yolo"


def test_camvid_instances_by_coco_labels_made_of_its_masks(shared, tmp_path):
    """Masks are no boxes: their connected parts, written in COCO's form, are counted as pycocotools counts them."""
    import cv2
    from pycocotools.coco import COCO

    names = {8: "car", 9: "pedestrian", 10: "bicyclist"}
    form = {"info": {}, "images": [], "annotations": [], "categories": [{"id": k, "name": v} for k, v in names.items()]}
    for number, mask in enumerate(sorted((shared / "data" / "camvid" / "annot").glob("*.png"))[:6]):
        picture = next((shared / "data" / "camvid" / "images").glob(f"{mask.stem}.*"))
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "images" / picture.name).symlink_to(picture)
        classes = np.asarray(Image.open(mask))
        size = {"width": classes.shape[1], "height": classes.shape[0]}
        form["images"].append({"id": number, "file_name": picture.name, **size})
        for category in names:
            _, _, stats, _ = cv2.connectedComponentsWithStats((classes == category).astype(np.uint8))
            for left, top, width, height, area in stats[1:].tolist():
                form["annotations"].append({"id": len(form["annotations"]) + 1, "image_id": number, "iscrowd": 0,
                                            "category_id": category, "bbox": [left, top, width, height],
                                            "area": area})  # fmt: skip
    (tmp_path / "instances.json").write_text(json.dumps(form))
    truth = COCO(str(tmp_path / "instances.json"))
    objects, _, _ = cut(tmp_path / "images", tmp_path / "run")
    counts = objects["class_name"].value_counts().to_dict()
    assert counts == {names[k]: n for k in names if (n := len(truth.getAnnIds(catIds=k)))} and len(objects) > 50
