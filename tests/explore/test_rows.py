"""Rows of the explorer: all embedded objects, rarest first, with what every stage found."""

import numpy as np
import pandas as pd
from planted_run import planted_run

from rarelib.explore.rows import gather_objects


def test_each_embedded_object_has_a_row_in_the_order_of_ranks(tmp_path):
    rows = gather_objects(planted_run(tmp_path))
    assert rows["rank"].tolist() == [1, 2, 3, 4, 5]
    assert rows["object_id"].tolist() == ["img2-06", "img1-05", "img1-04", "img1-03", "img0-02"]
    first = rows.iloc[0]
    assert (first["class_name"], first["group"], first["size"]) == ("horse", "drive a", 40.0)
    assert first["reason"] == first["reason_alone"] + "; detector says horse, caption says fire engine"
    assert np.isnan(first["x"])  # this run has no map


def test_what_was_not_measured_has_a_default(tmp_path):
    run = planted_run(tmp_path, captions=False)
    run.write_table("scores", run.read_table("scores").drop(columns=["event", "event_size", "reason_codes"]))
    rows = gather_objects(run)
    assert rows["event"].equals(rows["object_id"])
    assert set(rows["event_size"]) == {1} and set(rows["reason_codes"]) == {""}
    assert set(rows["caption_source"]) == {"skipped"}


def test_places_join_from_the_map(tmp_path):
    run = planted_run(tmp_path)
    run.write_table("map", pd.DataFrame({"object_id": ["img1-05"], "x": [0.5], "y": [-2.0]}))
    rows = gather_objects(run).set_index("object_id")
    assert rows.loc["img1-05", ["x", "y"]].tolist() == [0.5, -2.0]
    assert rows["x"].isna().sum() == 4


def test_a_proposal_is_called_what_it_looks_like(tmp_path):
    run = planted_run(tmp_path)
    objects = run.read_table("objects")
    objects.loc[objects["object_id"] == "img1-05", "origin"] = "proposal"
    run.write_table("objects", objects)
    found = {"phrase": "car", "similarity": 0.2, "class_similarity": 0.2, "looks_like": "wheelchair"}
    run.write_table("zero_shot", pd.DataFrame({"object_id": ["img1-05"], **found}))
    rows = gather_objects(run).set_index("object_id")
    assert rows.loc["img1-05", "called"] == "wheelchair" != rows.loc["img1-05", "class_name"]
    assert (rows["called"] == rows["class_name"]).sum() == 4


def test_in_japanese_one_thing_has_one_name_whoever_found_it(tmp_path):
    run = planted_run(tmp_path)
    found = {"phrase": "car", "similarity": 0.2, "class_similarity": 0.2, "looks_like": "バス"}
    run.write_table("zero_shot", pd.DataFrame({"object_id": ["img1-04"], **found}))
    rows = gather_objects(run, language="ja").set_index("object_id")
    assert rows.loc[["img1-04", "img1-05"], "called"].tolist() == ["バス", "バス"]  # a proposal, and a detected bus
    assert rows.loc["img1-05", "class_name"] == "bus"
    assert "検出器" in rows.loc["img2-06", "reason"] and "馬" in rows.loc["img2-06", "reason"]
