"""The model is shown the object with some context, within the size that was asked for."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rarelib.captions.pictures import PictureReader, encode, object_pictures, widened

WHITE = np.full((90, 160, 3), 255, dtype=np.uint8)


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def read_white(path: Path) -> np.ndarray:
    return WHITE[:20, :30] if path.name == "crop.jpg" else WHITE


def pictures(**options) -> tuple[bytes, ...]:
    options = {"max_side": 100, "margin": 0.0, "scene": False} | options
    return object_pictures(Path("image.jpg"), Path("crop.jpg"), (40, 30, 70, 50), read_white, **options)


def test_margin_by_hand():
    assert widened((40, 30, 70, 50), 0.1, (160, 90)) == (37, 28, 73, 52)
    assert widened((0, 0, 160, 90), 0.5, (160, 90)) == (0, 0, 160, 90)
    assert widened((40.2, 30.2, 40.3, 30.3), 0, (160, 90)) == (40, 30, 41, 31)


def test_the_crop_alone_without_margin_and_scene():
    (crop,) = pictures()
    assert opened(crop).size == (42, 28)  # 30 x 20, enlarged to one visual token


def test_margin_takes_context_from_the_original():
    (crop,) = pictures(margin=0.5)
    assert opened(crop).size == (60, 40)


def test_the_scene_has_a_red_box_around_the_object():
    _, scene = pictures(scene=True, max_side=80)
    red = np.asarray(opened(scene)).astype(int)
    rows, columns = np.nonzero(red[..., 0] - red[..., 1] > 80)
    assert opened(scene).size == (80, 45)
    assert (columns.min(), columns.max()) == pytest.approx((17, 38), abs=1)  # 40/2 - 3, 70/2 + 3
    assert (rows.min(), rows.max()) == pytest.approx((12, 28), abs=1)


@pytest.mark.parametrize(("size", "sent"), [((1000, 500), (448, 224)), ((10, 100), (28, 280)), ((2, 900), (1, 448))])
def test_sizes_that_are_sent(size, sent):
    assert opened(encode(Image.new("RGB", size), 448)).size == sent


def test_a_reader_keeps_the_last_picture(tmp_path):
    Image.fromarray(WHITE).save(tmp_path / "a.jpg")
    read = PictureReader(1.0)
    assert read(tmp_path / "a.jpg") is read(tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg").shape == (90, 160, 3)
