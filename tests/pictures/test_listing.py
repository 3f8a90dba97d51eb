import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from rarelib.pictures.listing import (
    ImageError,
    group_of,
    has_pictures,
    image_id_of,
    list_images,
    read_image,
    read_samples,
)
from rarelib.pictures.listings import LISTINGS, listed_once, told_to_kernels
from rarelib.settings import SelectSettings


def save(path, size=(40, 20), colour=(200, 30, 60), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


def marked_picture():
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:8, :12] = (250, 0, 0)  # red, top left
    return Image.fromarray(picture)


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.PNG", "a.jpg", "b/10.webp", "c/d/e.TIFF", "z.bmp", "g.gif"):
        save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_listing_is_recursive_sorted_and_knows_sizes(folder):
    images = list_images(folder)
    assert images["path"].tolist() == ["a.jpg", "b/10.webp", "b/2.PNG", "c/d/e.TIFF", "g.gif", "z.bmp"]
    assert set(images["width"]) == {40} and set(images["height"]) == {20}
    assert images["sampled"].all() and (images["error"] == "").all()
    assert images["group"].tolist() == ["", "b", "b", "c/d", "", ""]
    assert images["image_id"].tolist() == [image_id_of(path) for path in images["path"]]
    assert images["image_id"].str.fullmatch(r"[0-9a-f]{12}").all() and images["image_id"].is_unique


def test_sampling_draws_the_share_by_seed_and_looks_at_no_other(tmp_path):
    for number in range(100):
        (tmp_path / f"{number:03d}.jpg").write_bytes(b"not a picture")
    images = list_images(tmp_path, settings=SelectSettings(sampling_rate=0.2, seed=3))
    assert images["sampled"].sum() == 20
    assert (images["error"] != "").tolist() == images["sampled"].tolist()
    assert list_images(tmp_path, settings=SelectSettings(sampling_rate=0.2, seed=3)).equals(images)
    assert not list_images(tmp_path, settings=SelectSettings(sampling_rate=0.2, seed=4)).equals(images)
    assert list_images(tmp_path, settings=SelectSettings(max_images=7))["sampled"].sum() == 7
    assert list_images(tmp_path, settings=SelectSettings(sampling_rate=0.001))["sampled"].sum() == 1
    assert list_images(tmp_path, settings=SelectSettings(sampling_rate=0))["sampled"].sum() == 0


def test_an_empty_folder_gives_an_empty_table(tmp_path):
    images = list_images(tmp_path)
    assert len(images) == 0 and images["sampled"].dtype == bool
    assert not has_pictures(tmp_path)
    (tmp_path / "x.jpg").touch()
    assert has_pictures(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="'images_folder' parameter must be an existing folder"):
        list_images(tmp_path / "nowhere")


@pytest.mark.parametrize(("pattern", "message"), [("(", "not a regular expression"), ("a+", "must have a group")])
def test_a_wrong_group_pattern_is_refused(tmp_path, pattern, message):
    with pytest.raises(ValueError, match=message):
        list_images(tmp_path, settings=SelectSettings(group_pattern=pattern))


def test_groups():
    nuscenes = "samples/CAM_FRONT/n008-2018-09-18-13-10-39-0400__CAM_FRONT__1537291002262404.jpg"
    assert group_of(nuscenes) == "n008-2018-09-18-13-10-39-0400"
    assert group_of("drive_1/left/0001.png") == "drive_1/left"
    assert group_of("0001.png") == ""
    assert group_of("drive_1/left/0001.png", re.compile(r"^([^/]+)/")) == "drive_1"
    assert group_of("0001.png", re.compile(r"^([^/]+)/")) == ""


def test_links_in_circles_end_and_links_to_folders_are_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    save(elsewhere / "far.jpg")
    (folder / "b" / "circle").symlink_to(folder)
    (folder / "far").symlink_to(elsewhere)
    paths = list_images(folder)["path"].tolist()
    assert "far/far.jpg" in paths and len(paths) == 7


