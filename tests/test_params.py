"""Parameters: every name once, wrong ones refused with one clear line."""

import ast
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rarelib.params import ParameterError, Params, load_params, parameter_rows, parameter_table, parse_flags
from rarelib.pipeline.stages import PIPELINE, notebook_defaults

PROJECT = Path(__file__).parents[1]


def test_flags_win_over_the_file_and_the_name_is_the_files(tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("sampling_rate: 0.5\nseed: 3\n", encoding="utf-8")
    params = load_params(file, parse_flags(["--sampling_rate", "0.2", "--skip_caption=true"]))
    assert (params.name, params.sampling_rate, params.seed, params.skip_caption) == ("night", 0.2, 3, True)


def test_text_parameters_stay_text():
    assert parse_flags(["--name", "2024", "--max_images", "7"]) == {"name": "2024", "max_images": 7}
    assert parse_flags(["--target_classes", "[bus, dog]"]) == {"target_classes": ["bus", "dog"]}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--sampling_rat", "0.2"], "Unknown parameter 'sampling_rat'. Did you mean 'sampling_rate'?"),
        (["--zzz", "1"], "Unknown parameter 'zzz'. See `python -m rarelib params`."),
        (
            ["--sampling_rate", "2"],
            "'sampling_rate' parameter must be less than or equal to 1. Got 2 instead.",
        ),
        (["--parallel", "maybe"], "'parallel' parameter must be a valid boolean"),
        (["--name", "../../x"], "'name' parameter must be a plain folder name"),
        (["--name", ".."], "'name' parameter must be a plain folder name"),
        (["--outlier_methods", "[magic]"], "'outlier_methods.0' parameter must be 'isolation_forest'"),
        (["--contamination", ".nan"], "'contamination' parameter must be"),
        (["--seed", "[1"], "The value of '--seed' is not a YAML value"),
        (["sampling_rate"], "Expected a flag such as --sampling_rate 0.2. Got 'sampling_rate' instead."),
        (["--seed"], "The flag '--seed' needs a value"),
    ],
)
def test_wrong_values_are_one_clear_line(flags, message):
    with pytest.raises(ParameterError) as error:
        load_params(None, parse_flags(flags))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b", "must be a flat mapping"),
        ("{a: [", "is not YAML"),
        ("seed: !!python/object/apply:os.system ['true']", "is not YAML"),
        ("\x00", "is not YAML"),
        ("#" * 1_000_001, "is larger than"),
        ("1: 2", "must be a flat mapping"),
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


def test_every_parameter_says_what_it_means():
    for row in parameter_rows():
        assert len(row["meaning"]) > 10, row["name"]
        assert row["type"], row["name"]


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
def test_the_readmes_list_every_parameter(readme):
    text = (PROJECT / readme).read_text(encoding="utf-8")
    if readme == "README.md":
        assert parameter_table() in text, "paste the output of `python -m rarelib params` into README.md"
    for name in Params.model_fields:
        assert f"`{name}`" in text, name


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
