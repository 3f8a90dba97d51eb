"""Two runs beside each other: boxes matched by place, what was gained and lost, settings, the page and its figure."""

import re

import numpy as np
import pandas as pd
import pytest
from planted_run import HOSTILE, planted_run

from rarelib.figures.comparison import plot_rank_changes
from rarelib.figures.style import png_bytes
from rarelib.report.compare_page import comparison_sentence, write_compare_page
from rarelib.report.comparison import (
    compare_runs,
    comparison_counts,
    group_rows,
    match_objects,
    rank_agreement,
    setting_differences,
    settings_of,
)
from rarelib.tables import BOX


def boxes(*rows):
    table = pd.DataFrame([row[:5] for row in rows], columns=["path", *BOX])
    ids = [f"o{number}" for number in range(len(rows))]
    told = {"class_name": "car", "crop_path": "", "rank": np.arange(1.0, len(rows) + 1), "rarity": 0.5, "reason": ""}
    return table.assign(object_id=ids, selected=True, **told)


def test_the_best_overlap_of_the_same_picture_is_the_same_thing():
    first = boxes(("a", 0, 0, 10, 10), ("a", 0, 0, 10, 8), ("b", 0, 0, 10, 10))
    second = boxes(("b", 0, 0, 10, 4), ("a", 0, 0, 10, 9.5), ("a", 50, 0, 60, 10))
    table = match_objects(first, second)
    pairs = {
        (one, other) for one, other in zip(table["object_id_first"], table["object_id_second"], strict=True)
        if isinstance(one, str) and isinstance(other, str)
    }  # fmt: skip
    assert pairs == {("o0", "o1")}  # not ("o1", "o1"), which overlaps less; "b" shares less than half
    assert len(table) == 5 and table["object_id_first"].isna().sum() == 2 == table["object_id_second"].isna().sum()


@pytest.mark.parametrize("counts", [(0, 0), (2, 0), (0, 2)])
def test_a_run_without_any_box_is_compared_as_well(counts):
    first, second = (boxes(*[("a", 0, 0, 10, 10)] * count) for count in counts)
    table = match_objects(first, second)
    assert len(table) == sum(counts) and table["selected_first"].sum() == counts[0]


@pytest.fixture
def runs(tmp_path):
    """Two runs of the same pictures; the second names objects otherwise, selects one more and has lost the rarest."""
    first, second = planted_run(tmp_path / "first"), planted_run(tmp_path / "second")
    scores, objects = second.read_table("scores"), second.read_table("objects")
    for table in (scores, objects):
        table["object_id"] = table["object_id"] + "x"
    gone = scores.loc[scores["rank"] == 1, "object_id"].item()
    scores.loc[scores["rank"] == scores["rank"].max(), "selected"] = True
    second.write_table("scores", scores[scores["object_id"] != gone])
    second.write_table("objects", objects[objects["object_id"] != gone])
    config = second.read_json("config.json")
    config["parameters"].update(seed=7, name="other")
    second.write_json("config.json", config)
    return first, second


def test_what_was_gained_and_lost_and_why(runs):
    table = compare_runs(*runs)
    assert comparison_counts(table) == {
        "common": 2, "gained": 1, "lost": 1, "first": 3, "second": 3, "gained_unboxed": 0, "lost_unboxed": 1,
    }  # fmt: skip
    lost, gained = group_rows(table, "lost"), group_rows(table, "gained")
    assert lost["reason"].tolist() == ["no box in the second run"] and lost["class_name"].tolist() == ["horse"]
    rank = gained["rank"][0]
    assert gained["reason"].tolist() == [f"rank {rank} → {rank}"]
    assert group_rows(table, "common")["rank"].tolist() == [2, 3]
    said = comparison_sentence(*runs, table)
    assert "first shows 3 objects as rare, second 3; 2 are common" in said and "loses 1 (1 have no box" in said


def test_an_object_that_one_run_set_aside_is_not_one_it_never_saw(runs):
    first, second = runs
    scores = first.read_table("scores")
    first.write_table("scores", scores[scores["rank"] != 2])
    gained = group_rows(compare_runs(first, second, language="ja"), "gained")
    assert "一つ目の実行では順位なし" in gained["reason"].tolist()


def test_the_first_of_both_rankings(runs):
    agreement = rank_agreement(compare_runs(*runs)).set_index("depth")
    assert agreement.loc[10].to_dict() == {"shared": 4, "of": 4}


def test_settings_side_by_side_without_names_and_places(runs):
    configs = [run.read_json("config.json") for run in runs]
    configs[1]["models"]["yolo_model"]["sha256"] = "f" * 64
    told = setting_differences(*configs).set_index("name")
    assert told["second"].to_dict() == {"seed": "7", "yolo_model sha256": "f" * 16}
    assert told.loc["seed", "first"] == "–"
    assert setting_differences(configs[0], configs[0]).empty


def test_an_object_has_the_name_that_its_run_gives_it(tmp_path):
    first, second = (planted_run(tmp_path / name) for name in ("first", "second"))
    found = {"phrase": "bus", "similarity": 0.2, "class_similarity": 0.2, "looks_like": "trailer"}
    second.write_table("zero_shot", pd.DataFrame({"object_id": ["img1-04"], **found}))
    table = compare_runs(first, second, language="ja").set_index("object_id_second")
    assert table.loc["img1-04", ["class_name_first", "class_name_second"]].tolist() == ["バス", "trailer"]


def test_verdicts_that_only_one_run_used_are_a_difference(tmp_path):
    first, second = (planted_run(tmp_path / name) for name in ("first", "second"))
    codes = ["verdict_rare,few", "verdict_rare", "verdict_common,few", "few", ""]
    second.write_table("scores", second.read_table("scores").assign(reason_codes=codes))
    told = setting_differences(settings_of(first), settings_of(second)).set_index("name")
    assert told.loc["verdicts used"].tolist() == ["0 rare, 0 common", "2 rare, 1 common"]
    page = write_compare_page(first, second, compare_runs(first, second), tmp_path / "c.html", language="ja")
    assert "「珍しい」2 件、「普通」1 件" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_is_whole_and_loads_nothing(runs, language, tmp_path):
    page = write_compare_page(*runs, compare_runs(*runs, language=language), tmp_path / "c.html", language=language)
    text = page.read_text(encoding="utf-8")
    assert text.endswith("</html>") and f'<html lang="{language}">' in text
    assert "<script" not in text and not re.search(r"(src|href)=\"(?!data:)", text)
    assert text.count('src="data:image/webp') == 4 and text.count('src="data:image/png') == 1


def test_markup_of_a_run_stays_text(tmp_path):
    first, second = (planted_run(tmp_path / name, hostile=True) for name in ("first", "second"))
    text = write_compare_page(first, second, compare_runs(first, second), tmp_path / "c.html").read_text("utf-8")
    assert HOSTILE not in text and "&lt;b&gt;" in text


def test_the_figure_names_each_group_and_says_when_there_is_nothing(runs):
    table = compare_runs(*runs)
    figure = plot_rank_changes(table)
    named = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert "common to both 2" in named and len(png_bytes(figure)) > 4_000
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert "1" in ticks and not any("$" in tick for tick in ticks)
    nothing = plot_rank_changes(table.assign(rank_first=np.nan), language="ja")
    assert "両方の実行" in nothing.axes[0].texts[0].get_text()
