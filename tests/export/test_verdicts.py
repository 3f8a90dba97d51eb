"""Verdicts given in another tool come back; what a person changes there is done to the file by hand."""

import json
import zipfile
from xml.etree import ElementTree

import pandas as pd
import pytest
from exported_run import exported_run

from rarelib.export.rows import collect_rows
from rarelib.export.verdicts import import_verdicts
from rarelib.export.writing import export_run

RARE, COMMON, OPEN = "img2-06", "img1-05", "img1-04"


@pytest.fixture
def world(tmp_path):
    run, pictures = exported_run(tmp_path)
    return run, str(pictures), tmp_path / "out"


def verdicts_of(run):
    return pd.read_csv(run.root / "verdicts.csv").set_index("object_id")["rare"].to_dict()


def annotated(tasks, *, renamed=False):
    """Return what Label Studio exports after a person looked at the predictions."""
    done = []
    for number, task in enumerate(tasks):
        result = []
        for region in task["predictions"][0]["result"]:
            name = f"new-{len(result)}" if renamed else region["id"]
            result.append({**region, "id": name})
            word = {RARE: "rare", COMMON: "common"}.get(region["id"])
            if word:
                common = {key: value for key, value in region.items() if key.startswith(("original", "image_r"))}
                box = {key: region["value"][key] for key in ("x", "y", "width", "height", "rotation")}
                result.append({**common, "id": name, "from_name": "rare", "to_name": "image", "type": "choices",
                               "value": {**box, "choices": [word]}})  # fmt: skip
        done.append({"id": number, "data": task["data"], "annotations": [{"id": 1, "result": result}]})
    return done


@pytest.mark.parametrize("renamed", [False, True])
def test_label_studio_round_trip(world, renamed):
    run, pictures, out = world
    export_run(run, out, to="label-studio", images_folder=pictures)
    tasks = json.loads((out / "tasks.json").read_text(encoding="utf-8"))
    file = out / "project-1.json"
    file.write_text(json.dumps(annotated(tasks, renamed=renamed)), encoding="utf-8")
    said = import_verdicts(run, file, source="label-studio")
    assert said == {"rare": 1, "common": 1, "unknown": 0}
    assert verdicts_of(run) == {RARE: "yes", COMMON: "no"}


def test_what_else_a_label_studio_project_holds_is_passed_over(world):
    """Relations, choices of a whole picture, answers to other questions, and annotations without a result."""
    run, pictures, out = world
    export_run(run, out, to="label-studio", images_folder=pictures)
    tasks = annotated(json.loads((out / "tasks.json").read_text(encoding="utf-8")))
    [task] = [task for task in tasks if any(each["object_id"] == OPEN for each in task["data"]["objects"])]
    task["annotations"][0]["result"] += [
        {"type": "relation", "from_id": RARE, "to_id": COMMON, "direction": "right"},
        {"type": "choices", "id": "whole", "from_name": "rare", "value": {"choices": ["rare"]}},
        {"type": "choices", "id": OPEN, "from_name": "occluded", "value": {"choices": ["yes"]}},
    ]
    task["annotations"].append({"id": 2, "result": None})
    file = out / "project-1.json"
    file.write_text(json.dumps(tasks), encoding="utf-8")
    assert import_verdicts(run, file, source="label-studio") == {"rare": 1, "common": 1, "unknown": 1}
    assert verdicts_of(run) == {RARE: "yes", COMMON: "no"}


def test_a_tag_of_another_meaning_is_no_verdict(world):
    run, pictures, out = world
    export_run(run, out, to="fiftyone", images_folder=pictures)
    labels = json.loads((out / "labels.json").read_text(encoding="utf-8"))
    for label in labels["annotations"]:
        label["tags"] = {RARE: ["1", "rare"], OPEN: ["yes", "true"]}.get(label["object_id"], [])
    file = out / "back.json"
    file.write_text(json.dumps(labels), encoding="utf-8")
    assert import_verdicts(run, file, source="fiftyone") == {"rare": 1, "common": 0, "unknown": 0}
    assert verdicts_of(run) == {RARE: "yes"}


@pytest.mark.parametrize("way", ["a list", "one under the other"])
def test_of_two_verdicts_on_an_object_in_a_fiftyone_file_the_last_one_counts(world, way):
    run, _, out = world
    labels = [{"object_id": name, "tags": [word]} for name, word in ((OPEN, "rare"), (RARE, "rare"), (OPEN, "common"))]
    told = {"a list": labels, "one under the other": {str(number): label for number, label in enumerate(labels)}}
    out.mkdir()
    (out / "back.json").write_text(json.dumps({"samples": told[way]}), encoding="utf-8")
    assert import_verdicts(run, out / "back.json", source="fiftyone") == {"rare": 1, "common": 1, "unknown": 0}
    assert verdicts_of(run) == {RARE: "yes", OPEN: "no"}


