"""Columns of a table: as they were written, or in a third of the memory."""

import numpy as np
import pandas as pd

from rarelib.run.folder import RunFolder
from rarelib.run.reading import read_columns

N = 30_000


def write(path, **columns):
    path = path / "table.parquet"
    pd.DataFrame(columns).to_parquet(path, index=False, row_group_size=7_000)
    return path


def boxes():
    names = np.array(["truck", "car", "バス"])
    return {
        "object_id": [f"{number // 10:012x}-{number % 10:02d}" for number in range(N)],
        "image_id": [f"{number // 10:012x}" for number in range(N)],
        "class_name": names[np.arange(N) % 3],
        "confidence": np.linspace(0, 1, N),
        "views": np.arange(N),
        "far": np.arange(N) + 2**40,
        "touches_border": np.arange(N) % 2 == 0,
    }


def test_columns_come_back_as_written_and_can_be_changed(tmp_path):
    path = write(tmp_path, **boxes())
    table = read_columns(path)
    pd.testing.assert_frame_equal(table, pd.DataFrame(boxes()))
    table.loc[0, ["object_id", "confidence"]] = ["other", 0.5]
    assert table["object_id"].iloc[0] == "other" and table["confidence"].iloc[0] == 0.5
    assert list(read_columns(path, ["confidence", "absent", "image_id"])) == ["confidence", "image_id"]


def test_narrow_columns_say_the_same_in_a_third_of_the_memory(tmp_path):
    path = write(tmp_path, **boxes())
    wide, narrow = read_columns(path), read_columns(path, narrow=True)
    for name in ("image_id", "class_name"):
        pd.testing.assert_series_equal(narrow[name], wide[name].astype("category"))  # in the order of the alphabet
    pd.testing.assert_series_equal(narrow["confidence"], wide["confidence"].astype(np.float32))
    pd.testing.assert_series_equal(narrow["views"], wide["views"].astype(np.int32))
    for name in ("object_id", "far", "touches_border"):
        pd.testing.assert_series_equal(narrow[name], wide[name])
    repeated = ["image_id", "class_name", "confidence"]
    assert narrow[repeated].memory_usage(index=False).sum() < wide[repeated].memory_usage(index=False).sum() / 3
    narrow.loc[0, "class_name"] = "car"
    assert narrow["class_name"].iloc[0] == "car"


def test_gaps_and_empty_tables_are_read_narrow(tmp_path):
    gaps = {"class_name": ["car", None, "bus"], "confidence": [0.5, np.nan, 1.0]}
    table = read_columns(write(tmp_path, **gaps), narrow=True)
    assert table["class_name"].isna().tolist() == table["confidence"].isna().tolist() == [False, True, False]
    empty = {name: pd.Series(values).head(0) for name, values in gaps.items()}
    assert len(read_columns(write(tmp_path, **empty), narrow=True)) == 0


def test_a_narrow_table_is_checked_as_any(tmp_path):
    run = RunFolder(tmp_path)
    filtered = pd.DataFrame({"object_id": ["a-00"], "keep": [True], "reason": ["rare"]})
    run.write_table("early_filter", filtered)
    pd.testing.assert_frame_equal(run.read_table("early_filter", narrow=True), filtered)
    images = {"image_id": ["a"], "path": "a.jpg", "width": 10, "height": 8, "sampled": True, "error": "", "group": "x"}
    run.write_table("images", pd.DataFrame(images))
    assert run.read_table("images", narrow=True)["group"].tolist() == ["x"]
