"""The results of a planted run: counts by hand, one row an object, times that add up."""

import json
import re

import pandas as pd
import pytest
from planted_run import planted_run

from rarelib.figures.notebook import show_table
from rarelib.language import say, text_columns
from rarelib.report.results import (
    collect_results,
    collect_statistics,
    timing_rows,
    timing_text,
    write_html,
    write_results,
)
from rarelib.tables import STAGES

FUNNEL = {
    "listed": 6,
    "sampled": 5,
    "unreadable": 2,  # one by its header, one when it was decoded
    "objects": 7,
    "kept": 5,
    "embedded": 5,
    "outliers": 1,
    "rare_class": 2,
    "selected": 3,
    "captioned": 1,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One planted run that several tests look at; they must leave it as it is."""
    return planted_run(tmp_path_factory.mktemp("report") / "planted run")


def test_each_embedded_object_has_its_row(run):
    results = pd.concat(collect_results(run, target_classes=["Bus", "fire engine"]))
    assert results["rank"].tolist() == [1, 2, 3, 4, 5]
    first = results.iloc[0].to_dict()
    assert first["object_id"] == "img2-06"
    assert first["bbox"] == [10.0, 20.0, 50.0, 60.0]
    assert first["original_path"] == "drive a/2.jpg"
    assert (first["caption"], first["caption_source"], first["kind"]) == ("a horse on the road", "model", "fire engine")
    assert first["reason"].endswith("detector says horse, caption says fire engine")
    assert first["reason_codes"] == "rare_class,far_from_all,caption_disagrees"
    assert results["selected"].tolist() == [True] * 3 + [False] * 2
    assert results["disagrees"].tolist() == [True] + [False] * 4
    assert results["event_size"].tolist() == [1, 3, 1, 1, 1]
    assert results["target_classes"].tolist() == [["fire engine"], ["Bus"], ["Bus"], [], []]


def test_the_rows_are_json(run):
    assert write_results(run) == 5
    rows = pd.concat(collect_results(run)).to_dict("records")
    assert run.read_json("detection_results.json") == json.loads(json.dumps(rows))


def test_the_statistics_hold_the_whole_funnel(run):
    statistics = collect_statistics(run)
    assert statistics["funnel"] == FUNNEL
    assert statistics["classes"][0] == {"class_name": "car", "objects": 4, "embedded": 2, "selected": 0}
    assert {row["class_name"]: row["selected"] for row in statistics["classes"]} == {"car": 0, "bus": 2, "horse": 1}
    assert statistics["captions"]["failures"] == {"timed out": 2}
    assert statistics["captions"]["input_tokens"] == 300
    assert statistics["left_out"] == {
        "pictures": {"empty file": 1, "cut off": 1},
        "objects": {"a common class, thinned": 2},
        "captions": {"timed out": 2},
    }
    assert list(statistics["seconds"]) == list(STAGES[:-1])
    run.write_json("statistics.json", statistics)


def test_pictures_that_were_not_drawn_fell_out_too(tmp_path):
    run = planted_run(tmp_path)
    marker = run.read_json("stages/01_select_images.json")
    run.write_json("stages/01_select_images.json", {**marker, "counts": {"left_out": {"a mask": 10}}})
    statistics = collect_statistics(run)
    assert statistics["left_out"]["pictures"] == {"a mask": 10, "empty file": 1, "cut off": 1}
    assert "a mask" in write_html(run, statistics).read_text(encoding="utf-8")


def test_a_skipped_stage_is_null_and_not_zero(tmp_path):
    run = planted_run(tmp_path, captions=False)
    statistics = collect_statistics(run)
    assert statistics["funnel"] == {**FUNNEL, "captioned": None}
    assert statistics["captions"] is None
    assert set(next(collect_results(run))["caption"]) == {""}
    assert "skipped" in write_html(run, statistics).read_text(encoding="utf-8")
    assert re.search(r"06_caption_objects +not run", timing_text(run))
    assert re.search(r"07_report +under way", timing_text(run, running="07_report"))


def test_the_first_sentence_tells_what_was_found_from_proposals(tmp_path):
    run = planted_run(tmp_path)
    objects = run.read_table("objects").assign(origin="detected")
    objects.loc[objects.index[:3], ["origin", "class_name"]] = [
        ["proposal", "guess"],
        ["FastSAM", "guess"],
        ["label", "a"],
    ]
    run.write_table("objects", objects)
    known = objects[objects["origin"].isin(["detected", "label"])]
    told = collect_statistics(run)["sentence"]
    assert (told["found"], told["proposals"], told["classes"]) == (len(known), 2, known["class_name"].nunique())
    assert "2 more boxes that may hold what the detector never learned" in say("report_sentence", **told)
    assert say("report_sentence", **told).startswith(f"In {FUNNEL['sampled'] - FUNNEL['unreadable']} pictures ")


def test_the_times_stand_below_their_heads_in_either_language(run):
    for language, unit, head, share in (("en", "[s]", "start-up", "share"), ("ja", "［秒］", "起動", "割合")):
        lines = timing_text(run, language=language).splitlines()
        assert lines[0].split()[0] == unit and head in lines[0].split() and lines[0].split()[-1] == share
        assert len({text_columns(line) for line in lines}) == 1
    assert not re.search("[a-z]", lines[0])


def test_the_times_add_up(run):
    lines = timing_text(run).splitlines()
    assert lines[1].split() == ["01_select_images", "2.50", "0.75", "0.50", "1.00", "0.25", "16.7%"]
    assert lines[-1].split() == ["all", "stages", "15.00", "4.50", "3.00", "6.00", "1.50", "100.0%"]


def test_the_times_are_a_table_of_a_notebook_too(run, capsys):
    rows = timing_rows(run, running="07_report", language="ja")
    assert [row["stage"] for row in rows] == [*STAGES, "全段階"] and rows[-2]["total"] == "実行中"
    assert {tuple(row) for row in rows} == {("stage", "total", "start_up", "read", "compute", "write", "share")}
    show_table(rows, "ja")
    assert "HTML" in capsys.readouterr().out
