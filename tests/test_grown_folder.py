"""A folder that was run before and has changed: only the difference is detected and embedded."""

import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from plain_notebooks import without_figures
from small_demo import DEMO, run_demo

from rarelib.demo.draw.world import save_world
from rarelib.params import load_params
from rarelib.pipeline.check import check_run
from rarelib.pipeline.stages import run_pipeline
from rarelib.pipeline.terminal import Terminal
from rarelib.tables import TABLES

FIRST, GONE, CHANGED, ADDED = 40, 3, 2, 6  # pictures


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """A folder of 40 pictures, another one of which 3 are gone, 2 changed and 6 new, and notebooks for runs of them."""
    place = tmp_path_factory.mktemp("worlds")
    without_figures(place / "notebooks")
    save_world(place / "world", n_scenes=FIRST + ADDED, seed=4, workers=1)
    drawn = sorted(path.relative_to(place / "world" / "images") for path in (place / "world").rglob("*.jpg"))
    for name, paths in (("first", drawn[:FIRST]), ("second", drawn[GONE:])):
        for path in paths:
            (place / name / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place / "world" / "images" / path, place / name / path)
    for path, other in zip(drawn[10 : 10 + CHANGED], drawn[20:], strict=False):
        shutil.copy(place / "world" / "images" / other, place / "second" / path)
    (place / "second" / drawn[30]).touch()  # another time, the same content
    return place


def counts_of(run, stage):
    return json.loads(run.marker_path(stage).read_text(encoding="utf-8"))["counts"]


def crops_of(run):
    return {path.name: path.read_bytes() for path in (run.root / "cropped_objects").rglob("*.jpg")}


def run_on(worlds, **overrides):
    given = {"demo_scenes": 0, "images_folder": str(worlds / "folder"), "audit": False, "skip_caption": True}
    return run_demo(worlds / "runs", notebooks=worlds / "notebooks", **given, **overrides)[0]


def move_into(world, folder):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(world, folder)  # keeps times


@pytest.fixture(scope="module")
def grown(worlds):
    """The run of a folder that was run, changed and run again; and the counts of its stages."""
    move_into(worlds / "first", worlds / "folder")
    run = run_on(worlds, name="grown")
    first = {stage: counts_of(run, stage) for stage in ("02_detect_objects", "03_embed_objects")}
    assert first["02_detect_objects"]["new"] == FIRST and first["03_embed_objects"]["reused"] == 0
    move_into(worlds / "second", worlds / "folder")
    run = run_on(worlds, name="grown")
    return run, {stage: counts_of(run, stage) for stage in first}


def test_only_the_difference_is_detected_and_embedded(grown):
    run, counts = grown
    detected = {name: counts["02_detect_objects"][name] for name in ("new", "changed", "removed", "reused")}
    assert detected == {"new": ADDED, "changed": CHANGED, "removed": GONE, "reused": FIRST - GONE - CHANGED}
    embedded = counts["03_embed_objects"]
    made = embedded["embedded"] - embedded["reused"]
    of_these = run.read_table("objects")["image_id"].value_counts()
    assert 0 < made < of_these.nlargest(ADDED + CHANGED).sum() + 10
    told = (run.root / "02_detect_objects.ipynb").read_text(encoding="utf-8")
    assert "6 pictures are new, 2 changed, 3 gone; 35 are as they were" in told


def test_all_is_as_from_nothing(grown, worlds):
    run, _ = grown
    anew = run_on(worlds, name="anew")
    for table in sorted(set(TABLES) - {"captions"}):
        left, right = run.read_table(table), anew.read_table(table)
        pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=1e-3, atol=1e-4, obj=table)
    np.testing.assert_allclose(run.read_vectors()[0], anew.read_vectors()[0], atol=1e-5)
    crops = [
        {path.name: path.read_bytes() for path in (each.root / "cropped_objects").rglob("*.jpg")}
        for each in (run, anew)
    ]
    assert crops[0] == crops[1]
    assert check_run(run.root) == []


def test_other_settings_and_force_do_all_again(grown, worlds):
    given = {"demo_scenes": 0, "images_folder": str(worlds / "folder"), "runs_dir": str(worlds / "runs")}
    params = load_params(DEMO, {**given, "name": "grown", "conf": 0.4, "sampling_rate": 0.3})
    options = {"until": "04_score_rarity", "notebooks": worlds / "notebooks"}
    run = run_pipeline(params, terminal=Terminal(io.StringIO()), **options)
    assert counts_of(run, "02_detect_objects")["reused"] == 0
    assert counts_of(run, "03_embed_objects")["reused"] > 0  # the same crop of the same picture has the same vector
    run = run_pipeline(params, terminal=Terminal(io.StringIO()), force="02_detect_objects", **options)
    assert counts_of(run, "03_embed_objects")["reused"] == 0
