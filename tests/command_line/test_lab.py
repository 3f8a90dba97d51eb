"""A run opened in JupyterLab: its own notebook, parameters set, no news asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from planted_run import planted_run

from rarelib.command_line import app
from rarelib.command_line.lab import write_explorer
from rarelib.params import ParameterError
from rarelib.run.folder import RunFolder


def parameters(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return next("".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", []))


def test_the_notebook_is_put_into_the_run_in_its_language(tmp_path):
    run = planted_run(tmp_path / "run")
    notebook = write_explorer(run, language="ja", images_folder=str(tmp_path))
    assert parameters(notebook) == f'run_folder = "."\nimages_folder = "{tmp_path.as_posix()}"\nlanguage = "ja"'
    assert "実行結果を調べる" in notebook.read_text(encoding="utf-8")
    notebook.write_text("{}", encoding="utf-8")  # changed by hand
    assert write_explorer(run).read_text(encoding="utf-8") == "{}"


def test_a_run_without_ranking_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="has no ranking yet"):
        write_explorer(RunFolder(tmp_path))
    assert app.main(["explore", str(tmp_path)]) == 2


def test_jupyterlab_is_started_without_news(tmp_path, monkeypatch):
    started = []
    run = planted_run(tmp_path / "run")
    nothing = subprocess.Popen([sys.executable, "-c", ""])
    monkeypatch.setattr(subprocess, "Popen", lambda command, env: started.append((command, env)) or nothing)
    assert app.main(["explore", str(run.root), "--no-browser", "--images-folder", str(tmp_path)]) == 0
    assert f'images_folder = "{tmp_path.as_posix()}"' in parameters(run.root / "explore.ipynb")
    command, environment = started[0]
    assert command[1:] == ["-m", "jupyterlab", str(run.root / "explore.ipynb"), "--no-browser"]
    settings = Path(environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0]) / "labconfig"
    told = json.loads((settings / "default_setting_overrides.json").read_text(encoding="utf-8"))
    assert told["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
