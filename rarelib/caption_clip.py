"""Captions without a language model: the phrase that is nearest to the object in CLIP's space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from .caption_answers import CaptionAnswer
from .caption_doubt import words
from .language import say
from .zero_shot import PROMPT

CLIP_SCALE = 100.0  # the temperature that CLIP was trained to (Radford et al., 2021)


class TextEmbedder(Protocol):
    """What turns texts into unit rows of the same space as the vectors of the objects."""

    about: dict[str, Any]
    has_text: bool

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        """Return unit rows (n, dim) of the texts."""
        ...


def clip_phrases(phrases: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return what CLIP chooses from, as pairs of the English phrase and the shown one; the built-in list if empty."""
    if phrases:
        return [(phrase, phrase) for phrase in phrases]
    english, shown = (say("caption_phrases_default", tongue).split("\n") for tongue in ("en", language))
    return [pair for pair in zip(english, shown, strict=True) if pair[0]]


def nearest_phrases(
    class_names: Sequence[str],
    vectors: np.ndarray,
    phrases: Sequence[tuple[str, str]],
    embedder: TextEmbedder,
    language: str,
) -> list[CaptionAnswer]:
    """Caption each object by the phrase that is nearest to its vector.

    Args:
        class_names: The detector's class of each object, (n,).
        vectors: Unit rows (n, dim).
        phrases: Pairs of the phrase that is embedded and the phrase that is shown.
        embedder: Embeds the phrases and the class names.
        language: Language of the sentence around the phrase.

    Returns:
        One answer per object. agrees is "yes" where phrase and class share a word, "no" where the phrase is nearer
        than the class's own name, else "unsure"; certainty is that of the phrase among all phrases: "high" from a
        probability of 0.8, "medium" from 0.5.
    """
    near = vectors @ embedder.embed_texts([PROMPT.format(phrase) for phrase, _ in phrases]).T
    classes = sorted(set(class_names))
    own = vectors @ embedder.embed_texts([PROMPT.format(name) for name in classes]).T
    best = near.argmax(axis=1)
    weights = np.exp(CLIP_SCALE * (near - near.max(axis=1, keepdims=True)))
    share = weights.max(axis=1) / weights.sum(axis=1)
    beaten = own[np.arange(len(vectors)), [classes.index(name) for name in class_names]] < near.max(axis=1)
    answers = []
    for name, index, sure, nearer in zip(class_names, best, share, beaten, strict=True):
        english, shown = phrases[index]
        answers.append(
            CaptionAnswer(
                caption=say("caption_clip_phrase", language, phrase=shown),
                kind=shown,
                attributes=[],
                agrees="yes" if words(english) & words(name) else "no" if nearer else "unsure",
                certainty="high" if sure >= 0.8 else "medium" if sure >= 0.5 else "low",
            )
        )
    return answers
