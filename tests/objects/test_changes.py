import os

import pandas as pd
import pytest
from PIL import Image

from rarelib.objects.changes import changes_sentence, find_changes, join_kept, picture_state
from rarelib.pictures.decoding import read_with_content
from rarelib.pictures.listing import list_images
from rarelib.run.earlier import Earlier, read_earlier, remember, remembered_rows
from rarelib.run.folder import RunFolder
from rarelib.tables import empty_table


def draw(path, grey):
    Image.new("RGB", (30, 20), (grey, grey, grey)).save(path)


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        draw(tmp_path / f"{number}.png", 40 * number)
    return tmp_path


def objects_in(images, folder):
    """One object a picture, whose class is the picture's content."""
    contents = [read_with_content(folder / path)[1] for path in images["path"]]
    return pd.DataFrame({"object_id": images["image_id"] + "-00", "image_id": images["image_id"], "content": contents})


def detected(folder):
    images = list_images(folder)
    objects = objects_in(images, folder)
    tables = {"objects": objects, "unreadable": empty_table("unreadable")}
    return images, Earlier(picture_state(images, images, objects), tables)


def test_the_first_run_has_only_new_pictures(folder):
    images = list_images(folder)
    changes = find_changes(images, images, folder, Earlier())
    assert changes.counts == {"new": 5, "changed": 0, "removed": 0, "reused": 0} and len(changes.images) == 5
    assert "compare with: 5 pictures are new" in changes_sentence(changes)
    assert "比較せず、5 枚" in changes_sentence(changes, "ja")


def test_size_and_time_decide_and_content_where_these_differ(folder):
    _, earlier = detected(folder)
    draw(folder / "0.png", 255)  # another picture
    os.utime(folder / "1.png", (1, 1))  # another time
    (folder / "2.png").unlink()
    draw(folder / "new.png", 7)
    images = list_images(folder)
    changes = find_changes(images, images, folder, earlier)
    assert changes.counts == {"new": 1, "changed": 1, "removed": 1, "reused": 3}
    assert changes_sentence(changes).startswith(
        "Compared with the last run of this folder: 1 picture is new, 1 changed"
    )
    assert changes.images["path"].tolist() == ["0.png", "new.png"]
    objects, _ = join_kept(changes, images, earlier, objects_in(changes.images, folder), earlier.tables["unreadable"])
    pd.testing.assert_frame_equal(objects, objects_in(images, folder))


def test_what_could_not_be_decoded_is_tried_again(folder):
    images, earlier = detected(folder)
    failed = pd.DataFrame({"image_id": images["image_id"].head(1), "error": ["the server gave nothing"]})
    earlier.tables["unreadable"] = failed
    assert find_changes(images, images, folder, earlier).images["path"].tolist() == ["0.png"]


def test_without_a_time_the_content_decides(folder):
    images, earlier = detected(folder)
    untold = images.assign(modified=-1)
    earlier = Earlier(earlier.rows.assign(modified=-1), earlier.tables)
    assert find_changes(images, untold, folder, earlier).counts["reused"] == 5
    draw(folder / "3.png", 1)
    assert find_changes(images, untold, folder, earlier).images["path"].tolist() == ["3.png"]


def test_files_that_nothing_is_known_of_are_compared_by_content(folder):
    images, earlier = detected(folder)
    unknown = images[["path", "size", "modified"]].head(0)
    assert find_changes(images, unknown, folder, earlier).counts["reused"] == 5


def test_nothing_is_kept_of_other_settings_or_of_changed_tables(folder, tmp_path):
    run = RunFolder(tmp_path / "run")
    table = empty_table("unreadable")
    run.write_table("unreadable", table)
    rows = picture_state(list_images(folder), list_images(folder))
    remember(run, "02_detect_objects", {"conf": 0.25}, rows)
    kept = read_earlier(run, "02_detect_objects", {"conf": 0.25})
    pd.testing.assert_frame_equal(kept.rows, rows)
    assert kept.is_there and not read_earlier(run, "02_detect_objects", {"conf": 0.5}).is_there
    assert len(remembered_rows(run, "02_detect_objects", ["image_id"])) == 5
    run.write_table("unreadable", pd.DataFrame({"image_id": ["x"], "error": ["by hand"]}))
    assert not read_earlier(run, "02_detect_objects", {"conf": 0.25}).is_there
    assert remembered_rows(run, "03_embed_objects", ["image_id"]).empty
