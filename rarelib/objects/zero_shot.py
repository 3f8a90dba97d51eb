"""What a CLIP with a text tower says of each crop: what it looks like, and how little roads are full of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..pictures.crops import read_crops
from ..run.folder import RunFolder
from ..run.ids import places_in
from ..run.queries import Tables
from ..run.rows import vectors_of
from ..settings import NamingSettings
from ..tables import empty_table, is_proposal
from ..words.vocabulary import shown_name
from .embedding import Embedder, load_embedder
from .naming import PROMPT as PROMPT  # who embeds texts of his own asks the same way
from .naming import Choices, choose_names

BATCH = 32
BLOCK = 4096  # objects compared at once: 4096 x 1,660 cosines are 27 MB
TEMPERATURE = 0.01  # of the softmax: what CLIP was trained to (Radford et al., 2021), and NegLabel takes


def zero_shot_classes(
    vectors: np.ndarray,
    object_ids: Sequence[str],
    objects: pd.DataFrame,
    embedder: Embedder,
    *,
    settings: NamingSettings | Mapping[str, Any] | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare each crop with the class names of the data and with a vocabulary of things.

    Args:
        vectors: Unit rows, float array of shape (n_objects, dim).
        object_ids: Their ids in row order.
        objects: Table with object_id, class_name, confidence and origin.
        embedder: What made the vectors; without a text tower the table is empty.
        settings: Lists of names and language; by default those of params.py.

    Returns:
        One row per object. phrase: the class name that fits best, with its cosine (similarity), and the cosine with its
        own class (class_similarity). looks_like: the name of all that fits best, for people, with its cosine. margin:
        by how much it fits better than the own class. strangeness in [0, 1]: mass of a softmax over all names that
        falls on things which roads are not full of (NegLabel, Jiang et al. 2024, arXiv 2403.20078, here with the names
        that are known to be unusual; MCM, Ming et al. 2022, arXiv 2211.13445); NaN where the names cannot tell.
        Second, what is known of the vocabulary and the text tower, with a sentence for people.
    """
    settings = NamingSettings.taken(settings)
    if not embedder.has_text or not len(object_ids):
        why = "no_text" if not embedder.has_text else "no_objects"
        return empty_table("zero_shot"), {"names": 0, "sentence": say(f"naming.{why}", settings.language)}
    choices = choose_names(vectors, object_ids, objects, embedder, settings)
    class_name = objects.set_index("object_id")["class_name"].reindex(list(object_ids))
    own = class_name.map(choices.own).to_numpy(int)
    starts = range(0, len(own), BLOCK)
    parts = [_compare(np.asarray(vectors[at : at + BLOCK]), own[at : at + BLOCK], choices) for at in starts]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name, called in (("phrase", choices.names), ("looks_like", choices.shown)):
        found[name] = np.array(called, dtype=object)[found[name]]  # one text for all that share it
    table = pd.DataFrame({"object_id": list(object_ids), **found})
    return table.astype({"object_id": "str", "phrase": "str", "looks_like": "str"}), choices.about


def _compare(vectors: np.ndarray, own: np.ndarray, choices: Choices) -> dict[str, np.ndarray]:
    """Return the columns of zero_shot for some objects, names by their numbers."""
    similarity = vectors @ choices.texts.T  # (block, n_names)
    rows = np.arange(len(vectors))
    of_classes = similarity[:, : choices.n_classes].argmax(axis=1)
    best = similarity.argmax(axis=1)
    return {
        "phrase": of_classes,
        "similarity": similarity[rows, of_classes].astype(float),
        "class_similarity": similarity[rows, own].astype(float),
        "looks_like": best,
        "looks_like_similarity": similarity[rows, best].astype(float),
        "margin": (similarity[rows, best] - similarity[rows, own]).astype(float),
        "strangeness": strangeness(similarity, choices.ordinary),
    }


def strangeness(similarity: np.ndarray, ordinary: np.ndarray) -> np.ndarray:
    """Return how far crops look like what roads are not full of.

    Args:
        similarity: Cosines (n, n_names).
        ordinary: Float array (n_names,): 1 ordinary, 0 unusual, NaN counts as neither.

    Returns:
        Float array (n,) in [0, 1], higher is stranger; NaN where either kind of name is missing.
    """
    usual, unusual = np.flatnonzero(ordinary == 1), np.flatnonzero(ordinary == 0)
    if not len(usual) or not len(unusual):
        return np.full(len(similarity), np.nan)
    highest = similarity[:, np.concatenate([usual, unusual])].max(axis=1, keepdims=True)
    mass = np.exp((similarity - highest).astype(float) / TEMPERATURE)
    odd, plain = mass[:, unusual].sum(axis=1), mass[:, usual].sum(axis=1)
    return odd / (odd + plain)


def shown_names(objects: pd.DataFrame, zero_shot: pd.DataFrame, *, language: str = "en") -> pd.Series:
    """Return what to call each object: by its class, or by its look where that is known and its class is a guess.

    Args:
        objects: Rows with object_id, class_name and origin.
        zero_shot: From zero_shot_classes; it may be empty, or of an older run without looks_like.
        language: Of the run; classes get the name of their thing in it, as looks_like has it.
    """
    classes = objects["class_name"].map(partial(shown_name, language=language))
    if "looks_like" not in zero_shot or zero_shot.empty:
        return classes
    place = places_in(objects["object_id"], zero_shot["object_id"])
    looks_like = pd.Series(zero_shot["looks_like"].array.take(place, allow_fill=True), index=objects.index)
    known = is_proposal(objects) & looks_like.fillna("").ne("")
    return classes.where(~known, looks_like)


def known_looks(tables: Tables, object_ids: Sequence[str], *, prefix: str = "") -> pd.DataFrame:
    """Return object_id and looks_like of some objects for `shown_names`, without looks_like where none is known."""
    name = f"{prefix}zero_shot"
    if "looks_like" not in tables.columns.get(name, ()):
        return pd.DataFrame({"object_id": list(object_ids)})
    return tables.matching(name, object_ids, columns=("object_id", "looks_like"))


def strangest_objects(zero_shot: pd.DataFrame, objects: pd.DataFrame, *, count: int = 10) -> pd.DataFrame:
    """Return the objects that look least like what roads are full of, one of each nearest name, strangest first.

    Args:
        zero_shot: From zero_shot_classes.
        objects: Rows with object_id and crop_path.
        count: How many at most.

    Returns:
        Rows with crop_path, class_name (the nearest name), its similarity, and the columns of zero_shot.
    """
    found = zero_shot.dropna(subset=["strangeness"]).sort_values("strangeness", ascending=False, kind="stable")
    found = found.drop_duplicates("looks_like").head(count)
    crop_path = found["object_id"].map(objects.set_index("object_id")["crop_path"])
    about = {"class_name": found["looks_like"], "similarity": found["looks_like_similarity"], "crop_path": crop_path}
    return found.assign(**about).reset_index(drop=True)


def load_text_embedder(caption_source: str, clip_model: str, **options: Any) -> Embedder | None:
    """Load the CLIP whose phrases caption the crops; None for the other caption sources."""
    if caption_source != "clip":
        return None
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
        return vectors_of(run, selected["object_id"]), selected["object_id"].tolist()
    crops = read_crops(selected, run.root)
    batches = [embedder.embed_crops(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH)]
    return np.concatenate([np.zeros((0, embedder.dim), np.float32), *batches]), selected["object_id"].tolist()
