import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from lost_workers import Elsewhere, KilledDriver, WithStale
from PIL import Image
from tiny_models import make_tiny_clip, make_tiny_yolo

from rarelib.objects.embedding import embed_objects, load_embedder, square_crop, vectors_sentence
from rarelib.pictures.crops import write_jpeg
from rarelib.run.earlier import Earlier


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return str(make_tiny_clip(tmp_path_factory.mktemp("models") / "clip"))


@pytest.fixture(scope="module")
def yolo(tmp_path_factory):
    return str(make_tiny_yolo(tmp_path_factory.mktemp("yolo") / "tiny.pt"))


@pytest.fixture(scope="module")
def crops():
    rng = np.random.default_rng(0)
    sizes_wh = [(90, 40), (30, 120), (64, 64), (1, 1), (300, 200), (5, 200), (80, 80)]
    small = [Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)) for _ in sizes_wh]
    return [np.asarray(picture.resize(size)) for picture, size in zip(small, sizes_wh, strict=True)]


@pytest.fixture
def objects(crops, tmp_path):
    """Crops on disk, the last of them missing."""
    table = pd.DataFrame({"object_id": [f"o-{number}" for number in range(8)]})
    table["crop_path"] = "cropped_objects/" + table["object_id"] + ".jpg"
    for path, crop in zip(table["crop_path"], crops, strict=False):
        write_jpeg(tmp_path / path, crop)
    return table


def cosine(first, second):
    return (first * second).sum(axis=1).min()


def padded(crop, colour):
    """Pad to a square, written anew here as an oracle."""
    height, width = crop.shape[:2]
    side = max(height, width)
    square = np.empty((side, side, 3), np.uint8)
    square[:] = colour
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = crop
    return square


def test_clip_vectors_equal_those_of_transformers(clip, crops):
    import torch
    from transformers import CLIPImageProcessor, CLIPModel

    model, processor = CLIPModel.from_pretrained(clip).eval(), CLIPImageProcessor.from_pretrained(clip)
    squares = [
        Image.fromarray(padded(crop, (128, 102, 76))) for crop in crops
    ]  # the mean of its preprocessing, times 255
    with torch.inference_mode():
        expected = model.get_image_features(**processor(squares, return_tensors="pt")).pooler_output
    expected = torch.nn.functional.normalize(expected).numpy()
    for runtime, least in (("torch", 0.9999), ("openvino_f32", 0.9999), ("openvino", 0.999)):
        embedder = load_embedder("clip", clip_model=clip, runtime=runtime)
        assert embedder.colour == (128, 102, 76)
        assert cosine(embedder.embed_crops(crops), expected) > least


def test_clip_texts_equal_those_of_transformers(clip):
    import torch
    from transformers import CLIPModel, CLIPTokenizer

    texts = ["car", "a photo of a truck", "", "x " * 90]
    model, tokenizer = CLIPModel.from_pretrained(clip).eval(), CLIPTokenizer.from_pretrained(clip)
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=40, return_tensors="pt")
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(model.get_text_features(**tokens).pooler_output).numpy()
    for runtime, least in (("torch", 0.9999), ("openvino_f32", 0.9999), ("openvino", 0.999)):
        embedder = load_embedder("clip", clip_model=clip, runtime=runtime)
        assert embedder.has_text
        assert cosine(embedder.embed_texts(texts), expected) > least


def test_words_that_are_only_spelled_are_not_read(clip, tmp_path):
    import json

    texts = ["car", "a x", "", "race-car", "car truck"]
    assert load_embedder("clip", clip_model=clip, runtime="torch").reads(texts).tolist() == [
        False,
        True,
        True,
        False,
        False,
    ]
    folder = shutil.copytree(clip, tmp_path / "clip")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["ca"], words["car</w>"] = words.pop("y"), words.pop("z")  # as many tokens as before
    tokenizer["model"]["merges"] = [["c", "a"], ["ca", "r</w>"]]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    for runtime in ("torch", "openvino_f32"):
        embedder = load_embedder("clip", clip_model=str(folder), runtime=runtime)
        assert embedder.reads(texts).tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("runtime", ["torch", "openvino", "openvino_f32"])
