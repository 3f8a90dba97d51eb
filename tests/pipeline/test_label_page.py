"""The page that audits labels, run for real over a planted run."""

import json

import pandas as pd
import pytest
from exported_run import exported_run

from rarelib.command_line import app
from rarelib.params import ParameterError
from rarelib.pipeline import pages
from rarelib.pipeline.label_page import audit_labels_in_notebook


def test_the_page_is_rendered_into_the_run_and_keeps_paths_to_itself(tmp_path, capsys, monkeypatch):
    run, pictures = exported_run(tmp_path)
    run.write_table("objects", run.read_table("objects").assign(origin="label"))
    (tmp_path / "demo").mkdir()  # a folder of that name is not the demo's detector
    monkeypatch.chdir(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in run.root.rglob("*") if path.is_file()}
    options = ["--images_folder", str(pictures), "--language", "ja", "--yolo_model", "demo"]
    assert app.main(["audit-labels", str(run.root), *options]) == 0
    page, table = run.root / "label_audit.ipynb", run.root / "label_audit.csv"
    assert capsys.readouterr().out.split() == [str(page), str(table)]
    text = page.read_text(encoding="utf-8")
    assert str(tmp_path) not in text and "ラベルの点検" in text
    cells = json.loads(text)["cells"]
    assert not [output for cell in cells for output in cell.get("outputs", []) if output["output_type"] == "error"]
    rows = pd.read_csv(table)
    assert set(rows["object_id"]) == set(run.read_table("scores")["object_id"]) and "drive_b/2.jpg" in set(rows["path"])
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_runs_without_labels_or_ranking_are_refused(tmp_path):
    run, _ = exported_run(tmp_path)
    with pytest.raises(ParameterError, match="comes from labels; run it with --boxes labels"):
        audit_labels_in_notebook(run.root)
    run.table_path("scores").unlink()
    with pytest.raises(ParameterError, match="has no ranking yet"):
        audit_labels_in_notebook(run.root)


def test_a_kernel_that_dies_is_said_in_one_line_and_leaves_no_notebook(tmp_path, monkeypatch):
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": []}
    notebook = {
        "cells": [{**cell, "source": "import os; os._exit(1)"}],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (tmp_path / "page.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(pages, "notebooks_folder", lambda: tmp_path)
    with pytest.raises(ParameterError, match=r"^page.ipynb stopped: its kernel died"):
        pages.render_notebook("page.ipynb", {}, tmp_path / "out", "en")
    assert not list((tmp_path / "out").glob("*.ipynb"))


def test_a_folder_or_a_model_that_is_not_there_is_refused_before_work_starts(tmp_path):
    run, _ = exported_run(tmp_path)
    run.write_table("objects", run.read_table("objects").assign(origin="label"))
    with pytest.raises(ParameterError, match=r"'--images_folder' must be a folder. 'nowhere' is not there"):
        audit_labels_in_notebook(run.root, images_folder="nowhere")
    with pytest.raises(ParameterError, match=r"'--yolo_model' must be a model. 'weights/none.pt' is not there"):
        audit_labels_in_notebook(run.root, yolo_model="weights/none.pt")
    assert not (run.root / "label_audit.ipynb").exists()
