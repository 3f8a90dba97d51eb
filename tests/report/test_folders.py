"""The crops in folders for people: by rank, by class, nothing stale, nothing outside the run."""

import os

import pytest
from planted_run import planted_run

from rarelib.report.folders import class_slug, copy_result_folders, slugs, targets_of


@pytest.fixture
def run(tmp_path):
    return planted_run(tmp_path / "run")


def names(run, folder):
    return sorted(path.name for path in (run.root / folder).iterdir())


def test_crops_are_sorted_into_folders_by_rank(run):
    counts = copy_result_folders(run, target_classes=["bus", "Horse", "tram"])
    assert counts == {"final_outliers": 3, "inliers": 2, "targets": {"bus": 2, "Horse": 1}, "missing_crops": 0}
    assert names(run, "final_outliers") == ["0001_horse_img2-06.jpg", "0002_bus_img1-05.jpg", "0003_bus_img1-04.jpg"]
    assert names(run, "inliers") == ["0004_car_img1-03.jpg", "0005_car_img0-02.jpg"]
    assert names(run, "targets") == ["bus", "horse"]
    assert names(run, "targets/bus") == ["0002_bus_img1-05.jpg", "0003_bus_img1-04.jpg"]


def test_no_crop_is_stored_twice_where_the_disk_knows_links(run):
    copy_result_folders(run)
    placed = run.root / "final_outliers" / "0001_horse_img2-06.jpg"
    assert placed.samefile(run.root / "cropped_objects/im/img2-06.jpg")


def test_crops_are_copied_where_it_knows_none(run, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert copy_result_folders(run)["final_outliers"] == 3
    placed, source = run.root / "inliers" / "0004_car_img1-03.jpg", run.root / "cropped_objects/im/img1-03.jpg"
    assert placed.read_bytes() == source.read_bytes()
    assert not placed.samefile(source)


def test_nothing_of_an_earlier_or_killed_run_stays(run):
    for stale in ("final_outliers/9999_old.jpg", "targets/old/9999_old.jpg", ".inliers.partial/half.jpg"):
        run.path(stale).write_bytes(b"old")
    copy_result_folders(run)
    assert "9999_old.jpg" not in names(run, "final_outliers")
    assert names(run, "targets") == []
    assert len(names(run, "inliers")) == 2
    assert not list(run.root.glob(".*.partial"))


def test_a_crop_that_is_gone_or_lies_outside_is_counted_as_missing(run, tmp_path):
    objects = run.read_table("objects").set_index("object_id")
    (run.root / objects.loc["img2-06", "crop_path"]).unlink()
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    objects.loc["img1-05", "crop_path"] = "../secret.jpg"
    run.write_table("objects", objects.reset_index())
    counts = copy_result_folders(run)
    assert (counts["final_outliers"], counts["missing_crops"]) == (1, 2)


def test_no_object_leaves_empty_folders(tmp_path):
    run = planted_run(tmp_path / "run", count=0)
    counts = copy_result_folders(run, target_classes=["bus"])
    assert counts == {"final_outliers": 0, "inliers": 0, "targets": {}, "missing_crops": 0}
    assert names(run, "final_outliers") == []


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("traffic light", "traffic-light"),
        ("../../etc/passwd", "etc-passwd"),
        ("建設車両", "建設車両"),
        ("CON", "con-class"),
        ("🐎", "unnamed"),
        ("", "unnamed"),
        ("x" * 300, "x" * 40),
        ("<b>a_b</b>", "b-a-b-b"),
    ],
)
def test_a_class_name_is_made_safe_for_a_file_name(name, slug):
    assert class_slug(name) == slug


def test_two_classes_never_share_a_folder():
    assert slugs(["a b", "a-b", "a_b"]) == {"a b": "a-b", "a-b": "a-b-2", "a_b": "a-b-3"}


def test_a_target_class_is_found_by_the_japanese_name_of_a_caption():
    assert targets_of(["car", "car"], ["トレーラー", "bus"], ["trailer", "other"]) == [["trailer"], []]