@pytest.mark.parametrize("kind", ["clip", "yolo"])
def test_vectors_are_unit_rows_that_say_what_made_them(clip, yolo, crops, runtime, kind):
    embedder = load_embedder(kind, clip_model=clip, yolo_model=yolo, runtime=runtime)
    vectors = embedder.embed_crops(crops)
    assert vectors.shape == (len(crops), embedder.dim) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert embedder.embed_crops([]).shape == (0, embedder.dim)
    assert embedder.about["dim"] == embedder.dim and embedder.about["embedder"] == kind
    assert embedder.about["model"] in ("clip", "tiny.pt")  # not the folder of this machine
    assert embedder.embed_texts([]).shape == (0, embedder.dim) if embedder.has_text else kind == "yolo"


def test_features_of_the_detector_are_those_of_torch(yolo, crops):
    reference = load_embedder("yolo", yolo_model=yolo, runtime="torch").embed_crops(crops)
    assert cosine(load_embedder("yolo", yolo_model=yolo, runtime="openvino_f32").embed_crops(crops), reference) > 0.9999
    assert cosine(load_embedder("yolo", yolo_model=yolo, runtime="openvino").embed_crops(crops), reference) > 0.99


def test_features_of_a_detector_cannot_embed_texts(yolo):
    with pytest.raises(ValueError, match="Texts need an embedder with a text tower"):
        load_embedder("yolo", yolo_model=yolo, runtime="torch").embed_texts(["car"])


def test_square_crop_loses_nothing_and_pads_with_the_colour():
    crop = np.full((20, 60, 3), 200, np.uint8)
    square = square_crop(crop, size=60, colour=(1, 2, 3))
    assert (square[20:40] == 200).all() and (square[:20] == (1, 2, 3)).all() and (square[40:] == (1, 2, 3)).all()
    assert square_crop(crop, size=16, colour=(0, 0, 0)).shape == (16, 16, 3)


def test_objects_are_embedded_in_order_and_failures_say_why(clip, objects, tmp_path):
    embedder = load_embedder("clip", clip_model=clip, runtime="openvino_f32")
    vectors, ids, failures = embed_objects(objects, tmp_path, embedder, tmp_path / "parts", batch_size=3)
    assert ids == objects["object_id"].tolist()[:7] and vectors.shape == (7, 24)
    assert failures.to_dict("records") == [{"object_id": "o-7", "reason": "crop cannot be read: missing"}]
    shuffled = objects.sample(frac=1, random_state=1)
    other, other_ids, _ = embed_objects(shuffled, tmp_path, embedder, tmp_path / "other", batch_size=2, workers=3)
    rows = [other_ids.index(object_id) for object_id in ids]
    assert vectors == pytest.approx(other[rows], abs=1e-5)


def test_finished_parts_are_not_embedded_again(clip, objects, tmp_path, monkeypatch):
    monkeypatch.setattr("rarelib.objects.embedding.PART_BATCHES", 1)
    embedder = load_embedder("clip", clip_model=clip, runtime="openvino_f32")
    whole, ids, _ = embed_objects(objects, tmp_path, embedder, tmp_path / "parts", batch_size=2)
    whole = np.array(whole)
    sorted((tmp_path / "parts").rglob("*.parquet"))[1].unlink()
    for name in ("o-0", "o-1", "o-4", "o-5"):
        (tmp_path / "cropped_objects" / f"{name}.jpg").unlink()  # whoever embeds these again would fail
    again, again_ids, failures = embed_objects(objects, tmp_path, embedder, tmp_path / "parts", batch_size=2)
    assert np.array_equal(whole, again) and again_ids == ids and failures["object_id"].tolist() == ["o-7"]


def test_a_worker_that_outlives_its_driver_mixes_no_vectors_up(clip, objects, tmp_path, monkeypatch):
    monkeypatch.setattr("rarelib.objects.embedding.PART_BATCHES", 1)
    embedder = load_embedder("clip", clip_model=clip, runtime="openvino_f32")
    whole, ids, _ = embed_objects(objects, tmp_path, embedder, tmp_path / "whole", batch_size=2)
    killed = KilledDriver()
    embed = {"run_root": tmp_path, "embedder": embedder, "parts": tmp_path / "again", "batch_size": 2}
    with pytest.raises(KeyboardInterrupt):
        embed_objects(objects, **embed, workers=killed)
    found, found_ids, failures = embed_objects(objects, **embed, workers=WithStale(killed))
    assert found_ids == ids and failures["object_id"].tolist() == ["o-7"]
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_vectors_that_are_written_elsewhere_are_missed(clip, objects, tmp_path):
    embedder = load_embedder("clip", clip_model=clip, runtime="openvino_f32")
    with pytest.raises(RuntimeError, match=r"8 of 8 crops .* not in the run's folder"):
        embed_objects(objects, tmp_path, embedder, tmp_path / "parts", workers=Elsewhere())


