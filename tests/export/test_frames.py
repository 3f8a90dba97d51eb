"""Frames to take: the rarest first, capped per drive, with a control of up to as many."""

import pandas as pd
import pytest
from drawn_videos import draw_video, number_of
from exported_run import exported_run

from rarelib.export.frames import list_frames
from rarelib.export.rows import Export
from rarelib.export.writing import export_frames
from rarelib.pictures.decoding import read_image


def test_frames_are_capped_and_the_control_is_equal_and_apart():
    images = pd.DataFrame({"image_id": [f"i{n:02d}" for n in range(60)], "path": [f"{n:02d}.jpg" for n in range(60)]})
    images = images.assign(sampled=True, error="", group=[f"drive_{n // 15}" for n in range(60)])
    images.loc[59, "error"] = "broken"
    images.loc[58, "sampled"] = False
    objects = pd.DataFrame({"image_id": [*(f"i{n:02d}" for n in range(10)), "i20", "i20"], "rank": range(1, 13)})
    export = Export(objects, images, "run")
    frames = list_frames(export, images, per_drive=4, seed=1)
    rare, control = (frames[frames["kind"] == kind] for kind in ("rare", "control"))
    assert rare["path"].tolist() == ["00.jpg", "01.jpg", "02.jpg", "03.jpg", "20.jpg"]
    assert rare["objects"].tolist() == [1, 1, 1, 1, 2] and rare["best_rank"].tolist() == [1, 2, 3, 4, 11]
    assert len(control) == 5 and control["group"].value_counts().max() <= 4
    assert not set(control["path"]) & {*(f"{n:02d}.jpg" for n in range(10)), "20.jpg", "58.jpg", "59.jpg"}
    assert list_frames(export, images, per_drive=4, seed=1).equals(frames)
    assert (list_frames(export, images, per_drive=None)["kind"] == "rare").sum() == 11


def test_the_control_is_smaller_where_few_pictures_show_none_of_the_objects():
    images = pd.DataFrame({"image_id": list("abcde"), "path": list("abcde"), "sampled": True, "error": "", "group": ""})
    frames = list_frames(Export(pd.DataFrame({"image_id": list("abc"), "rank": [1, 2, 3]}), images, "run"), images)
    assert frames["kind"].tolist() == ["rare"] * 3 + ["control"] * 2 and set(frames["path"][3:]) == {"d", "e"}


def test_frames_of_videos_are_written_as_pictures(tmp_path):
    run, pictures = exported_run(tmp_path)
    draw_video(pictures / "drive_b.mp4", size_wh=(640, 360))
    images = run.read_table("images")
    images.loc[2, ["path", "group"]] = ["drive_b.mp4#t=00001.000", "drive_b.mp4"]
    run.write_table("images", images)
    frames = export_frames(run, tmp_path / "out", images_folder=str(pictures))
    row = frames.set_index("path").loc["frames/drive_b__00001000ms.jpg"]
    assert (row["frame"], row["kind"], row["best_rank"]) == ("drive_b.mp4#t=00001.000", "rare", 1)
    assert number_of(read_image(tmp_path / "out" / "frames" / "drive_b__00001000ms.jpg")) == 10
    listed = (tmp_path / "out" / "frames_rare.txt").read_text().split()
    assert "frames/drive_b__00001000ms.jpg" in listed
    assert set(frames.loc[frames["frame"] == "", "path"]) <= set(images["path"])
    with pytest.raises(ValueError, match="'--images_folder' must name the folder"):
        export_frames(run, tmp_path / "out2", images_folder=str(tmp_path / "nowhere"))


def test_frames_of_videos_among_pictures_keep_their_own_names(tmp_path):
    run, pictures = exported_run(tmp_path)
    draw_video(pictures / "drive_b.mp4", size_wh=(640, 360))
    images = run.read_table("images")
    frames_of = {name: f"drive_b.mp4#t={second:09.3f}" for second, name in enumerate(images["image_id"].iloc[:2])}
    images["path"] = images["image_id"].map(frames_of).fillna(images["path"])
    run.write_table("images", images)
    frames = export_frames(run, tmp_path / "out", what="all", images_folder=str(pictures))
    of_video = frames[frames["frame"] != ""]
    assert len(of_video) == 2 and frames["path"].notna().all() and of_video.index.tolist() != [0, 1]
    for row in of_video.itertuples():
        assert row.path == f"frames/drive_b__{round(float(row.frame.rpartition('=')[2]) * 1000):08d}ms.jpg"
