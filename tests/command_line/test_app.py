"""What a person types: values, help, exit codes, completion."""

import subprocess
import sys
from pathlib import Path

import pytest

from rarelib import __version__
from rarelib.command_line import app
from rarelib.params import ParameterError, Params, load_params, parse_value
from rarelib.pipeline.model_files import ModelFile
from rarelib.pipeline.preflight import run_config
from rarelib.run.folder import RunFolder

NO_MODELS = {"yolo_model": ModelFile(Path("yolo.pt"), "0")}


@pytest.fixture
def started(monkeypatch):
    """Catch the parameters with which a run would start."""
    seen = []
    monkeypatch.setattr(
        "rarelib.pipeline.stages.run_pipeline", lambda params, **options: seen.append((params, options))
    )
    return seen


def test_options_win_over_the_file_and_the_name_is_the_files(tmp_path, started):
    file = tmp_path / "night.yaml"
    file.write_text("sampling_rate: 0.5\nseed: 3\n", encoding="utf-8")
    assert app.main(["run", str(file), "--sampling_rate", "0.2", "--skip_caption=true", "--skip-visualization"]) == 0
    params, _ = started[0]
    assert (params.name, params.sampling_rate, params.seed) == ("night", 0.2, 3)
    assert params.skip_caption and params.skip_visualization


def test_a_folder_of_pictures_is_enough(tmp_path, started):
    (tmp_path / "monday").mkdir()
    assert app.main(["run", str(tmp_path / "monday"), "--target_classes", "bus, traffic cone"]) == 0
    params, options = started[0]
    assert (params.images_folder, params.name) == (str(tmp_path / "monday"), "monday")
    assert params.target_classes == ["bus", "traffic cone"] and options == {"force": None}


@pytest.mark.parametrize(
    ("options", "server", "captions"),
    [
        ([], "", ("clip", False)),
        (["--embedder", "yolo"], "", ("api", True)),
        ([], "http://127.0.0.1:8000/v1", ("api", False)),
        (["--skip_caption", "false"], "", ("api", False)),
    ],
)
def test_a_bare_folder_needs_no_caption_server(options, server, captions, tmp_path, started, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_BASE_URL", server)
    assert app.main(["run", str(tmp_path), *options]) == 0
    params, _ = started[0]
    assert (params.caption_source, params.skip_caption) == captions
    assert ("no caption server is named" in capsys.readouterr().err) == (not server and "--skip_caption" not in options)


def test_a_folder_of_the_same_name_does_not_write_over_the_run_of_another(tmp_path, started, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("monday/front", "tuesday/front"):
        (tmp_path / folder).mkdir(parents=True)
    assert app.main(["run", "monday/front"]) == 0
    RunFolder(tmp_path / "runs" / "front").write_json("config.json", run_config(started[0][0], NO_MODELS))
    for same in ("monday/front", "monday/front/", str(tmp_path / "monday" / "front"), "tuesday/../monday/front"):
        assert app.main(["run", same]) == 0
    for other in ("tuesday/front", str(tmp_path / "tuesday" / "front")):
        assert app.main(["run", other]) == 2
        assert "The run 'front' is of another folder of pictures (monday/front); give" in capsys.readouterr().err
    assert app.main(["run", "tuesday/front", "--name", "front"]) == 0
    assert app.main(["run", "tuesday/front", "--runs_dir", "elsewhere"]) == 0
    assert str(tmp_path) not in (tmp_path / "runs" / "front" / "config.json").read_text(encoding="utf-8")


def test_force_names_a_stage(started):
    assert app.main(["run", "--demo_scenes", "3", "--force", "4"]) == 0
    assert started[0][1] == {"force": "4"}


def test_a_stage_that_is_none_is_refused(capsys):
    assert app.main(["run", "--demo_scenes", "3", "--force", "9"]) == 2
    assert "The option '--force' must name one of 01_select_images" in capsys.readouterr().err


def test_what_is_neither_a_folder_nor_a_file_is_said_to_be_so(tmp_path, capsys):
    assert app.main(["run", str(tmp_path / "mondya")]) == 2
    assert "mondya is neither a folder of pictures nor a parameter file" in capsys.readouterr().err
    (tmp_path / "drive.mp4").write_bytes(b"\0" * 2_000_000)
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    for name in ("drive.mp4", "a.jpg"):
        assert app.main(["run", str(tmp_path / name)]) == 2
        assert f"{name} is a picture or a video; give the folder that holds it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "2024", "2024"),
        ("max_images", "7", 7),
        ("max_images", "null", None),
        ("target_classes", "[bus, dog]", ["bus", "dog"]),
        ("target_classes", "bus,dog", ["bus", "dog"]),
        ("target_classes", "", []),
        ("parallel", "no", False),
    ],
)
def test_values_are_read_by_their_type(name, text, value):
    assert parse_value(name, text) == value


