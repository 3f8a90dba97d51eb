"""A run that keeps the crops of selected objects only: the same results, and others are cut when they are needed."""

import io

import numpy as np
import pandas as pd
import pytest
from small_demo import DEMO

from rarelib.explore.explorer import Explorer
from rarelib.params import load_params
from rarelib.pipeline.check import check_run
from rarelib.pipeline.products import present_crops
from rarelib.pipeline.stages import run_pipeline
from rarelib.pipeline.terminal import Terminal


@pytest.fixture(scope="module")
def lean(tmp_path_factory):
    """A finished run as the shared demo, with keep_crops: selected; and its crops before anything else was shown."""
    given = {"runs_dir": str(tmp_path_factory.mktemp("lean")), "demo_scenes": 30, "keep_crops": "selected"}
    params = load_params(DEMO, given)
    run = run_pipeline(params, until="05_map_objects", terminal=Terminal(io.StringIO()))
    crops = set(present_crops(run))
    return run_pipeline(params, terminal=Terminal(io.StringIO())), crops


def test_only_crops_of_selected_objects_and_of_what_stood_beside_them_are_kept(lean):
    run, crops = lean
    objects, scores, neighbours = (run.read_table(name) for name in ("objects", "scores", "neighbours"))
    selected = scores.loc[scores["selected"], "object_id"]
    paths = objects.set_index("object_id")["crop_path"]
    assert crops >= set(paths[selected])
    assert crops <= set(paths[[*selected, *neighbours["neighbour_id"]]])
    assert len(crops) < 0.7 * len(objects)


def test_the_results_are_the_same(lean, demo):
    run, _ = lean
    for table in ("objects", "early_filter", "scores", "neighbours"):
        pd.testing.assert_frame_equal(run.read_table(table), demo[0].read_table(table), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(run.read_vectors()[0], demo[0].read_vectors()[0], atol=1e-5)
    folders = [
        {path.name: path.read_bytes() for path in (each.root / "final_outliers").iterdir()} for each in (run, demo[0])
    ]
    assert folders[0] == folders[1]
    assert check_run(run.root) == []


def test_a_lost_crop_of_a_selected_object_comes_back(lean):
    run, _ = lean
    scores = run.read_table("scores")
    first = scores.loc[scores["rank"].idxmin(), "object_id"]
    path = run.root / run.read_table("objects").set_index("object_id").loc[first, "crop_path"]
    path.unlink()
    assert any(path.name in problem for problem in check_run(run.root))
    params = load_params(DEMO, {"runs_dir": str(run.root.parent), "demo_scenes": 30, "keep_crops": "selected"})
    run_pipeline(params, terminal=Terminal(io.StringIO()))
    assert path.is_file() and check_run(run.root) == []


def test_the_explorer_cuts_what_it_is_asked_for(lean):
    run, _ = lean
    explorer = Explorer(run.root)
    kept = set(present_crops(run))
    _, pictures = explorer.answer("crops", rows=[0, len(explorer.objects) - 1], side=64)
    assert all(len(picture) > 300 for picture in pictures)
    assert explorer.objects["crop_path"].iloc[-1] not in kept and set(present_crops(run)) == kept
