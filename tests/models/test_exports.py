"""Exports lie in the user's cache, whole or not at all, and never beside a model."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from rarelib.models import exports
from rarelib.models.exports import cached_export
from rarelib.models.unreported import import_openvino


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rarelib"


def test_an_export_is_made_once_per_content_and_settings(tmp_path, cache):
    source = tmp_path / "models" / "model.pt"
    source.parent.mkdir()
    source.write_bytes(b"weights")
    built = []

    def build(folder):
        built.append(folder)
        (folder / "model.xml").write_text("x")
        return {"names": ["a"]}

    first, about = cached_export(source, "ab", {"kind": 1}, build)
    again, same = cached_export(source, "ab", {"kind": 1}, build)
    assert (first, about) == (again, same) and len(built) == 1
    assert first.parent == cache and (first / "model.xml").read_text() == "x"
    assert cached_export(source, "cd", {"kind": 1}, build)[0] != first
    assert cached_export(source, "ab", {"kind": 2}, build)[0] != first
    assert list(source.parent.iterdir()) == [source]


def test_a_failed_export_leaves_nothing(tmp_path, cache):
    def build(folder):
        (folder / "model.xml").write_text("half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cached_export(tmp_path / "model.pt", "ab", {}, build)
    assert list(cache.iterdir()) == []


def test_without_a_cache_that_can_be_written_an_export_is_for_this_process_alone(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    exports._own_folder.cache_clear()
    made, _ = cached_export(tmp_path / "model.pt", "ab", {}, lambda folder: {})
    assert made.is_dir() and made.parent == exports.writable_cache()
    assert made.parent.stat().st_mode & 0o077 == 0  # nobody else can put a model there


def test_neither_is_the_import_of_openvino(tmp_path):
    code = "from rarelib.models.runtime import choose_runtime; print(choose_runtime('auto', 'cpu'))"
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**kept, "HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert "OpenVINO" in done.stdout, done.stderr
    assert not (tmp_path / "intel").exists()
    for path in Path(exports.__file__).parents[1].rglob("*.py"):
        assert path.stem == "unreported" or "import openvino" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("can_be_written", [True, False])
def test_the_import_of_ultralytics_leaves_nothing_outside_of_the_cache(tmp_path, can_be_written):
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir() if can_be_written else home.touch()  # nothing can be made in a file, not even by root
    temporary.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "YOLO_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import rarelib.models.yolo"],
        env={**kept, "HOME": str(home), "TMPDIR": str(temporary)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    left = [path.relative_to(home).parts[:2] for path in home.rglob("*") if path.is_file()] if can_be_written else []
    assert set(left) <= {(".cache", "rarelib")} and not list(temporary.iterdir())


def test_a_conversion_is_reported_to_nobody(tmp_path, monkeypatch):
    import torch
    from openvino_telemetry import main
    from openvino_telemetry.utils.sender import TelemetrySender

    sent = []
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("CI", "TF_BUILD", "JENKINS_URL"):  # where it holds back by itself
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(main.Telemetry, "_SingletonMetaClass__single_instance", None)
    monkeypatch.setattr(TelemetrySender, "send", lambda *message: sent.append(message))

    ov = import_openvino()

    def build(folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ov.convert_model(torch.nn.Linear(3, 2), example_input=torch.ones(1, 3))
        ov.save_model(model, folder / "model.xml")
        return {}

    assert (cached_export(tmp_path / "net.pt", "0", {}, build)[0] / "model.xml").is_file()
    assert sent == [] and not (tmp_path / "intel").exists()
