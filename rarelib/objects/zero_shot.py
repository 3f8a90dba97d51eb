"""What a CLIP with a text tower says of each crop: does it look like its class, or more like something else?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..pictures.crops import read_crops
from ..run.folder import RunFolder

if TYPE_CHECKING:
    from .embedding import Embedder

BATCH = 32

PROMPT = "a photo of a {}"  # Radford et al. (2021), section 3.1.4


def zero_shot_classes(
    vectors: np.ndarray, object_ids: Sequence[str], objects: pd.DataFrame, embedder: Embedder
) -> pd.DataFrame:
    """Compare each crop with the class names that occur in the data.

    Args:
        vectors: Unit rows, float array of shape (n_objects, dim).
        object_ids: Their ids in row order.
        objects: Table with object_id and class_name.
        embedder: What made the vectors; without a text tower the table is empty.

    Returns:
        One row per object: the nearest class name (`phrase`) with its cosine (`similarity`), and the cosine
        with the detector's own class (`class_similarity`).
    """
    columns = ["object_id", "phrase", "similarity", "class_similarity"]
    if not embedder.has_text or not len(object_ids):
        return pd.DataFrame({name: pd.Series(dtype="str" if name in columns[:2] else "float64") for name in columns})
    names = sorted(objects["class_name"].unique())
    texts = embedder.embed_texts([PROMPT.format(name) for name in names])  # (n_classes, dim)
    similarity = vectors @ texts.T  # (n_objects, n_classes)
    of_object = objects.set_index("object_id")["class_name"].reindex(list(object_ids))
    own = np.searchsorted(names, of_object.to_numpy(dtype=str))
    best = similarity.argmax(axis=1)
    rows = np.arange(len(best))
    found = {
        "phrase": np.array(names)[best],
        "similarity": similarity[rows, best],
        "class_similarity": similarity[rows, own],
    }
    return pd.DataFrame({"object_id": list(object_ids), **found})


def load_text_embedder(caption_source: str, clip_model: str, **options: Any) -> Embedder | None:
    """Load the CLIP whose phrases caption the crops; None for the other caption sources."""
    if caption_source != "clip":
        return None
    from .embedding import load_embedder

    return load_embedder("clip", clip_model=clip_model, **options)


def read_clip_vectors(
    run: RunFolder, selected: pd.DataFrame, embedder: Embedder | None
) -> tuple[np.ndarray, list[str]] | None:
    """Return vectors of the selected crops in the embedder's space: the run's own where it made them, else new ones.

    Returns:
        Unit rows and their object ids; None without an embedder.
    """
    if embedder is None:
        return None
    about = run.read_json("tables/embeddings.json")
    if (about["model"], about["revision"]) == (embedder.about["model"], embedder.about["revision"]):
        return run.read_vectors()
    crops = read_crops(selected, run.root)
    batches = [embedder.embed_crops(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH)]
    return np.concatenate([np.zeros((0, embedder.dim), np.float32), *batches]), selected["object_id"].tolist()
