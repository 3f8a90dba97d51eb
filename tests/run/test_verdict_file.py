"""Verdicts in a file: read, put to the boxes that were judged, written."""

import numpy as np
import pandas as pd
import pytest
from planted_run import planted_run

from rarelib.run.user_tables import read_user_table
from rarelib.run.verdict_file import COLUMNS, OWNER, PLACE, VerdictFile, read_rows, read_verdicts

HEADER = ",".join(COLUMNS)
IDS = ["a-00", "a-01", "b-00"]


def boxes(*rows):
    """Return objects of (object_id, image_id, x_min), each a box of 100 by 100 px."""
    table = pd.DataFrame(rows, columns=["object_id", "image_id", "x_min"])
    return table.assign(y_min=0.0, x_max=table["x_min"] + 100, y_max=100.0)


OBJECTS = boxes(("a-00", "a", 0.0), ("a-01", "a", 300.4), ("b-00", "b", 0.0))


def saved(tmp_path, *lines, header=HEADER):
    path = tmp_path / "v.csv"
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return path


def values_of(path, objects=OBJECTS, object_ids=None, **about):
    found = read_verdicts(path, objects, objects["object_id"] if object_ids is None else object_ids, **about)
    return found.values.tolist(), found.elsewhere


def test_verdicts_without_a_box_are_on_the_object_of_their_id(tmp_path):
    path = saved(tmp_path, "b-00,yes", "a-00,no", "a-00,yes", header="object_id,rare")  # a second thought
    np.testing.assert_equal(values_of(path), ([1, np.nan, 1], 0))
    assert read_verdicts("", OBJECTS, IDS).values is None


def test_unsure_is_not_judged(tmp_path):
    np.testing.assert_equal(values_of(saved(tmp_path, "a-00,unsure", header="object_id,rare")), ([np.nan] * 3, 0))


def test_verdicts_as_a_spreadsheet_saves_them(tmp_path):
    text = "\ufeffobject_id;rare;note\r\na-00;FALSE;\r\nb-00;はい;\r\na-01;;\r\n;;\r\n"
    (tmp_path / "v.csv").write_text(text, encoding="utf-8")
    np.testing.assert_equal(values_of(tmp_path / "v.csv"), ([0, np.nan, 1], 0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("object_id,odd\na-00,yes\n", "must have a column 'rare'"),
        ("object_id,rare\na-00,perhaps\n", r"v\.csv, row 2: 'rare' must be yes, no or unsure\. Got 'perhaps'"),
        ("object_id,rare\nother-00,yes\n", "None of the objects in v.csv is in this run"),
        ('object_id,rare\n"a', "is not a CSV table"),
        (f"{HEADER}\na-00,yes,a,0,0,wide,100\n", r"row 2: 'x_max' must be a number\. Got 'wide'"),
        (f"{HEADER}\na-00\n", "row 2: a row must have 7 cells as the header. Got 1"),
    ],
)
def test_wrong_verdicts_are_refused(tmp_path, text, message):
    (tmp_path / "v.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        values_of(tmp_path / "v.csv")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", b"object_id,rare\n"])
def test_an_empty_file_holds_no_verdict(tmp_path, content):
    (tmp_path / "v.csv").write_bytes(content)
    for named in (True, False):
        np.testing.assert_equal(values_of(tmp_path / "v.csv", named=named), ([np.nan] * 3, 0))


def test_the_own_file_may_fit_nothing_and_says_how_much_does_not(tmp_path):
    path = saved(tmp_path, "gone-00,yes", "gone-01,unsure", "gone-00,no", header="object_id,rare")
    np.testing.assert_equal(values_of(path, named=False), ([np.nan] * 3, 2))
    np.testing.assert_equal(values_of(saved(tmp_path, "a-00,yes", "a-01,no"), object_ids=["a-00"]), ([1], 1))


def test_a_verdict_belongs_to_the_box_that_was_judged_whatever_its_id_is_now(tmp_path):
    path = saved(tmp_path, "a-00,yes,a,300,0,400,100", "a-01,no,a,0,0,100,100", "b-00,no,b,60,0,160,100")
    np.testing.assert_equal(values_of(path), ([0, 1, np.nan], 1))  # the last overlaps by 40 of 160
    narrow = OBJECTS.astype({"image_id": "category", "x_min": "float32"})
    np.testing.assert_equal(values_of(path, narrow), ([0, 1, np.nan], 1))


