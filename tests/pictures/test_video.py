"""Videos as pictures: which frames are taken, that each is the right one, and what is wrong with the others."""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from drawn_videos import draw_video, number_of
from s3_server import serve_s3

from rarelib.addresses import stores
from rarelib.pictures.decoding import ImageError, read_image, read_size
from rarelib.pictures.listing import group_of, has_pictures, image_id_of, list_images
from rarelib.pictures.paths import frame_path, split_frame
from rarelib.pictures.sources import read_ahead, source_of
from rarelib.pictures.video import frame_times, video_facts
from rarelib.settings import SelectSettings

CONTAINERS = [("a.mp4", "libx264"), ("a.mov", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.avi", "mpeg4"),
              ("a.webm", "libvpx-vp9"), ("a.MP4", "mpeg4"), ("a.mpg", "mpeg2video"), ("a.wmv", "wmv2"),
              ("a.flv", "flv")]  # fmt: skip


def test_a_frames_path_tells_video_and_time():
    assert frame_path("day/a.mp4", 12.5) == "day/a.mp4#t=00012.500"
    assert split_frame("day/a.mp4#t=00012.500") == ("day/a.mp4", 12.5)
    assert split_frame("/x/A.MOV#t=3") == ("/x/A.MOV", 3.0)
    for path in ("day/a.jpg#t=1.000", "a.mp4", "a.mp4#t=", "a.mp4#t=-1.0", "a.mp4#t=1.000.jpg"):
        assert split_frame(path) is None
    paths = [frame_path("a.mp4", seconds) for seconds in (0, 9, 10, 100, 9999.999, 86399)]
    assert paths == sorted(paths)


@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
def test_frames_are_those_shown_at_that_time(tmp_path, name, codec):
    rate, step = (25, 5) if codec == "mpeg2video" else (10, 2)
    video = draw_video(tmp_path / name, codec=codec, times=[number / rate for number in range(28)], key_frames=8)
    found = frame_times(video, 5)
    assert found == pytest.approx([n * step / rate for n in range(-(-28 // step))], abs=2e-3)
    shown = [number_of(read_image(frame_path(str(video), seconds))) for seconds in found]
    assert shown == list(range(0, 28, step))
    mixed = list(enumerate(found))
    random.Random(1).shuffle(mixed)
    assert all(number_of(read_image(frame_path(str(video), at))) == n * step for n, at in mixed)


def test_every_order_of_reading_gives_the_same_frames(tmp_path):
    video = draw_video(tmp_path / "a.mp4", times=[n / 10 for n in range(28)], key_frames=9)
    for order in itertools.permutations((0.0, 0.5, 0.9, 1.7, 2.7)):
        assert [number_of(read_image(frame_path(str(video), at))) for at in order] == [round(at * 10) for at in order]


def test_a_time_between_two_frames_shows_the_earlier(tmp_path):
    video = draw_video(tmp_path / "a.mp4")
    assert [number_of(read_image(f"{video}#t={at}")) for at in (0.55, 0.51, 0.6, 0.59)] == [5, 5, 6, 5]


def test_a_varying_rate_takes_each_frame_once(tmp_path):
    times = [0, 0.1, 0.2, 1.0, 5.0, 5.5, 9.0]
    video = draw_video(tmp_path / "a.mp4", times=times)
    found = frame_times(video, 1)
    assert found == [0, 1, 5, 5.5, 9]
    assert [number_of(read_image(frame_path(str(video), at))) for at in found] == [0, 3, 4, 5, 6]
    assert frame_times(video, 100) == times


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_turned_videos_are_read_upright(tmp_path, rotation):
    """The white quarter is stored upper left; counter-clockwise by 90 degrees it is shown lower left."""
    video = draw_video(tmp_path / "a.mp4", rotation=rotation)
    picture = read_image(frame_path(str(video), 1.0))
    size_wh = (64, 48) if rotation == 180 else (48, 64)
    assert read_size(frame_path(str(video), 1.0)) == picture.shape[1::-1] == size_wh
    height, width = picture.shape[:2]
    quarters = {
        (top, left): picture[top * height // 2 :, left * width // 2 :][: height // 2, : width // 2].mean()
        for top in (0, 1)
        for left in (0, 1)
    }
    assert max(quarters, key=quarters.get) == {90: (1, 0), -90: (0, 1), 180: (1, 1)}[rotation]


def test_listed_among_pictures_with_ids_by_file_and_time(tmp_path):
    draw_video(tmp_path / "day" / "a.mp4")
    images = list_images(tmp_path, settings=SelectSettings(video_fps=2))
    assert images["path"].tolist() == [f"day/a.mp4#t=0000{n // 2}.{n % 2 * 5}00" for n in range(8)]
    assert images["image_id"].tolist() == [image_id_of(path) for path in images["path"]]
    assert set(images["group"]) == {"day/a.mp4"} and images["sampled"].all()
    assert images[["width", "height"]].drop_duplicates().to_numpy().tolist() == [[64, 48]]
    slower = list_images(tmp_path, settings=SelectSettings(video_fps=1))
    assert set(slower["image_id"]) < set(images["image_id"])
    assert list_images(tmp_path, settings=SelectSettings(video_fps=2, max_images=3))["sampled"].sum() == 3
    assert has_pictures(tmp_path) and group_of("day/a.mp4") == "day/a.mp4"


def test_when_it_began_and_when_no_clock_was_set(tmp_path):
    dated = video_facts(draw_video(tmp_path / "a.mp4", began="2023-05-01T12:00:00Z"))
    assert dated.began == 1682942400.0
    assert np.isnan(video_facts(draw_video(tmp_path / "b.mp4", began="1970-01-01T00:00:00Z")).began)
    assert np.isnan(video_facts(draw_video(tmp_path / "c.mp4")).began)


def broken_videos(folder):
    whole = draw_video(folder / "whole.mp4").read_bytes()
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video")
    (folder / "no_index.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "list.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nwhole.mp4\n#EXT-X-ENDLIST\n")
    (folder / "concat.avi").write_text("ffconcat version 1.0\nfile 'whole.mp4'\n")
    (folder / "folder.mp4").mkdir()


def test_what_is_no_video_keeps_a_row_with_the_reason(tmp_path):
    broken_videos(tmp_path)
    images = list_images(tmp_path).set_index("path")
    errors = images.loc[images["error"] != "", "error"]
    assert sorted(errors.index) == sorted(
        ["empty.mp4", "text.mp4", "no_index.mp4", "list.mp4", "concat.avi", "folder.mp4"]
    )
    assert errors["empty.mp4"] == "empty file" and errors["folder.mp4"] == "a folder, not a picture"
    for name in ("text.mp4", "no_index.mp4", "list.mp4", "concat.avi"):
        assert errors[name].startswith("not a video in a known format, or cut off"), errors[name]
    assert (images["error"] == "").sum() == 4


def test_a_video_without_pictures_says_so(tmp_path):
    import av

    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert list_images(tmp_path)["error"].tolist() == ["no pictures in it"]


def test_frames_behind_a_cut_are_errors_and_the_others_are_read(tmp_path):
    video = draw_video(tmp_path / "a.mkv", times=[n / 10 for n in range(28)], size_wh=(320, 240), key_frames=7)
    seconds = frame_times(video, 10)
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 6 // 10])
    outcome = []
    for at in seconds:
        try:
            outcome.append(number_of(read_image(frame_path(str(video), at))))
        except ImageError as error:
            assert "cut off" in str(error) or "damaged" in str(error)
            outcome.append(None)
    read = [number for number in outcome if number is not None]
    assert 7 < len(read) < 26 and read == list(range(len(read)))
    assert outcome == read + [None] * (len(outcome) - len(read))
    assert number_of(read_image(frame_path(str(video), 0.3))) == 3  # also after an error


def test_limits_and_missing_files(tmp_path):
    video = draw_video(tmp_path / "a.mp4")
    with pytest.raises(ImageError, match=r"64 x 48 px is more than 0.001 million pixels \(max_megapixels\)"):
        read_image(f"{video}#t=0", max_megapixels=0.001)
    assert "max_megapixels" in list_images(tmp_path, settings=SelectSettings(max_megapixels=0.001))["error"][0]
    with pytest.raises(ImageError, match="cut off before 99"):
        read_image(f"{video}#t=99.5")
    with pytest.raises(ImageError, match="missing"):
        read_image(tmp_path / "b.mp4#t=0.000")
    with pytest.raises(ImageError, match="missing"):
        read_size(tmp_path / "b.mp4#t=0.000")


def test_a_file_that_changed_is_opened_anew(tmp_path):
    video = draw_video(tmp_path / "a.mp4")
    assert number_of(read_image(f"{video}#t=1.0")) == 10
    draw_video(video, times=[n / 5 for n in range(20)])
    assert number_of(read_image(f"{video}#t=1.0")) == 5


def test_threads_read_side_by_side(tmp_path):
    videos = [draw_video(tmp_path / f"{name}.mp4", times=[n / 10 for n in range(28)]) for name in "ab"]
    wanted = [(video, number) for number in range(28) for video in videos]
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda each: number_of(read_image(f"{each[0]}#t={each[1] / 10}")), wanted))
    assert read == [number for _, number in wanted]


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    draw_video(tmp_path / "fleet" / "day" / "a.mp4", size_wh=(320, 240))
    (tmp_path / "fleet" / "broken.mp4").write_text("no video")
    stores.forget_stores()
    with serve_s3(tmp_path, monkeypatch):
        yield tmp_path / "fleet"
    stores.forget_stores()


def test_videos_of_an_address_are_listed_and_read_as_on_disk(bucket):
    images, on_disk = list_images("s3://fleet"), list_images(bucket)
    told_otherwise = ["error", "modified"]  # reasons of a protocol; whole seconds
    assert images.drop(columns=told_otherwise).equals(on_disk.drop(columns=told_otherwise))
    assert images["error"].ne("").tolist() == [True, False, False, False, False]
    with read_ahead(source_of("s3://fleet"), images["path"].tolist()) as folder:
        for path in images["path"][1:]:
            np.testing.assert_array_equal(read_image(folder / path), read_image(bucket / path))
    with pytest.raises(ImageError, match="missing"):
        read_image(source_of("s3://fleet") / "b.mp4#t=0")
