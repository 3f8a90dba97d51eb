"""A run on pictures of an object store: the same as from disk, whatever the server does, and no key stays anywhere."""

import io
import time

import pandas as pd
import pytest
from plain_notebooks import without_figures
from s3_server import serve_s3
from small_demo import DEMO

from rarelib.addresses import stores
from rarelib.command_line.app import main
from rarelib.demo.draw.world import save_world
from rarelib.params import load_params
from rarelib.pipeline.stages import run_pipeline
from rarelib.pipeline.terminal import Terminal
from rarelib.run.folder import RunFolder


def run_on(images_folder, runs_dir, name):
    given = {"demo_scenes": 0, "images_folder": images_folder, "runs_dir": str(runs_dir), "name": name}
    options = {"until": "04_score_rarity", "notebooks": without_figures(runs_dir.parent / "notebooks")}
    return run_pipeline(load_params(DEMO, given), terminal=Terminal(io.StringIO()), **options)


@pytest.fixture
def s3(tmp_path, monkeypatch):
    stores.forget_stores()
    with serve_s3(tmp_path, monkeypatch) as server:
        yield server
    stores.forget_stores()


def test_a_run_from_a_failing_object_store_equals_the_one_from_disk(s3, tmp_path):
    save_world(tmp_path / "fleet", n_scenes=12, seed=4, workers=1)
    s3.fail_every = 20
    s3.down_until = time.monotonic() + 3.0
    remote = run_on("s3://fleet/images", tmp_path / "runs", "remote")
    assert s3.failed > 3
    assert s3.listed.count("fleet/images/") == 1, s3.listed
    local = run_on(str(tmp_path / "fleet" / "images"), tmp_path / "runs", "local")
    for table in ("images", "objects", "unreadable", "early_filter"):
        pd.testing.assert_frame_equal(remote.read_table(table), local.read_table(table))
    assert len(remote.read_table("objects")) > 50
    asked, s3.fail_every = s3.requests, 0
    s3.listed.clear()
    again = run_on("s3://fleet/images", tmp_path / "runs", "remote")
    assert s3.requests - asked < 10  # listed, and no picture read
    assert s3.listed.count("fleet/images/") == 1
    assert not list(kept_secrets(again))


def kept_secrets(run: RunFolder):
    for path in run.root.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".ipynb", ".txt", ".html", ".parquet"):
            content = path.read_bytes()
            yield from (path for secret in (b"AKIAPLANTED", b"planted-secret") if secret in content)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images_folder", "s3://key:secret@fleet/x"], "give credentials by the environment"),
        (["--images_folder", "s3://fleet/none"], "has none, or is not there"),
        (["--images_folder", "nowhere://fleet"], "Protocol not known: nowhere"),
    ],
)
def test_an_address_that_cannot_be_used_ends_before_work_starts(s3, arguments, message, capsys, monkeypatch, tmp_path):
    (tmp_path / "fleet").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert main(["run", str(DEMO), "--demo_scenes", "0", *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1 and "secret@" not in told
    assert list((tmp_path / "work").iterdir()) == []
