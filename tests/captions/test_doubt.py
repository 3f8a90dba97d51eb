"""Doubt arises where detector, caption and CLIP do not say the same, and is told to the reader."""

import pandas as pd
import pytest

from rarelib.captions.answers import CaptionAnswer
from rarelib.captions.doubt import add_caption_reasons, disagreeing_voices, disagreement_sentence, is_doubtful, words


def said(kind: str, agrees: str, caption: str = "Something.") -> CaptionAnswer:
    return CaptionAnswer(caption=caption, kind=kind, attributes=[], agrees=agrees, certainty="high")


@pytest.mark.parametrize(
    ("answer", "class_name", "phrase", "doubtful"),
    [
        (said("bus", "yes"), "bus", "", False),
        (said("fire engine", "no"), "bus", "", True),
        (said("bus", "unsure"), "bus", "", True),
        (said("sedan", "yes"), "car", "", False),  # a narrower word for the same
        (said("sedan", "yes"), "car", "car", False),
        (said("sedan", "yes"), "car", "fire engine", True),  # CLIP alone
        (said("fire engine", "yes"), "bus", "fire engine", True),  # yes, but by CLIP's words
        (said("red truck", "yes", "A fire truck with a ladder."), "truck", "fire engine", False),
    ],
)
def test_when_to_ask_once_more(answer, class_name, phrase, doubtful):
    assert is_doubtful(answer, class_name, phrase) is doubtful


def test_words_that_carry_meaning():
    assert words("A photo of the Traffic_Lights") == {"traffic", "light"}


def test_voices_and_sentence_in_both_languages():
    answer = said('fire "engine"', "no")
    assert disagreeing_voices(answer, "bus", "", "en") == ('the detector says "bus", your caption says "fire engine"')
    assert "消防車" in disagreeing_voices(answer, "bus", "消防車", "ja")
    assert disagreement_sentence("bus", "fire engine", "en") == "detector says bus, caption says fire engine"


def test_disagreement_becomes_a_reason_of_the_ranking():
    scores = pd.DataFrame({"object_id": ["a", "b"], "reason": ["far from all", ""], "reason_codes": ["rare", ""]})
    captions = pd.DataFrame({"object_id": ["b", "a"], "kind": ["dog", "bus"], "disagrees": [True, False]})
    objects = pd.DataFrame({"object_id": ["a", "b"], "class_name": ["bus", "cat"]})
    joined = add_caption_reasons(scores, captions, objects, "en")
    assert joined["reason"].tolist() == ["far from all", "detector says cat, caption says dog"]
    assert joined["reason_codes"].tolist() == ["rare", "caption_disagrees"]
    assert scores["reason"].tolist() == ["far from all", ""]  # the table that came in is untouched
    without_codes = add_caption_reasons(scores.drop(columns="reason_codes"), captions, objects, "en")
    assert without_codes["reason_codes"].tolist() == ["", "caption_disagrees"]