def test_a_name_that_is_not_utf8_has_its_row(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    images = list_images(tmp_path)
    assert images["path"].tolist() == ["caf\\xe9.jpg"]
    assert images["error"].tolist() == ["name is not valid UTF-8"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_pictures_are_turned_upright(tmp_path, orientation, suffix):
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL transpose that undoes the orientation
    stored = marked_picture() if orientation == 1 else marked_picture().transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a{suffix}", exif=exif, **({"quality": 95} if suffix != ".png" else {}))
    picture = read_image(tmp_path / f"a{suffix}")
    assert np.abs(picture.astype(int) - np.asarray(marked_picture())).mean() < 6
    assert list_images(tmp_path)[["width", "height"]].to_numpy().tolist() == [[40, 20]]


def test_jpeg_equals_pillow(tmp_path):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (33, 47, 3), dtype=np.uint8)).resize((470, 330))
    picture.save(tmp_path / "a.jpg", quality=90)
    expected = np.asarray(Image.open(tmp_path / "a.jpg"))
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - expected).max() <= 2


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "P"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp", ".gif"])
def test_other_modes_become_rgb(tmp_path, mode, suffix):
    picture = Image.new("RGB", (30, 20), (200, 200, 200)).convert(mode)
    try:
        picture.save(tmp_path / f"a{suffix}")
    except (OSError, ValueError):
        pytest.skip("this format does not hold this mode")
    read = read_image(tmp_path / f"a{suffix}")
    assert read.shape == (20, 30, 3) and read.dtype == np.uint8
    assert read.mean() == pytest.approx(np.asarray(picture.convert("RGB")).mean(), abs=12)


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    Image.fromarray(np.full((4, 5), 200 * 256 + 17, np.uint16)).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == 200).all()


def test_floats_of_one_or_of_255(tmp_path):
    Image.fromarray(np.full((4, 5), 0.5, np.float32)).save(tmp_path / "one.tif")
    Image.fromarray(np.full((4, 5), 120.0, np.float32)).save(tmp_path / "255.tif")
    assert (read_image(tmp_path / "one.tif") == 127).all()
    assert (read_image(tmp_path / "255.tif") == 120).all()


