"""What each selected object is most like among the common ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..tables import is_proposal
from .nearest import REFERENCE_ROWS, find_elsewhere

NEIGHBOURS_SHOWN = 3


def nearest_common(table: pd.DataFrame, vectors: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Find the common objects most like each selected one: detected, and of events with no selected object.

    They are of other drives, or of other pictures where there is one drive: in its own, boxes may show parts of it.
    Proposals are taken only where nothing else is left, as another view of what is rare may be among them.

    Args:
        table: Objects with object_id, image_id, group, event, selected, rank and origin.
        vectors: Unit rows, float array of shape (n, dim), in the order of the table.

    Returns:
        Table with object_id, neighbour_id, position (1 nearest) and similarity, by rank and position; and the
        similarity of the first for each row of the table, NaN for none.
    """
    selected = np.flatnonzero(table["selected"])
    other = ~table["event"].isin(table["event"].iloc[selected]).to_numpy()
    detected = other & ~is_proposal(table)
    common = np.flatnonzero(detected if detected.any() else other)
    if len(common) > REFERENCE_ROWS:
        common = common[np.linspace(0, len(common) - 1, REFERENCE_ROWS).astype(int)]
    group, picture = (pd.factorize(table[name])[0] for name in ("group", "image_id"))
    by_drive = (table["group"] != "").to_numpy(bool) & (len(np.unique(group[common])) > 1)
    scenes = np.where(by_drive, group, group.max(initial=0) + 1 + picture)
    similarity, found = find_elsewhere(
        vectors, vectors[common], k=NEIGHBOURS_SHOWN, scenes=scenes, reference_scenes=scenes[common], rows=selected
    )
    ids = table["object_id"]
    nearest = np.full(len(table), np.nan)
    nearest[selected] = similarity[:, 0] if similarity.shape[1] else np.nan
    neighbours = {
        "object_id": np.repeat(ids.iloc[selected].to_numpy(), found.shape[1]),
        "neighbour_id": ids.iloc[common].to_numpy()[found].ravel(),
        "position": np.tile(np.arange(1, found.shape[1] + 1), len(selected)),
        "similarity": similarity.ravel().astype(float),
    }
    neighbours = pd.DataFrame(neighbours)[found.ravel() >= 0].astype({"object_id": "str", "neighbour_id": "str"})
    by_rank = neighbours["object_id"].map(table.set_index("object_id")["rank"])
    return neighbours.iloc[np.lexsort([neighbours["position"], by_rank])].reset_index(drop=True), nearest
