"""Boxes from labels: every form read to the same table; the numbers are worked out by hand."""

import json

import dataset_trees as trees
import numpy as np
import pytest

from rarelib.datasets.label_rows import paths_meant
from rarelib.datasets.labels import has_labels, read_label_file, read_labels
from rarelib.datasets.nuscenes_labels import rotation_matrices
from rarelib.datasets.recognition import list_dataset
from rarelib.datasets.records import LabelError
from rarelib.tables import BOX


def labels_of(root, **listing):
    images, layout = list_dataset(root, **listing)
    drawn = images[images["sampled"]]
    labels = read_labels(layout, root, drawn)
    assert set(labels["path"]) <= set(drawn["path"])
    assert has_labels(layout)
    return labels


def boxes(labels):
    return [(row.class_name, *(round(float(side), 3) for side in row[2:6])) for row in labels.itertuples()]


def ahead(metres, *, left=0.0, category="animal", size=(2.0, 2.0, 1.0), **more):
    """A box so far in front of the camera, on its axis: w 2, l 2, h 1."""
    return {"category": category, "translation": [1.5 + metres, left, 1.5], "size": list(size), **more}


def test_nuscenes_boxes_by_hand(tmp_path):
    root = trees.nuscenes_tree(tmp_path, boxes=[ahead(10.0), ahead(-10.0, category="vehicle.trailer")])
    labels = labels_of(root)
    front = labels[labels["path"].str.contains("CAM_FRONT")]
    # the near face is 9 m away: 126 / 9 = 14 px a metre about (80, 45)
    assert boxes(front) == [("animal", 66, 38, 94, 52)]
    assert set(labels["instance"]) <= {"i0", "i1"} and set(front["label_id"]) == {"a0"}
    assert not labels["path"].str.contains("sweeps").any()


def test_a_turned_box_and_one_half_outside(tmp_path):
    quarter = [np.cos(np.pi / 4), 0, 0, np.sin(np.pi / 4)]  # width and length change places
    turned = ahead(10.0, size=(2.0, 4.0, 1.0), rotation=quarter)
    beside = ahead(10.0, left=-6.0, category="vehicle.trailer")  # to the right
    outside = ahead(10.0, left=-40.0, category="vehicle.bus.rigid")
    across = ahead(0.5, category="movable_object.debris")  # reaches behind the camera
    labels = labels_of(trees.nuscenes_tree(tmp_path, cameras=("CAM_FRONT",), boxes=[turned, beside, outside, across]))
    right = round(80 + 126 * 5 / 11, 3)  # the far corner nearest to the axis
    assert boxes(labels) == [("animal", 52, 38, 108, 52), ("vehicle.trailer", right, 38, 160, 52)]


def test_sweeps_have_no_labels(tmp_path):
    root = trees.nuscenes_tree(tmp_path, cameras=("CAM_FRONT",), boxes=[ahead(10.0)])
    labels = labels_of(root, sweeps=True)
    assert len(labels) == 1 and labels["path"].str.startswith("samples/").all()


def test_the_projection_is_the_devkits(tmp_path):
    """Needs nuscenes-devkit, which pins an older numpy: installed without its dependencies, or skipped."""
    nuscenes = pytest.importorskip("nuscenes.nuscenes")
    from nuscenes.utils.geometry_utils import BoxVisibility, view_points

    generator = np.random.default_rng(3)
    turns = generator.normal(size=(40, 4))
    planted = [
        ahead(generator.uniform(2, 40), left=generator.uniform(-20, 20), size=generator.uniform(0.3, 6, 3).tolist(),
              rotation=(turn / np.linalg.norm(turn)).tolist(), category="animal") for turn in turns
    ]  # fmt: skip
    root = trees.nuscenes_tree(tmp_path, boxes=planted)
    ours = labels_of(root).set_index(["path", "label_id"])[BOX]
    known = nuscenes.NuScenes("v1.0-mini", str(root), verbose=False)
    theirs = {}
    for record in known.sample_data:
        if not record["is_key_frame"]:
            continue
        _, found, intrinsic = known.get_sample_data(record["token"], box_vis_level=BoxVisibility.ANY)
        for box in found:
            points = view_points(box.corners(), intrinsic, normalize=True)[:2].T.clip(0, trees.SIZE_WH)
            theirs[record["filename"], box.token] = np.concatenate([points.min(axis=0), points.max(axis=0)])
    theirs = {key: box for key, box in theirs.items() if ((box[2:] - box[:2]) >= 0.5).all()}
    assert len(ours) == len(theirs) > 20
    for key, box in theirs.items():
        np.testing.assert_allclose(ours.loc[key], box, atol=0.01)


