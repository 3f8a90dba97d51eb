"""Flat names, and pictures stored turned."""

from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from drawn_videos import draw_video, number_of
from PIL import Image

from rarelib.export.pictures import flat_names, place_pictures
from rarelib.export.rows import Export
from rarelib.pictures.decoding import ImageError, read_image
from rarelib.pictures.paths import frame_path
from rarelib.pictures.sources import source_of


def test_flat_names_tell_the_drive_and_never_collide():
    paths = ["drive_00/0000.jpg", "drive_01/0000.jpg", "a/b.jpg", "a__b.jpg", "A/B.JPG"]
    names = flat_names(paths, ["i0", "i1", "i2", "i3", "i4"])
    assert names[:2] == ["drive_00__0000.jpg", "drive_01__0000.jpg"]
    assert names[2:] == ["a__b__i2.jpg", "a__b__i3.jpg", "A__B__i4.JPG"]
    assert flat_names(["a.jpg", "a.png", "b.png"], ["i0", "i1", "i2"]) == ["a__i0.jpg", "a__i1.png", "b.png"]


def test_no_two_flat_names_differ_by_their_suffix_only():
    """YOLO's label files and other readers know a picture by its name without the suffix."""
    names = flat_names(["a.jpg", "a.png", "b/A.webp", "b/c.jpg"], ["i0", "i1", "i2", "i3"])
    assert names == ["a__i0.jpg", "a__i1.png", "b__A.webp", "b__c.jpg"]


def test_flat_names_of_deep_folders_are_cut_to_what_a_disk_takes():
    deep = "/".join(["ドライブレコーダー映像" * 5] * 3)
    names = flat_names([f"{deep}/0001.jpg", f"{deep}/0002.jpg", "0003.jpg"], ["i0", "i1", "i2"])
    assert max(len(name.encode()) for name in names) <= 250 and len({Path(name).stem for name in names}) == 3
    assert names[0].endswith("__0001__i0.jpg") and names[1].endswith("__0002__i1.jpg") and names[2] == "0003.jpg"


def test_a_picture_stored_turned_is_written_upright(tmp_path):
    picture = np.zeros((20, 40, 3), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=turned)
    images = pd.DataFrame({"image_id": ["i0"], "path": ["a.jpg"], "width": [20], "height": [40]})
    export = Export(pd.DataFrame(), images, "run")
    placed = place_pictures(export, tmp_path, tmp_path / "out", how="link")
    written = tmp_path / "out" / placed.images["file_name"][0]
    assert not written.is_symlink()
    with Image.open(written) as opened:
        assert opened.size == (20, 40) and 0x0112 not in opened.getexif()


def test_a_picture_that_is_turned_loses_next_to_nothing(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (64, 96, 1), np.uint8).repeat(3, axis=2)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=turned, quality=95)
    before = read_image(tmp_path / "a.jpg").astype(int)
    export = Export(pd.DataFrame(), pd.DataFrame({"image_id": ["i0"], "path": ["a.jpg"]}), "run")
    placed = place_pictures(export, tmp_path, tmp_path / "out", how="copy")
    after = read_image(tmp_path / "out" / placed.images["file_name"][0])
    assert np.abs(after - before).mean() < 3


@pytest.mark.parametrize("how", ["link", "copy"])
def test_a_gif_is_written_as_the_frame_that_has_the_boxes(tmp_path, how):
    first, second = (Image.new("RGB", (40, 20), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.GIF", save_all=True, append_images=[second])
    first.save(tmp_path / "a.png")
    images = pd.DataFrame({"image_id": ["i0", "i1"], "path": ["a.GIF", "a.png"], "width": 40, "height": 20})
    placed = place_pictures(Export(pd.DataFrame(), images, "run"), tmp_path, tmp_path / "out", how=how)
    assert placed.images["file_name"].tolist() == ["images/a__i0.png", "images/a__i1.png"]
    with Image.open(tmp_path / "out" / "images" / "a__i0.png") as opened:
        assert (opened.format, opened.size, opened.getpixel((5, 5))) == ("PNG", (40, 20), (255, 0, 0))


def test_pictures_of_an_address_are_copied(tmp_path):
    store = fsspec.filesystem("memory")
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(tmp_path / "a.png")
    store.pipe("/exported/day/a.png", (tmp_path / "a.png").read_bytes())
    images = pd.DataFrame({"image_id": ["i0"], "path": ["day/a.png"], "width": [40], "height": [20]})
    export = Export(pd.DataFrame(), images, "run")
    placed = place_pictures(export, source_of("memory://exported"), tmp_path / "out", how="link")
    written = tmp_path / "out" / placed.images["file_name"][0]
    assert written.name == "day__a.png" and written.read_bytes() == (tmp_path / "a.png").read_bytes()
    store.rm("/exported", recursive=True)
    with pytest.raises(FileNotFoundError, match=r"The picture a.png is missing"):
        place_pictures(export, source_of("memory://exported"), tmp_path / "out2", how="copy")


def video_export(folder, *, seconds=(0.5, 2.0)):
    draw_video(folder / "day" / "a.mp4")
    paths = [frame_path("day/a.mp4", each) for each in seconds]
    images = pd.DataFrame({"image_id": ["i0", "i1"], "path": paths, "width": 64, "height": 48})
    return Export(pd.DataFrame(), images, "run")


@pytest.mark.parametrize("how", ["link", "copy"])
def test_frames_of_videos_are_written_as_pictures(tmp_path, how):
    placed = place_pictures(video_export(tmp_path), tmp_path, tmp_path / "out", how=how)
    assert placed.images["file_name"].tolist() == ["images/day__a__00000500ms.jpg", "images/day__a__00002000ms.jpg"]
    for name, number in zip(placed.images["file_name"], (5, 20), strict=True):
        assert not (tmp_path / "out" / name).is_symlink()
        assert number_of(read_image(tmp_path / "out" / name)) == number


def test_frames_that_cannot_be_read_end_the_export(tmp_path):
    export = video_export(tmp_path, seconds=(0.5, 99.0))
    with pytest.raises(ImageError, match=r"The frame a.mp4#t=00099.000 cannot be read: cut off before 99"):
        place_pictures(export, tmp_path, tmp_path / "out", how="copy")
    with pytest.raises(FileNotFoundError, match=r"The picture a.mp4 is missing; give its folder by --images_folder"):
        place_pictures(export, tmp_path / "elsewhere", tmp_path / "out2", how="copy")
