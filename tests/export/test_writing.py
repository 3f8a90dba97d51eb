"""Every export is read back: counts, boxes and fields are those of the run."""

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from exported_run import exported_run, selected_rows
from PIL import Image
from pyarrow import parquet

from rarelib.export import FORMATS
from rarelib.export.writing import export_run

HORSE = [600.5, 300.0, 39.5, 60.0]  # the rarest, clipped to the picture


@pytest.fixture
def world(tmp_path):
    run, pictures = exported_run(tmp_path)
    return run, pictures, tmp_path / "out"


def exported(world, to, **options):
    run, pictures, out = world
    export_run(run, out, to=to, images_folder=str(pictures), **options)
    return out


@pytest.mark.parametrize(
    ("form", "file"), [("coco", "annotations/instances_default.json"), ("fiftyone", "labels.json")]
)
def test_coco_forms(world, form, file):
    out = exported(world, form)
    found = json.loads((out / file).read_text(encoding="utf-8"))
    rows = selected_rows(world[0])
    assert len(found["annotations"]) == len(rows) == 3
    names = {each["id"]: each["name"] for each in found["categories"]}
    assert sorted(names.values()) == sorted(set(rows["class_name"]))
    best = min(found["annotations"], key=lambda each: each.get("attributes", each)["rank"])
    fields = best.get("attributes", best)
    assert best["bbox"] == HORSE and best["area"] == pytest.approx(39.5 * 60)
    assert (names[best["category_id"]], fields["object_id"]) == ("horse", "img2-06")
    assert (fields["reason"], fields["caption"]) == ("the only one of its kind", "a horse on the road")
    image = next(each for each in found["images"] if each["id"] == best["image_id"])
    assert (image["width"], image["height"], image["group"], image["camera"]) == (640, 360, "drive_b", "CAM_FRONT")
    assert image["file_name"] == "drive_b__2.jpg"
    assert (out / {"coco": "images", "fiftyone": "data"}[form] / image["file_name"]).is_symlink()


def test_coco_is_read_by_pycocotools(world, capsys):
    from pycocotools import coco

    out = exported(world, "coco")
    truth = coco.COCO(str(out / "annotations" / "instances_default.json"))
    assert len(truth.getAnnIds()) == 3 and len(truth.getImgIds()) == 2
    horses = truth.loadAnns(truth.getAnnIds(catIds=truth.getCatIds(catNms=["horse"])))
    assert [each["bbox"] for each in horses] == [HORSE]


def test_yolo_is_read_by_ultralytics_own_check(world):
    from ultralytics.data.utils import check_det_dataset, verify_image_label

    out = exported(world, "yolo", what="all", pictures="copy")
    data = check_det_dataset(str(out / "data.yaml"), autodownload=False)
    assert data["names"] == {0: "bus", 1: "car", 2: "horse"}
    assert Path(data["train"]) == out / "images"
    table = pd.read_csv(out / "objects.csv")
    assert len(table) == 5 and set(table["object_id"]) == set(world[0].read_table("scores")["object_id"])
    seen = 0
    for picture in sorted((out / "images").iterdir()):
        label = out / "labels" / f"{picture.stem}.txt"
        found = verify_image_label((str(picture), str(label), "", False, 3, 0, 0, False))
        assert found[-1] == "" and found[-2] == 0, found[-1]  # no message, nothing corrupt
        lines, rows = found[1], table[table["file_name"] == f"images/{picture.name}"]
        assert [data["names"][int(line[0])] for line in lines] == rows.sort_values("line")["class_name"].tolist()
        seen += len(lines)
    assert seen == 5
    horse = np.loadtxt(out / "labels" / "drive_b__2.txt", ndmin=2)[0]
    np.testing.assert_allclose(horse[1:], [620.25 / 640, 330 / 360, 39.5 / 640, 60 / 360], atol=1e-6)


def test_yolo_labels_of_pictures_that_differ_by_their_suffix_are_all_there(world):
    run, pictures, _ = world
    images = run.read_table("images")
    first, second = (images["image_id"] == each for each in run.read_table("objects")["image_id"].unique()[:2])
    for rows, path in ((first, "drive/0001.jpg"), (second, "drive/0001.png")):
        images.loc[rows, "path"] = path
        (pictures / "drive").mkdir(exist_ok=True)
        Image.fromarray(np.zeros((360, 640, 3), np.uint8)).save(pictures / path)
    run.write_table("images", images)
    out = exported(world, "yolo", what="all")
    lines = [line for file in (out / "labels").iterdir() for line in file.read_text().splitlines()]
    assert len(lines) == len(pd.read_csv(out / "objects.csv")) == len(run.read_table("scores"))


def test_cvat_form(world):
    out = exported(world, "cvat")
    root = ElementTree.parse(out / "annotations.xml").getroot()
    assert [label.findtext("name") for label in root.iter("label")] == ["bus", "horse"]
    boxes = {
        next(node.text for node in box.iter("attribute") if node.get("name") == "object_id"): box
        for box in root.iter("box")
    }
    assert len(boxes) == 3
    horse = boxes["img2-06"]
    assert [horse.get(edge) for edge in ("xtl", "ytl", "xbr", "ybr")] == ["600.50", "300.00", "640.00", "360.00"]
    fields = {node.get("name"): node.text for node in horse.iter("attribute")}
    assert (fields["rank"], fields["rare"], fields["caption"]) == ("1", "unjudged", "a horse on the road")
    names = [image.get("name") for image in root.iter("image")]
    assert sorted(names) == sorted(path.name for path in (out / "images").iterdir())
    raw = json.loads((out / "labels.json").read_text())
    assert raw[0]["attributes"][-1] == {"name": "rare", "input_type": "select", "mutable": False,
                                        "values": ["unjudged", "yes", "no"], "default_value": "unjudged"}  # fmt: skip