def test_rotations_by_hand():
    half = np.sqrt(0.5)
    np.testing.assert_allclose(rotation_matrices(np.array([[half, 0, 0, half]]))[0] @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrices(np.array([[2.0, 0, 0, 0]]))[0], np.eye(3), atol=1e-12)


def test_kitti_without_what_nobody_labelled(tmp_path):
    labels = labels_of(trees.kitti_tree(tmp_path))
    assert labels["class_name"].value_counts().to_dict() == {"Car": 3, "Tram": 1}
    assert boxes(labels)[-1] == ("Tram", 60.5, 20.25, 150.75, 70)


def test_kitti_tracking_is_read_by_frame(tmp_path):
    for frame in range(2):
        trees.save_picture(tmp_path / "training" / "image_02" / "0003" / f"{frame:06d}.png")
    file = tmp_path / "training" / "label_02" / "0003.txt"
    file.parent.mkdir(parents=True)
    tail = "1 1 1 1 1 1 0"
    file.write_text(f"0 -1 DontCare -1 -1 -10 1 2 9 9 {tail}\n1 5 Van 0 0 1.5 10 20 30 40 {tail}\n", encoding="utf-8")
    labels = labels_of(tmp_path)
    assert boxes(labels) == [("Van", 10, 20, 30, 40)]
    assert labels["path"].str.endswith("000001.png").all() and set(labels["instance"]) == {"0003-5"}


def test_bdd100k_boxes(tmp_path):
    labels = labels_of(trees.bdd100k_tree(tmp_path))
    assert labels["class_name"].value_counts().to_dict() == {"car": 3, "train": 1}
    assert boxes(labels)[0] == ("car", 10.5, 20, 50, 60.25)


def test_a_bdd100k_picture_in_two_folders_has_its_labels_in_both(tmp_path):
    name = "0000f77c-6257be58.jpg"
    for folder in ("a", "b"):
        trees.save_picture(tmp_path / folder / name)
    label = {"category": "car", "box2d": {"x1": 10, "y1": 10, "x2": 50, "y2": 50}}
    (tmp_path / "det_val.json").write_text(json.dumps([{"name": name, "labels": [None, label]}]), encoding="utf-8")
    labels = labels_of(tmp_path)
    assert labels["path"].tolist() == [f"a/{name}", f"b/{name}"] and boxes(labels) == [("car", 10, 10, 50, 50)] * 2


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            {"name": "0000f77c-6257be58.jpg", "labels": [{"category": "car", "box2d": {"x1": 1}}]},
            "Each label must have",
        ),
        ({"name": "0000f77c-6257be58.jpg", "labels": [{"box2d": {"x1": 1}}]}, "Each label must have a category"),
        ({"labels": []}, "Each frame must have a name. Got .* in det_val.json instead"),
    ],
)
def test_faults_of_bdd100k_files_are_named(tmp_path, frame, message):
    trees.save_picture(tmp_path / "0000f77c-6257be58.jpg")
    (tmp_path / "det_val.json").write_text(json.dumps([frame]), encoding="utf-8")
    with pytest.raises(LabelError, match=message):
        labels_of(tmp_path)


@pytest.mark.parametrize("line", ["1 5", "x 5 Van 0 0 1.5 10 20 30 40"])
def test_faults_of_kitti_tracks_are_named(tmp_path, line):
    trees.save_picture(tmp_path / "image_02" / "0003" / "000001.png")
    (tmp_path / "label_02").mkdir()
    (tmp_path / "label_02" / "0003.txt").write_text(line, encoding="utf-8")
    with pytest.raises(LabelError, match=f"Each KITTI track must have a frame's number.* Got '{line}' in 0003.txt"):
        labels_of(tmp_path)


def test_coco_boxes_with_crowds(tmp_path):
    labels = labels_of(trees.coco_tree(tmp_path))
    assert labels["class_name"].value_counts().to_dict() == {"car": 5, "horse": 1}
    assert labels["crowd"].sum() == 1
    assert ("horse", 80, 5, 140, 75) in boxes(labels)
    assert ("car", 10, 20, 50.5, 50) in boxes(labels)