def test_no_objects_give_no_vectors(clip, objects, tmp_path):
    embedder = load_embedder("clip", clip_model=clip, runtime="openvino_f32")
    vectors, ids, failures = embed_objects(objects.head(0), tmp_path, embedder, tmp_path / "parts")
    assert vectors.shape == (0, 24) and ids == [] and len(failures) == 0
    vectors, ids, failures = embed_objects(objects.tail(1), tmp_path, embedder, tmp_path / "parts")
    assert vectors.shape == (0, 24) and ids == [] and len(failures) == 1


def test_a_clip_without_tokenizer_has_no_text(clip, crops, tmp_path):
    folder = shutil.copytree(clip, tmp_path / "clip", ignore=shutil.ignore_patterns("tokenizer*", "vocab*"))
    for runtime in ("torch", "openvino_f32"):
        embedder = load_embedder("clip", clip_model=str(folder), runtime=runtime)
        assert not embedder.has_text and embedder.embed_crops(crops).shape == (7, 24)


def test_a_model_that_is_no_clip_is_refused(clip, tmp_path):
    folder = shutil.copytree(clip, tmp_path / "clip")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"must be a CLIP. 'clip' cannot be loaded"):
        load_embedder("clip", clip_model=str(folder), runtime="torch")
    from safetensors.torch import load_file, save_file

    tensors = load_file(f"{clip}/model.safetensors")
    tensors.pop("visual_projection.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"'clip' lacks weights, such as 'visual_projection\.weight'"):
        load_embedder("clip", clip_model=str(folder), runtime="torch")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="is not: its model_type is 'bert'"):
        load_embedder("clip", clip_model=str(folder))


def test_a_tokenizer_that_does_not_fit_is_refused(clip, tmp_path):
    import json

    folder = shutil.copytree(clip, tmp_path / "clip")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] |= {f"word{number}": number for number in range(100, 300)}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ValueError, match=r"must be a CLIP whose tokenizer fits. Got 2.. tokens for 54 vectors"):
        load_embedder("clip", clip_model=str(folder), runtime="torch")


def test_exported_models_run_without_torch(clip, yolo):
    for kind in ("clip", "yolo"):
        load_embedder(kind, clip_model=clip, yolo_model=yolo, runtime="openvino")
    code = (
        "import sys, numpy as np; from rarelib.objects.embedding import load_embedder;"
        f"models = dict(clip_model={clip!r}, yolo_model={yolo!r}, runtime='openvino');"
        "load_embedder('clip', **models).embed_texts(['car']);"
        "load_embedder('yolo', **models).embed_crops([np.zeros((9, 9, 3), np.uint8)]);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'ultralytics', 'transformers', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_the_real_int8_folder_makes_features(shared, crops):
    folder = str(shared / "models" / "yolov8n_int8_openvino_model")
    embedder = load_embedder("yolo", yolo_model=folder)
    assert embedder.embed_crops(crops).shape == (7, 256 + 128)


def test_nothing_is_said_of_a_last_run_where_there_was_none():
    assert vectors_sentence(Earlier(), made=3, reused=0).endswith("are kept; made now: 3.")
    assert "ありません" in vectors_sentence(Earlier(), made=3, reused=0, language="ja")
    told = vectors_sentence(Earlier(pd.DataFrame()), made=1, reused=2)
    assert told.startswith("Vectors kept from the last run") and told.endswith("are the same: 2; made now: 1.")


@pytest.mark.parametrize("name", ["resnet", "openai/clip-vit-base-patch32", ""])
def test_an_unknown_embedder_is_refused_before_anything_is_fetched(name):
    with pytest.raises(ValueError, match=r"The 'embedder' parameter must be clip or yolo\. Got"):
        load_embedder(name)
