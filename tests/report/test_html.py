"""report.html of a planted run: whole, self-contained, small, markup inert; and in a browser, all that it offers."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from planted_run import planted_run
from reported_run import AUDIT, EVALUATION, page_of, told

from rarelib.report import html
from rarelib.report.html import safe_json, write_html
from rarelib.report.page import Budget, page_rows
from rarelib.report.results import collect_statistics


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_hardly_any_object_gives_a_whole_page(count, language, tmp_path):
    run = planted_run(tmp_path, count=count)
    text = page_of(run, language)
    assert text.endswith("</html>")
    assert f'<html lang="{language}">' in text
    assert ('id="object-data"' in text) == (count > 2)
    assert sum(told(text)["selected"]) == count - 2 if count > 2 else True
    json.dumps(collect_statistics(run), allow_nan=False)


def test_the_first_reason_is_a_whole_sentence(run):
    english, japanese = (
        re.search(r"<p>(?:Rarest of all|最も珍しい).*</p>", page_of(run, name))[0] for name in ("en", "ja")
    )
    assert re.search(r"^<p>Rarest of all, [^:]+: \S.*[^.]\.</p>$", english)
    assert re.search(r"^<p>最も珍しい物体（[^）]+）：\S.*[^。]。</p>$", japanese)


def test_the_page_says_all_that_is_known(run):
    text = page_of(run)
    for words in (
        "planted run",
        "6 objects of 3 classes",
        "1 more box that",
        "the only one of its kind",
        "a horse on the road",
        "almost missed",
        "fire engine",
        "timed out",
        "What fell out",
        "a common class, thinned",
        "img2-06",
        "drive a/2.jpg",
        "0.25",  # the similarity of the nearest common object
        "2.50",
        "0" * 64,
    ):
        assert words in text, words


def test_what_matters_first_stands_first(run):
    text = page_of(run)
    places = [text.index(f'<section id="{name}"') for name in ("rarest", "trust", "funnel", "figures", "numbers")]
    assert places == sorted(places)


def test_at_most_so_many_objects_are_cards(run):
    text = page_of(run, max_objects=2)
    assert sum(told(text)["selected"]) == 2
    assert "2 of 3 selected objects" in text


def test_other_views_and_neighbours_of_the_cards_are_there_and_a_sample_of_the_rest(tmp_path):
    run = planted_run(tmp_path)
    scores = run.read_table("scores")
    scores.loc[scores["rank"] == 4, "event"] = scores.loc[scores["rank"] == 1, "object_id"].item()
    run.write_table("scores", scores)
    shown, cards, selected = page_rows(run, max_objects=1, language="en")
    assert (cards, selected) == (1, 3)
    assert shown["object_id"].tolist() == ["img2-06", "img1-03", "img0-02"]  # the card, its other view, its neighbour


def test_what_is_marked_for_the_precision_is_a_card_whether_selected_or_not(tmp_path):
    run = planted_run(tmp_path)
    scores = run.read_table("scores")
    run.write_table("scores", scores.assign(rank_before_verdicts=scores["rank"] + 46))  # of 5, the last is not drawn
    text = page_of(run, max_objects=1)
    data = told(text)
    assert data["marked"] == [1, 1, 1, 1, 0] and data["selected"] == [1, 1, 1, 0, 0]
    assert "3 of 3 selected objects" in text and len(told(text, "object-pictures")["whole_of"]) == 4  # the cards


def test_a_page_stays_within_its_budget_and_says_what_is_left_out(run, monkeypatch):
    whole = page_of(run)
    assert told(whole, "object-pictures")["whole_of"] == [0, -1, -1]
    assert "whole pictures of the first 1 of 2" in whole
    spent = len(whole) - len(html.page_script()) - len(html._style())
    monkeypatch.setattr(html, "MAX_BYTES", spent // 2)
    small = page_of(run)
    assert len(small) < 0.8 * len(whole) and len(small) < spent // 2 + 150_000
    assert told(small, "object-pictures")["whole"] == []
    assert "whole pictures of the first 0 of 2" in small
    budget = Budget(40)
    assert budget.uri(b"abc") and not budget.uri(b"abc") and 0 < budget.left < 40


def test_trust_is_told_where_it_was_measured(tmp_path):
    run = planted_run(tmp_path)
    assert "it is not known how far to trust" in page_of(run)
    run.write_json("tables/audit.json", AUDIT)
    run.write_json("tables/evaluation.json", EVALUATION)
    Image.new("RGB", (20, 10)).save(run.path("plots/audit.png"))
    Image.new("RGB", (20, 10)).save(run.path("plots/evaluation.png"))
    text = page_of(run)
    for words in (AUDIT["sentence"], EVALUATION["sentence"], EVALUATION["rule"], "25–75 %"):
        assert words in text
    assert text.count('<img class="plot chart"') == 2
    run.write_json("tables/evaluation.json", {"available": False, "sentence": "No truth table was given."})
    assert EVALUATION["sentence"] not in page_of(run)


def test_the_page_knows_whether_the_rarity_is_by_the_plain_recipe(tmp_path):
    run = planted_run(tmp_path)
    assert told(page_of(run))["rarity_by"] == "verdicts"
    config = run.read_json("config.json")
    config["parameters"]["selection"] = "union"
    run.write_json("config.json", config)
    assert told(page_of(run))["rarity_by"] == "plain"


def test_the_page_loads_nothing_and_runs_only_its_own_script(run):
    text = page_of(run)
    assert not re.search(r"""(src|href|url\(|@import|action)\s*[=(]?\s*["']?\s*(https?:|//|file:)""", text)
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert re.findall("<script[^>]*>", text) == [
        '<script type="application/json" id="object-data">',
        '<script type="application/json" id="object-pictures">',
        '<script type="module">',
    ]
    assert set(re.findall(r'src="([^"]{5})', text)) <= {"data:"}


def test_no_text_can_end_the_script_that_holds_it():
    assert "<" not in safe_json({"a": "</script><!--<script>", "b": ["<"]})
    assert json.loads(safe_json({"a": "</script>"})) == {"a": "</script>"}


@pytest.mark.parametrize(("strangeness", "shown"), [(None, False), (np.nan, False), (0.5, True)])
def test_what_objects_look_like_is_shown_where_names_were_compared(tmp_path, strangeness, shown):
    run = planted_run(tmp_path)
    Image.new("RGB", (9, 9)).save(run.path("plots/looks_like.png"))
    found = {"phrase": "bus", "similarity": 0.2, "class_similarity": 0.2, "strangeness": strangeness}
    if strangeness is not None:
        run.write_table("zero_shot", pd.DataFrame({"object_id": ["img1-04"], **found}))
    text = write_html(run, collect_statistics(run)).read_text(encoding="utf-8")
    assert ("Unlike what roads are full of" in text) is shown
