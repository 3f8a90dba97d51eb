"""The whole pipeline: the real notebooks on a small demo world, resume, skips, failures."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_demo import DEMO, PROJECT, run_demo
from tiny_qwen2vl import serve

from rarelib.command_line.app import main
from rarelib.pipeline.check import check_run
from rarelib.run.folder import RunFolder
from rarelib.tables import STAGES, TABLES


def test_a_run_leaves_what_the_design_promises(demo):
    run, told = demo
    for name in ("report.html", "config.json", "detection_results.json", "statistics.json", "timing.txt"):
        assert (run.root / name).stat().st_size > 100, name
    for stage in STAGES:
        assert f"{stage} " in told
        assert json.loads((run.root / f"{stage}.ipynb").read_text(encoding="utf-8"))["cells"]
    for table in TABLES:
        run.read_table(table)
    assert {path.stem for path in (run.root / "plots").glob("*.png")} >= {"gallery", "funnel", "map", "boxes", "audit"}


def test_rendered_notebooks_show_their_figures_and_stay_small(demo):
    for stage in STAGES:
        path = demo[0].root / f"{stage}.ipynb"
        assert '"image/png"' in path.read_text(encoding="utf-8"), stage
        assert path.stat().st_size < 4_000_000


def test_a_finished_run_can_be_explored_by_hand(demo, tmp_path):
    import papermill

    notebook = PROJECT / "notebooks" / "explore.ipynb"
    written = tmp_path / "explore.ipynb"
    papermill.execute_notebook(
        notebook, written, {"run_folder": str(demo[0].root)}, cwd=tmp_path, kernel_name="python3", progress_bar=False
    )
    rendered = written.read_text(encoding="utf-8")
    assert rendered.count('"image/png"') == 1
    assert rendered.count("application/vnd.jupyter.widget-view+json") >= 1
    assert not (demo[0].root / "verdicts.csv").exists()


def test_every_id_resolves_and_every_count_agrees(demo):
    assert check_run(demo[0].root) == []


def test_the_check_sees_what_is_wrong(copied_demo):
    root = copied_demo / "demo"
    run = RunFolder(root)
    (root / run.read_table("objects")["crop_path"].iloc[0]).unlink()
    (root / "report.html").unlink()
    run.write_table("map", run.read_table("map").assign(object_id="nobody-00"))
    run.write_table("scores", run.read_table("scores").assign(rank=1))
    told = "\n".join(check_run(root))
    for problem in (
        "report.html is missing",
        ".jpg is missing",
        "such as 'nobody-00'",
        "not 1 to n",
        "is not what stage",
    ):
        assert problem in told


def test_the_check_says_which_file_cannot_be_read(copied_demo):
    root = copied_demo / "demo"

    def told_with(name, content):
        kept = (root / name).read_bytes()
        (root / name).write_bytes(content)
        told = check_run(root)
        (root / name).write_bytes(kept)
        return told

    assert told_with("tables/audit.json", b"{") == ["tables/audit.json is not JSON; delete it and run again."]
    assert told_with("04_score_rarity.ipynb", b"") == ["04_score_rarity.ipynb is empty; delete it and run again."]
    assert told_with("report.html", b"") == ["report.html is empty; delete it and run again."]
    for content in (b"[]", b"{}"):
        [told] = told_with("config.json", content)
        assert told.endswith("config.json must hold the run's parameters, as `rarelib run` writes it.")
        [told] = told_with("statistics.json", content)
        assert told.startswith("The run cannot be read: config.json, statistics.json or a record in stages/ is not")
    [told] = told_with("detection_results.json", b"\xff\x00")
    assert told.startswith("The run cannot be read: The tables of")
    [told] = told_with("tables/embeddings.npy", b"")
    assert "embeddings.npy cannot be read" in told
    assert check_run(root) == []


def test_ids_and_vectors_fit_together(demo):
    run, _ = demo
    vectors, ids = run.read_vectors()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert set(ids) == set(run.read_table("scores")["object_id"])


def test_notebooks_and_report_hold_nothing_private(demo):
    run, _ = demo
    private = (str(Path.home()) + "/", str(PROJECT), str(run.root.parent), sys.prefix)
    shared = [run.root / "config.json", run.root / "report.html", *run.root.glob("*.ipynb"), *run.root.glob("*.json")]
    for path in shared:
        text = path.read_text(encoding="utf-8")
        assert not [secret for secret in private if secret in text], path.name


def test_a_second_run_does_nothing(copied_demo):
    _, told = run_demo(copied_demo)
    assert told.count("up to date") == len(STAGES)


def test_a_changed_caption_parameter_reruns_captions_and_report_only(copied_demo):
    _, told = run_demo(copied_demo, caption_phrases=["a photo of a thing"])
    assert told.count("up to date") == 5
    assert told.count("done in") == 2


def test_a_real_qwen2vl_server_captions_the_run(copied_demo, tiny_qwen2vl, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    folder = shutil.copytree(tiny_qwen2vl, tmp_path / tiny_qwen2vl.name)
    with serve(folder) as base_url:
        run, _ = run_demo(copied_demo, caption_source="api", caption_base_url=base_url, caption_model=folder.name)
    captions = run.read_table("captions")
    assert len(captions) == run.read_table("scores")["selected"].sum() > 0
    assert (captions["source"] == "model").all(), captions["error"].value_counts().to_string()
    assert captions["caption"].str.contains("object on the road").all()
    notebook = (run.root / "06_caption_objects.ipynb").read_text(encoding="utf-8")
    assert f"{len(captions)} have a caption" in notebook
    assert captions["caption"].iloc[0] in (run.root / "report.html").read_text(encoding="utf-8")


def test_skipped_stages_say_so_and_leave_nothing_stale(copied_demo):
    run, told = run_demo(copied_demo, skip_visualization=True, skip_caption=True)
    assert "skipped (skip_visualization: true)" in told
    assert not run.table_path("map").exists()
    assert not (run.root / "06_caption_objects.ipynb").exists()
    assert check_run(run.root) == []
    assert json.loads((run.root / "statistics.json").read_text(encoding="utf-8"))["funnel"]["captioned"] is None


def test_japanese_runs_speak_japanese(tmp_path):
    run, _ = run_demo(tmp_path, language="ja", demo_scenes=12, skip_visualization=True)
    notebook = (run.root / "04_score_rarity.ipynb").read_text(encoding="utf-8")
    assert "どの物体が珍しいか" in notebook
    assert "Which objects are rare" not in notebook
    assert '<html lang="ja"' in (run.root / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--sampling_rat", "1"], "Did you mean '--sampling_rate'?"),
        (["run"], "must name a folder of pictures"),
        (["run", "--images_folder", "no-such-folder"], "is not there"),
        (["run", "params/none.yaml"], "is missing"),
        (["run", str(DEMO), "--truth", "none.csv"], "The 'truth' parameter must be a table"),
        (["run", str(DEMO), "--yolo_model", "none.pt"], "none.pt"),
        (["run", str(DEMO), "--yolo_model", "yolov8x.pt"], "--yolo_model demo"),
        (["run", str(DEMO), "--clip_model", "openai/clip-vit-base-patch32"], "use --embedder yolo"),
        (["run", str(DEMO), "--images_folder", "x"], "must be empty when demo_scenes"),
        (["run", str(DEMO), "--caption_source", "api"], "vllm serve Qwen/Qwen2-VL-2B-Instruct"),
        (["check", "no-such-run"], "'no-such-run' does not exist"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_wrong_input_ends_before_work_starts(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["sk-one\nsk-two", "sk-schlüssel", "sk-\udce4"])
def test_a_key_that_cannot_be_sent_ends_before_work_starts(key, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    arguments = ["--caption_source", "api", "--caption_base_url", "http://127.0.0.1:9/v1", "--runs_dir", str(tmp_path)]
    assert main(["run", str(DEMO), *arguments]) == 2
    told = capsys.readouterr().err
    assert "The key in OPENAI_API_KEY cannot be sent" in told and "sk-" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_pictures_is_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "empty"):
        assert main(["run", str(DEMO), "--demo_scenes", "0", "--images_folder", str(folder)]) == 2
        assert "must hold pictures" in capsys.readouterr().err


def test_the_parameters_are_printed_as_a_table():
    done = subprocess.run([sys.executable, "-m", "rarelib", "params"], capture_output=True, text=True, check=True)
    assert "| `sampling_rate` |" in done.stdout


@pytest.mark.parametrize("kind", ["nothing_to_see", "one_object", "all_unreadable"])
def test_poor_input_ends_in_a_complete_report(kind, demo, tmp_path):
    from PIL import Image

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    grey = Image.new("RGB", (320, 180), "grey")
    if kind == "all_unreadable":
        (pictures / "a.jpg").write_bytes(b"not a picture")
    elif kind == "one_object":
        source, _ = demo
        best = source.read_table("objects").sort_values("confidence").iloc[-1]
        grey.paste(Image.open(source.root / best["crop_path"]), (100, 60))
        grey.save(pictures / "a.png")
    else:
        grey.save(pictures / "a.png")
    run, _ = run_demo(tmp_path, demo_scenes=0, images_folder=str(pictures), proposals=False)
    assert check_run(run.root) == []
    assert len(run.read_table("scores")) <= 3
    assert isinstance(run.read_table("images"), pd.DataFrame)


def test_the_six_lines_of_the_readme_run(demo, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "demo").symlink_to(demo[0].root.resolve())
    monkeypatch.chdir(tmp_path)
    code = (PROJECT / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    seen: dict = {}
    exec(code, seen)
    assert len(seen["alike"]) == 12 and seen["alike"]["similarity"].is_monotonic_decreasing
