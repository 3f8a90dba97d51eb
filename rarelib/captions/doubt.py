"""Where the detector, the caption and CLIP's nearest phrase disagree, and what is said about it."""

from __future__ import annotations

import re
from functools import partial

import pandas as pd

from ..language import say
from ..words.vocabulary import shown_name
from .answers import CaptionAnswer
from .prompts import quotable

REASON_CODE = "caption_disagrees"
EMPTY_WORDS = frozenset({"a", "an", "the", "of", "on", "in", "with", "photo", "picture", "other", "and"})


def is_doubtful(answer: CaptionAnswer, class_name: str, phrase: str = "") -> bool:
    """Tell whether detector class, caption and CLIP's phrase disagree.

    They do where the model does not say yes to the class; where CLIP's phrase shares no word with what the other two
    say; and where the model says yes but names the object, as CLIP does, by words that the class has not.
    """
    if answer.agrees != "yes":
        return True
    class_words, kind_words, phrase_words = words(class_name), words(answer.kind), words(phrase)
    if not phrase_words:
        return False
    clip_alone = not phrase_words & (class_words | kind_words | words(answer.caption))
    return clip_alone or not class_words & (kind_words | phrase_words)


def words(text: str) -> set[str]:
    """Return the words of a text that carry meaning, in lower case and without a plural s."""
    found = re.findall(r"\w+", text.lower().replace("_", " "))
    return {word.removesuffix("s") for word in found} - EMPTY_WORDS


def disagreeing_voices(answer: CaptionAnswer, class_name: str, phrase: str, language: str) -> str:
    """Return who says what, for the model that is asked once more."""
    voices = {"detector": class_name, "model": answer.kind, "clip": phrase}
    said = [say(f"caption_voice_{who}", language, kind=quotable(kind)) for who, kind in voices.items() if kind]
    return say("caption_voices_separator", language).join(said)


def disagreement_sentence(class_name: str, kind: str, language: str) -> str:
    """Return the disagreement as a reader sees it: `detector says bus, caption says fire engine`."""
    return say("caption_disagreement", language, class_name=class_name, kind=kind)


def add_caption_reasons(
    scores: pd.DataFrame, captions: pd.DataFrame, objects: pd.DataFrame, language: str
) -> pd.DataFrame:
    """Return the scores with `reason` and `reason_codes` extended where caption and detector disagree.

    Args:
        scores: Table with object_id, reason and, if the ranking wrote them, reason_codes.
        captions: Table of `caption_objects`.
        objects: Table with object_id and class_name.
        language: Language of the sentence.
    """
    scores = scores.assign(reason_codes=scores.get("reason_codes", pd.Series("", index=scores.index, dtype="str")))
    disagreeing = captions.loc[captions["disagrees"], ["object_id", "kind"]]
    named = disagreeing.merge(objects[["object_id", "class_name"]], on="object_id")
    named["class_name"] = named["class_name"].map(partial(shown_name, language=language))
    sentences = {row.object_id: disagreement_sentence(row.class_name, row.kind, language) for row in named.itertuples()}
    separator, joined = say("rarity.between", language), scores.copy()
    for index, object_id in scores["object_id"].items():
        if object_id in sentences:
            joined.at[index, "reason"] = _join(separator, scores.at[index, "reason"], sentences[object_id])
            joined.at[index, "reason_codes"] = _join(",", scores.at[index, "reason_codes"], REASON_CODE)
    return joined


def _join(separator: str, *texts: str) -> str:
    return separator.join(text for text in texts if text)
