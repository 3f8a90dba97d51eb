"""rarelib runs and rarelib open, as typed; a run named by its folder or by its name."""

import json
import os
import webbrowser
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from papermill.clientwrap import PapermillNotebookClient
from planted_run import planted_run

from rarelib.command_line import app
from rarelib.params import Params
from rarelib.pipeline.redaction import Redactor
from rarelib.run.claim import start_of
from rarelib.run.folder import RunFolder
from rarelib.run.overview import list_runs

DAY_S = 86_400


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder with a finished run, a later one that was stopped, and things that are no run."""
    finished = planted_run(tmp_path / "runs" / "monday")
    finished.write_json("stages/01_select_images.json", {"counts": {"sampled": 1200}})
    finished.write_json("stages/07_report.json", {"counts": {}})
    config = finished.read_json("config.json")
    config["parameters"].update(images_folder="data/monday", skip_visualization=True)
    finished.write_json("config.json", config)
    stopped = planted_run(tmp_path / "runs" / "tuesday", captions=False)
    stopped.marker_path("04_score_rarity").unlink()
    config["parameters"].update(images_folder="", demo_scenes=30)
    stopped.write_json("config.json", config)
    later = stopped.path("config.json").stat().st_mtime + DAY_S
    os.utime(stopped.root / "config.json", (later, later))
    (tmp_path / "runs" / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_each_run_has_its_row_the_latest_last(runs):
    table = list_runs(runs).set_index("name")
    assert table.index.tolist() == ["monday", "tuesday"]
    assert table.loc["monday", ["input", "images", "state"]].tolist() == ["data/monday", 1200, "finished"]
    assert table.loc["tuesday", ["input", "state"]].tolist() == [
        "demo world, 30 scenes", "stopped before 04_score_rarity",
    ]  # fmt: skip
    assert table["selected"].isna().tolist() == [True, True]  # neither says a count


def test_a_run_under_way_and_a_broken_one_are_told_as_such(runs):
    about = runs / "monday" / "stages" / "lock.json"
    about.write_text(json.dumps({"pid": os.getpid(), "started": 1.0}), encoding="utf-8")
    assert "under way" not in list_runs(runs)["state"].tolist()  # a killed one had this number before
    about.write_text(json.dumps({"pid": os.getpid(), "started": start_of(os.getpid())}), encoding="utf-8")
    (runs / "tuesday" / "config.json").write_text("{", encoding="utf-8")
    assert set(list_runs(runs)["state"]) == {"under way", "config.json cannot be read"}
    assert set(list_runs(runs, language="ja")["state"]) == {"実行中", "config.json を読めません"}


def test_a_folder_that_was_given_by_its_full_path_is_told_by_its_layout(runs):
    run = RunFolder(runs / "monday")
    config = run.read_json("config.json")
    folder = "/data/pictures of monday"
    config["parameters"]["images_folder"] = Redactor(Params(images_folder=folder)).value(folder)
    run.write_json("config.json", config)
    run.write_json("stages/01_select_images.json", {"counts": {"sampled": 3, "dataset": "kitti", "groups": 2}})
    assert list_runs(runs).set_index("name").loc["monday", "input"] == "kitti, 2 drives"


def test_a_stage_whose_record_cannot_be_read_is_not_finished(runs):
    (runs / "monday" / "stages" / "07_report.json").write_text('{"counts', encoding="utf-8")
    assert list_runs(runs).set_index("name").loc["monday", "state"] == "stopped before 07_report"


def test_a_hidden_path_is_not_shown_before_the_layout_is_known(runs):
    run = RunFolder(runs / "monday")
    config = run.read_json("config.json")
    config["parameters"]["images_folder"] = "<images_folder>"
    run.write_json("config.json", config)
    run.marker_path("01_select_images").unlink()
    table = list_runs(runs).set_index("name")
    assert table.loc["monday", ["input", "state"]].tolist() == ["–", "stopped before 01_select_images"]


def test_verdicts_are_counted(runs):
    (runs / "monday" / "verdicts.csv").write_text("object_id,rare\na,yes\nb,no\n", encoding="utf-8")
    assert list_runs(runs)["verdicts"].tolist() == [2, 0]


def test_the_table_is_aligned_whatever_the_language(runs, capsys):
    assert app.main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["run", "date", "pictures", "of", "pictures", "objects", "selected", "verdicts", "state"]
    ends = [line.index(word) for line, word in zip(lines, ("state", "finished", "stopped"), strict=True)]
    assert len(set(ends)) == 1 and "1,200" in lines[1]
    assert app.main(["runs", "notes", "--language", "ja"]) == 0
    assert "notes にはまだ実行がありません" in capsys.readouterr().out


def test_open_shows_the_report_where_there_is_a_screen_and_prints_its_path_in_any_case(runs, capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert app.main(["open", "monday"]) == 2
    assert "report.html is missing" in capsys.readouterr().err
    (runs / "monday" / "report.html").write_text("<p>", encoding="utf-8")
    assert app.main(["open", "monday"]) == 0
    assert capsys.readouterr().out.strip() == str(Path("runs/monday/report.html")) and shown == []
    monkeypatch.setenv("DISPLAY", ":0")
    assert app.main(["open", str(runs / "monday")]) == 0
    assert shown == [(runs / "monday" / "report.html").as_uri()]


def test_a_name_that_is_no_run_is_refused_and_names_are_completed(runs, capsys):
    assert app.main(["open", "friday"]) == 2
    assert "The run 'friday' does not exist; `rarelib runs` lists" in capsys.readouterr().err
    completer = ShellComplete(app.commands, {}, "rarelib", "_RARELIB_COMPLETE")
    assert [item.value for item in completer.get_completions(["open"], "mon")] == ["monday"]


def test_a_folder_without_a_run_is_told_as_such_by_check(runs, capsys):
    assert app.main(["check", str(runs)]) == 1
    told = capsys.readouterr()
    assert f"{runs} has no config.json, so that it is no run, or not a whole one" in told.out + told.err


def test_two_runs_are_compared_in_a_rendered_notebook_and_a_page(runs, capsys):
    assert app.main(["compare", "monday", "tuesday"]) == 0
    folder = runs / "comparisons" / "monday_tuesday"
    assert capsys.readouterr().out.split() == [
        str(Path("runs/comparisons/monday_tuesday") / name) for name in ("compare.ipynb", "compare.html")
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["compare.html", "compare.ipynb"]
    notebook = (folder / "compare.ipynb").read_text(encoding="utf-8")
    assert "monday shows 3 objects as rare, tuesday 3; 3 are common" in notebook
    assert '\\"../../monday\\"' in notebook and str(runs.parent) not in notebook
    assert set(list_runs(runs)["name"]) == {"monday", "tuesday"}  # a comparison is no run


def test_outputs_that_come_late_on_a_busy_machine_are_waited_for(runs, monkeypatch):
    waited, execute = [], PapermillNotebookClient.execute

    def recorded(client, **options):
        waited.append(client.iopub_timeout)
        return execute(client, **options)

    monkeypatch.setattr(PapermillNotebookClient, "execute", recorded)
    assert app.main(["compare", "monday", "tuesday"]) == 0
    assert waited == [600]


@pytest.mark.parametrize("command", [["compare", "monday", "tuesday"], ["export", "monday", "--to", "csv"]])
def test_a_folder_that_cannot_be_made_is_one_line(runs, capsys, command):
    taken = runs / "taken"
    taken.write_text("a file")
    assert app.main([*command, "--out", str(taken / "inside")]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said and f"{taken}" in said and "Not a directory" in said and "Errno" not in said


def test_what_cannot_be_compared_is_refused(runs, capsys):
    assert app.main(["compare", "monday", "monday"]) == 2
    assert "Two different runs are needed" in capsys.readouterr().err
    (runs / "tuesday" / "tables" / "scores.parquet").unlink()
    assert app.main(["compare", "monday", "tuesday"]) == 2
    assert "tuesday has no ranking yet" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["explore"], ["audit-labels"], ["compare", "monday"], ["export", "--to", "csv"]])
def test_a_run_with_a_broken_table_or_configuration_is_told_in_a_line(runs, command, capsys):
    (runs / "monday" / "tables" / "objects.parquet").write_bytes(b"PAR1")
    broken = runs / "tuesday"
    (broken / "config.json").write_text("{", encoding="utf-8")
    (broken / "tables" / "objects.parquet").write_bytes(b"PAR1")
    out = ["--out", str(runs / "written")] if command[0] == "export" else []
    assert app.main([*command, "tuesday", *out]) == 2
    said = capsys.readouterr().err
    assert said.startswith("rarelib: ") and said.count("\n") == 1
    assert "config.json is not JSON" in said or "objects.parquet cannot be read" in said


@pytest.mark.parametrize("command", ["explore", "compare monday", "export --to coco --out written"])
@pytest.mark.parametrize("config", ["{}", "[]", '{"parameters": 3}'])
def test_a_configuration_without_parameters_is_told_in_a_line(runs, command, config, capsys):
    (runs / "tuesday" / "config.json").write_text(config, encoding="utf-8")
    assert app.main([*command.split(), "tuesday"]) == 2
    assert capsys.readouterr().err.endswith("config.json must hold the run's parameters, as `rarelib run` writes it.\n")
