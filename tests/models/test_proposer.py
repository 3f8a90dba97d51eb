"""A second model proposes boxes: every kind that ultralytics loads, checked before it runs, under its own name."""

import numpy as np
import pytest
import torch
from tiny_models import CLASS_NAMES, make_other_model, make_tiny_clip, make_tiny_yolo

from rarelib.models.detector import load_detector
from rarelib.models.proposer import load_proposer, origin_of, proposer_path
from rarelib.pictures.boxes import overlaps
from rarelib.pictures.proposals import SAME_THING

PICTURES = [np.random.default_rng(n).integers(0, 255, (90, 160, 3), dtype=np.uint8) for n in range(2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize("kind", ["DetectionModel", "SegmentationModel", "WorldModel", "YOLOEModel", "YOLOESegModel",
                                  "RTDETRDetectionModel", "PoseModel"])  # fmt: skip
def test_every_kind_gives_boxes_of_whatever_class(folder, kind, monkeypatch):
    monkeypatch.setattr("rarelib.models.proposer.LEAST_CONFIDENCE", 0.0)  # random weights are sure of nothing
    names = CLASS_NAMES if kind != "SegmentationModel" else ("object",)
    path = make_other_model(folder / f"{kind}.pt", kind, names=names)
    proposer = load_proposer(str(path), device="cpu", imgsz=96)
    assert proposer.name == kind and proposer.class_names == list(names)
    for boxes, picture in zip(proposer.find_boxes(PICTURES), PICTURES, strict=True):
        assert 0 < len(boxes) <= 100
        assert (boxes.xyxy >= 0).all() and (boxes.xyxy[:, 2] <= picture.shape[1]).all()
        assert (boxes.xyxy[:, 2:] >= boxes.xyxy[:, :2]).all()
        assert set(boxes.class_id) <= set(range(len(names)))
        assert ((boxes.confidence >= 0) & (boxes.confidence <= 1)).all() and np.isfinite(boxes.evidence).all()


def test_boxes_equal_those_of_ultralytics(folder):
    from ultralytics import YOLO

    path = make_tiny_yolo(folder / "second.pt")
    picture = np.random.default_rng(3).integers(0, 255, (96, 160, 3), dtype=np.uint8)
    ours = load_proposer(str(path), device="cpu", imgsz=160).find_boxes([picture])[0]
    settings = {"conf": 0.1, "iou": SAME_THING, "agnostic_nms": True, "imgsz": 160, "max_det": 100, "device": "cpu"}
    theirs = YOLO(path).predict(picture[..., ::-1], verbose=False, **settings)[0].boxes
    assert len(ours) == len(theirs) > 3
    assert ours.confidence == pytest.approx(theirs.conf.numpy(), abs=1e-3)
    same = overlaps(ours.xyxy, theirs.xyxy.numpy())[0].max(axis=1) > 0.9
    assert same.mean() > 0.95  # of two that overlap by just the limit, machines drop one or the other


def test_words_are_read_by_the_text_tower_it_was_trained_with(folder, monkeypatch):
    from rarelib.models.clip import load_clip
    from rarelib.models.runtime import choose_runtime

    clip_folder = make_tiny_clip(folder / "clip")
    path = make_other_model(folder / "world.pt", "WorldModel")
    net = torch.load(path, weights_only=False)["model"]
    clip = load_clip(str(clip_folder), choose_runtime("torch", "cpu"))
    known = np.concatenate([clip.texts(clip.tokenize([name]))[0] for name in CLASS_NAMES])
    with pytest.raises(ValueError, match="'proposal_text_model' parameter must be the CLIP that the YOLO-World was"):
        load_proposer(str(path), words=["wheelchair"], text_model=str(clip_folder), device="cpu")
    net.txt_feats = torch.from_numpy(known)[None]
    torch.save({"model": net, "train_args": {}}, path)
    given = {}
    monkeypatch.setattr("rarelib.models.yolo.set_words", lambda net, words, vectors: given.update(v=vectors, w=words))
    load_proposer(str(path), words=["wheelchair", "tyre"], text_model=str(clip_folder), device="cpu")
    assert given["w"] == ["wheelchair", "tyre"] and given["v"].shape == (2, 24)
    assert np.linalg.norm(given["v"], axis=1) == pytest.approx(1, abs=1e-5)
    other = make_tiny_clip(folder / "other clip", seed=1)
    with pytest.raises(ValueError, match="other clip' gives its class names other vectors"):
        load_proposer(str(path), words=["tyre"], text_model=str(other), device="cpu")


def test_a_network_with_words_has_them_as_classes(folder):
    from rarelib.models.yolo import AnyBoxes, class_names_of, load_any_net, set_words

    net = load_any_net(make_other_model(folder / "five.pt", "WorldModel"), "proposal_model")
    vectors = np.random.default_rng(0).normal(size=(5, 512)).astype(np.float32)
    set_words(net, list("abcde"), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    found = AnyBoxes(net)(torch.from_numpy(PICTURES[0][None, :64, :96]))
    assert class_names_of(net) == list("abcde") and found.shape[2] == 6
    assert set(found[0, :, 5].int().tolist()) <= set(range(5))


def test_what_cannot_propose_is_refused_before_it_is_loaded(folder):
    for kind in ("OBBModel", "ClassificationModel"):
        path = make_other_model(folder / f"{kind}.pt", kind)
        with pytest.raises(
            ValueError, match=f"'proposal_model' parameter must be a detector or segmenter .*'{kind}.pt'"
        ):
            proposer_path(str(path))
    forms = r"'proposal_model' parameter must be a \.pt file, the name of a release such as FastSAM-s\.pt, or demo\. "
    with pytest.raises(FileNotFoundError, match=forms + r"'nowhere\.pt' is not there\. Give the path of a \.pt file"):
        proposer_path("nowhere.pt")
    (folder / "weights.onnx").touch()
    with pytest.raises(ValueError, match=forms + r"Got '.*weights\.onnx' instead"):
        proposer_path(str(folder / "weights.onnx"))
    with pytest.raises(FileNotFoundError, match=r"'yoloe-11s-seg-pf\.pt' is not there. Offline, it cannot be fetched"):
        proposer_path("yoloe-11s-seg-pf.pt")
    (folder / "export").mkdir()
    with pytest.raises(ValueError, match=r"must be a \.pt file or a release. .*export' is a folder"):
        proposer_path(str(folder / "export"))
    plain = make_tiny_yolo(folder / "plain.pt")
    with pytest.raises(
        ValueError, match=r"'proposal_words' parameter needs a YOLO-World as proposal_model\. 'plain.pt'"
    ):
        proposer_path(str(plain), words=["tyre"])
    assert load_proposer("") is None
    with pytest.raises(ValueError, match=r"'proposal_words' parameter needs a YOLO-World as proposal_model\. There"):
        load_proposer("", words=["wheelchair"])


def test_a_foreign_pickle_is_refused_by_its_own_parameter(folder):
    import zipfile

    path = folder / "evil.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/data.pkl", b"\x80\x02cos\nsystem\n.")
    with pytest.raises(
        ValueError, match=r"'proposal_model' parameter names 'evil\.pt', a pickle that asks for 'os.sys"
    ):
        proposer_path(str(path))


def test_a_name_never_means_another_origin(tmp_path):
    assert origin_of(tmp_path / "FastSAM-s.pt") == "FastSAM-s"
    assert origin_of(tmp_path / "label.pt") == "label.pt"


def test_a_second_finer_pass_sees_more_cells(folder):
    from dataclasses import replace

    detector = load_detector(str(make_tiny_yolo(folder / "own.pt")), runtime="openvino_f32", imgsz=96)
    once = detector.find_boxes(PICTURES, least=0.3, candidates=10_000)
    twice = replace(detector, finer=192).find_boxes(PICTURES, least=0.3, candidates=10_000)
    assert [len(both) for both in twice] == [len(one) + 4 * len(one) for one in once]
    assert (twice[0].xyxy[: len(once[0])] == once[0].xyxy).all()
    with pytest.raises(ValueError, match="'proposal_imgsz' parameter must be 0 with an OpenVINO folder"):
        replace(detector, canvas=(96, 96), finer=192)
