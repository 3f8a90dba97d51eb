"""Reasons name the signs that mattered most, with their numbers, and nothing that says little."""

import numpy as np
import pytest
from planted import boxes_of

from rarelib.ranking.percentiles import percentile_of, surprise
from rarelib.ranking.reasons import explain_objects
from rarelib.ranking.shares import rarity_parts
from rarelib.ranking.signs import SIGNS

NOTHING = {sign.name: 0.0 if sign.raises else 1.0 for sign in SIGNS}
PROPOSAL = {"origin": "proposal", "confidence": 0.04, "class_name": "bird"}


def explained(*, others=99, language="en", **columns):
    """Reason and codes of one object, a car of whom nothing is strange but what is given, beside so many others."""
    table = boxes_of(["car"] * (others + 1)).assign(
        class_count=100, class_missed=0, embedding_rarity=0.5, phrase="", nearest=np.nan, quality=1.0, hidden=0.0,
        event_size=1, selected=True, rank=1, verdict=np.nan, **NOTHING,
    )  # fmt: skip
    table["event"] = table["object_id"]
    for name, value in columns.items():
        table.loc[0, name] = value
    row = explain_objects(table, n_objects=others + 1, language=language).iloc[0]
    return row["reason"], row["reason_codes"].split(",")


def test_a_proposal_says_that_roads_do_not_show_what_the_detector_guesses():
    reason, codes = explained(**PROPOSAL, sign_name=1.0)
    assert "the detector's guess, 'bird', is not among what roads are usually full of" in reason
    assert codes == ["proposal", "off_road"]
    assert (
        "検出器の推測「鳥」は道路で普段よく見るものではない" in explained(**PROPOSAL, sign_name=1.0, language="ja")[0]
    )
    assert "off_road" not in explained(**PROPOSAL, sign_name=0.05)[1]  # a guess that is hardly trusted


def test_a_proposal_says_that_few_of_what_is_guessed_were_detected():
    reason, codes = explained(**PROPOSAL, sign_frequency=1.0, class_count=3)
    assert "3 of 100 detected objects are 'bird'" in reason and codes == ["proposal", "few"]


def test_what_looks_like_nothing_of_the_road_says_so_with_its_number():
    for given in ({}, PROPOSAL):
        reason, codes = explained(**given, sign_strange=float(surprise(0.97)), embedding_rarity=0.95, sign_look=0.5)
        assert "unlike things of the road, more so than 97.0% of all detected" in reason
        assert "strange" in codes


def test_a_strange_look_is_told_beside_what_hides_it():
    reason, _ = explained(sign_strange=0.5 * float(surprise(0.97)), hidden=0.5, sign_look=0.1)
    assert "than 97.0% of all detected" in reason


def test_percentiles_come_back_from_what_they_surprise():
    for percentile in (0.0, 0.5, 0.97, 0.999):
        assert percentile_of(float(surprise(percentile))) == pytest.approx(percentile)


def test_a_percentage_needs_enough_to_be_taken_of():
    look = {"embedding_rarity": 0.97, "sign_look": float(surprise(0.97))}
    assert "stranger than 97.0% of the detected objects" in explained(others=49, **look)[0]
    reason, codes = explained(others=48, **look, sign_strange=0.8)
    assert "%" not in reason and "unlike things of the road" in reason
    assert codes == ["strange", "common"]


def test_the_sign_that_added_most_is_always_named():
    generator = np.random.default_rng(0)
    said = {"sign_look": {"odd", "unlike"}, "sign_name": {"off_road"}, "sign_words": {"mismatch"},
            "sign_strange": {"strange"}, "sign_doubt": {"doubt"}, "sign_frequency": {"common"}}  # fmt: skip
    raising = [sign.name for sign in SIGNS if sign.raises and sign.name != "sign_keyword"]
    for _ in range(40):
        signs = dict(zip(raising, generator.random(len(raising)) ** 3, strict=True))
        look = 1 - (1 - signs["sign_look"]) ** 4
        codes = explained(**signs, embedding_rarity=look, phrase="bench")[1]
        parts = rarity_parts(boxes_of(["car"]).assign(**{**NOTHING, **signs})).iloc[0]
        assert parts.max() < 0.1 or said[parts.idxmax()] & set(codes)


def test_at_most_three_signs_are_named_those_that_added_most():
    strong = {"sign_look": 0.9, "embedding_rarity": 0.99, "sign_name": 1.0, "sign_strange": 0.9, "sign_doubt": 0.9}
    codes = explained(**strong)[1]
    assert {"off_road", "odd", "strange"} < set(codes) and "doubt" not in codes


@pytest.mark.parametrize(
    ("sign", "value", "code", "words"),
    [
        ("sign_evidence", 0.4, "held_evidence", "40% of what the surest proposals reach"),
        ("sign_size", 0.0, "held_size", "far smaller"),
        ("sign_height", 0.5, "held_height", "higher in the picture"),
        ("sign_quality", 0.1, "held_back", "held back because it is blurred"),
    ],
)
def test_what_took_much_away_is_told(sign, value, code, words):
    raised = {"sign_look": 0.9, "embedding_rarity": 0.99, "sharpness": 5.0}
    reason, codes = explained(**raised, **{sign: value})
    assert words in reason and codes[-1] == code
    assert sign != "sign_quality" or "not seen clearly" in explained(sign_look=0.9, sign_quality=0.5)[0]
    reason, codes = explained(**raised, **{sign: 0.9})
    assert "held" not in reason and code not in codes


def test_all_that_is_said_is_said_in_japanese_too():
    everything = dict.fromkeys(("sign_evidence", "sign_quality", "sign_height"), 0.0) | {"sharpness": 5.0}
    reason, _ = explained(**PROPOSAL, **everything, sign_name=1.0, sign_strange=0.9, sign_frequency=1.0, language="ja")
    assert not set("abcdefghijklmnopqrstuvwxyz") & set(reason)
