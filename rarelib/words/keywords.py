"""Keywords in class names: whole words, in the singular or the plural, of any script."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from .lexicon import lexicon_of
from .splitting import is_spaced, split_name


def has_keyword(class_names: pd.Series, keywords: Sequence[str]) -> np.ndarray:
    """Tell for each class name whether it contains one of the keywords.

    Args:
        class_names: Any index.
        keywords: Words or phrases; each must occur as whole words, in either number: "roller" is in "road_rollers"
            and in "RoadRoller", not in "stroller"; 工事 is in 工事車両.

    Returns:
        Bool array (n,).
    """
    known = lexicon_of().known
    wanted = [split_name(word, known) if is_spaced(word) else split_name(word) for word in keywords]
    wanted = [tuple(words) for words in wanted if words]
    found = {name: any(_contains(str(name), words) for words in wanted) for name in class_names.unique()}
    return class_names.map(found).to_numpy(bool)


@lru_cache(maxsize=50_000)  # an audit asks for the same names and keywords in every round
def _contains(name: str, wanted: tuple[str, ...]) -> bool:
    lexicon = lexicon_of()
    known = lexicon.known.union(wanted) if all(map(is_spaced, wanted)) else frozenset(wanted)
    words = tuple(split_name(name, known, parts=lexicon.parts.union(wanted)))
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))
