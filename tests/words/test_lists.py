"""Lists of names: the package's own are whole and unique, a user's is read or refused with the reason."""

import re
from collections import Counter
from importlib import resources

import pytest
import yaml

from rarelib.words.lexicon import lexicon_of
from rarelib.words.lists import own_list, read_things, things_of
from rarelib.words.vocabulary import read_vocabulary


class OnceOnly(yaml.SafeLoader):
    """Refuses a key that stands twice."""


def _once(loader, node):
    names = [loader.construct_object(key) for key, _ in node.value]
    twice = [name for name, count in Counter(names).items() if count > 1]
    assert not twice, twice
    return dict(zip(names, (loader.construct_object(value, deep=True) for _, value in node.value), strict=True))


OnceOnly.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _once)


@pytest.mark.parametrize("name", ["ordinary", "vocabulary"])
def test_no_name_stands_twice_in_a_file(name):
    text = (resources.files("rarelib.words") / f"{name}.yaml").read_text(encoding="utf-8")
    content = yaml.load(text, OnceOnly)
    groups = [content["things"]] if name == "ordinary" else content.values()
    names = [each for group in groups for each in group]
    assert [each for each, count in Counter(names).items() if count > 1] == []


def test_no_name_means_two_things():
    lexicon = lexicon_of()
    things = [*things_of(own_list("ordinary")["things"], ""), *things_of(own_list("vocabulary"), "")]
    means = {}
    for thing in things:
        for name in thing.names:
            words = lexicon.words(name)
            assert words, name
            assert means.setdefault(words, thing.name) == thing.name, (name, means[words], thing.name)


def test_the_vocabulary_is_large_split_in_two_and_translated():
    vocabulary = read_vocabulary()
    assert 1400 < len(vocabulary.things) < 1800
    assert 80 < vocabulary.ordinary.sum() < 200
    japanese = [thing.japanese for thing in vocabulary.things]
    assert all(japanese)
    assert len(set(japanese)) == len(japanese)
    assert all(re.fullmatch(r"[A-Za-zñ0-9' \-]+", thing.name) for thing in vocabulary.things)


def test_what_the_vocabulary_calls_ordinary_is_what_the_lexicon_calls_so():
    vocabulary, lexicon = read_vocabulary(), lexicon_of()
    for thing, ordinary in zip(vocabulary.things, vocabulary.ordinary, strict=True):
        assert lexicon.value(thing.name) == float(ordinary), thing.name
        assert lexicon.value(thing.japanese) == float(ordinary), thing.japanese
        assert lexicon.thing(thing.japanese).name == thing.name


def test_with_a_users_list_crops_are_compared_with_its_names_too_and_what_it_leaves_out_is_not_unusual(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("excavator\nzorb\n", encoding="utf-8")
    before, vocabulary = read_vocabulary(), read_vocabulary(ordinary_classes=str(mine))
    names = [thing.name for thing in vocabulary.things]
    assert names == [*(thing.name for thing in before.things), "zorb"]
    ordinary = dict(zip(names, vocabulary.ordinary, strict=True))
    assert ordinary["excavator"] and ordinary["zorb"] and ordinary["bus"] and not ordinary["horse"]
    assert vocabulary.ordinary.sum() == before.ordinary.sum() + 2


@pytest.mark.parametrize(
    ("suffix", "text", "names"),
    [
        (".txt", "\ufeff# things\nhorse\n\n cow # a comment\nhorse\n", ["horse", "cow"]),
        (".yaml", "[horse, cow]", ["horse", "cow"]),
        (".yaml", "horse: 馬\ncow:", ["horse", "cow"]),
        (".yml", "animals: {horse: 馬, cow: {ja: 牛, also: [ox]}}\nothers: [box]", ["horse", "cow", "box"]),
        (".yaml", "things: {horse: 馬}\nchanges: [toy]", ["horse"]),
    ],
)
def test_forms_of_a_users_list(tmp_path, suffix, text, names):
    file = tmp_path / f"mine{suffix}"
    file.write_text(text, encoding="utf-8")
    things = read_things(file)
    assert [thing.name for thing in things] == names
    assert things[0].shown("ja") == ("馬" if "馬" in text else "horse")


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        (".yaml", b"{horse: [", "cannot be read"),
        (".txt", b"\xff\xfe\x00", "cannot be read"),
        (".txt", b"# nothing\n", "must hold 1 to 100,000 names. Got 0"),
        (".yaml", b"7", "Got int"),
        (".yaml", b"[horse, 7]", "holds '7', which is not a name"),
        (".yaml", b"horse: {also: ox}", "'also' of 'horse' must be a list"),
        (".yaml", b"horse: 7", "holds '7', which is not a name"),
        (".yaml", b"things:", "Got NoneType"),
        (".txt", b"x" * 201, "which is not a name"),
        (".txt", b"x\n" * 2_600_000, "is larger than 5,000,000 bytes"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path, suffix, content, message):
    file = tmp_path / f"mine{suffix}"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_things(file)