def test_coco_counts_as_pycocotools_has_them(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    root = trees.coco_tree(tmp_path)
    known = coco.COCO(str(root / "annotations" / "instances_train2017.json"))
    assert len(labels_of(root)) == len(known.getAnnIds())


def test_a_name_means_the_picture_whose_path_ends_so(tmp_path):
    folder = tmp_path / "drive_0"
    names = ["drive_0/000.jpg", "drive_1/000.jpg", "./1/b.jpg", "old/c.jpg"]
    meant = paths_meant(names, folder, ["000.jpg", "1/b.jpg", "2/b.jpg", "n/c.jpg"])
    assert meant == {"drive_0/000.jpg": "000.jpg", "./1/b.jpg": "1/b.jpg", "old/c.jpg": "n/c.jpg"}


def test_a_name_that_is_a_path_means_that_picture_whatever_lies_in_other_folders(tmp_path):
    for paths in (["a/x.jpg", "x.jpg"], ["x.jpg", "z/x.jpg"]):
        assert paths_meant(["x.jpg"], tmp_path, paths) == {"x.jpg": "x.jpg"}
    assert paths_meant(["x.jpg"], tmp_path, ["a/x.jpg", "z/x.jpg"]) == {}


def coco_set(folder, *, annotations, categories=({"id": 1, "name": "car"},), paths=("a.jpg", "b.jpg"), images=None):
    for path in paths:
        trees.save_picture(folder / path)
    images = images or [{"id": number, "file_name": path} for number, path in enumerate(paths, 1)]
    known = {"images": images, "annotations": annotations, "categories": list(categories)}
    (folder / "labels.json").write_text(json.dumps(known), encoding="utf-8")
    return folder


GOOD = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"categories": [{"id": 1}]}, r"must have an id and a name. Got {'id': 1} in labels.json instead"),
        ({"categories": [{"id": 1, "name": None}]}, "Each category must have an id and a name"),
        ({"annotations": [{**GOOD, "category_id": 9}]}, "labels.json has the category_id 9, which no category has"),
        ({"annotations": [{"image_id": 1, "bbox": [1, 1, 9, 9]}]}, "Each annotation must have an image_id, a bbox"),
        ({"annotations": [{**GOOD, "bbox": ["x", 1, 9, 9]}]}, "Each annotation must have"),
        ({"annotations": [{**GOOD, "bbox": [None, 1, 9, 9]}]}, "Each annotation must have"),
        ({"annotations": [None]}, "Each annotation must have"),
        ({"images": [{"file_name": "a.jpg"}]}, "Each image must have an id and a file_name"),
        ({"images": [{"id": 1, "file_name": name} for name in ("a.jpg", "b.jpg")]}, "two pictures the id 1: a.jpg and"),
        ({"paths": ("1/a.jpg", "2/a.jpg"), "images": [{"id": 1, "file_name": "a.jpg"}]},
         r"labels.json must say the folder of the picture a.jpg in its file_name, .* 1/a.jpg, 2/a.jpg"),
    ],
)  # fmt: skip
def test_faults_of_coco_files_are_named(tmp_path, faults, message):
    with pytest.raises(LabelError, match=message):
        labels_of(coco_set(tmp_path, **{"annotations": [GOOD], **faults}))


def test_numbers_of_boxes_may_be_written_as_text(tmp_path):
    labels = labels_of(coco_set(tmp_path, annotations=[{**GOOD, "bbox": ["10", "10", "20", "20"]}]))
    assert boxes(labels) == [("car", 10, 10, 30, 30)]


def test_codas_boxes_say_which_are_corner_cases(tmp_path):
    trees.save_picture(tmp_path / "pictures" / "0001.jpg")
    boxes_of = [
        {"id": n, "image_id": 1, "category_id": 2, "bbox": [n, 5, 20, 30], "corner_case": n > 1} for n in (1, 2)
    ]
    file = tmp_path / "corner_case.json"
    images_of = [{"id": 1, "file_name": "sample/images/0001.jpg", "width": 160, "height": 90}]
    known = {"info": {}, "images": images_of, "annotations": boxes_of, "categories": [{"id": 2, "name": "dog"}]}
    file.write_text(json.dumps(known), encoding="utf-8")
    images, _ = list_dataset(tmp_path / "pictures", dataset="folder")
    labels = read_label_file(file, tmp_path / "pictures", images)
    assert labels["rare"].tolist() == ["no", "yes"]
    assert boxes(labels)[1] == ("dog", 2, 5, 22, 35)


