"""An answer is a checked, clean record, or an error that says what is wrong with it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarelib.captions.answers import (
    MAX_ANSWER_CHARS,
    MAX_ATTRIBUTES,
    MAX_CAPTION_CHARS,
    AnswerError,
    CaptionAnswer,
    RefusalError,
    answer_schema,
    clean_text,
    parse_answer,
)

GOOD = {"caption": "A red bus.", "kind": "bus", "attributes": ["red"], "agrees": "yes", "certainty": "high"}


def test_reads_a_plain_answer():
    assert parse_answer(json.dumps(GOOD)).model_dump() == GOOD


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "```json\n{}\n```",
        "Here it is: {} I hope this helps.",
        "<think>Is {{it}} a bus?</think>{}",
        "What {{I}} see: {}",
    ],
)
def test_passes_over_words_around_the_object(around):
    assert parse_answer(around.format(json.dumps(GOOD))).kind == "bus"


def test_forgives_small_slips_of_form():
    slips = GOOD | {"agrees": True, "certainty": "High.", "attributes": "red, two decks、old", "more": 1}
    answer = parse_answer(json.dumps(slips))
    assert (answer.agrees, answer.certainty, answer.attributes) == ("yes", "high", ["red", "two decks", "old"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("<think>never ends", "empty"),
        ("a red bus", "no complete JSON object"),
        (json.dumps(GOOD)[:30], "no complete JSON object"),
        ("[" * 9000 + "{" * 9000, "no complete JSON object"),
        ('{"a":' * 3000, "no complete JSON object"),
        ("x" * (MAX_ANSWER_CHARS + 1), "longer than 20,000"),
        (json.dumps(GOOD | {"agrees": "perhaps"}), "'agrees' input should be"),
        (json.dumps(GOOD | {"caption": "\u200b \n"}), "'caption'"),
        (json.dumps(GOOD | {"caption": ["a"]}), "'caption' input should be a valid string"),
        (json.dumps({"caption": "A bus."}), "'kind' field required"),
    ],
)
def test_says_what_is_wrong(text, problem):
    with pytest.raises(AnswerError, match=problem):
        parse_answer(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot identify people in pictures.",
        "Sorry, no.",
        "As an AI language model I do not see pictures.",
        "申し訳ありませんが、お答えできません。",
        json.dumps(GOOD | {"caption": "I’m unable to describe this image."}),
    ],
)
def test_a_refusal_is_no_caption(text):
    with pytest.raises(RefusalError, match="refused"):
        parse_answer(text)


@pytest.mark.parametrize("caption", ["Sorry-looking, crushed car.", "I-beam on the road.", "An AI-labelled van."])
def test_a_caption_that_sounds_alike_is_no_refusal(caption):
    assert parse_answer(json.dumps(GOOD | {"caption": caption})).caption == caption


def test_cleans_text_by_hand():
    assert clean_text("a\x00b\x1b[31m \u202eevil\u202c\tx\u2028y\ud800\ufeff", 50) == "ab[31m evil x y"
    assert clean_text("0123456789", 5) == "0123…"
    assert clean_text("<script>alert(1)</script>", 50) == "<script>alert(1)</script>"  # escaped where it is shown


@settings(deadline=None)
@given(st.text(), st.integers(1, 40))
def test_clean_text_is_one_short_line_and_stays_as_it_is(text, length):
    cleaned = clean_text(text, length)
    assert len(cleaned) <= length
    assert cleaned.isprintable()
    assert clean_text(cleaned, length) == cleaned


@settings(deadline=None)
@given(st.text(), st.lists(st.text()))
def test_any_words_of_a_model_come_out_clean(caption, attributes):
    try:
        answer = parse_answer(json.dumps(GOOD | {"caption": caption, "attributes": attributes}))
    except AnswerError:
        return
    assert 1 <= len(answer.caption) <= MAX_CAPTION_CHARS
    assert len(answer.attributes) <= MAX_ATTRIBUTES
    assert all(text.isprintable() and "," not in text for text in answer.attributes)


def test_the_schema_asks_for_the_fields_that_are_read():
    schema = answer_schema()
    assert schema["required"] == list(CaptionAnswer.model_fields) == list(schema["properties"])
    assert schema["additionalProperties"] is False
