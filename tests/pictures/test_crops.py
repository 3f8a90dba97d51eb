import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarelib.pictures.crops import (
    crop_path_of,
    cut_crop,
    measure_crop,
    read_crops,
    recut_crops,
    touches_border,
    write_jpeg,
)
from rarelib.pictures.decoding import read_image
from rarelib.run.folder import RunFolder
from rarelib.tables import BOX, TableError


def picture_of(height=60, width=80):
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_crop_is_the_box_rounded_outwards():
    picture = picture_of()
    assert np.array_equal(cut_crop(picture, np.array([10.4, 5.9, 20.1, 8.0])), picture[5:8, 10:21])


@pytest.mark.parametrize("box", [[-9, -9, 999, 999], [80, 60, 80, 60], [3, 3, 3, 3], [79.9, 0, 80, 0.1]])
def test_crop_is_never_empty_and_never_outside(box):
    crop = cut_crop(picture_of(), np.array(box, float))
    assert min(crop.shape[:2]) >= 1
    assert crop.shape[0] <= 60 and crop.shape[1] <= 80


def test_crops_are_written_and_read_again(tmp_path):
    crop = np.full((30, 40, 3), (200, 100, 50), np.uint8)
    path = crop_path_of("ab12-00")
    assert path == "cropped_objects/ab/ab12-00.jpg"
    write_jpeg(tmp_path / path, crop)
    objects = pd.DataFrame({"crop_path": [path, "cropped_objects/missing.jpg"]})
    read, missing = read_crops(objects, tmp_path)
    assert read.shape == crop.shape
    assert np.abs(read.astype(int) - crop).max() <= 3
    assert missing.shape == (64, 64, 3)


def test_a_crop_written_again_is_a_new_file(tmp_path):
    write_jpeg(tmp_path / "crop.jpg", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "moved.jpg").hardlink_to(tmp_path / "crop.jpg")
    before = (tmp_path / "moved.jpg").read_bytes()
    write_jpeg(tmp_path / "crop.jpg", np.full((8, 8, 3), 255, np.uint8))
    assert (tmp_path / "moved.jpg").read_bytes() == before != (tmp_path / "crop.jpg").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_crops_are_cut_again_as_they_were(tmp_path):
    write_jpeg(tmp_path / "in" / "a.jpg", picture_of())
    objects = pd.DataFrame({"object_id": ["ab-00", "cd-00"], "image_id": ["ab", "cd"]})
    objects = objects.assign(x_min=10.4, y_min=5.9, x_max=20.1, y_max=8.0)
    objects["crop_path"] = objects["object_id"].map(crop_path_of)
    images = pd.DataFrame({"image_id": ["ab", "cd"], "path": ["a.jpg", "gone.jpg"]})
    recut_crops(objects, images, tmp_path / "in", tmp_path)
    write_jpeg(tmp_path / "wanted.jpg", cut_crop(read_image(tmp_path / "in" / "a.jpg"), np.array([10.4, 5.9, 20.1, 8])))
    assert (tmp_path / crop_path_of("ab-00")).read_bytes() == (tmp_path / "wanted.jpg").read_bytes()
    assert not (tmp_path / crop_path_of("cd-00")).exists()


def test_quality_of_planted_crops():
    black, grey = np.zeros((20, 30, 3), np.uint8), np.full((300, 200, 3), 128, np.uint8)
    checks = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None].repeat(3, axis=2)
    checks = (checks * 255).astype(np.uint8)
    assert measure_crop(black) == {"brightness": 0.0, "contrast": 0.0, "sharpness": 0.0}
    assert measure_crop(grey)["brightness"] == pytest.approx(128 / 255, abs=1e-3)
    assert measure_crop(checks)["contrast"] == pytest.approx(0.5, abs=0.01)
    blurred = np.asarray([np.convolve(row, np.ones(9) / 9, mode="same") for row in checks[..., 0]]).astype(np.uint8)
    assert measure_crop(blurred[..., None].repeat(3, axis=2))["sharpness"] < measure_crop(checks)["sharpness"]


def test_sharpness_does_not_depend_on_size():
    small = picture_of(64, 64)
    large = small.repeat(4, axis=0).repeat(4, axis=1)
    assert measure_crop(large)["sharpness"] == pytest.approx(measure_crop(small)["sharpness"], rel=0.05)


def test_touching_the_border():
    xyxy = np.array([[10, 10, 20, 20], [0.5, 10, 20, 20], [10, 10, 79.5, 20], [10, 10, 20, 60]], float)
    assert touches_border(xyxy, width=80, height=60).tolist() == [False, True, True, True]


def test_of_no_objects_no_crop_is_cut(tmp_path):
    nothing = pd.DataFrame({name: pd.Series(dtype="str") for name in ("image_id", "crop_path", *BOX)})
    recut_crops(nothing, pd.DataFrame({"image_id": ["a"], "path": ["a.png"]}), tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_folder_or_table_is_refused_and_one_row_is_a_table_of_one(tmp_path):
    crop = np.full((8, 9, 3), 200, np.uint8)
    Image.fromarray(crop).save(tmp_path / "a.png")
    rows = pd.DataFrame({"object_id": ["a-00"], "crop_path": ["a.png"]})
    for root in (tmp_path, str(tmp_path), RunFolder(tmp_path)):
        assert read_crops(rows.iloc[0], root)[0].shape == read_crops(rows, root)[0].shape == (8, 9, 3)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; it is the `root` of an open run"):
        read_crops(rows, tmp_path / "nowhere")
    with pytest.raises(TableError, match="need the column 'crop_path'"):
        read_crops(rows[["object_id"]], tmp_path)
