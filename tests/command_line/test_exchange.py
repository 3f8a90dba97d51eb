"""rarelib export and rarelib import, as typed."""

import json

import pandas as pd
import pytest
from exported_run import exported_run

from rarelib.command_line import app


@pytest.fixture
def world(tmp_path):
    run, pictures = exported_run(tmp_path)
    return run.root, pictures, tmp_path / "out"


def test_export_with_frames_and_import(world, capsys):
    run, pictures, out = world
    arguments = ["export", str(run), "--to", "label-studio", "--out", str(out), "--images-folder", str(pictures)]
    assert app.main([*arguments, "--frames", "--per-drive", "1"]) == 0
    said = capsys.readouterr().out
    assert "3 objects in 2 pictures" in said and "2 frames and 1 to compare with" in said
    frames = pd.read_csv(out / "frames.csv")
    assert (out / "frames_rare.txt").read_text().split("\n")[0] == frames["path"][0] == "drive_b/2.jpg"
    tasks = json.loads((out / "tasks.json").read_text(encoding="utf-8"))
    region = tasks[0]["predictions"][0]["result"][0]
    choice = {**region, "type": "choices", "value": {"choices": ["rare"]}}
    tasks[0]["annotations"] = [{"result": [region, choice]}]
    (out / "back.json").write_text(json.dumps(tasks), encoding="utf-8")
    assert app.main(["import", str(run), "--from", "label-studio", str(out / "back.json")]) == 0
    assert "1 rare, 0 common" in capsys.readouterr().out and (run / "verdicts.csv").is_file()


def test_wrong_use_is_one_line(world, capsys):
    run, _, out = world
    assert app.main(["export", str(run), "--out", str(out)]) == 2
    assert "The option '--to' must be one of coco, yolo" in capsys.readouterr().err
    assert app.main(["export", str(run), "--to", "voc", "--out", str(out)]) == 2
    assert "'label-studio'" in capsys.readouterr().err
    assert app.main(["import", str(run), "--from", "label_studio", str(run / "config.json")]) == 2
    assert "config.json is not an export of label-studio" in capsys.readouterr().err
    assert app.main(["export", "--help"]) == 0
    assert "|label-studio|" in capsys.readouterr().out
    assert app.main(["export", str(run), "--to", "yolo", "--out", str(out)]) == 2
    assert "'--images_folder' must name" in capsys.readouterr().err
    assert app.main(["import", str(run), "--from", "cvat", str(run / "config.json")]) == 2
    assert "config.json is not an export of cvat" in capsys.readouterr().err
    (run / "min.json").write_text('[{"id": 1, "rare": "rare"}]', encoding="utf-8")  # Label Studio's JSON-MIN
    assert app.main(["import", str(run), "--from", "label-studio", str(run / "min.json")]) == 2
    assert "min.json is not an export of label-studio: it has no 'data'." in capsys.readouterr().err


def test_the_help_says_which_tool_needs_copies(capsys):
    assert app.main(["export", "--help"]) == 0
    assert "copy them for supervision, whose COCO reader refuses links" in " ".join(capsys.readouterr().out.split())


def test_frames_are_not_mixed_with_those_of_an_earlier_export(world, capsys):
    run, _, out = world
    arguments = ["export", str(run), "--frames", "--out", str(out)]
    assert app.main(arguments) == 0
    before = (out / "frames.csv").read_text()
    assert app.main([*arguments, "--per-drive", "1"]) == 2
    assert "'--out' must name a new or empty folder" in capsys.readouterr().err
    assert (out / "frames.csv").read_text() == before
