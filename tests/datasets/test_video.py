"""Folders with videos: each is a drive, and pictures beside keep the layout that they have."""

import dataset_trees as trees
import pytest
from drawn_videos import draw_video

from rarelib.datasets.recognition import dataset_sentence, list_dataset, pictures_layout
from rarelib.tables import check_table


def test_a_folder_of_videos(tmp_path):
    draw_video(tmp_path / "mon" / "a.mp4", began="2023-05-01T12:00:00Z")
    draw_video(tmp_path / "tue.MOV", times=[0, 0.1, 1.5])
    (tmp_path / "broken.avi").write_text("no video")
    images, layout = list_dataset(tmp_path, video_fps=0.5)
    assert (layout.name, layout.version) == ("video", "3")
    check_table("images", images)
    assert images["path"].tolist() == [
        "broken.avi", "mon/a.mp4#t=00000.000", "mon/a.mp4#t=00002.000", "tue.MOV#t=00000.000",
    ]  # fmt: skip
    assert images["group"].tolist() == ["broken.avi", "mon/a.mp4", "mon/a.mp4", "tue.MOV"]
    assert images["timestamp"].tolist()[1:] == [1682942400.0, 1682942402.0, 0.0]
    assert images["error"].str.startswith("not a video").tolist() == [True, False, False, False]
    finer, _ = list_dataset(tmp_path, dataset="video", video_fps=2)
    assert finer["path"].tolist()[-2:] == ["tue.MOV#t=00000.100", "tue.MOV#t=00001.500"]  # shown at 0.5 s, at 1.5 s


def test_pictures_beside_videos_keep_their_layout(tmp_path):
    root = trees.kitti_tree(tmp_path)
    draw_video(root / "training" / "clip.mp4")
    trees.save_picture(root / "training" / "semantic" / "000000.png")
    images, layout = list_dataset(root)
    assert (layout.name, pictures_layout(layout).name, pictures_layout(layout).version) == ("video", "kitti", "object")
    rows = images.set_index("path")
    assert rows.loc["training/image_2/000001.png", "camera"] == "image_2"
    assert rows.loc["training/clip.mp4#t=00003.000", "group"] == "training/clip.mp4"
    assert not rows.loc["training/semantic/000000.png", "sampled"] and rows["sampled"].sum() == 7
    said = dataset_sentence(layout, images)
    assert said.startswith("Recognised: videos (1), each a drive. Beside them: KITTI (object).")


def test_nuscenes_sweeps_are_left_out_beside_videos_too(tmp_path):
    root = trees.nuscenes_tree(tmp_path)
    draw_video(root / "clip.mp4")
    images, layout = list_dataset(root)
    assert pictures_layout(layout).name == "nuscenes"
    assert images["sampled"].sum() == 8 + 4 and not images.loc[images["sampled"], "path"].str.contains("sweeps").any()


def test_the_layout_of_the_pictures_can_be_named_and_must_fit(tmp_path):
    trees.save_picture(tmp_path / "drive" / "a.jpg")
    draw_video(tmp_path / "clip.mp4")
    for name in ("folder", "video", "auto"):
        images, layout = list_dataset(tmp_path, dataset=name)
        assert (layout.name, pictures_layout(layout).name) == ("video", "folder")
        assert set(images["group"]) == {"clip.mp4", "drive"}
    with pytest.raises(ValueError, match=r"must be the layout of the pictures' folder. Got 'kitti'"):
        list_dataset(tmp_path, dataset="kitti")
    (tmp_path / "clip.mp4").unlink()
    with pytest.raises(ValueError, match=r"must be the layout of the pictures' folder. Got 'video'"):
        list_dataset(tmp_path, dataset="video")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_was_recognised_is_told(tmp_path, language):
    draw_video(tmp_path / "clip.mp4")
    images, layout = list_dataset(tmp_path)
    said = dataset_sentence(layout, images, language)
    assert "1" in said and ("drive" in said or "走行" in said)
