"""Parameters: every name once, wrong ones refused with one clear line."""

import ast
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rarelib.command_line.parameters import parameter_row, parameter_tables
from rarelib.params import ParameterError, Params, load_params
from rarelib.pipeline.notebooks import notebook_defaults
from rarelib.pipeline.plan import PIPELINE

PROJECT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b", "must be a flat mapping"),
        ("{a: [", "is not YAML"),
        ("seed: !!python/object/apply:os.system ['true']", "is not YAML"),
        ("\x00", "is not YAML"),
        ("#" * 1_000_001, "is larger than"),
        ("1: 2", "must be a flat mapping"),
        ("seed: 1\nname: a\nseed: 2", "must name each parameter once, but names 'seed' twice"),
    ],
)
def test_wrong_files_are_one_clear_line(tmp_path, text, message):
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match=message):
        load_params(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"none\.yaml is missing"):
        load_params(tmp_path / "none.yaml")


def test_a_folder_is_no_parameter_file(tmp_path):
    with pytest.raises(ParameterError, match="is a folder and no parameter file; give it as images_folder"):
        load_params(tmp_path)


def test_paths_may_be_paths(tmp_path):
    params = load_params(None, {"images_folder": tmp_path, "runs_dir": Path("runs"), "yolo_model": Path("a/b.pt")})
    assert (params.images_folder, params.runs_dir, params.yolo_model) == (str(tmp_path), "runs", "a/b.pt")


def test_values_that_are_no_mapping_are_refused():
    with pytest.raises(ParameterError, match=r"load_params\(None, \{'images_folder': …\}\)"):
        load_params({"images_folder": "x"})
    with pytest.raises(ParameterError, match=r"overrides must be a mapping of parameters\. Got list instead"):
        load_params(None, ["seed"])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_file_gives_parameters_or_a_parameter_error(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("fuzz") / "p.yaml"
    file.write_bytes(content)
    _params_or_error(lambda: load_params(file))


names = st.sampled_from(sorted(Params.model_fields)) | st.text(max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(names, values, max_size=4))
def test_any_values_give_parameters_or_a_parameter_error(overrides):
    _params_or_error(lambda: load_params(None, overrides))


def _params_or_error(load):
    try:
        assert isinstance(load(), Params)
    except ParameterError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_parameter_says_what_it_means(language):
    for name in Params.model_fields:
        row = parameter_row(name, language)
        assert len(row["meaning"]) > (10 if language == "en" else 4), name
        assert row["type"], name


@pytest.mark.parametrize(("page", "language"), [("parameters.md", "en"), ("parameters.ja.md", "ja")])
def test_the_documents_list_every_parameter(page, language):
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    assert parameter_tables(language) in text, (
        f"run `python -m rarelib params --language {language} --write docs/{page}`"
    )


def test_notebook_parameters_are_the_schemas_defaults():
    used = set()
    for stage in PIPELINE:
        notebook = json.loads((PROJECT / "notebooks" / f"{stage.name}.ipynb").read_text(encoding="utf-8"))
        shown = notebook_defaults(notebook)
        used |= set(shown)
        for name, value in shown.items():
            if name != "run_folder":
                assert value == Params.model_fields[name].default, (stage.name, name)
    skips = {stage.skipped_by for stage in PIPELINE if stage.skipped_by}
    assert set(Params.model_fields) - used - skips - {"name", "runs_dir"} == set(), "parameters that no notebook uses"


@pytest.mark.parametrize("file", sorted((PROJECT / "params").glob("*.yaml")), ids=lambda file: file.stem)
def test_parameter_files_are_valid_and_say_only_what_differs(file):
    load_params(file)
    for name, value in yaml.safe_load(file.read_text(encoding="utf-8")).items():
        assert value != Params.model_fields[name].default or name in ("yolo_model", "clip_model"), name


def test_the_library_imports_nothing_heavy():
    import subprocess
    import sys

    heavy = ("torch", "transformers", "sklearn", "matplotlib")
    code = f"import sys, rarelib, rarelib.pipeline.stages; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == []


def test_parameters_may_share_a_line():
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": ["a, b = 1, [2]\n", "c = None"]}
    assert notebook_defaults({"cells": [cell]}) == {"a": 1, "b": [2], "c": None}


@pytest.mark.parametrize("name", ["vocabulary", "ordinary_classes"])
def test_a_list_of_names_is_read_before_work_starts(tmp_path, name):
    from rarelib.pipeline.preflight import check_inputs

    mine = tmp_path / "mine.yaml"
    mine.write_text("[horse, 7]", encoding="utf-8")
    params = load_params(None, {"demo_scenes": 1, "skip_caption": True, name: str(mine)})
    with pytest.raises(ParameterError, match=f"The '{name}' parameter must name a list of names. .*holds '7'"):
        check_inputs(params)
    mine.write_text("[horse]", encoding="utf-8")
    check_inputs(params)
    with pytest.raises(ParameterError, match=f"The '{name}' parameter must name a list of names. .*is not there"):
        check_inputs(load_params(None, {"demo_scenes": 1, "skip_caption": True, name: "nowhere.txt"}))


def test_the_plain_recipe_has_proposals_only_where_they_are_asked_for():
    assert load_params(None, {"selection": "union"}).proposals is False
    assert load_params(None, {"selection": "union", "proposals": True}).proposals is True
    assert load_params().proposals is True
