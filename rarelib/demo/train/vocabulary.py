"""What is said of the kinds of the demo world: true phrases, and a tokenizer of their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...objects.zero_shot import PROMPT
from ..draw.kinds import ALL_KINDS, COLOURS, KINDS, OTHER

TEMPLATES = ("a photo of {}", "a photo of {}", "{}", "a picture of {}", "a small photo of {}", "{} on the street")
START, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<|unknown|>"


def describe_kind(kind: str, colour: str, rng: np.random.Generator) -> tuple[str, str, str]:
    """Return a phrase that is true of a kind, the kind that it names, and the colour ("" for none)."""
    named = OTHER if KINDS[kind].role == "clutter" and rng.random() < 0.2 else kind
    noun = noun_of(named)
    if named != OTHER and colour and rng.random() < 0.4:
        return str(rng.choice(TEMPLATES)).format(_with_article(f"{colour} {kind}")), named, colour
    if rng.random() < 0.5:  # as zero-shot classes are asked for, with no care for grammar
        return PROMPT.format(noun), named, ""
    return str(rng.choice(TEMPLATES)).format(_with_article(noun)), named, ""


def noun_of(kind: str) -> str:
    """Return a kind's phrase without its article: "overturned car"."""
    phrase = KINDS[kind].phrase if kind in KINDS else kind
    return phrase.removeprefix("an ").removeprefix("a ")


def true_pairs(kinds: np.ndarray, colours: np.ndarray, named: np.ndarray, named_colours: np.ndarray) -> np.ndarray:
    """Return of which crops (rows) which phrases (columns) are true: the kind fits, and a named colour too."""
    clutter = np.array([KINDS[kind].role == "clutter" for kind in kinds])
    same_kind = (kinds[:, None] == named[None, :]) | (clutter[:, None] & (named == OTHER)[None, :])
    return same_kind & ((named_colours[None, :] == "") | (named_colours[None, :] == colours[:, None]))


def build_tokenizer() -> Any:
    """Return a tokenizer of whole words for the phrases of the demo world, and of letters for all others."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    letters = sorted("abcdefghijklmnopqrstuvwxyz0123456789")
    counts = Counter(word for phrase in _all_phrases() for word in phrase.split())
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


def _all_phrases() -> list[str]:
    phrases = [kind.phrase for kind in ALL_KINDS] + [kind.name for kind in ALL_KINDS] + [OTHER]
    return [template.format(phrase) for template in TEMPLATES for phrase in phrases] + [*COLOURS, "an"]


def _merge_words(tokens: Sequence[str], words: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges: list[tuple[str, str]] = []
    for word in words:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair not in merges:
                merges.append(pair)
            pieces = [pieces[0] + pieces[1], *pieces[2:]]
            vocabulary.setdefault(pieces[0], len(vocabulary))
    return vocabulary, merges


def _with_article(noun: str) -> str:
    if noun.endswith("bags"):
        return noun
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _regex(pattern: str) -> Any:
    from tokenizers import Regex

    return Regex(pattern)
