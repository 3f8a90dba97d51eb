"""Flat names, and pictures stored turned."""

import numpy as np
import pandas as pd
from PIL import Image

from rarelib.export.pictures import flat_names, place_pictures
from rarelib.export.rows import Export


def test_flat_names_tell_the_drive_and_never_collide():
    paths = ["drive_00/0000.jpg", "drive_01/0000.jpg", "a/b.jpg", "a__b.jpg", "A/B.JPG"]
    names = flat_names(paths, ["i0", "i1", "i2", "i3", "i4"])
    assert names[:2] == ["drive_00__0000.jpg", "drive_01__0000.jpg"]
    assert names[2:] == ["a__b__i2.jpg", "a__b__i3.jpg", "A__B__i4.JPG"]


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
