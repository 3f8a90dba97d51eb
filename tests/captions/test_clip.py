"""Without a language model the nearest phrase is the caption; planted vectors give known answers."""

import numpy as np
import pytest
from planted_clip import PlantedClip

from rarelib.captions.clip import clip_phrases, nearest_phrases
from rarelib.language import say


def test_the_nearest_phrase_is_the_caption():
    vectors = np.eye(5)[[0, 1, 3]]
    phrases = clip_phrases(["bus", "fire engine", "car"], "en")
    answers = nearest_phrases(["bus", "bus", "dog"], vectors, phrases, PlantedClip(), "en")
    assert [answer.kind for answer in answers[:2]] == ["bus", "fire engine"]
    assert answers[1].caption == "looks most like: fire engine"
    assert [answer.agrees for answer in answers] == ["yes", "no", "unsure"]
    assert [answer.certainty for answer in answers] == ["high", "high", "low"]  # all phrases are equally far from a dog


def test_the_order_of_the_objects_does_not_matter():
    vectors = np.random.default_rng(0).normal(size=(20, 5))
    phrases = clip_phrases(["bus", "car", "dog"], "en")
    names = ["car"] * 10 + ["dog"] * 10
    answers = nearest_phrases(names, vectors, phrases, PlantedClip(), "en")
    assert nearest_phrases(names[::-1], vectors[::-1], phrases, PlantedClip(), "en") == answers[::-1]


def test_built_in_phrases_are_embedded_in_english_and_shown_in_the_language():
    pairs = clip_phrases([], "ja")
    assert ("fire engine", "消防車") in pairs
    assert len(pairs) == len(say("caption_phrases_default", "en").split("\n"))
    assert len({english for english, _ in pairs}) == len(pairs)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_own_phrases_stay_as_they_are(language):
    assert clip_phrases(["消防車", "my own"], language) == [("消防車", "消防車"), ("my own", "my own")]


def test_a_phrase_that_the_vocabulary_knows_is_shown_in_the_language():
    assert clip_phrases(["trailer"], "ja") == [("trailer", "トレーラー")]
    assert clip_phrases(["trailer"], "en") == [("trailer", "trailer")]


def test_a_phrase_is_not_sure_of_a_thing_that_no_phrase_names():
    vectors, phrases = np.eye(5)[[1, 1, 1, 1]], clip_phrases(["bus", "fire engine"], "en")
    looks = ["", "fire engine", "消防車", "dog"]
    answers = nearest_phrases(["bus"] * 4, vectors, phrases, PlantedClip(), "en", looks_like=looks)
    assert [answer.certainty for answer in answers] == ["high", "high", "high", "medium"]
    nearer = vectors + np.eye(5)[[3] * 4]  # as near to a dog
    answers = nearest_phrases(["bus"] * 4, nearer * 2, phrases, PlantedClip(), "en", looks_like=looks)
    assert [answer.certainty for answer in answers] == ["high", "high", "high", "medium"]
    dogs = np.eye(5)[[3]] + 0.9 * np.eye(5)[[1]]
    answers = nearest_phrases(["bus"], dogs, phrases, PlantedClip(), "en", looks_like=["dog"])
    assert answers[0].certainty == "low"


def test_a_shared_word_is_no_agreement():
    phrases = [("fire engine", "fire engine")]
    names = ["fire hydrant", "fire truck", "engine", "消防車"]
    answers = nearest_phrases(names, np.eye(5)[[1] * 4], phrases, PlantedClip(), "en")
    assert [answer.agrees for answer in answers] == ["no", "yes", "yes", "yes"]
