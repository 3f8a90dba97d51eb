"""What is said of the kinds of the demo world: true phrases, names of what it lacks, and a tokenizer of their words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ...objects.zero_shot import PROMPT
from ...words.lists import own_list, things_of
from ..draw.kinds import ALL_KINDS, COLOURS, KINDS, OTHER, SCENERY, STRANGERS, UNSEEN_KINDS
from ..draw.strangers import FAMILY_OF

TEMPLATES = ("a photo of {}", "a photo of {}", "{}", "a picture of {}", "a small photo of {}", "{} on the street")
START, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<|unknown|>"
# what else the ordinary kinds are called; a name that several share is true of each
ALSO = {
    "car": ("vehicle", "van", "SUV", "taxi", "pickup truck"),
    "truck": ("lorry",),
    "bus": ("coach",),
    "person": ("pedestrian", "man", "woman", "child"),
    "bicycle": ("bike", "cyclist"),
    "motorcycle": ("motorbike", "motorcyclist", "motor scooter"),
    "stop sign": ("traffic sign",),
    "bin": ("garbage bin",),
    "hydrant": ("fire hydrant",),
    "planter": ("plant",),
    "bush": ("plant",),
    "rubbish bags": ("garbage bag",),
    "advertising pillar": ("billboard",),
    SCENERY.name: ("building", "wall", "tree", "sidewalk", "sky", "fence", "street lamp", "road marking", "landscape"),
}

ORDINARY_NAMES = ("plant",)  # of a family of strangers, and of what any street is full of: only the latter is told


@cache
def names_of(kind: str) -> frozenset[str]:
    """Return all names that are true of a kind, its own among them."""
    family = (FAMILY_OF[kind],) if kind in FAMILY_OF and FAMILY_OF[kind] not in ORDINARY_NAMES else ()
    clutter = (OTHER,) if KINDS[kind].role == "clutter" else ()
    return frozenset((kind, *ALSO.get(kind, ()), *family, *clutter))


def describe_kind(kind: str, colour: str, rng: np.random.Generator) -> tuple[str, str, str]:
    """Return a phrase that is true of a kind, the name that it uses, and the colour ("" for none)."""
    others = sorted(names_of(kind) - {kind})
    named = str(rng.choice(others)) if others and rng.random() < 0.25 else kind
    noun = noun_of(named)
    if named == kind and colour and rng.random() < 0.3:
        return str(rng.choice(TEMPLATES)).format(_with_article(f"{colour} {kind}")), named, colour
    return ask_for(noun, rng), named, ""


def ask_for(noun: str, rng: np.random.Generator) -> str:
    """Return a phrase of a thing; most often as zero-shot classes are asked for, with no care for grammar."""
    if rng.random() < 0.6:
        return PROMPT.format(noun)
    return str(rng.choice(TEMPLATES)).format(_with_article(noun))


def noun_of(kind: str) -> str:
    """Return a kind's phrase without its article: "overturned car"."""
    phrase = KINDS[kind].phrase if kind in KINDS else kind
    return phrase.removeprefix("an ").removeprefix("a ")


@cache
def names_without_pictures() -> tuple[str, ...]:
    """Return names of the vocabulary that no training picture shows, without those of the kinds that are left out.

    The text tower learns that no crop shows them, so that a name that was never met is near to nothing.
    """
    met = {name for kind in (*ALL_KINDS, *STRANGERS) for name in names_of(kind.name)}
    names = [thing.name for thing in things_of(own_list("vocabulary"), "vocabulary")]
    return tuple(name for name in names if name not in met and not any(kind in name.lower() for kind in UNSEEN_KINDS))


def build_tokenizer() -> Any:
    """Return a tokenizer of whole words for the demo world and the vocabulary, and of letters for all others."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    letters = sorted("abcdefghijklmnopqrstuvwxyz0123456789")
    counts = Counter(word for phrase in _all_phrases() for word in _words(phrase))
    words = sorted(counts, key=lambda word: (-counts[word], word))  # the first are sure to be one token
    tokens = [START, END, UNKNOWN, *letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary, merges = _merge_words(tokens, words)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token=UNKNOWN, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern=_regex(r"[a-z0-9]+"), behavior="removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, 0), (END, 1)]
    )
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    return tokenizer


def pad_to_longest(tokenizer: Any) -> int:
    """Let a tokenizer pad every phrase to the length of the longest one, and return it [tokens]."""
    codes = [tokenizer.encode(phrase) for phrase in _all_phrases()]
    length = max(len(code.ids) for code in codes) + 4
    tokenizer.enable_padding(length=length, pad_id=1, pad_token=END)
    return length


@cache
def _all_phrases() -> tuple[str, ...]:
    kinds = [kind for kind in (*ALL_KINDS, *STRANGERS, SCENERY) if kind.seen]
    phrases = [kind.phrase for kind in kinds] + [name for kind in kinds for name in sorted(names_of(kind.name))]
    said = [template.format(phrase) for template in TEMPLATES for phrase in phrases] + [*COLOURS, "an"]
    return (*said, *(PROMPT.format(name) for name in names_without_pictures()))


def _words(phrase: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", phrase.lower())


def _merge_words(tokens: Sequence[str], words: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges: dict[tuple[str, str], None] = {}
    for word in words:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            merges[pieces[0], pieces[1]] = None
            pieces = [pieces[0] + pieces[1], *pieces[2:]]
            vocabulary.setdefault(pieces[0], len(vocabulary))
    return vocabulary, list(merges)


def _with_article(noun: str) -> str:
    if noun.endswith("bags"):
        return noun
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _regex(pattern: str) -> Any:
    from tokenizers import Regex

    return Regex(pattern)
