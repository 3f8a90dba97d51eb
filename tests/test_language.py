"""Phrases: both languages, the same values in both."""

import string

import pytest

from rarelib.language import LANGUAGES, phrases, say


@pytest.mark.parametrize("key", sorted(key for key in phrases() if not key.startswith("parameter.")))
def test_every_phrase_has_both_languages_with_the_same_values(key):
    fields = [
        {name for _, name, _, _ in string.Formatter().parse(phrases()[key][language]) if name} for language in LANGUAGES
    ]
    assert fields[0] == fields[1]


def test_unknown_keys_and_languages_are_refused():
    with pytest.raises(ValueError, match="There is no phrase 'nothing'"):
        say("nothing")
    with pytest.raises(ValueError, match="The language must be one of"):
        say("nothing", "fr")
