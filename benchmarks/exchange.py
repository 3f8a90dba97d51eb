"""Read every export of a run back by the libraries of the tools themselves, each in an environment of its own.

    python benchmarks/exchange.py runs/demo --environments /tmp/exchange

An environment that is not there is made by uv (some gigabytes in all, as FiftyOne and datumaro bring their own OpenCV
and pandas, which is why none of them can be a dependency). Prints one line a tool and ends with 1 if any differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rarelib.export.writing import export_run
from rarelib.run.folder import RunFolder

PACKAGES = {"datumaro": ["datumaro"], "fiftyone": ["fiftyone"], "label-studio": ["label-studio-sdk"],
            "datasets": ["datasets", "pillow"]}  # fmt: skip
TOLERANCE_PX = {("fiftyone", "cvat"): 1.0}  # its CVAT importer cuts corners down to whole pixels
# tool, form, what is run there with the export's folder as argument: it prints objects, pictures and the best's fields
CHECKS = [
    ("datumaro", "coco", """
import datumaro as dm
data = dm.Dataset.import_from(folder, "coco")
names = [label.name for label in data.categories()[dm.AnnotationType.label]]
boxes = [(names[a.label], a.attributes, list(a.get_bbox()), item.id) for item in data for a in item.annotations]
best = min(boxes, key=lambda box: box[1]["rank"])
show(len(boxes), len(data), best[0], best[1]["object_id"], best[2])
"""),
    ("datumaro", "cvat", """
import datumaro as dm
data = dm.Dataset.import_from(folder, "cvat")
names = [label.name for label in data.categories()[dm.AnnotationType.label]]
boxes = [(names[a.label], a.attributes, list(a.get_bbox())) for item in data for a in item.annotations]
best = min(boxes, key=lambda box: float(box[1]["rank"]))
show(len(boxes), len(data), best[0], best[1]["object_id"], best[2])
"""),
    ("fiftyone", "fiftyone", """
import fiftyone.utils.coco as fouc
importer = fouc.COCODetectionDatasetImporter(dataset_dir=folder, label_types=["detections"], extra_attrs=True)
boxes, pictures = [], 0
with importer:
    for path, metadata, labels in importer:
        pictures += 1
        wh = (metadata.width, metadata.height) * 2
        boxes += [(d, [v * s for v, s in zip(d.bounding_box, wh)]) for d in labels.detections]
best, box = min(boxes, key=lambda each: each[0]["rank"])
show(len(boxes), pictures, best.label, best["object_id"], box)
"""),
    ("fiftyone", "yolo", """
import csv
import fiftyone.utils.yolo as fouy
rows = {(r["file_name"].split("/")[-1], int(r["line"])): r for r in csv.DictReader(open(folder + "/objects.csv"))}
importer = fouy.YOLOv5DatasetImporter(dataset_dir=folder, yaml_path="data.yaml", split="train")
boxes, pictures = [], 0
with importer:
    for path, metadata, labels in importer:
        pictures += 1
        from PIL import Image
        wh = Image.open(path).size * 2
        for line, d in enumerate(labels.detections):
            boxes.append((rows[(path.split("/")[-1], line)], d.label, [v * s for v, s in zip(d.bounding_box, wh)]))
best, label, box = min(boxes, key=lambda each: float(each[0]["rank"]))
show(len(boxes), pictures, label, best["object_id"], box)
"""),
    ("fiftyone", "cvat", """
import fiftyone.utils.cvat as fouc
importer = fouc.CVATImageDatasetImporter(data_path=folder + "/images", labels_path=folder + "/annotations.xml")
boxes, pictures = [], 0
with importer:
    for path, metadata, labels in importer:
        pictures += 1
        wh = (metadata.width, metadata.height) * 2
        boxes += [(d, [v * s for v, s in zip(d.bounding_box, wh)]) for d in labels["detections"].detections]
best, box = min(boxes, key=lambda each: float(each[0]["rank"]))
show(len(boxes), pictures, best.label, best["object_id"], box)
"""),
    ("label-studio", "label-studio", """
from label_studio_sdk.label_interface import LabelInterface
interface = LabelInterface(open(folder + "/config.xml").read())
interface.validate()
boxes, tasks = [], json.load(open(folder + "/tasks.json"))
for task in tasks:
    for prediction in task["predictions"]:
        assert interface.validate_prediction(prediction, return_errors=True) in (True, []), prediction
        boxes += [r for r in prediction["result"] if r["type"] == "rectanglelabels"]
broken = json.loads(json.dumps(tasks[0]["predictions"][0]))
broken["result"][0]["value"]["rectanglelabels"] = ["no such class"]
assert interface.validate_prediction(broken, return_errors=True) not in (True, []), "it refuses nothing"
best = max(boxes, key=lambda region: region["score"])
scale = [best["original_width"] / 100, best["original_height"] / 100] * 2
box = [best["value"][k] * s for k, s in zip(("x", "y", "width", "height"), scale)]
show(len(boxes), len(tasks), best["value"]["rectanglelabels"][0], best["id"], box)
"""),
    ("datasets", "huggingface", """
import datasets
rows = []
for kind, place in (("imagefolder", "imagefolder"), ("parquet", "parquet")):
    data = datasets.load_dataset(kind, data_dir=folder + "/" + place, split="train", cache_dir=folder + "/../cache")
    rows.append([(o["rank"][i], o["class_name"][i], o["object_id"][i], o["bbox"][i])
                 for o in data["objects"] for i in range(len(o["rank"]))])
    assert all(row["image"].size == (row["width"], row["height"]) for row in data)
assert rows[0] == rows[1], "imagefolder and parquet differ"
_, label, object_id, box = min(rows[0])
show(len(rows[0]), len(data), label, object_id, box)
"""),
]  # fmt: skip
HEAD = """
import json, sys, warnings
warnings.simplefilter("ignore")
folder = sys.argv[1]
def show(*found):
    print(json.dumps([v if not isinstance(v, list) else [round(float(x), 1) for x in v] for v in found]))
"""


def main() -> int:
    """Export, read back, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images_folder")
    parser.add_argument("--environments", type=Path, required=True)
    arguments = parser.parse_args()
    run, failed = RunFolder(arguments.run), 0
    with tempfile.TemporaryDirectory() as folder:
        for tool, form, code in CHECKS:
            out = Path(folder) / f"{tool}-{form}"
            export = export_run(run, out, to=form, what="all", pictures="copy", images_folder=arguments.images_folder)
            best = export.objects.iloc[0]
            box = [best["x_min"], best["y_min"], best["x_max"] - best["x_min"], best["y_max"] - best["y_min"]]
            wanted = [len(export.objects), len(export.images), best["class_name"], best["object_id"]]
            found = _read_back(arguments.environments, tool, code, out)
            allowed = TOLERANCE_PX.get((tool, form), 0.15)
            same = found[:4] == wanted and all(abs(a - b) <= allowed for a, b in zip(found[4], box, strict=True))
            failed += not same
            print(
                f"{tool:13} reads {form:13} {found[:4]} {'as written' if same else f'BUT WRITTEN WAS {wanted} {box}'}"
            )
    return 1 if failed else 0


def _read_back(environments: Path, tool: str, code: str, out: Path) -> list:
    python = environments / tool / "bin" / "python"
    if not python.is_file():
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(environments / tool)], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), *PACKAGES[tool]], check=True)
    done = subprocess.run([str(python), "-c", HEAD + code, str(out)], capture_output=True, text=True)
    if done.returncode:
        return [done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "died", 0, "", "", [0] * 4]
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    raise SystemExit(main())
