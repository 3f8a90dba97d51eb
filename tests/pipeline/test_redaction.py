"""What leaves the machine: no path, no key, no host name; and nothing that Jupyter needs is touched."""

import json
import socket
import sys
from pathlib import Path

import nbformat
import pytest

from rarelib.params import Params
from rarelib.pipeline.redaction import Redactor


@pytest.fixture
def host(monkeypatch):
    """Give the machine a name."""
    return lambda name: monkeypatch.setattr(socket, "gethostname", lambda: name)


def executed(*, source="x = 1", text="", picture="iVBORw0KGgo="):
    """A notebook as papermill leaves it."""
    given = nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]})
    shown = nbformat.v4.new_output("display_data", {"image/png": picture, "text/plain": text})
    printed = nbformat.v4.new_output("stream", text=text)
    code = nbformat.v4.new_code_cell('folder = "data/nuscenes"', outputs=[shown, printed])
    notebook = nbformat.v4.new_notebook(cells=[given, code])
    notebook["metadata"] = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "papermill": {"input_path": "/x", "output_path": "/y", "parameters": {"run_folder": "/x/run"}},
    }
    return json.loads(json.dumps(notebook))


def test_private_paths_names_and_keys_are_replaced(monkeypatch, host):
    host("workhorse7")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    redactor = Redactor(Params(images_folder="/data/alice/pictures", runs_dir="/data/alice/runs"))
    text = f"/data/alice/pictures/a.jpg /data/alice/runs/x {Path.home()}/y {sys.prefix}/lib sk-very-secret workhorse7"
    assert redactor.text(text) == "<images_folder>/a.jpg runs/x ~/y <python>/lib <key> <host>"


@pytest.mark.parametrize("before", ["\x1b[0;32m", "'one line\\n", "file://", "("])
def test_a_path_is_found_behind_colours_and_escapes(before):
    assert Redactor(Params(images_folder="/data/alice")).text(f"{before}/data/alice/b") == f"{before}<images_folder>/b"


def test_a_longer_name_that_begins_alike_is_another():
    redactor = Redactor(Params(images_folder="/data/alice"))
    assert redactor.text("/data/alice2/b /mnt/data/alice/b") == "/data/alice2/b /mnt/data/alice/b"


def test_every_parameter_that_is_an_absolute_path_is_one():
    params = Params(truth="/data/alice/truth.csv", clip_model="/data/alice/clip", caption_model="/data/alice/qwen")
    kept = Redactor(params).parameters()
    assert (kept["truth"], kept["clip_model"], kept["caption_model"]) == ("truth.csv", "clip", "qwen")


def test_relative_folders_stay_so_that_the_notebook_can_run_again(host):
    host("data")
    redactor = Redactor(Params(images_folder="data/nuscenes"))
    assert redactor.parameters()["images_folder"] == "data/nuscenes"
    clean = redactor.notebook(executed(source='# Parameters\nimages_folder = "data/nuscenes"\n'))
    assert "".join(clean["cells"][0]["source"]) == '# Parameters\nimages_folder = "data/nuscenes"\n'


@pytest.mark.parametrize("name", ["data", "metadata", "cells", "code", "python3", "stream", "name", "source", "text"])
def test_a_host_with_the_name_of_a_field_breaks_no_notebook(name, host):
    host(name)
    clean = Redactor(Params()).notebook(executed(text=f"made on {name}, not on {name}s"))
    nbformat.validate(clean, version=4)
    assert clean["metadata"]["kernelspec"]["name"] == "python3"
    assert "".join(clean["cells"][1]["source"]) == 'folder = "data/nuscenes"'
    assert clean["cells"][1]["outputs"][1]["text"] == f"made on <host>, not on {name}s"


@pytest.mark.parametrize("key", ["null", "true", "1234", "python3", '{"a"', "code-of-the-key", "EMPTY"])
def test_no_key_of_the_environment_breaks_a_notebook(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    clean = Redactor(Params()).notebook(executed(text="3 of null", source="max_images = None\naudit = True\n"))
    nbformat.validate(json.loads(json.dumps(clean)), version=4)
    assert "".join(clean["cells"][0]["source"]) == "max_images = None\naudit = True\n"


def test_a_key_is_taken_out_of_outputs_in_any_spelling(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", 'sk-"very"-secret-4711')
    clean = Redactor(Params()).notebook(executed(text=json.dumps({"key": 'sk-"very"-secret-4711'})))
    assert "4711" not in json.dumps(clean)


def test_pictures_in_notebooks_are_left_alone():
    picture = "iVBOR" + str(Path.home()) + "w0KGgo="
    clean = Redactor(Params()).notebook(executed(text=f"<Figure in {Path.home()}>", picture=picture))
    assert clean["cells"][1]["outputs"][0]["data"] == {"image/png": picture, "text/plain": "<Figure in ~>"}


def test_a_rendered_notebook_names_the_folder_in_which_it_lies():
    clean = Redactor(Params()).notebook(executed(source='# Parameters\nseed = 0\nrun_folder = "/data/runs/x"\n'))
    assert "".join(clean["cells"][0]["source"]) == '# Parameters\nseed = 0\nrun_folder = "."\n'
    about = clean["metadata"]["papermill"]
    assert about == {"input_path": "", "output_path": "", "parameters": {"run_folder": "."}}
