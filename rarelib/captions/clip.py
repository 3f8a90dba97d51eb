"""Captions without a language model: the phrase that is nearest to the object in CLIP's space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ..language import say
from ..objects.zero_shot import PROMPT
from ..run.progress import track
from ..words.sameness import is_kind_of, is_same_thing
from ..words.vocabulary import shown_name, spoken_name
from .answers import MAX_ERROR_CHARS, CaptionAnswer, clean_text
from .dialogue import Outcome

CLIP_SCALE = 100.0  # the temperature that CLIP was trained to (Radford et al., 2021)


class ClipEmbedder(Protocol):
    """What turns crops and texts into unit rows of one space."""

    about: dict[str, Any]
    has_text: bool

    def embed_crops(self, crops: list[np.ndarray]) -> np.ndarray:
        """Return unit rows (n, dim) of RGB crops (height, width, 3)."""
        ...

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        """Return unit rows (n, dim) of the texts."""
        ...


def clip_outcomes(
    rows: pd.DataFrame,
    run_root: Path,
    embedder: ClipEmbedder | None,
    vectors: tuple[np.ndarray, Sequence[str]] | None,
    phrases: Sequence[str],
    language: str,
) -> dict[str, Outcome]:
    """Return the nearest phrase of each object by its id, or why there is none.

    Args:
        rows: Objects with object_id, class_name, crop_path and, if known, looks_like (the nearest of all names, or "").
        run_root: What crop_path is relative to.
        embedder: A CLIP with a text tower.
        vectors: Its unit rows of the objects with their ids; None embeds the crops.
        phrases: What is chosen from; empty takes the built-in list.
        language: Language of the captions.

    Raises:
        ValueError: If there is no such CLIP.
    """
    if embedder is None or not embedder.has_text:
        raise ValueError("The 'caption_source' parameter can be clip only with a CLIP that has a text tower.")
    found, errors = _known_vectors(rows, vectors, language) if vectors else _crop_vectors(rows, run_root, embedder)
    outcomes = {object_id: Outcome(answer=None, error=error) for object_id, error in errors.items()}
    if not found:
        return outcomes
    about = rows.set_index("object_id").loc[list(found)]
    looks = about["looks_like"].tolist() if "looks_like" in about else None
    choices = clip_phrases(phrases, language)
    matrix, names = np.stack(list(found.values())), about["class_name"].tolist()
    answers = nearest_phrases(names, matrix, choices, embedder, language, looks_like=looks)
    return outcomes | {key: Outcome(answer=answer) for key, answer in zip(found, answers, strict=True)}


def _known_vectors(
    rows: pd.DataFrame, vectors: tuple[np.ndarray, Sequence[str]], language: str
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    matrix, object_ids = vectors
    position = {object_id: index for index, object_id in enumerate(object_ids)}
    found = {key: matrix[position[key]] for key in rows["object_id"] if key in position}
    return found, {key: say("caption_no_vector", language) for key in rows["object_id"] if key not in position}


def _crop_vectors(
    rows: pd.DataFrame, run_root: Path, embedder: ClipEmbedder
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    from ..pictures.listing import read_image

    found: dict[str, np.ndarray] = {}
    errors: dict[str, str] = {}
    for row in track(list(rows.itertuples()), "captions"):
        try:
            found[row.object_id] = embedder.embed_crops([read_image(run_root / row.crop_path)])[0]
        except (OSError, ValueError) as error:
            errors[row.object_id] = clean_text(f"{row.crop_path}: {error}", MAX_ERROR_CHARS)
    return found, errors


def clip_phrases(phrases: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return what CLIP chooses from, the built-in list if empty: pairs of the embedded phrase and the shown one."""
    if phrases:
        return [(phrase, shown_name(phrase, language)) for phrase in phrases]
    english, shown = (say("caption_phrases_default", tongue).split("\n") for tongue in ("en", language))
    return [pair for pair in zip(english, shown, strict=True) if pair[0]]


def nearest_phrases(
    class_names: Sequence[str],
    vectors: np.ndarray,
    phrases: Sequence[tuple[str, str]],
    embedder: ClipEmbedder,
    language: str,
    *,
    looks_like: Sequence[str] | None = None,
) -> list[CaptionAnswer]:
    """Caption each object by the phrase that is nearest to its vector.

    Args:
        class_names: The detector's class of each object, (n,).
        vectors: Unit rows (n, dim).
        phrases: Pairs of the phrase that is embedded and the phrase that is shown.
        embedder: Embeds the phrases and the class names.
        language: Language of the sentence around the phrase.
        looks_like: For each object the nearest of a larger vocabulary's names, or "".

    Returns:
        One answer per object. agrees is "yes" where phrase and class mean one thing or either is a kind of the other,
        "no" where the phrase is nearer than the class's own name, else "unsure"; certainty is that of the phrase among
        all phrases and the name that the object looks like: "high" from a probability of 0.8, "medium" from 0.5. It is
        never high where that name is another thing, which the phrases lack.
    """
    near = vectors @ embedder.embed_texts([PROMPT.format(phrase) for phrase, _ in phrases]).T
    classes = sorted(set(class_names))
    own = vectors @ embedder.embed_texts([PROMPT.format(name) for name in classes]).T
    best = near.argmax(axis=1)
    lacking = _lacking_names(looks_like or [""] * len(vectors), [phrase for phrase, _ in phrases])
    share = _shares_of_best(near, _cosines_with(vectors, lacking, embedder))
    beaten = own[np.arange(len(vectors)), [classes.index(name) for name in class_names]] < near.max(axis=1)
    answers = []
    for name, index, sure, nearer, other in zip(class_names, best, share, beaten, lacking, strict=True):
        english, shown = phrases[index]
        answers.append(
            CaptionAnswer(
                caption=say("caption_clip_phrase", language, phrase=shown),
                kind=shown,
                attributes=[],
                agrees="yes" if is_kind_of(english, name) else "no" if nearer else "unsure",
                certainty="high" if sure >= 0.8 and not other else "medium" if sure >= 0.5 else "low",
            )
        )
    return answers


def _lacking_names(looks_like: Sequence[str], phrases: Sequence[str]) -> list[str]:
    """Return the names as the text tower reads them, "" for those of a thing that is among the phrases."""
    known = {name: any(is_same_thing(name, phrase) for phrase in phrases) for name in set(looks_like)}
    return ["" if not name or known[name] else spoken_name(name) for name in looks_like]


def _cosines_with(vectors: np.ndarray, names: Sequence[str], embedder: ClipEmbedder) -> np.ndarray:
    """Return the cosine of each vector with its own name, -inf where that is ""."""
    different = sorted({name for name in names if name})
    cosines = np.full(len(vectors), -np.inf)
    if different:
        similarity = vectors @ embedder.embed_texts([PROMPT.format(name) for name in different]).T
        rows = [row for row, name in enumerate(names) if name]
        cosines[rows] = similarity[rows, [different.index(names[row]) for row in rows]]
    return cosines


def _shares_of_best(near: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the probability of the nearest phrase among all phrases (n, phrases) and one other name (n,)."""
    weights = np.exp(CLIP_SCALE * (np.column_stack([near, other]) - near.max(axis=1, keepdims=True)))
    return 1 / weights.sum(axis=1)