@pytest.mark.parametrize("packed", [False, True])
def test_cvat_round_trip_keeps_earlier_verdicts(world, packed):
    run, pictures, out = world
    (run.root / "verdicts.csv").write_text(f"object_id,rare\nimg0-02,yes\n{COMMON},yes\n", encoding="utf-8")
    export_run(run, out, to="cvat", images_folder=pictures)
    tree = ElementTree.parse(out / "annotations.xml")
    for box in tree.iter("box"):
        fields = {node.get("name"): node for node in box.iter("attribute")}
        fields["rare"].text = {RARE: "yes", COMMON: "no"}.get(fields["object_id"].text, "unjudged")
    file = out / "back.xml"
    tree.write(file)
    if packed:
        with zipfile.ZipFile(out / "back.zip", "w") as archive:
            archive.write(file, "annotations.xml")
        file = out / "back.zip"
    assert import_verdicts(run, file, source="cvat") == {"rare": 1, "common": 1, "unknown": 0}
    assert verdicts_of(run) == {"img0-02": "yes", RARE: "yes", COMMON: "no"}


def test_fiftyone_round_trip_by_field_and_by_tag(world):
    run, pictures, out = world
    export_run(run, out, to="fiftyone", images_folder=pictures)
    labels = json.loads((out / "labels.json").read_text(encoding="utf-8"))
    by_id = {each["object_id"]: each for each in labels["annotations"]}
    by_id[RARE]["rare"] = "yes"
    by_id[COMMON]["tags"] = ["common"]
    file = out / "back.json"
    file.write_text(json.dumps(labels), encoding="utf-8")
    assert import_verdicts(run, file, source="fiftyone") == {"rare": 1, "common": 1, "unknown": 0}
    assert verdicts_of(run) == {RARE: "yes", COMMON: "no"}
    detections = [{"label": "bus", "tags": ["rare"], "object_id": OPEN}, {"label": "car", "tags": []}]
    samples = {"samples": [{"ground_truth": {"detections": detections}}]}
    file.write_text(json.dumps(samples), encoding="utf-8")
    assert import_verdicts(run, file, source="fiftyone")["rare"] == 1
    assert verdicts_of(run)[OPEN] == "yes"


@pytest.mark.parametrize("source", ["label-studio", "cvat", "fiftyone"])
@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "<a/>", "[1]", '[{"data": 3, "annotations": 4}]', "PK\x03\x04"])
def test_what_is_no_such_export_is_refused(world, source, text):
    run, _, out = world
    out.mkdir()
    file = out / "file"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"file is not an export of|file has no verdict on an object of planted"):
        import_verdicts(run, file, source=source)
    assert not (run.root / "verdicts.csv").exists()


def test_what_comes_back_is_written_with_the_box_that_was_judged(world):
    run, pictures, out = world
    export_run(run, out, to="fiftyone", images_folder=pictures)
    labels = json.loads((out / "labels.json").read_text(encoding="utf-8"))
    for annotation in labels["annotations"]:
        annotation["rare"] = {RARE: "yes"}.get(annotation["object_id"])
    file = out / "back.json"
    file.write_text(json.dumps(labels), encoding="utf-8")
    import_verdicts(run, file, source="fiftyone")
    saved = (run.root / "verdicts.csv").read_text(encoding="utf-8")
    assert saved == "object_id,rare,image_id,x_min,y_min,x_max,y_max\nimg2-06,yes,img2,600,300,641,361\n"
    moved = run.read_table("objects").replace({"object_id": {RARE: COMMON, COMMON: RARE}})
    run.write_table("objects", moved)
    assert collect_rows(run, what="rare").objects["object_id"].tolist() == [COMMON]


@pytest.mark.parametrize("source", ["label-studio", "cvat", "fiftyone"])
def test_what_was_judged_before_the_objects_were_found_anew_is_put_to_its_box(world, source):
    run, pictures, out = world
    export_run(run, out, to=source, images_folder=pictures)
    file = out / {"label-studio": "tasks.json", "cvat": "annotations.xml", "fiftyone": "labels.json"}[source]
    if source == "label-studio":
        text = json.dumps(annotated(json.loads(file.read_text(encoding="utf-8"))))
    elif source == "cvat":
        tree = ElementTree.parse(file)
        for box in tree.iter("box"):
            fields = {node.get("name"): node for node in box.iter("attribute")}
            fields["rare"].text = {COMMON: "no"}.get(fields["object_id"].text, "unjudged")
        text = ElementTree.tostring(tree.getroot(), encoding="unicode")
    else:
        labels = json.loads(file.read_text(encoding="utf-8"))
        for annotation in labels["annotations"]:
            annotation["rare"] = {COMMON: "no"}.get(annotation["object_id"])
        text = json.dumps(labels)
    file.write_text(text, encoding="utf-8")
    objects = run.read_table("objects").replace({"object_id": {OPEN: COMMON, COMMON: OPEN}})
    moved = objects["object_id"] == COMMON
    run.write_table(
        "objects", objects.assign(x_min=objects["x_min"] + 300 * moved, x_max=objects["x_max"] + 300 * moved)
    )
    import_verdicts(run, file, source=source)
    assert verdicts_of(run).get(OPEN) == "no" and COMMON not in verdicts_of(run)
