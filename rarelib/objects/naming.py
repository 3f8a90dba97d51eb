"""Which names crops are compared with, and whether a text tower knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..models.exports import cached_export
from ..run.progress import track
from ..settings import NamingSettings
from ..tables import is_proposal
from ..words.lexicon import Lexicon, lexicon_of
from ..words.lists import Thing
from ..words.vocabulary import OFF, read_vocabulary, spoken_name
from .embedding import Embedder
from .text_tower import TowerTest, try_text_tower

PROMPT = "a photo of a {}"  # Radford et al. (2021), section 3.1.4
TEMPLATES = (PROMPT, "a {} on the street", "a small photo of a {}")  # their vectors are averaged, as there
TEXTS_AT_ONCE = 64
MOST_SAID = 0.999  # no mean of names is told as 100.0 % of all
SURE = 0.5  # confidence from which the detector's class tests the text tower


@dataclass(frozen=True, eq=False)
class Choices:
    """Names that crops are compared with: the data's class names, then those of the vocabulary.

    Attributes:
        names: Class names as the data has them, and names of things.
        shown: The same for people, in the run's language.
        ordinary: Float array (n,): 1 for what any road is full of, 0 for what it is not, NaN for what tells nothing.
        texts: Unit rows (n, dim).
        own: By class name, the row that speaks for it.
        n_classes: How many of the names are class names.
        about: What was found out of the vocabulary and the text tower, with a sentence for people.
    """

    names: tuple[str, ...]
    shown: tuple[str, ...]
    ordinary: np.ndarray
    texts: np.ndarray
    own: dict[str, int]
    n_classes: int
    about: dict[str, Any]


def choose_names(
    vectors: np.ndarray,
    object_ids: Sequence[str],
    objects: pd.DataFrame,
    embedder: Embedder,
    settings: NamingSettings,
) -> Choices:
    """Return the names that this run's crops are compared with.

    The vocabulary joins the class names only where the text tower plainly knows such words: it can read them, and on
    confident detections it agrees with the detector. A class whose name the lists do not know is spoken for by the name
    that is nearest to the mean of its objects, so that no name in a foreign language makes its objects strange.

    Args:
        vectors: Unit rows (n, dim).
        object_ids: Their ids in row order.
        objects: Table with object_id, class_name, confidence and origin.
        embedder: With a text tower, the one that made the vectors.
        settings: Lists and language.
    """
    lexicon = lexicon_of(settings.ordinary_classes)
    classes = sorted(objects["class_name"].unique())
    spoken = [spoken_name(name) for name in classes]
    plain = embedder.reads(spoken) & [lexicon.knows(name) for name in classes]
    of_row = objects.set_index("object_id").reindex(list(object_ids))
    class_texts = embed_names(embedder, spoken)
    listed = read_vocabulary(settings.vocabulary, settings.ordinary_classes)
    known = listed.only(embedder.reads([thing.name for thing in listed.things]))
    texts = _kept_texts(embedder, [thing.name for thing in known.things])
    groups = ["" if " " in thing.name else thing.group for thing in known.things]  # no word in common
    tested = try_text_tower(vectors, _sure_classes(of_row, classes, plain), class_texts, texts, groups)
    about = _about(len(listed.things), len(known.things), tested, settings)
    joins = _not_among(known.things, spoken, lexicon) & about["vocabulary_used"]
    added, texts = known.only(joins), np.concatenate([class_texts, texts[joins]])
    own = {name: row for row, name in enumerate(classes)}
    if about["vocabulary_used"]:
        foreign = [name for name, is_plain in zip(classes, plain, strict=True) if not is_plain]
        own |= _nearest_to_mean(foreign, of_row, vectors, texts)
    return Choices(
        names=(*classes, *(thing.name for thing in added.things)),
        shown=(
            *(_class_shown(name, lexicon, settings.language) for name in classes),
            *(thing.shown(settings.language) for thing in added.things),
        ),
        ordinary=np.array([*(lexicon.value(name) for name in classes), *added.ordinary], float),
        texts=texts,
        own=own,
        n_classes=len(classes),
        about=about,
    )


def embed_names(embedder: Embedder, names: Sequence[str]) -> np.ndarray:
    """Return unit rows (n, dim) for names of things, each the mean over TEMPLATES."""
    starts = range(0, len(names), TEXTS_AT_ONCE)
    batches = [names[start : start + TEXTS_AT_ONCE] for start in starts]
    means = [np.zeros((0, embedder.dim), np.float32)]
    for batch in track(batches, "batches of names") if len(batches) > 1 else batches:
        rows = embedder.embed_texts([template.format(name) for name in batch for template in TEMPLATES])
        means.append(rows.reshape(len(batch), len(TEMPLATES), -1).mean(axis=1))
    joined = np.concatenate(means).astype(np.float32)
    return joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-12)


def _kept_texts(embedder: Embedder, names: list[str]) -> np.ndarray:
    """Embed the names, once for this tower: the next run finds them in the user's cache."""
    revision = embedder.about.get("revision")
    if not revision or len(names) <= TEXTS_AT_ONCE:
        return embed_names(embedder, names)

    def build(folder: Path) -> dict[str, Any]:
        np.save(folder / "texts.npy", embed_names(embedder, names))
        return {"names": len(names), "model": embedder.about["model"]}

    made_of = {"kind": "names", "templates": TEMPLATES, "names": names, "runtime": embedder.about["runtime"]}
    folder, _ = cached_export(Path("names"), revision, made_of, build)
    return np.load(folder / "texts.npy", allow_pickle=False)


def _sure_classes(of_row: pd.DataFrame, classes: list[str], plain: np.ndarray) -> np.ndarray:
    """Return for each row the number of its class where the detector is sure of it and its name is known, else -1."""
    number = of_row["class_name"].map({name: row for row, name in enumerate(classes) if plain[row]}).fillna(-1)
    sure = ~is_proposal(of_row) & (of_row["confidence"] >= SURE)
    return np.where(sure, number, -1).astype(int)


def _not_among(things: Sequence[Thing], spoken: Sequence[str], lexicon: Lexicon) -> np.ndarray:
    taken = {lexicon.words(name) for name in spoken}
    return np.array([lexicon.words(thing.name) not in taken for thing in things], bool)


def _class_shown(name: str, lexicon: Lexicon, language: str) -> str:
    thing = lexicon.thing(name)
    return thing.shown(language) if language == "ja" and thing and thing.japanese else spoken_name(name)


def _nearest_to_mean(
    classes: Sequence[str], of_row: pd.DataFrame, vectors: np.ndarray, texts: np.ndarray
) -> dict[str, int]:
    own = of_row["class_name"].to_numpy()
    means = {name: vectors[own == name].mean(axis=0) for name in classes if (own == name).any()}
    return {name: int((texts @ mean).argmax()) for name, mean in means.items()}


def _about(listed: int, readable: int, tested: TowerTest, settings: NamingSettings) -> dict[str, Any]:
    used = tested.passed and readable > 0
    if settings.vocabulary == OFF:
        key = "off"
    elif not readable:
        key = "unreadable"
    else:
        key = ("known" if tested.classes else "untested") if used else "unknown"
    values = {"listed": listed, "names": readable if used else 0, **tested.figures()}
    most = {"standing": min(values["standing"], MOST_SAID)}
    sentence = say(f"naming.{key}", settings.language, **{**values, **most})
    return {"vocabulary_used": bool(used), "readable": readable, **values, "sentence": sentence}