def test_transparency_is_laid_over_white(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == 255).all()


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("a.gif", "a.webp", "a.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        red, _, blue = read_image(tmp_path / name).reshape(-1, 3).mean(axis=0)
        assert red > 200 > blue


def test_a_large_picture_is_refused_by_its_header(tmp_path):
    save(tmp_path / "a.png", size=(1000, 500))
    with pytest.raises(ImageError, match=r"1000 x 500 px is more than 0\.4 million pixels \(max_megapixels\)"):
        read_image(tmp_path / "a.png", max_megapixels=0.4)
    assert "max_megapixels" in list_images(tmp_path, settings=SelectSettings(max_megapixels=0.4))["error"][0]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".gif"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_a_cut_off_picture_is_an_error_without_a_path(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    path = tmp_path / f"a{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert str(tmp_path) not in str(caught.value) and "0x" not in str(caught.value)
    assert str(caught.value)


def test_what_is_not_a_file(tmp_path):
    with pytest.raises(ImageError, match=r"^missing$"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="not a regular file"):
        read_image(tmp_path)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ImageError, match="empty file"):
        read_image(tmp_path / "empty.jpg")
    (tmp_path / "text.jpg").write_text("hello " * 100)
    with pytest.raises(ImageError, match="not a picture in a known format"):
        read_image(tmp_path / "text.jpg")


def test_samples_are_spread_evenly_and_small_enough(folder):
    (folder / "a.jpg").write_bytes(b"broken since it was listed")
    images = list_images(folder)
    samples = read_samples(images, folder, n_samples=3, max_side=20)
    assert samples.titles == ["b/2.PNG", "z.bmp"]  # the first of the three drawn is broken
    assert all(picture.shape == (10, 20, 3) for picture in samples.pictures)
    assert read_samples(images.head(0), folder, n_samples=3).pictures == []


def test_of_a_grown_folder_the_draw_stays_and_the_new_give_their_share(tmp_path):
    for number in range(1000):
        (tmp_path / f"{number:04d}.jpg").write_bytes(b"not a picture")
    first = list_images(tmp_path, settings=SelectSettings(sampling_rate=0.2, seed=3))
    assert first["sampled"].sum() == 200
    for number in range(1000, 1100):
        (tmp_path / f"{number:04d}.jpg").write_bytes(b"not a picture")
    gone = first.loc[first["sampled"], "path"].head(10).tolist()
    for path in gone:
        (tmp_path / path).unlink()
    grown = list_images(tmp_path, settings=SelectSettings(sampling_rate=0.2, seed=3), earlier=first)
    drawn = set(grown.loc[grown["sampled"], "path"])
    assert len(drawn) == 218
    assert drawn >= set(first.loc[first["sampled"], "path"]) - set(gone)
    assert len([path for path in drawn if path >= "1000"]) == 28
    again = list_images(tmp_path, settings=SelectSettings(sampling_rate=0.2, seed=3), earlier=grown)
    assert again.equals(grown)
    anew = list_images(tmp_path, settings=SelectSettings(sampling_rate=0.2, seed=3))
    assert len(drawn & set(anew.loc[anew["sampled"], "path"])) > 200


def test_the_whole_of_a_grown_folder_is_listed_as_from_nothing(folder):
    first = list_images(folder)
    (folder / "a.jpg").unlink()
    save(folder / "b/2.PNG", size=(50, 30))
    save(folder / "b/3.png", size=(60, 30))
    grown = list_images(folder, earlier=first)
    assert grown.equals(list_images(folder))
    assert grown.set_index("path").loc["b/2.PNG", ["width", "height"]].tolist() == [50, 30]


def test_headers_of_unchanged_files_are_not_read_again_but_failures_are(folder, monkeypatch):
    from rarelib.pictures import listing

    (folder / "late.png").write_bytes(b"")
    first = list_images(folder)
    read = []
    read_size = listing.read_size
    monkeypatch.setattr(listing, "read_size", lambda path, **limit: read.append(path.name) or read_size(path, **limit))
    save(folder / "new.jpg")
    assert list_images(folder, earlier=first)["error"].ne("").sum() == 1
    assert sorted(read) == ["late.png", "new.jpg"]


def test_what_file_managers_leave_is_no_picture(tmp_path):
    for name in ("a.jpg", "day/b.jpg", "._a.jpg", "day/._b.jpg", "@eaDir/thumb.jpg", "__MACOSX/._a.jpg",
                 ".Trash-1000/files/c.jpg", "$RECYCLE.BIN/d.jpg", ".hidden.jpg", "eaDir/e.jpg"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / ".DS_Store").touch()
    kept = [".hidden.jpg", "a.jpg", "day/b.jpg", "eaDir/e.jpg"]
    assert list_images(tmp_path)["path"].tolist() == kept
    store = fsspec.filesystem("memory")
    for path in tmp_path.rglob("*.jpg"):
        store.pipe(f"/littered/{path.relative_to(tmp_path).as_posix()}", b"")
    assert list_images("memory://littered")["path"].tolist() == kept
    store.rm("/littered", recursive=True)


def test_no_folder_is_not_the_one_that_one_works_in(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(list_images(".")) == 6
    with pytest.raises(FileNotFoundError, match=r"must be an existing folder\. Got '' instead"):
        list_images("")


def test_options_may_be_given_by_name(folder):
    assert list_images(folder, settings={"max_images": 2})["sampled"].sum() == 2


def test_runs_in_two_threads_have_listings_of_their_own():
    before, both = dict(os.environ), threading.Barrier(2)

    def run(turn):
        with listed_once():
            both.wait(10)  # both are under way
            told = told_to_kernels()[LISTINGS]
            assert Path(told).is_dir() and dict(os.environ) == before
            if turn:
                both.wait(10)
        if not turn:
            both.wait(10)  # the first has ended, the second has not
        return told

    with ThreadPoolExecutor(2) as pool:
        first, second = (task.result(20) for task in [pool.submit(run, turn) for turn in (0, 1)])
    assert first != second and told_to_kernels()[LISTINGS] == "" and dict(os.environ) == before
