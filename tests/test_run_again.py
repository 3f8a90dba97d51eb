"""A run that is run again: what is gone comes back, what is there stays, and a notebook by hand damages nothing."""

import html
import shutil

import nbformat
import papermill
import pytest
from small_demo import PROJECT, run_demo

from rarelib.explore.explorer import Explorer
from rarelib.params import ParameterError
from rarelib.pictures.boxes import pair_overlaps
from rarelib.pipeline.by_hand import open_stage
from rarelib.pipeline.check import check_run
from rarelib.pipeline.notebooks import copy_notebooks
from rarelib.pipeline.stages import StageFailed
from rarelib.run.folder import RunFolder
from rarelib.run.verdict_file import OWNER, VerdictFile
from rarelib.tables import BOX, STAGES


def up_to_date(told):
    """Return the stages that had nothing to do."""
    return [stage for stage in STAGES if any(stage in line and "up to date" in line for line in told.splitlines())]


def open_by_hand(notebook, **values):
    """Run a notebook as JupyterLab does: in the folder where it lies, and saved there."""
    papermill.execute_notebook(
        notebook, notebook, values, cwd=notebook.parent, kernel_name="python3", progress_bar=False
    )
    return notebook.read_text(encoding="utf-8")


def test_what_was_deleted_comes_back(copied_demo):
    root = copied_demo / "demo"
    run = RunFolder(root)
    crop = root / run.read_table("objects")["crop_path"].iloc[3]
    gone = [
        crop,
        next((root / "final_outliers").iterdir()),
        next((root / "demo_world").rglob("*.jpg")),
        root / "report.html",
        root / "plots" / "map.png",
    ]
    before = {path: path.read_bytes() for path in gone}
    for path in gone:
        path.unlink()
    told = "\n".join(check_run(root))
    assert all(f"{path.relative_to(root).as_posix()} is missing" in told for path in gone), told
    _, told = run_demo(copied_demo)
    assert up_to_date(told) == ["02_detect_objects", "03_embed_objects", "04_score_rarity", "06_caption_objects"]
    assert check_run(root) == []
    assert {path for path in gone if path.read_bytes() != before[path]} <= {root / "report.html"}


def test_a_changed_table_is_made_again_and_what_follows_is_not_when_it_comes_out_the_same(copied_demo):
    run = RunFolder(copied_demo / "demo")
    run.write_table("scores", run.read_table("scores").assign(rank=1))
    _, told = run_demo(copied_demo)
    assert up_to_date(told) == [stage for stage in STAGES if stage != "04_score_rarity"]
    assert check_run(run.root) == []


def test_a_stage_is_forced_with_what_follows_from_it(copied_demo):
    _, told = run_demo(copied_demo, force="06_caption_objects")
    assert up_to_date(told) == list(STAGES[:5])
    assert told.count("done in") == 2


def test_crops_of_an_earlier_setting_go(copied_demo):
    root = copied_demo / "demo"
    (root / "cropped_objects" / "zz").mkdir()
    shutil.copy(next((root / "final_outliers").iterdir()), root / "cropped_objects" / "zz" / "zzzz-00.jpg")
    for folder in ("final_outliers", "cropped_objects/zz"):
        (root / folder / ".DS_Store").write_bytes(b"left by a file manager")
    assert check_run(root) == ["cropped_objects/zz/zzzz-00.jpg belongs to no object."]
    _, told = run_demo(copied_demo)
    assert up_to_date(told) == list(STAGES)
    assert check_run(root) == []


def test_a_rendered_notebook_finds_its_own_run_and_leaves_it_finished(copied_demo):
    moved = copied_demo / "elsewhere" / "demo of monday"
    shutil.copytree(copied_demo / "demo", moved)
    other = {path: path.stat().st_mtime_ns for path in (copied_demo / "demo").rglob("*")}
    open_by_hand(moved / "04_score_rarity.ipynb")
    assert check_run(moved) == []
    assert {path: path.stat().st_mtime_ns for path in (copied_demo / "demo").rglob("*")} == other


def test_a_notebook_by_hand_with_another_parameter_is_seen_and_mended(copied_demo):
    root = copied_demo / "demo"
    open_by_hand(root / "05_map_objects.ipynb", run_folder=".", map_max_points=20)
    assert "Stage 05_map_objects is not finished" in "\n".join(check_run(root))
    _, told = run_demo(copied_demo)
    assert up_to_date(told) == [stage for stage in STAGES if stage != "05_map_objects"]
    assert check_run(root) == []


def test_a_notebook_opened_alone_works_on_a_scratch_run(tmp_path):
    place = tmp_path / "project"
    copy_notebooks(place / "notebooks", "en")
    told = open_by_hand(place / "notebooks" / "03_embed_objects.ipynb")
    scratch = RunFolder(place / "runs" / "scratch")
    assert "No run was named in run_folder, so this notebook works on ../runs/scratch: 12 scenes" in told
    assert "clip_model" in told and "/7] 02_detect_objects" in told
    assert len(scratch.read_table("embeddings")) > 20
    made = {stage: scratch.marker_path(stage).stat().st_mtime_ns for stage in STAGES[:2]}
    told = open_by_hand(place / "notebooks" / "04_score_rarity.ipynb", audit=False, contamination=0.25)
    assert "/7] 0" not in told  # what is there is not made again, and what was made by hand counts
    assert scratch.read_table("scores")["is_outlier"].mean() >= 0.2
    assert {stage: scratch.marker_path(stage).stat().st_mtime_ns for stage in STAGES[:2]} == made


