"""The models of a run: found, fetched or refused before it starts, and known by their content."""

import json

import pytest
from tiny_models import make_other_model, make_tiny_yolo

from rarelib.models import weights
from rarelib.params import ParameterError, Params
from rarelib.pipeline.model_files import resolve_models
from rarelib.pipeline.notebooks import notebooks_folder
from rarelib.pipeline.plan import plan_stages, with_followers, with_sources
from rarelib.pipeline.preflight import run_config
from rarelib.tables import STAGES

DEMO = {"yolo_model": "demo", "clip_model": "demo", "caption_source": "clip"}


def test_a_run_resolves_just_what_it_will_need():
    found = resolve_models(Params(**DEMO))
    assert {name: model.path for name, model in found.items()} == {
        name: weights.demo_model(name) for name in ("yolo_model", "clip_model")
    }
    assert found["clip_model"].sha256 == weights.clip_sha256(weights.demo_model("clip_model"))
    assert set(resolve_models(Params(**DEMO, embedder="yolo"))) == {"yolo_model", "clip_model"}
    assert set(resolve_models(Params(**DEMO, embedder="yolo", skip_caption=True))) == {"yolo_model"}
    labelled = {**DEMO, "yolo_model": "weights/none.pt", "boxes": "labels"}
    assert set(resolve_models(Params(**labelled))) == {"clip_model"}
    with pytest.raises(ParameterError, match=r"weights/none\.pt"):
        resolve_models(Params(**labelled, embedder="yolo"))


@pytest.mark.parametrize(
    ("wrong", "ways"),
    [
        ({"yolo_model": "yolov8x.pt"}, ["--yolo_model", "--yolo_model demo"]),
        ({"yolo_model": "weights/none.pt"}, ["--yolo_model", "--yolo_model demo"]),
        ({"clip_model": "openai/clip-vit-base-patch32"}, ["--clip_model", "--embedder yolo"]),
        ({"clip_model": "models/none"}, ["--clip_model", "--embedder yolo"]),
        ({"caption_source": "local", "caption_model": "qwen"}, ["give another folder", "--skip_caption true"]),
    ],
)
def test_a_missing_model_is_one_line_with_the_ways_out(wrong, ways, monkeypatch, tmp_path):
    monkeypatch.setenv("YOLO_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ParameterError) as told:
        resolve_models(Params(**DEMO | wrong))
    assert all(way in str(told.value) for way in ways), told.value
    assert "\n" not in str(told.value)


def test_a_model_that_cannot_be_fetched_is_one_line_as_well(monkeypatch, tmp_path):
    monkeypatch.setenv("YOLO_OFFLINE", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def refuse(_):
        raise FileNotFoundError("The 'yolo_model' parameter names 'yolov8x.pt', which\ncannot be fetched.")

    monkeypatch.setattr("rarelib.models.detector.yolo_path", refuse)
    with pytest.raises(ParameterError, match="which cannot be fetched"):
        resolve_models(Params(**DEMO | {"yolo_model": "yolov8x.pt"}))


def test_captions_by_phrases_need_a_text_tower(tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ParameterError, match="has no tokenizer; give another --clip_model, or --skip_caption true"):
        resolve_models(Params(**DEMO | {"clip_model": str(tmp_path)}))
    resolve_models(Params(**DEMO | {"clip_model": str(tmp_path)}, skip_caption=True))


def test_a_caption_model_is_known_by_its_content(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    params = Params(**DEMO | {"caption_source": "local", "caption_model": str(tmp_path)})
    before = planned(params)
    (tmp_path / ".DS_Store").touch()
    assert planned(params) == before
    (tmp_path / "generation_config.json").write_text(json.dumps({"repetition_penalty": 1.01}))
    assert changed(before, planned(params)) == {"06_caption_objects", "07_report"}


def test_another_model_under_the_same_name_makes_its_stages_again(tmp_path):
    copy = tmp_path / "detector.pt"
    copy.write_bytes(weights.demo_model("yolo_model").read_bytes())
    params = Params(**DEMO | {"yolo_model": str(copy)})
    before = planned(params)
    sha256 = run_config(params, resolve_models(params))["models"]["yolo_model"]["sha256"]
    copy.touch()
    assert changed(before, planned(params)) == set()
    with copy.open("ab") as file:
        file.write(b"\0")
    assert changed(before, planned(Params(**DEMO | {"yolo_model": str(copy), "trust_pickles": True}))) >= {STAGES[1]}
    assert sha256 == weights.sha256_of(weights.demo_model("yolo_model"))


def planned(params):
    """Return stage -> fingerprint."""
    return {each.stage.name: each.wanted for each in plan_stages(params, resolve_models(params), notebooks_folder())}


def changed(before, after):
    """Return the stages whose fingerprints differ."""
    return {name for name in before if before[name] != after[name]}


def test_what_follows_from_a_stage_and_what_it_is_made_from():
    assert with_followers("04_score_rarity") == set(STAGES[3:])
    assert with_followers("05_map_objects") == {"05_map_objects", "07_report"}
    assert with_sources("06_caption_objects") == {*STAGES[:4], "06_caption_objects"}
    assert with_sources("01_select_images") == {"01_select_images"}


def test_a_second_model_is_found_before_the_run(tmp_path, shared):
    second = make_tiny_yolo(tmp_path / "second.pt")
    given = {"proposal_model": str(second)}
    found = resolve_models(Params(**DEMO | given))
    assert found["proposal_model"].path == second and len(found["proposal_model"].sha256) == 64
    assert "proposal_model" not in resolve_models(Params(**DEMO | given, proposals=False))
    with pytest.raises(ParameterError, match=r"'proposal_words' parameter needs a YOLO-World as proposal_model"):
        resolve_models(Params(**DEMO | given, proposal_words=["tyre"]))
    with pytest.raises(ParameterError, match=r"'proposal_words' parameter needs .* or leave the words out\.$"):
        resolve_models(Params(**DEMO, proposal_words=["wheelchair"]))
    resolve_models(Params(**DEMO, proposal_words=["wheelchair"], proposals=False))
    with pytest.raises(ParameterError, match=r"'proposal_model' parameter .* is not there"):
        resolve_models(Params(**DEMO, proposal_model=str(tmp_path / "nowhere.pt")))
    with pytest.raises(ParameterError, match=r"'proposal_imgsz' parameter must be 0 or at least 32. Got 5 instead"):
        resolve_models(Params(**DEMO, proposal_imgsz=5))
    fixed = str(shared / "models" / "yolov8n_int8_openvino_model")
    with pytest.raises(ParameterError, match=r"'proposal_imgsz' parameter must be 0 with an OpenVINO folder"):
        resolve_models(Params(**DEMO | {"yolo_model": fixed}, proposal_imgsz=1280))


def test_words_need_a_text_tower(tmp_path):
    world = make_other_model(tmp_path / "world.pt", "WorldModel")
    given = DEMO | {"proposal_model": str(world), "proposal_words": ["tyre"]}
    found = resolve_models(Params(**given, proposal_text_model="demo"))
    assert set(found) >= {"proposal_model", "proposal_text_model"}
    with pytest.raises(ParameterError, match=r"'proposal_text_model' parameter .* is not there"):
        resolve_models(Params(**given, proposal_text_model=str(tmp_path / "nowhere")))
