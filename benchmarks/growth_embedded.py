"""A made-up run whose stage 03 lacks but its end: all vectors lie in finished parts, and a tower reads names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd


def made_up_tower(dim: int) -> Any:
    """Return what stands for CLIP where all crops are embedded: names of one group lie together, as in a real one."""
    about = {"embedder": "clip", "model": "made up", "revision": "", "dim": dim, "runtime": "none"}
    return SimpleNamespace(about=about, dim=dim, has_text=True, reads=_reads_all, embed_texts=lambda t: _embed(t, dim))


def embedded_twin(root: Path, dim: int) -> Path:
    """Return a run with the tables of another, which was killed after its last crop was embedded."""
    from rarelib.objects.embedding import PART_BATCHES
    from rarelib.objects.vectors import look_of
    from rarelib.run.folder import RunFolder
    from rarelib.run.parts import Parts

    run, size = RunFolder(root.with_name(f"{root.name}_embedded")), 32 * PART_BATCHES
    if not run.root.is_dir():
        shutil.copytree(root / "tables", run.root / "tables", copy_function=os.link)
        shutil.copy(root / "config.json", run.root / "config.json")
        (run.root / "cropped_objects").symlink_to((root / "cropped_objects").resolve())
    run.path("stages/03_embed_objects.earlier.parquet").unlink(missing_ok=True)
    objects, vectors = run.read_table("objects"), np.load(root / "tables" / "embeddings.npy", mmap_mode="r")
    parts = Parts(run.root / "stages" / "03_embed_objects.parts", {"about": made_up_tower(dim).about})
    rows = pd.DataFrame({"object_id": objects["object_id"], "look": look_of(objects)}).assign(reason="")
    for number, start in enumerate(range(0, len(rows), size)):
        parts.write_vectors(number, vectors[start : start + size])
        parts.write_table(number, rows.iloc[start : start + size])
    return run.root


def _reads_all(names: list[str]) -> np.ndarray:
    return np.ones(len(names), bool)


def _embed(texts: list[str], dim: int) -> np.ndarray:
    """Return unit rows (n, dim): of a name's group, and half as much of its own."""
    from rarelib.words.lexicon import lexicon_of

    names = [text.removeprefix("a photo of ").removeprefix("a small photo of ").removeprefix("a ") for text in texts]
    names = [name.removesuffix(" on the street") for name in names]
    groups = [getattr(lexicon_of().thing(name), "group", name) for name in names]
    rows = np.stack([_direction(of, dim) + _direction(own, dim) / 2 for of, own in zip(groups, names, strict=True)])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _direction(text: str, dim: int) -> np.ndarray:
    return np.random.default_rng(list(text.encode())).normal(size=dim)
