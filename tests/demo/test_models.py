"""The demo models: small, safe to load, good on unseen scenes, and made by the project's own code."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rarelib.demo.draw.kinds import ALL_KINDS, DETECTOR_CLASSES, KINDS, OTHER, SCENERY, STRANGERS, UNSEEN_KINDS
from rarelib.demo.draw.layout import CLIP_CHECK, DETECTOR_CHECK
from rarelib.demo.draw.strangers import FAMILIES
from rarelib.demo.draw.world import draw_scene
from rarelib.demo.train.__main__ import MODELS, note_check, note_training, write_card
from rarelib.demo.train.clip import ClipSettings, train_clip
from rarelib.demo.train.detector import DetectorSettings, save_bare
from rarelib.demo.train.sets import detector_class, draw_crops
from rarelib.demo.train.vocabulary import (
    build_tokenizer,
    describe_kind,
    names_of,
    names_without_pictures,
    noun_of,
)
from rarelib.models import weights
from rarelib.objects.detection import load_detector
from rarelib.objects.embedding import load_embedder
from rarelib.objects.zero_shot import PROMPT
from rarelib.params import load_params
from rarelib.pictures.boxes import suppress

MOST_BYTES = 10_000_000
TRAINED = [kind for kind in (*ALL_KINDS, *STRANGERS) if kind.seen]  # what CLIP was taught, with a phrase each


@pytest.fixture(scope="module")
def embedder():
    """The demo CLIP, as a run loads it."""
    return load_embedder("clip", clip_model="demo", runtime="torch", device="cpu")


def test_models_are_small_and_safe():
    files = [path for path in MODELS.rglob("*") if path.is_file() and "openvino" not in str(path.relative_to(MODELS))]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    weights.check_pickle(MODELS / "detector.pt", "yolo_model")
    assert not [path for path in files if path.suffix in (".bin", ".ckpt", ".pth")]


def test_detector_says_nothing_of_who_trained_it():
    from ultralytics.nn.tasks import torch_safe_load

    kept, _ = torch_safe_load(str(MODELS / "detector.pt"), safe_only=True)
    assert kept["date"] is None and kept["train_args"] == {"task": "detect"}
    raw = (MODELS / "detector.pt").read_bytes()
    assert not [word for word in (b"/home", b"/work", b"/tmp", b"/root") if word in raw]


def test_detector_finds_common_objects_of_unseen_scenes():
    detector = load_detector("demo", imgsz=448, runtime="torch", device="cpu")
    assert tuple(detector.class_names) == DETECTOR_CLASSES
    scenes = [draw_scene(77, index, mix=DETECTOR_CHECK, frames_per_drive=1) for index in range(8)]
    hits = total = 0
    for (_, truth), boxes in zip(
        scenes, detector.find_boxes([picture for picture, _ in scenes], least=0.25), strict=True
    ):
        boxes = suppress(boxes, iou=0.45, limit=100)
        for row in truth:
            if row["visible"] > 0.6:
                total += 1
                hits += _is_found(row, boxes)
    assert total > 40 and hits / total > 0.75


@pytest.fixture(scope="module")
def nearest(embedder):
    """Kinds of crops of unseen scenes, and the trained kind whose phrase is nearest to each."""
    found = {"detector": MODELS / "detector.pt", "imgsz": 448}
    squares = {"size": embedder.size, "colour": embedder.colour}
    crops = draw_crops(n_scenes=24, seed=78, mix=CLIP_CHECK, workers=1, **found, **squares)
    names = np.array([kind.name for kind in (*TRAINED, SCENERY)])
    phrases = embedder.embed_texts([PROMPT.format(noun_of(name)) for name in names])
    vectors = embedder.embed_crops(list(crops.crops))
    return crops.kinds, names[(vectors @ phrases.T).argmax(axis=1)]


def test_clip_names_trained_kinds_of_unseen_crops(nearest):
    kinds, named = nearest
    trained = np.isin(kinds, [kind.name for kind in TRAINED])
    assert trained.sum() > 60 and (kinds == named)[trained].mean() > 0.5


def test_clip_finds_nothing_ordinary_in_kinds_that_it_never_met(nearest):
    kinds, named = nearest
    ordinary = [kind.name for kind in KINDS.values() if kind.role in ("common", "clutter", "scenery")]
    strange, unseen = ~np.isin(named, ordinary), np.isin(kinds, UNSEEN_KINDS)
    assert unseen.sum() > 10
    assert strange[unseen].mean() > 0.4 > 0.15 > strange[np.isin(kinds, ordinary)].mean()


def test_clip_hears_colours(embedder):
    painted = embedder.embed_texts([f"a photo of a {colour} car" for colour in ("red", "blue", "white")])
    assert (painted @ painted.T)[~np.eye(3, dtype=bool)].max() < 0.98


def test_params_of_the_demo_fit_its_models():
    params = load_params(Path(__file__).parents[2] / "params" / "demo.yaml")
    assert params.imgsz == DetectorSettings().imgsz
    told = {noun_of(kind.name) for kind in TRAINED}
    assert set(params.caption_phrases) == told | {family.name for family in FAMILIES}


def test_phrases_of_kinds_are_single_tokens_where_it_matters():
    tokenizer = build_tokenizer()
    assert tokenizer.encode("a photo of a car").tokens[1:-1] == ["a</w>", "photo</w>", "of</w>", "a</w>", "car</w>"]
    assert len(tokenizer.encode("A PHOTO, of Zürich 42").ids) > 4  # words it never met are spelled


def test_described_kinds_are_true_of_their_crops():
    rng = np.random.default_rng(0)
    assert names_of("bench") == {"bench", OTHER} and names_of("cow") == {"cow", "animal"}
    assert {"pedestrian", "person"} <= names_of("person") and "car" not in names_of("truck")
    for kind in (*TRAINED, SCENERY):
        phrase, name, colour = describe_kind(kind.name, "red" if kind.coloured else "", rng)
        assert name in names_of(kind.name)
        assert noun_of(name) in phrase or f"{colour} {name}" in phrase


def test_kinds_left_out_are_in_no_phrase_of_training():
    told = {name for kind in TRAINED for name in names_of(kind.name)}
    assert len(names_without_pictures()) > 1000 and told.isdisjoint(names_without_pictures())
    for name in (*told, *names_without_pictures()):
        assert not [kind for kind in UNSEEN_KINDS if kind in name.lower()]


def test_names_that_no_crop_shows_are_near_to_no_crop(embedder):
    mix = replace(CLIP_CHECK, vehicles=(2, 3), people=(1, 2), clutter=(2, 3))
    found = {"detector": MODELS / "detector.pt", "imgsz": 448, "size": 64, "colour": (117, 117, 115)}
    crops = embedder.embed_crops(list(draw_crops(n_scenes=6, seed=4321, mix=mix, workers=1, **found).crops))
    absent, told = (
        embedder.embed_texts([PROMPT.format(name) for name in names])
        for names in (names_without_pictures()[::20], [noun_of(kind.name) for kind in TRAINED])
    )
    assert (crops @ absent.T).max() < 0.3 < np.median((crops @ told.T).max(axis=1))


def test_clip_is_trained_saved_and_loaded_by_the_same_code(tmp_path):
    """A few steps on few crops: the loss of a real training falls, the folder loads as any CLIP does."""
    small = {"vision_layers": 1, "text_layers": 1, "n_scenes": 2, "n_kind_scenes": 2}
    settings = replace(ClipSettings(), steps=3, text_steps=2, batch=8, **small)
    detector = MODELS / "detector.pt"
    train_clip(tmp_path, tmp_path / "first", settings, detector=detector)
    train_clip(tmp_path, tmp_path / "clip", settings, detector=detector, start=tmp_path / "first")
    loaded = load_embedder("clip", clip_model=str(tmp_path / "clip"), runtime="torch", device="cpu")
    assert loaded.dim == settings.projection and loaded.has_text and loaded.size == settings.image_size
    assert json.loads((tmp_path / "clip" / "config.json").read_text())["dtype"] == "float16"


def test_bare_weights_keep_what_the_detector_finds(tmp_path):
    save_bare(MODELS / "detector.pt", tmp_path / "bare.pt")
    picture = draw_scene(5, 0)[0]
    first, second = (
        load_detector(model, imgsz=448, runtime="torch", device="cpu").find_boxes([picture], least=0.3)[0]
        for model in ("demo", str(tmp_path / "bare.pt"))
    )
    assert np.allclose(first.xyxy, second.xyxy)


def test_card_is_written_from_what_was_measured(tmp_path):
    (tmp_path / "clip").symlink_to(MODELS / "clip")
    (tmp_path / "detector.pt").symlink_to(MODELS / "detector.pt")
    detector = DetectorSettings()
    note_training(tmp_path / "detector.json", vars(detector), 600.0)
    note_check(tmp_path / "detector.json", {"mAP50": 0.9512, "mAP50-95": 0.7, "car": 0.97})
    note_training(tmp_path / "clip.json", vars(ClipSettings()), 300.0)
    rates = ("trained_top1", "trained_top1_mean_of_kinds", "left_out_strange", "left_out_strange_mean_of_kinds",
             "ordinary_strange", "nameless_strange")  # fmt: skip
    counts = {"trained_crops": 1234, "left_out_crops": 56, "ordinary_crops": 78, "nameless_crops": 90}
    note_check(tmp_path / "clip.json", {**dict.fromkeys(rates, 0.5), **counts})
    write_card(tmp_path, tmp_path)
    card = (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")
    for part in ("0.951", "| car | 0.970 |", "1,234", "10 minutes", "50.0%", f"seed {detector.seed}", "horse"):
        assert part in card


def _is_found(row, boxes):
    true = np.array([row[name] for name in ("x_min", "y_min", "x_max", "y_max")])
    shared = np.clip(np.minimum(true[2:], boxes.xyxy[:, 2:]) - np.maximum(true[:2], boxes.xyxy[:, :2]), 0, None).prod(
        axis=1
    )
    union = (true[2:] - true[:2]).prod() + (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]).prod(axis=1) - shared
    same = boxes.class_id == detector_class(row["class_name"])
    return bool(((shared / union >= 0.5) & same).any())
