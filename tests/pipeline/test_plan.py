"""The plan: what a stage's results are made from."""

from pathlib import Path

from rarelib.params import Params
from rarelib.pipeline.model_files import ModelFile
from rarelib.pipeline.notebooks import notebooks_folder
from rarelib.pipeline.plan import plan_stages
from rarelib.tables import REPORT, SCORE, STAGES

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