def test_searchad_boxes_are_corners_of_rare_things(tmp_path):
    for name in ("kitti/training/image_2/000001.png", "kitti/training/image_2/000002.png"):
        trees.save_picture(tmp_path / name)
    file = tmp_path / "searchad_annotations_val.json"
    cow = {"label": "Animal-Real-Cow", "bbox": [10, 20, 300, 40]}
    file.write_text(json.dumps({"kitti/training/image_2/000002.png": [cow], "acdc/other.png": [cow]}), encoding="utf-8")
    images, _ = list_dataset(tmp_path / "kitti", dataset="folder")
    labels = read_label_file(file, tmp_path / "kitti", images)
    assert boxes(labels) == [("Animal-Real-Cow", 10, 20, 160, 40)]  # clipped to the picture
    assert labels["rare"].tolist() == ["yes"] and labels["path"].tolist() == ["training/image_2/000002.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a.jpg": 3}', "must be of COCO's form or an object of"),
        ("{", "cannot be read as JSON"),
        ('{"a.jpg": [{"label": "cow", "bbox": [1, 2]}]}', "must have label and bbox"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    trees.save_picture(tmp_path / "a.jpg")
    (tmp_path / "labels.json").write_text(text, encoding="utf-8")
    images, _ = list_dataset(tmp_path, dataset="folder")
    with pytest.raises(LabelError, match=message):
        read_label_file(tmp_path / "labels.json", tmp_path, images)


def test_yolo_boxes_with_names(tmp_path):
    labels = labels_of(trees.yolo_tree(tmp_path))
    assert boxes(labels) == [("car", 60, 22.5, 100, 67.5), ("car", 32, 36, 48, 54), ("horse", 80, 0, 160, 90)]


@pytest.mark.parametrize("line", ["0 0.5 0.5", "car 0.5 0.5 0.1 0.1"])
def test_lines_that_are_not_yolos_are_named(tmp_path, line):
    for name, text in (("a", line), ("b", "0 0.5 0.5 0.1 0.1"), ("c", "")):
        trees.save_picture(tmp_path / f"{name}.jpg")
        (tmp_path / f"{name}.txt").write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(LabelError, match=f"Each line must hold a class number and 4 or more numbers. Got '{line}' in"):
        labels_of(tmp_path)


@pytest.mark.parametrize("names", ["car", "{a: car}", "[[1, 2], {}]", "3"])
def test_what_another_tool_means_by_names_is_no_class(tmp_path, names):
    trees.save_picture(tmp_path / "a.jpg")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n", encoding="utf-8")
    (tmp_path / "settings.yaml").write_text(f"names: {names}\n", encoding="utf-8")
    wanted = "[1, 2]" if names.startswith("[[") else "class 0"
    assert labels_of(tmp_path)["class_name"].tolist() == [wanted]


def test_yolo_polygons_and_classes_without_names(tmp_path):
    trees.save_picture(tmp_path / "a.jpg")
    (tmp_path / "a.txt").write_text("4 0.1 0.2 0.5 0.2 0.3 0.6\n2 0.5 0.5 0.5 0.5 0.9\n", encoding="utf-8")
    assert boxes(labels_of(tmp_path)) == [("class 4", 16, 18, 80, 54), ("class 2", 40, 22.5, 120, 67.5)]


def test_yolo_names_come_from_a_file_that_numbers_them(tmp_path):
    trees.save_picture(tmp_path / "a.jpg")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n", encoding="utf-8")
    (tmp_path / "another.yaml").write_text("names: {web: 1}\n", encoding="utf-8")
    (tmp_path / "another_too.yaml").write_text("names: web\n", encoding="utf-8")
    (tmp_path / "of_yolo.yaml").write_text("names: {0: car}\n", encoding="utf-8")
    assert boxes(labels_of(tmp_path)) == [("car", 40, 22.5, 120, 67.5)]


@pytest.mark.parametrize("tree", [trees.nuscenes_tree, trees.bdd100k_tree])
def test_no_picture_has_no_label(tmp_path, tree):
    root = tree(tmp_path)
    images, layout = list_dataset(root)
    assert read_labels(layout, root, images.head(0)).empty


def test_yolo_labels_of_real_pictures(shared):
    labels = labels_of(shared / "data" / "coco_road", dataset="yolo")
    files = (shared / "data" / "coco_road" / "labels").glob("*.txt")
    assert len(labels) == sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def test_a_plain_folder_has_no_labels(tmp_path):
    trees.save_picture(tmp_path / "a.jpg")
    images, layout = list_dataset(tmp_path)
    assert not has_labels(layout)
    with pytest.raises(LabelError, match="Got the layout 'folder' instead"):
        read_labels(layout, tmp_path, images)