def test_boxes_drawn_alike_are_told_apart_by_their_ids(tmp_path):
    alike = boxes(("a-00", "a", 0.0), ("a-01", "a", 0.0), ("a-02", "a", 0.3))
    path = saved(tmp_path, "a-01,yes,a,0,0,100,100", "a-02,no,a,0,0,100,100")
    np.testing.assert_equal(values_of(path, alike), ([np.nan, 1, 0], 0))


def test_of_two_judged_boxes_the_nearer_one_has_the_box_that_is_left(tmp_path):
    path = saved(tmp_path, "a-00,yes,a,2,0,102,100", "a-01,no,a,30,0,130,100")
    np.testing.assert_equal(values_of(path, boxes(("a-00", "a", 0.0))), ([1], 1))


def test_a_speck_that_rounds_to_no_area_keeps_its_verdict(tmp_path):
    specks = OBJECTS.assign(x_max=OBJECTS["x_min"] + 0.01, y_max=0.01)
    np.testing.assert_equal(values_of(saved(tmp_path, "a-01,yes,a,300,0,300,0"), specks), ([np.nan, 1, np.nan], 0))


def test_a_line_added_by_hand_may_end_after_the_verdict(tmp_path):
    path = saved(tmp_path, "a-00,yes,a,0,0,100,100", "a-00,no", "b-00,yes")
    np.testing.assert_equal(values_of(path), ([0, np.nan, 1], 0))
    table = read_user_table(path, columns=("object_id",), what="verdicts file", optional=PLACE)
    assert table["x_max"].tolist() == ["100", "", ""]


def test_what_is_put_stands_in_the_file_with_its_box_and_the_rest_stays(tmp_path):
    run = planted_run(tmp_path / "run")
    lines = ["img2-06,yes", "img1-05,yes,img1,400,20,440,60", "gone-00,no"]
    path = saved(tmp_path, *lines)
    file = VerdictFile(path, run)
    assert file.words == {"img2-06": "yes"} and file.elsewhere == 2
    file.put({"img1-05": "no", "img1-04": "unsure"}, run.read_table("objects"))
    assert path.read_text(encoding="utf-8").splitlines()[1:] == [
        "img2-06,yes,img2,10,20,50,60",  # the id had no box, and names this one now
        "img1-05,yes,img1,400,20,440,60",
        "gone-00,no,,,,,",
        "img1-05,no,img1,10,20,50,60",
        "img1-04,unsure,img1,10,20,50,60",
    ]
    again = VerdictFile(path, run)
    pd.testing.assert_frame_equal(again.rows, file.rows)
    again.put({"img2-06": "", "img1-05": "", "img1-04": ""}, run.read_table("objects"))
    assert VerdictFile(path, run).words == {} and read_rows(path)["object_id"].tolist() == ["img1-05", "gone-00"]


def test_a_verdict_given_anew_replaces_the_one_that_was_on_this_box_under_another_id(tmp_path):
    run = planted_run(tmp_path / "run")
    objects = run.read_table("objects")
    objects.loc[objects["object_id"] == "img1-05", ["x_min", "x_max"]] += 300
    run.write_table("objects", objects)
    file = VerdictFile(saved(tmp_path, "img1-04,yes,img1,310,20,350,60"), run)
    assert file.words == {"img1-05": "yes"}
    file.put({"img1-05": "no"}, objects)
    assert file.rows[["object_id", "rare", OWNER]].to_numpy().tolist() == [["img1-05", "no", "img1-05"]]


def test_a_file_that_is_not_there_holds_no_verdict_and_another_word_is_refused(tmp_path):
    run = planted_run(tmp_path / "run")
    file = VerdictFile(tmp_path / "none.csv", run)
    assert file.words == {} and file.elsewhere == 0
    with pytest.raises(ValueError, match="must be one of yes, no, unsure"):
        file.put({"img2-06": "maybe"}, run.read_table("objects"))
    assert not file.path.exists()