def test_a_run_of_ones_own_is_never_taken_for_the_scratch_run(copied_demo, monkeypatch):
    (copied_demo / "runs").mkdir()
    own = copied_demo / "runs" / "scratch"
    (copied_demo / "demo").rename(own)
    (copied_demo / "notebooks").mkdir()
    monkeypatch.chdir(copied_demo / "notebooks")
    before = {path: path.stat().st_mtime_ns for path in own.rglob("*")}
    with pytest.raises(ParameterError, match="is a run of yours; name the run to work on in run_folder"):
        open_stage("04_score_rarity", {"run_folder": "../runs/scratch", "language": "en"})
    assert {path: path.stat().st_mtime_ns for path in own.rglob("*")} == before


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ValueError()", "ValueError without a message, in a cell that ends in `raise ValueError()` (see"),
        (r"ValueError('\udce4')", "ValueError: "),
        (r"ValueError('two\nlines')", "ValueError: two lines (see"),
    ],
)
def test_a_failed_stage_is_not_finished_and_says_why_in_one_line(error, said, copied_demo, tmp_path):
    notebooks = tmp_path / "notebooks"
    shutil.copytree(PROJECT / "notebooks", notebooks)
    path = notebooks / "05_map_objects.ipynb"
    notebook = nbformat.read(path, as_version=4)
    given = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    notebook.cells = [*given, nbformat.v4.new_code_cell(f"raise {error}")]
    nbformat.write(notebook, path)
    with pytest.raises(StageFailed) as told:
        run_demo(copied_demo, notebooks=notebooks, map_max_points=20)
    assert f"Stage 05_map_objects stopped: {said}" in str(told.value)
    assert not (copied_demo / "demo" / "stages" / "05_map_objects.json").exists()
    assert "raise ValueError" in (copied_demo / "demo" / "05_map_objects.ipynb").read_text(encoding="utf-8")


def test_verdicts_given_in_the_explorer_are_picked_up_and_told(copied_demo):
    explorer = Explorer(copied_demo / "demo")
    rare, common = explorer.objects["object_id"].iloc[[20, 0]]
    explorer.answer("verdict", object_id=rare, rare="yes")
    explorer.answer("verdict", object_id=common, rare="no")
    run, said = run_demo(copied_demo, audit=False, skip_visualization=True, skip_caption=True)
    assert said.count("up to date") == 3
    scores = run.read_table("scores").set_index("object_id")
    assert scores["rank"][rare] == 1 < scores["rank"][common]
    told = run.read_json("tables/audit.json")["verdicts"]
    assert "Your verdicts were used for the ranking: 1 rare, 1 common." in told
    assert told in html.unescape((run.root / "report.html").read_text(encoding="utf-8"))  # its quotes are escaped there
    assert Explorer(run.root).verdict_file.words == {rare: "yes", common: "no"}
    assert check_run(run.root) == []  # verdicts.csv is a file of the run


def test_verdicts_stay_with_their_boxes_when_objects_are_found_anew(copied_demo):
    explorer = Explorer(copied_demo / "demo")
    judged = explorer.objects.iloc[:40].set_index("object_id")
    explorer.verdict_file.put(dict.fromkeys(judged.index, "yes"), judged.reset_index())
    run, _ = run_demo(copied_demo, conf=0.6, audit=False, skip_visualization=True, skip_caption=True)
    file = VerdictFile(run.root / "verdicts.csv", run)
    rows = file.rows[file.rows[OWNER] != ""].reset_index(drop=True)
    now = run.read_table("objects").set_index("object_id").loc[rows[OWNER]]
    assert (rows["object_id"] != rows[OWNER]).any()  # ids count the boxes of a picture
    assert (now["image_id"].to_numpy() == judged["image_id"][rows["object_id"]].to_numpy()).all()
    shared, *_ = pair_overlaps(now[BOX].to_numpy(float), judged.loc[rows["object_id"], BOX].to_numpy(float))
    assert shared.min() > 0.5
    assert f"{len(rows)} rare, 0 common." in run.read_json("tables/audit.json")["verdicts"]


def test_verdicts_on_nothing_of_the_run_do_not_stop_it_but_where_a_user_names_them(copied_demo):
    own = copied_demo / "demo" / "verdicts.csv"
    own.write_text("object_id,rare\ngone-00,yes\ngone-01,no\n", encoding="utf-8")
    quick = {"audit": False, "skip_visualization": True, "skip_caption": True}
    run, _ = run_demo(copied_demo, **quick)
    told = run.read_json("tables/audit.json")["verdicts"]
    assert told.startswith("Verdicts on objects that this run does not rank: 2.")
    with pytest.raises(StageFailed, match=r"None of the objects in verdicts\.csv is in this run"):
        run_demo(copied_demo, **quick, verdicts=str(own))
