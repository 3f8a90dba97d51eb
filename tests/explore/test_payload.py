"""What the component is told: columns in the order of the rows, names once, hostile text made plain."""

import json

import pandas as pd
import pytest
from planted_run import planted_run

from rarelib.captions.answers import answer_schema
from rarelib.explore.payload import SAID_ELSEWHERE, component_data, component_texts, plain
from rarelib.explore.rows import gather_objects
from rarelib.language import phrases, say
from rarelib.ranking.signs import SIGNS
from rarelib.run.verdict_file import COLUMNS, OWNER, VerdictFile

NONE = pd.DataFrame(columns=[*COLUMNS, OWNER], dtype="str")
CAN = {"words": False, "learn": False, "frames": False, "download": True}


def told(run, rows=None, **about):
    rows = gather_objects(run) if rows is None else rows
    return component_data(rows, run.read_table("neighbours"), run_name="r", **{"verdicts": NONE, "can": CAN, **about})


def test_every_column_is_as_long_as_there_are_rows(tmp_path):
    data = told(planted_run(tmp_path))
    assert {len(data[name]) for name in ("id", "rank", "rarity", "size", "reason", "event", "box", "x")} == {5}
    assert {len(data[name]["codes"]) for name in ("class", "origin", "drive", "path")} == {5}
    assert data["class"]["names"][data["class"]["codes"][0]] == "horse"
    assert data["origin"]["shown"] == ["detected", "almost missed"]
    assert json.loads(json.dumps(data, allow_nan=False))["x"] == [None] * 5


def test_neighbours_and_events_are_told_by_row(tmp_path):
    run = planted_run(tmp_path)
    rows = gather_objects(run)
    rows.loc[[2, 4], "event"] = "img1-05"  # its first view stands in row 1
    data = told(run, rows)
    assert data["event"] == [0, 1, 1, 3, 1]
    assert data["near"][0] == [[4, 0.25]]
    without = told(run, rows.drop(index=1).reset_index(drop=True))  # the first view is not shown
    assert without["event"] == [0, 1, 2, 1]


def test_a_caption_that_no_model_gave_is_not_shown(tmp_path):
    data = told(planted_run(tmp_path))
    assert data["caption"] == ["a horse on the road", "", "", "", ""]
    assert data["caption_error"] == ["", "timed out", "timed out", "", ""]


def test_the_parts_of_a_rarity_are_told_where_the_ranking_kept_its_signs(tmp_path):
    run = planted_run(tmp_path)
    weight = {sign.name: sign.weight for sign in SIGNS}
    parts = {sign["name"]: sign for sign in told(run)["signs"]}
    alone = pytest.approx(0.5 * weight["sign_look"])
    assert parts["sign_look"]["values"] == [alone, alone, alone, 0, 0]
    assert parts["sign_look"]["raises"] and not parts["sign_quality"]["raises"]
    assert told(run)["by_signs"] == [alone, alone, alone, 0, 0]
    rows = gather_objects(run)
    without = told(run, rows.drop(columns=list(weight)))
    assert without["signs"] == [] and without["by_signs"] == [None] * 5
    assert parts["sign_look"]["colour"].startswith("#") and parts["sign_look"]["label"] == "strange look"


def test_it_is_told_what_made_a_rarity_that_is_not_by_the_signs(tmp_path):
    run = planted_run(tmp_path)
    assert [told(run, selection=name)["rarity_by"] for name in ("ranked", "fdr", "union")] == [
        "verdicts",
        "verdicts",
        "plain",
    ]


def test_the_cards_that_measure_the_precision_are_marked(tmp_path):
    run = planted_run(tmp_path)
    assert told(run)["marked"] == [0] * 5  # a run of before such a rank was kept
    scores = run.read_table("scores")
    run.write_table("scores", scores.assign(rank_before_verdicts=scores["rank"] + 48))
    assert told(run)["marked"] == [1, 1, 0, 0, 0]
    assert component_texts("en")["marked"].startswith("judge this one") and "適合率" in component_texts("ja")["marked"]


def test_all_verdicts_are_told_so_that_saving_loses_none(tmp_path):
    run = planted_run(tmp_path)
    (tmp_path / "verdicts.csv").write_text("object_id,rare\nimg2-06,yes\nnot here,no\n", encoding="utf-8")
    data = told(run, verdicts=VerdictFile(tmp_path / "verdicts.csv", run).rows)
    box = ["img2", "10", "20", "50", "60"]
    assert data["verdicts"] == [["img2-06", "img2-06", "yes", *box], ["", "not here", "no", "", "", "", "", ""]]
    assert [data["image"]["names"][data["image"]["codes"][0]], *map(str, data["box"][0])] == box
    json.dumps(data, allow_nan=False)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_component_has_its_texts(language):
    texts = component_texts(language)
    assert len(texts) > 80 and all(texts.values())


def test_control_and_direction_characters_are_dropped():
    assert plain("a\u202eb\x00\n c\ud800") == "ab c"
    assert plain("x" * 700) == "x" * 599 + "…"


def test_numbers_are_rounded_once_as_in_reasons(tmp_path):
    run = planted_run(tmp_path)
    rows = gather_objects(run).assign(rarity=0.705431, confidence=0.705431)
    near = run.read_table("neighbours").assign(similarity=0.705431)
    verdicts = VerdictFile(tmp_path / "verdicts.csv", run).rows
    data = component_data(rows, near, run_name="", verdicts=verdicts, can={})
    told = [data["rarity"][0], data["confidence"][0], *(value for pairs in data["near"].values() for _, value in pairs)]
    assert {f"{value:.2f}" for value in told} == {f"{0.705431:.2f}"}


def test_every_reason_code_has_a_chip_or_is_said_elsewhere():
    reasons = {key.removeprefix("rarity.") for key in phrases() if key.startswith("rarity.")}
    codes = {name for name in reasons if not name.startswith(("between", "fault_"))}
    codes -= {"second", "proposal_like", "proposal_faint"}  # of the code proposal
    codes -= {"off_road_guess", "few_guess", "strange_few"}  # of the codes without the second word
    named = {key.removeprefix("report.code.") for key in phrases() if key.startswith("report.code.")}
    assert codes - named - set(SAID_ELSEWHERE) == set()


def test_every_certainty_of_a_caption_has_words_in_both_languages():
    for level in answer_schema()["properties"]["certainty"]["enum"]:
        assert say(f"explore.ui.certainty_{level}") == f"certainty: {level}"
        assert say(f"explore.ui.certainty_{level}", "ja")[-1] in "高中低"