def test_a_value_that_is_none_is_refused():
    with pytest.raises(ParameterError, match="The value of '--seed' is not a YAML value"):
        parse_value("seed", "[1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--sampling_rat", "0.2"], "No such option '--sampling_rat'. Did you mean '--sampling_rate'?"),
        (["run", "--sampling_rate", "2"], "'sampling_rate' parameter must be less than or equal to 1. Got 2 instead."),
        (["run", "--parallel", "maybe"], "'parallel' parameter must be a valid boolean"),
        (["run", "--name", "../../x"], "'name' parameter must be a plain folder name"),
        (["run", "--name", ".."], "'name' parameter must be a plain folder name"),
        (["run", "--outlier_methods", "magic"], "'outlier_methods.0' parameter must be 'isolation_forest'"),
        (["run", "--contamination", ".nan"], "'contamination' parameter must be"),
        (["run", ".", "--conf", "2"], "'conf' parameter must be less than or equal to 1. Got 2 instead."),
        (["run", "/"], "A run cannot have the name of /; give it another by --name."),
        (["run", "none.yaml"], "none.yaml is missing"),
        (["run", "--seed"], "requires an argument"),
        (["check"], "Missing argument 'RUN'"),
        (["check", "nowhere"], "does not exist"),
        (["frobnicate"], "No such command 'frobnicate'"),
    ],
)
def test_wrong_input_is_one_clear_line_and_exit_code_2(arguments, message, capsys):
    assert app.main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("rarelib: ") and said.count("\n") == 1


def test_help_shows_every_parameter_in_its_group(capsys):
    assert app.main(["run", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"--{name}" in said for name in Params.model_fields)
    assert said.index("2 detect") < said.index("--conf") < said.index("3 embed") < said.index("--clip_model")
    assert "--force" in said.partition("The run")[0]


def test_every_command_has_help(capsys):
    for name in app.commands.commands:
        assert app.main([name, "--help"]) == 0
        assert len(capsys.readouterr().out) > 80, name


def test_without_a_command_help_is_shown_whole(capsys):
    assert app.main([]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Usage: ") and "\n  run " in said and "..." not in said.partition("Commands:")[2]


def test_version_completion_and_no_colour_in_a_pipe():
    def typed(*arguments):
        return subprocess.run([sys.executable, "-m", "rarelib", *arguments], capture_output=True, text=True)

    assert __version__ in typed("--version").stdout
    for shell in app.SHELLS:
        assert "_RARELIB_COMPLETE" in typed("completion", shell).stdout
    wrong = typed("run", "--sampling_rate", "2")
    assert wrong.returncode == 2 and "\x1b" not in wrong.stderr


def test_parameters_are_printed_and_written(tmp_path, capsys):
    assert app.main(["params"]) == 0
    assert "| `sampling_rate` | number" in capsys.readouterr().out
    page = tmp_path / "parameters.md"
    page.write_text("# Title\n\nText.\n\n## The run\nold\n", encoding="utf-8")
    assert app.main(["params", "--write", str(page)]) == 0
    assert page.read_text(encoding="utf-8").startswith("# Title\n\nText.\n\n## The run\n\n| parameter")


def test_defaults_are_loaded_without_a_file():
    assert load_params() == Params()


def test_notebooks_are_copied_in_japanese_and_never_over_others(tmp_path, capsys):
    assert app.main(["notebooks", str(tmp_path / "mine"), "--language", "ja"]) == 0
    copied = sorted((tmp_path / "mine").glob("*.ipynb"))
    assert len(copied) >= 8 and str(copied[0]) in capsys.readouterr().out
    text = copied[0].read_text(encoding="utf-8")
    assert "どの画像を調べるか" in text and 'language = \\"ja\\"' in text and "Which pictures" not in text
    assert app.main(["notebooks", str(tmp_path / "mine")]) == 2
    only = tmp_path / "other" / "compare.ipynb"
    only.parent.mkdir()
    only.write_text("mine")
    assert app.main(["notebooks", str(only.parent)]) == 2
    assert list(only.parent.iterdir()) == [only] and only.read_text() == "mine"
    assert "is there already" in capsys.readouterr().err
