"""What leaves the machine: no path, no key, no host name."""

import json
import socket
import sys
from pathlib import Path

from rarelib.params import Params
from rarelib.pipeline.redaction import redact, redact_notebook


def test_private_paths_names_and_keys_are_replaced(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    params = Params(
        images_folder="/data/alice/pictures", runs_dir="/data/alice/runs", caption_base_url="http://me:pass@host/v1"
    )
    text = f"/data/alice/pictures/a.jpg /data/alice/runs/x {Path.home()}/y {sys.prefix}/lib sk-very-secret me:pass@host"
    assert redact(text, params) == "<images_folder>/a.jpg runs/x ~/y <python>/lib <key> <key>@host"
    assert socket.gethostname() not in redact(f"at {socket.gethostname()}", params) or len(socket.gethostname()) < 4


def test_relative_folders_stay_so_that_the_notebook_can_run_again():
    params = Params(images_folder="data/nuscenes")
    assert redact('images_folder = "data/nuscenes"', params) == 'images_folder = "data/nuscenes"'


def test_pictures_in_notebooks_are_left_alone():
    picture = "iVBOR" + str(Path.home()) + "w0KGgo="
    output = {"data": {"image/png": picture, "text/plain": f"<Figure in {Path.home()}>"}}
    notebook = {"metadata": {"papermill": {"input_path": "/x", "output_path": "/y"}}, "cells": [{"outputs": [output]}]}
    clean = json.loads(redact_notebook(json.dumps(notebook), Params()))
    assert clean["cells"][0]["outputs"][0]["data"] == {"image/png": picture, "text/plain": "<Figure in ~>"}
    assert clean["metadata"]["papermill"] == {"input_path": "", "output_path": ""}
