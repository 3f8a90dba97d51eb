import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lost_workers import Elsewhere, KilledDriver, WithStale
from PIL import Image
from tiny_models import CLASS_NAMES, make_other_model, make_tiny_yolo

from rarelib.objects.detection import detect_objects, load_detector, select_boxes
from rarelib.pictures.boxes import Boxes, fit_letterbox, overlaps
from rarelib.pictures.crops import cut_crop
from rarelib.pictures.decoding import read_image
from rarelib.pictures.listing import list_images
from rarelib.settings import DetectSettings
from rarelib.tables import check_table

SETTINGS = {"conf": 0.6, "max_objects": 6, "max_proposals": 3}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(make_tiny_yolo(tmp_path_factory.mktemp("yolo") / "tiny.pt"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Seven pictures of three sizes and a broken one."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(7):
        small = rng.integers(0, 255, (9, 16, 3), dtype=np.uint8)
        size_wh = ((320, 180), (180, 320), (200, 200))[number % 3]
        Image.fromarray(small).resize(size_wh, Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    (folder / "4 broken.png").write_bytes((folder / "4.png").read_bytes()[:300])
    return folder


def detect(model, pictures, root, *, runtime="openvino_f32", workers=1, **options):
    settings = DetectSettings(**{**SETTINGS, **options})
    images = list_images(pictures)
    images = images[images["error"] == ""]
    detector = load_detector(model, runtime=runtime, imgsz=320)
    return detect_objects(images, pictures, detector, root, root / "parts", settings=settings, workers=workers)


def test_detection_gives_what_is_promised(model, pictures, tmp_path):
    objects, unreadable = detect(model, pictures, tmp_path)
    images = list_images(pictures).set_index("image_id")
    assert images.loc[unreadable["image_id"], "path"].tolist() == ["4 broken.png"]
    assert "cut off or damaged" in unreadable["error"][0]
    assert objects["object_id"].is_unique and set(objects["class_name"]) <= set(CLASS_NAMES)
    for image_id, rows in objects.groupby("image_id"):
        origins = rows["origin"].tolist()
        n_detected = origins.count("detected")
        assert n_detected <= 6 and origins == ["detected"] * n_detected + ["proposal"] * (len(rows) - n_detected)
        assert rows["object_id"].tolist() == [f"{image_id}-{number:02d}" for number in range(len(rows))]
        assert rows["confidence"][:n_detected].is_monotonic_decreasing
        width, height = images.loc[image_id, ["width", "height"]]
        assert (rows["x_min"] >= 0).all() and (rows["x_max"] <= width).all() and (rows["y_max"] <= height).all()
    detected = objects["origin"] == "detected"
    assert (objects.loc[detected, "confidence"] >= 0.6).all() and (objects.loc[~detected, "confidence"] <= 0.6).all()
    assert detected.any() and (~detected).any()
    check_table("objects", objects)
    assert np.isfinite(objects[["objectness", "energy"]]).all(axis=None)


def test_crops_are_cut_from_the_original(model, pictures, tmp_path):
    objects, _ = detect(model, pictures, tmp_path)
    paths = list_images(pictures).set_index("image_id")["path"]
    for row in objects.itertuples():
        picture = read_image(pictures / paths[row.image_id])
        expected = cut_crop(picture, np.array([row.x_min, row.y_min, row.x_max, row.y_max]))
        crop = read_image(tmp_path / row.crop_path)
        assert crop.shape == expected.shape
        assert np.abs(crop.astype(int) - expected).mean() < 20


@pytest.mark.parametrize("runtime", ["torch", "openvino", "openvino_f32"])
def test_workers_and_tasks_do_not_change_the_table(model, pictures, tmp_path, runtime):
    alone, _ = detect(model, pictures, tmp_path / "1", runtime=runtime)
    together, _ = detect(model, pictures, tmp_path / "2", runtime=runtime, workers=3, task_size=2)
    pd.testing.assert_frame_equal(alone, together, atol=0.011)  # one unit of the rounding


def test_several_devices_give_the_table_of_one(model, pictures, tmp_path, monkeypatch):
    alone, unreadable = detect(model, pictures, tmp_path / "1", runtime="torch")
    monkeypatch.setattr("rarelib.models.runtime.Runtime.devices", ("cpu", "cpu"))  # stand for two GPUs
    together, failed = detect(model, pictures, tmp_path / "2", runtime="torch", workers=3)
    pd.testing.assert_frame_equal(alone, together, atol=0.011)  # one unit of the rounding
    pd.testing.assert_frame_equal(unreadable, failed)


def test_finished_tasks_are_not_done_again(model, pictures, tmp_path):
    whole, _ = detect(model, pictures, tmp_path / "whole", task_size=3)
    parts = tmp_path / "killed" / "parts"
    detect(model, pictures, tmp_path / "killed", task_size=3)
    finished = sorted(parts.rglob("*.parquet"))
    finished[1].unlink()
    shutil.rmtree(tmp_path / "killed" / "cropped_objects")
    again, _ = detect(model, pictures, tmp_path / "killed", task_size=3)
    pd.testing.assert_frame_equal(whole, again)
    redone = {path.stem.split("-")[0] for path in (tmp_path / "killed" / "cropped_objects").rglob("*.jpg")}
    assert 0 < len(redone) <= 3


def test_a_worker_that_outlives_its_driver_writes_over_nothing(model, pictures, tmp_path):
    whole, unreadable = detect(model, pictures, tmp_path / "whole", task_size=2)
    killed = KilledDriver()
    with pytest.raises(KeyboardInterrupt):
        detect(model, pictures, tmp_path / "again", task_size=2, workers=killed)
    found, failed = detect(model, pictures, tmp_path / "again", task_size=2, workers=WithStale(killed))
    pd.testing.assert_frame_equal(found, whole)
    pd.testing.assert_frame_equal(failed, unreadable)


def test_a_picture_that_one_of_two_workers_could_not_read_is_read(model, pictures, tmp_path):
    whole, _ = detect(model, pictures, tmp_path)
    part = next((tmp_path / "parts").rglob("*.parquet"))
    rows = pd.read_parquet(part)
    lost = rows[(rows["object_id"] == "") & (rows["error"] == "")].assign(error="time-out")
    lost.to_parquet(part.with_name("000000-00000000.parquet"), index=False)  # comes first
    found, failed = detect(model, pictures, tmp_path)
    pd.testing.assert_frame_equal(found, whole)
    assert len(failed) == 1 and "time-out" not in set(failed["error"])


def test_parts_that_are_written_elsewhere_are_missed(model, pictures, tmp_path):
    with pytest.raises(RuntimeError, match=r"8 of 8 pictures .* not in the run's folder. All machines must see"):
        detect(model, pictures, tmp_path, workers=Elsewhere())


def test_other_settings_do_not_take_up_old_tasks(model, pictures, tmp_path):
    detect(model, pictures, tmp_path)
    objects, _ = detect(model, pictures, tmp_path, proposals=False)
    assert set(objects["origin"]) == {"detected"}


def test_nothing_found_and_nothing_to_look_at(model, pictures, tmp_path):
    objects, unreadable = detect(model, pictures, tmp_path, conf=1.0, proposals=False)
    assert len(objects) == 0 and len(unreadable) == 1
    images = list_images(pictures).head(0)
    objects, unreadable = detect_objects(
        images, pictures, load_detector(model, runtime="torch"), tmp_path, tmp_path / "none"
    )
    assert len(objects) == 0 and len(unreadable) == 0
    assert pd.api.types.is_string_dtype(objects["object_id"]) and objects["touches_border"].dtype == bool


def test_batches_of_mixed_shapes_equal_single_pictures(model, pictures):
    detector = load_detector(model, runtime="torch", imgsz=320)
    read = [read_image(pictures / f"{number}.png") for number in range(7)]
    together = detector.find_boxes(read, least=0.3)
    for picture, boxes in zip(read, together, strict=True):
        alone = detector.find_boxes([picture], least=0.3)[0]
        assert boxes.xyxy == pytest.approx(alone.xyxy, abs=1e-2) and np.array_equal(boxes.class_id, alone.class_id)


@pytest.mark.parametrize("runtime", ["torch", "openvino_f32"])
def test_sizes_between_two_multiples_of_the_stride_find_what_the_larger_one_finds(model, pictures, runtime):
    from dataclasses import replace

    from rarelib.models.proposer import load_proposer

    read = [read_image(pictures / f"{number}.png") for number in range(3)]
    found = []
    for imgsz, finer in ((100, 150), (128, 160)):
        proposer = load_proposer(model, device="cpu", imgsz=imgsz)
        detector = replace(load_detector(model, runtime=runtime, imgsz=imgsz), finer=finer, proposer=proposer)
        found.append([*detector.find_boxes(read, least=0.3, candidates=50), *detector.find_second(read)])
    for between, multiple in zip(*found, strict=True):
        assert len(between) and np.array_equal(between.xyxy, multiple.xyxy)
        assert np.array_equal(between.confidence, multiple.confidence)


def test_int8_is_calibrated_on_the_users_pictures(model, pictures):
    pytest.importorskip("nncf", reason="nncf is the extra rarelib[int8]")
    with pytest.raises(ValueError, match="needs readable pictures to calibrate with"):
        load_detector(model, runtime="openvino_int8", calibration_images=[pictures / "4 broken.png"])
    detector = load_detector(model, runtime="openvino_int8", imgsz=320, calibration_images=sorted(pictures.iterdir()))
    assert detector.runtime == "OpenVINO int8 on a CPU"
    assert len(detector.find_boxes([read_image(pictures / "0.png")], least=0.05)[0])


def test_agreement_speaks_for_detected_boxes_as_for_proposals():
    """Both are told by one objectness, so that neither may lack what the other has."""
    shifts = np.arange(5.0)[:, None]
    many, one = np.array([100.0, 100, 200, 200]) + shifts, np.array([[400.0, 100, 500, 200]])
    for conf in (0.1, 0.9):
        boxes = Boxes(np.concatenate([many, one]), np.full(6, 0.5), np.zeros(6, int), np.full(6, -9.0))
        chosen = select_boxes(boxes, DetectSettings(conf=conf), picture_wh=(640, 480))
        found = chosen[0 if conf < 0.5 else 1]
        evidence = dict(zip(found.xyxy[:, 0] < 300, found.evidence, strict=True))
        assert len(found) == 2 and evidence[False] == -9 and evidence[True] > -7


def test_boxes_of_a_second_model_bear_its_name(model, pictures, tmp_path):
    from dataclasses import replace

    from rarelib.models.proposer import load_proposer
    from rarelib.tables import is_proposal

    images = list_images(pictures)
    images = images[images["error"] == ""].head(3)
    second = str(make_other_model(tmp_path / "FastSAM-t.pt", "SegmentationModel", names=("object",)))
    proposer = load_proposer(second, device="cpu", imgsz=160)
    detector = replace(load_detector(model, runtime="openvino_f32", imgsz=320), proposer=proposer, finer=640)
    settings = DetectSettings(conf=0.9, max_objects=6, max_proposals=30)
    objects, _ = detect_objects(images, pictures, detector, tmp_path, tmp_path / "parts", settings=settings)
    check_table("objects", objects)
    assert {"proposal", "FastSAM-t"} <= set(objects["origin"])
    theirs = objects["origin"] == "FastSAM-t"
    assert (objects.loc[theirs, "class_name"] == "object").all() and is_proposal(objects[theirs]).all()
    assert objects.loc[theirs, "energy"].isna().all() and objects.loc[theirs, "objectness"].between(0, 1).all()
    assert objects.groupby("image_id")["origin"].apply(lambda origin: (origin != "detected").sum()).max() <= 30
    assert detector.decided_by != replace(detector, proposer=None).decided_by


def test_entropy_and_sums_are_what_they_should_be(model, pictures):
    """Against scipy, on the head's own numbers; and the export gives the same."""
    import torch
    from scipy.special import expit, log_softmax, logsumexp, softmax
    from ultralytics.nn.modules.head import Detect

    from rarelib.models import yolo

    net = yolo.load_net(Path(model))
    canvas = fit_letterbox((320, 180), 320).draw(read_image(pictures / "0.png"))[None]
    with torch.inference_mode():
        head = net.model[-1]
        inputs = yolo._run_layers(net, torch.from_numpy(canvas), head.f)
        raw = Detect.forward_head(head, inputs, **yolo._branch(head))
        found = [output[0].numpy() for output in yolo.RawDetector(net)(torch.from_numpy(canvas))]
        distances = head.dfl(raw["boxes"])[0].numpy()
    sides, scores = raw["boxes"][0].numpy().reshape(4, head.reg_max, -1), raw["scores"][0].numpy()
    entropy = -(softmax(sides, axis=1) * log_softmax(sides, axis=1)).sum(axis=1).mean(axis=0)
    expected = [distances, scores.max(0), scores.argmax(0), expit(scores).sum(0), logsumexp(scores, axis=0), entropy]
    exported = load_detector(model, runtime="openvino_f32", imgsz=320).network(canvas)
    for ours, openvino, theirs in zip(found, exported, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
        assert openvino[0] == pytest.approx(theirs, abs=2e-3)


def test_bfloat16_proposes_what_float32_does(shared, real_model):
    """Half of the digits must not spoil the order: entropies and sums are taken in float32."""
    paths = sorted((shared / "data" / "road_anomaly21" / "images").iterdir())[:4]
    pictures = [read_image(path) for path in paths]
    found = {}
    for runtime in ("openvino_f32", "openvino"):
        boxes = load_detector(real_model, runtime=runtime).find_boxes(pictures, least=0.25, candidates=1500)
        chosen = zip(boxes, pictures, strict=True)
        found[runtime] = [select_boxes(b, DetectSettings(), picture_wh=p.shape[1::-1])[1] for b, p in chosen]
    again = [
        (overlaps(exact.xyxy, rough.xyxy)[0] > 0.5).any(axis=1).mean()
        for exact, rough in zip(found["openvino_f32"], found["openvino"], strict=True)
    ]
    assert np.mean(again) > 0.8


def test_a_network_that_is_no_detector_is_refused(tmp_path):
    import torch

    torch.save({"model": torch.nn.Linear(2, 2)}, tmp_path / "linear.pt")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "tensor.pt")
    for name in ("linear.pt", "tensor.pt"):
        with pytest.raises(ValueError, match=f"must be weights of a YOLO detector. '{name}' is not"):
            load_detector(str(tmp_path / name))


def test_an_exported_model_runs_without_torch(model, pictures):
    load_detector(model, runtime="openvino")
    code = (
        "import sys; from rarelib.objects.detection import load_detector;"
        "from rarelib.pictures.decoding import read_image;"
        f"detector = load_detector({model!r}, runtime='openvino');"
        f"detector.find_boxes([read_image({str(pictures / '0.png')!r})], least=0.5);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'ultralytics', 'transformers', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def matched_share(reference, found):
    """Return the share of the reference's boxes that are found: IoU > 0.85, same class, each once."""
    free, hits = np.ones(len(found), bool), 0
    union_share, _ = overlaps(reference.xyxy, found.xyxy)
    for row, class_id in enumerate(reference.class_id):
        fits = np.flatnonzero(free & (union_share[row] > 0.85) & (found.class_id == class_id))
        if len(fits):
            free[fits[union_share[row][fits].argmax()]] = False
            hits += 1
    return hits / max(len(reference), 1)


@pytest.fixture(scope="module")
def real_model(shared, tmp_path_factory):
    """A copy, so that no export is written beside the original."""
    return str(shutil.copy(shared / "models" / "yolov8n.pt", tmp_path_factory.mktemp("real")))


@pytest.fixture(scope="module")
def reference(shared, real_model):
    """What ultralytics itself predicts on real pictures."""
    from ultralytics import YOLO

    from rarelib.pictures.boxes import Boxes

    folders = ("nuscenes/CAM_FRONT", "kitti/images", "coco_road/images")
    paths = [path for name in folders for path in sorted((shared / "data" / name).glob("*.jpg"))[:9]]
    yolo = YOLO(real_model)
    settings = {"conf": 0.25, "iou": 0.45, "max_det": 100, "imgsz": 640, "device": "cpu", "verbose": False}
    found = [yolo.predict(path, **settings)[0].boxes for path in paths]
    return paths, [Boxes(b.xyxy.numpy(), b.conf.numpy(), b.cls.numpy().astype(int)) for b in found]


@pytest.mark.parametrize(("runtime", "least"), [("torch", 0.999), ("openvino_f32", 0.999), ("openvino", 0.97)])
def test_boxes_equal_those_of_ultralytics(real_model, reference, runtime, least):
    from rarelib.pictures.boxes import suppress

    detector = load_detector(real_model, runtime=runtime)
    paths, expected = reference
    hits = total = extra = 0
    for path, boxes in zip(paths, expected, strict=True):
        found = suppress(detector.find_boxes([read_image(path)], least=0.25)[0], iou=0.45, limit=100)
        hits += matched_share(boxes, found) * len(boxes)
        total, extra = total + len(boxes), extra + len(found) - len(boxes)
    assert total > 100
    assert hits / total >= least and abs(extra) <= (1 - least) * total + 1


def test_an_openvino_folder_of_ultralytics_works(shared, tmp_path):
    folder = str(shared / "models" / "yolov8n_int8_openvino_model")
    images = list_images(shared / "data" / "coco_road" / "images").head(4)
    detector = load_detector(folder)
    objects, _ = detect_objects(
        images, shared / "data" / "coco_road" / "images", detector, tmp_path, tmp_path / "parts", workers=2
    )
    assert len(detector.class_names) == 80 and detector.canvas == (640, 640)
    assert (objects["origin"] == "detected").sum() >= 8
    assert "edges of boxes unknown" in detector.runtime  # it says what it orders proposals without
    assert (objects["origin"] == "proposal").sum() == 40 and objects["energy"].isna().all()
    sure = objects["origin"] == "detected"
    assert objects.loc[sure, "objectness"].median() > 0.5 > objects.loc[~sure, "objectness"].median()
