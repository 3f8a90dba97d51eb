"""Which class names say what any road is full of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .lexicon import lexicon_of


def ordinariness(class_names: pd.Series, ordinary_classes: str = "") -> np.ndarray:
    """Return for each class name how surely any road is full of what it names.

    Args:
        class_names: Any index; English in singular or plural, CamelCase, dotted or joined by _ or -, Japanese, and the
            common words of some other languages.
        ordinary_classes: Path of a user's list of ordinary names, in place of the package's `words/ordinary.yaml`.

    Returns:
        Float array (n,): 1 for what any road is full of; 0 for a known thing that it is not; NaN for a name that
        tells nothing or is not known, which is no sign of rarity.

    Raises:
        ValueError: If the list cannot be read.
    """
    lexicon = lexicon_of(ordinary_classes)
    found = {name: lexicon.value(str(name)) for name in class_names.unique()}
    return class_names.map(found).to_numpy(float)
