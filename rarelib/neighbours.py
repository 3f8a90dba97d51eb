"""Objects that look like one object; for exploring a run by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def most_similar(
    object_id: str, vectors: np.ndarray, object_ids: Sequence[str], *, n_similar: int = 12
) -> pd.DataFrame:
    """Return the objects nearest to one object by cosine, the object itself first.

    Args:
        object_id: The object to start from.
        vectors: Unit rows, float array of shape (n_objects, dim).
        object_ids: Their ids in row order.
        n_similar: How many rows to return at most.

    Returns:
        Table with object_id and similarity, highest first.

    Raises:
        ValueError: If the object has no vector.
    """
    ids = list(object_ids)
    if object_id not in ids:
        raise ValueError(f"The object {object_id!r} has no vector; the early filter may have left it out.")
    similarity = vectors @ np.asarray(vectors[ids.index(object_id)])  # (n_objects,)
    nearest = np.argsort(-similarity, kind="stable")[:n_similar]
    return pd.DataFrame({"object_id": [ids[row] for row in nearest], "similarity": similarity[nearest]})