def test_label_studio_form(world):
    run, _, _ = world
    (run.root / "verdicts.csv").write_text("object_id,rare\nimg2-06,yes\n", encoding="utf-8")
    out = exported(world, "label-studio")
    tasks = json.loads((out / "tasks.json").read_text(encoding="utf-8"))
    regions = [region for task in tasks for region in task["predictions"][0]["result"]]
    boxes = {region["id"]: region for region in regions if region["type"] == "rectanglelabels"}
    assert set(boxes) == set(selected_rows(run)["object_id"])
    value = boxes["img2-06"]["value"]
    assert value["x"] + value["width"] == pytest.approx(100) and value["rectanglelabels"] == ["horse"]
    assert boxes["img2-06"]["meta"]["text"] == ["#1 the only one of its kind", "a horse on the road"]
    assert [region["value"]["choices"] for region in regions if region["type"] == "choices"] == [["rare"]]
    assert {task["data"]["image"] for task in tasks} == {
        "/data/local-files/?d=out/images/drive%20a__1.jpg", "/data/local-files/?d=out/images/drive_b__2.jpg",
    }  # fmt: skip
    labels = ElementTree.parse(out / "config.xml").getroot().iter("Label")
    assert [label.get("value") for label in labels] == ["bus", "horse"]


def test_huggingface_form(world):
    out = exported(world, "huggingface")
    lines = (out / "imagefolder" / "train" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert all((out / "imagefolder" / "train" / row["file_name"]).is_file() for row in rows)
    horse = next(row["objects"] for row in rows if row["objects"]["class_name"] == ["horse"])
    assert horse["bbox"] == [HORSE] and horse["rank"] == [1.0]
    table = parquet.read_table(out / "parquet" / "train-00000-of-00001.parquet")
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"} and set(features) == set(table.column_names)
    pictures = [Image.open(io.BytesIO(image["bytes"])) for image in table.column("image").to_pylist()]
    assert [picture.size for picture in pictures] == [(640, 360)] * len(rows)


def test_csv_has_every_field_and_refers_to_pictures(world):
    run, _, out = world
    export_run(run, out, to="csv", what="all")
    table = pd.read_csv(out / "objects.csv")
    assert table["rank"].tolist() == [1, 2, 3, 4, 5] and [path.name for path in out.iterdir()] == ["objects.csv"]
    assert table["file_name"][0] == "drive_b/2.jpg" and table["group"][0] == "drive_b"


def test_only_what_is_judged_rare(world):
    run, _, out = world
    (run.root / "verdicts.csv").write_text("object_id,rare\ngone-00,yes\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"None of the objects in verdicts\.csv is in this run"):
        export_run(run, out, verdicts=run.root / "verdicts.csv")
    with pytest.raises(ValueError, match="No object is judged rare"):
        export_run(run, out, what="rare")
    (run.root / "verdicts.csv").write_text("object_id,rare\nimg0-02,yes\nimg2-06,no\n", encoding="utf-8")
    assert export_run(run, out, what="rare").objects["object_id"].tolist() == ["img0-02"]


@pytest.mark.parametrize("to", FORMATS)
def test_nothing_half_written_is_left(world, to):
    run, pictures, out = world
    (pictures / "drive_b" / "2.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"The picture 2.jpg is missing; give its folder by --images_folder"):
        export_run(run, out, to=to, images_folder=str(pictures), pictures="copy")
    assert sorted(path.name for path in out.parent.iterdir()) == ["pictures", "planted"]


def test_a_folder_that_is_not_empty_is_refused(world):
    run, _, out = world
    out.mkdir()
    export_run(run, out)
    with pytest.raises(ValueError, match="must name a new or empty folder"):
        export_run(run, out)


def test_formats_that_need_pictures_say_so(world):
    run, _, out = world
    with pytest.raises(ValueError, match=r"'--pictures' must be link or copy for yolo"):
        export_run(run, out, to="yolo", pictures="reference")
    with pytest.raises(ValueError, match=r"'--images_folder' must name the folder of the run's pictures.*Nothing was"):
        export_run(run, out, to="yolo")


@pytest.mark.parametrize("to", ["coco", "cvat", "label-studio", "fiftyone"])
def test_no_tool_can_refer_to_a_frame(world, to):
    run, _, out = world
    images = run.read_table("images")
    run.write_table("images", images.assign(path=[f"a.mp4#t={number:09.3f}" for number in range(len(images))]))
    with pytest.raises(ValueError, match=f"must be link or copy for {to} with videos"):
        export_run(run, out, to=to, pictures="reference")
    export_run(run, out)
    assert pd.read_csv(out / "objects.csv")["file_name"][0] == "a.mp4#t=00002.000"


def test_label_studio_can_refer_to_pictures_below_its_root(world):
    run, _, out = world
    export_run(run, out, to="label-studio", pictures="reference")
    tasks = json.loads((out / "tasks.json").read_text(encoding="utf-8"))
    assert tasks[0]["data"]["image"].startswith("/data/local-files/?d=drive")
