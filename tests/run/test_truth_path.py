"""Where a run's truth lies."""

from rarelib.run.folder import RunFolder


def test_the_truth_of_the_demo_world_is_that_of_its_own_pictures_only(tmp_path):
    run = RunFolder(tmp_path / "run")
    assert run.truth_path("auto") is None
    drawn = run.path("demo_world/truth.parquet")
    drawn.write_bytes(b"")
    assert run.truth_path("auto") == drawn
    assert run.truth_path("auto", "data/nuscenes") is None  # left by an earlier run of this name
    assert run.truth_path("") is None
