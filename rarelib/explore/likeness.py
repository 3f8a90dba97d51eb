"""What looks alike and what fits words, over all vectors of a run."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from ..language import say
from ..objects.embedding import load_embedder
from ..objects.zero_shot import PROMPT
from ..run.folder import RunFolder
from ..words.lexicon import lexicon_of

ARTICLE = re.compile(r"^(an?|the)\s+", flags=re.IGNORECASE)  # the prompt has one already


def rows_alike(row: int, vectors: np.ndarray, events: np.ndarray, *, count: int = 24) -> tuple[list[int], list[float]]:
    """Return the rows most like one by cosine, one of each event and none of its own.

    Args:
        row: Where to start.
        vectors: Unit rows, float array of shape (n, dim).
        events: Int array (n,), equal for objects of one event.
        count: How many rows at most.

    Returns:
        Rows, most alike first, and their cosines.
    """
    return first_of_events(vectors @ np.asarray(vectors[row]), events, count=count, but_not=events[row])


def first_of_events(
    similarity: np.ndarray, events: np.ndarray, *, count: int, but_not: int | None = None
) -> tuple[list[int], list[float]]:
    """Return the rows of highest similarity, one of each event, without one event if asked."""
    order = np.argsort(-similarity, kind="stable")
    order = order[events[order] != but_not] if but_not is not None else order
    _, first = np.unique(events[order], return_index=True)
    rows = order[np.sort(first)[:count]]
    return rows.tolist(), [round(float(value), 3) for value in similarity[rows]]


def english_words(text: str, *, language: str = "en") -> str:
    """Return words as a text tower that learned English reads them: a name in another script by its thing.

    Raises:
        ValueError: If they are in another script and the vocabulary does not know them.
    """
    if not any(letter.isalpha() and "LATIN" not in unicodedata.name(letter, "") for letter in text):
        return text
    thing = lexicon_of().thing(text)
    if thing is None:
        raise ValueError(say("explore.unknown_words", language, text=text.strip()))
    return thing.name


class WordSearch:
    """Finds crops by words through the text tower of the CLIP that made a run's vectors; loaded when first asked."""

    def __init__(self, run: RunFolder, clip_model: str) -> None:
        """Take the run, and the CLIP by hub name or folder."""
        self._about = run.read_json("tables/embeddings.json")
        self._clip_model, self._embedder = clip_model, None

    @property
    def possible(self) -> bool:
        """Tell whether the vectors are CLIP's, so that words may be compared with them."""
        return self._about.get("embedder") == "clip"

    def similarity(self, text: str, vectors: np.ndarray) -> np.ndarray:
        """Return the cosine of each row (n,) with the words.

        Raises:
            ValueError: If there is no text tower, or the CLIP is not the one that made the vectors.
        """
        if self._embedder is None:
            loaded = load_embedder("clip", clip_model=self._clip_model)
            if loaded.about["revision"] != self._about["revision"]:
                raise ValueError(
                    f"The 'clip_model' parameter must be the CLIP that made this run's vectors "
                    f"({self._about['model']}). Got {loaded.about['model']} with other weights instead."
                )
            self._embedder = loaded
        return vectors @ self._embedder.embed_texts([PROMPT.format(ARTICLE.sub("", text.strip()))])[0]
