"""The plan: what a stage's results are made from."""

from pathlib import Path

import dataset_trees as trees
import pytest

from rarelib.params import ParameterError, Params
from rarelib.pipeline.model_files import ModelFile
from rarelib.pipeline.notebooks import notebooks_folder
from rarelib.pipeline.plan import plan_stages, stage_named
from rarelib.pipeline.stages import run_pipeline
from rarelib.tables import DETECT, REPORT, SCORE, SELECT, STAGES

MODELS = {name: ModelFile(Path(name), "0") for name in ("yolo_model", "clip_model", "caption_model")}


def wanted(**values):
    return {one.stage.name: one.wanted for one in plan_stages(Params(**values), MODELS, notebooks_folder())}


def test_verdicts_given_in_the_explorer_make_the_ranking_anew_and_what_follows(tmp_path):
    about = {"runs_dir": str(tmp_path), "name": "r", "demo_scenes": 3}
    before = wanted(**about)
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "verdicts.csv").write_text("object_id,rare\na-00,yes\n", encoding="utf-8")
    after = wanted(**about)
    changed = [stage for stage in STAGES if before[stage] != after[stage]]
    assert changed == [stage for stage in STAGES if stage >= SCORE] and REPORT in changed
    assert wanted(**about, verdicts="")[SCORE] not in (before[SCORE], after[SCORE])


def test_labels_edited_outside_the_pictures_folder_make_the_objects_anew(tmp_path):
    root = trees.yolo_tree(tmp_path / "set")
    about = {"runs_dir": str(tmp_path), "images_folder": str(root / "images"), "clip_model": "demo"}
    by_detector, by_labels = wanted(**about), wanted(**about, boxes="labels")
    (root / "labels" / "train" / "0.txt").write_text("1 0.5 0.5 0.25 0.5\n", encoding="utf-8")
    assert wanted(**about)[DETECT] == by_detector[DETECT]
    edited = wanted(**about, boxes="labels")
    assert edited[SELECT] == by_labels[SELECT] and edited[DETECT] != by_labels[DETECT]


def test_edited_labels_are_measured_anew_and_no_parameter_file_is_taken_for_labels(tmp_path):
    root = trees.yolo_tree(tmp_path / "set")
    about = {"runs_dir": str(tmp_path), "images_folder": str(root / "images"), "clip_model": "demo"}
    before, without = wanted(**about), wanted(**about, truth="")
    (root / "run.yaml").write_text("name: mine\nproposal_words: [wheelchair]\n", encoding="utf-8")
    assert wanted(**about) == before
    (root / "labels" / "train" / "0.txt").write_text("1 0.5 0.5 0.25 0.5\n", encoding="utf-8")
    edited = wanted(**about)
    assert [stage for stage in STAGES if before[stage] != edited[stage]] == [each for each in STAGES if each >= SCORE]
    assert wanted(**about, truth="") == without
    (root / "data.yaml").write_text("{path: ., names: [car, pony]}\n", encoding="utf-8")
    assert wanted(**about)[SCORE] != edited[SCORE]


@pytest.mark.parametrize("text", ["4", "04", "04_score_rarity"])
def test_a_stage_is_named_by_its_number_too(text):
    assert stage_named(text, "--force") == SCORE


@pytest.mark.parametrize("option", ["force", "until"])
@pytest.mark.parametrize("text", ["8", "score", "", "04_"])
def test_a_stage_that_there_is_not_stops_the_run_before_it_starts(option, text, tmp_path):
    params = Params(runs_dir=str(tmp_path), demo_scenes=3)
    with pytest.raises(ParameterError, match=f"{option}' must name one of 01_select_images"):
        run_pipeline(params, **{option: text})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", ["params/demo.yaml", {"demo_scenes": 3}, None])
def test_a_run_asks_for_what_load_params_returns(given):
    with pytest.raises(TypeError, match=r"run_pipeline needs what rl\.load_params returns"):
        run_pipeline(given)
