"""Turn crops into unit vectors, with CLIP or with the detector's own features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from ..models.clip import load_clip
from ..models.features import FEATURE_SIZE, load_feature_network
from ..models.runtime import choose_runtime, ordered_map
from ..pictures.boxes import PADDING_GREY
from ..pictures.decoding import ImageError, read_image
from ..run.parts import Parts
from ..run.progress import Progress

PART_BATCHES = 16  # batches that are written as one part
TEXT_BATCH = 64
PREPROCESSING = "padded to a square with the colour {colour}, resized to {size} px (bicubic)"


@dataclass
class Embedder:
    """What makes vectors of crops and, with a text tower, of texts; threads may call it at once.

    Attributes:
        network: (b, size, size, 3) uint8 in, arrays (b, dim_i) out; each is normalised, then all of them joined.
        size: Side of the square input [px].
        colour: RGB of the padding, 0 to 255.
        dim: Length of a vector.
        about: What made the vectors: embedder, model, revision, preprocessing, dim, runtime.
        embed_tokens: Texts in, (n, dim) out; None without a text tower.
    """

    network: Any
    size: int
    colour: tuple[int, int, int]
    dim: int
    about: dict[str, Any]
    embed_tokens: Callable[[list[str]], np.ndarray] | None = field(default=None, repr=False)

    @property
    def has_text(self) -> bool:
        """Tell whether texts can be embedded in the same space."""
        return self.embed_tokens is not None

    def open(self, workers: int = 1) -> None:
        """Get ready for this many threads that call at once."""
        self.network.open(workers)

    def embed_crops(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (h, w, 3) uint8 RGB crops, run as one batch."""
        if not len(crops):
            return np.zeros((0, self.dim), np.float32)
        squares = np.stack([square_crop(crop, size=self.size, colour=self.colour) for crop in crops])
        return _unit_rows(np.concatenate([_unit_rows(output) for output in self.network(squares)], axis=1))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return (n, dim) float32 unit rows for texts.

        Raises:
            ValueError: If there is no text tower.
        """
        if self.embed_tokens is None:
            raise ValueError("Texts need an embedder with a text tower: embedder clip, and a model with a tokenizer.")
        starts = range(0, len(texts), TEXT_BATCH)
        rows = [self.embed_tokens(list(texts[start : start + TEXT_BATCH])) for start in starts]
        return _unit_rows(np.concatenate([np.zeros((0, self.dim), np.float32), *rows]))


def load_embedder(
    embedder: str = "clip",
    *,
    clip_model: str = "openai/clip-vit-base-patch32",
    yolo_model: str = "yolov8x.pt",
    runtime: str = "auto",
    device: str = "auto",
    trust_pickles: bool = False,
) -> Embedder:
    """Load what makes the vectors, together with its preprocessing.

    Args:
        embedder: "clip", or "yolo" for the detector's own pooled features.
        clip_model: Hub name, local folder, or "demo".
        yolo_model: As in detection.load_detector.
        runtime: As in runtime.choose_runtime; int8 applies to the detector, CLIP then runs in bfloat16.
        device: As in runtime.choose_runtime.
        trust_pickles: Load weights that are pickles; that can run code.

    Raises:
        FileNotFoundError: If the model is not there and cannot be fetched.
        ValueError: If it is not what it should be, or a pickle that is not allowed.
    """
    choice = choose_runtime(runtime, device)
    if embedder == "yolo":
        network, dim, sha256 = load_feature_network(yolo_model, choice, trust_pickles=trust_pickles)
        colour = (PADDING_GREY,) * 3
        about = _about("yolo", yolo_model, sha256, FEATURE_SIZE, colour, dim, choice)
        return Embedder(network, FEATURE_SIZE, colour, dim, about)
    clip = load_clip(clip_model, choice, trust_pickles=trust_pickles)
    about = _about("clip", clip_model, clip.sha256, clip.size, clip.mean_rgb, clip.dim, choice)
    embed_tokens = None if clip.texts is None else lambda texts: clip.texts(clip.tokenize(texts))[0]
    return Embedder(clip.images, clip.size, clip.mean_rgb, clip.dim, about, embed_tokens)


def embed_objects(
    objects: pd.DataFrame,
    run_root: str | Path,
    embedder: Embedder,
    parts: str | Path,
    *,
    batch_size: int = 32,
    workers: int = 1,
) -> tuple[np.ndarray, list[str], pd.DataFrame]:
    """Embed the crops of all objects, part by part; finished parts are not done again.

    Args:
        objects: Rows with object_id and crop_path.
        run_root: What the crop paths are relative to.
        embedder: From load_embedder.
        parts: Folder for finished parts; delete it when the vectors are written.
        batch_size: Crops per batch.
        workers: Threads that read, pad and run batches at once; 1 works in this one.

    Returns:
        Unit rows (n, dim) float32, memory-mapped; their object ids; and a table of what could not be embedded:
        object_id, reason.
    """
    size = batch_size * PART_BATCHES
    tasks = [objects.iloc[start : start + size] for start in range(0, len(objects), size)]
    kept = _open_parts(parts, objects, embedder, batch_size)
    todo = [number for number in range(len(tasks)) if not kept.has(number)]
    if todo:
        embedder.open(workers)
    work = [
        (number, tasks[number].iloc[start : start + batch_size])
        for number in todo
        for start in range(0, len(tasks[number]), batch_size)
    ]
    done = len(objects) - sum(len(batch) for _, batch in work)
    with Progress(len(objects), "crops", done=done) as progress:
        results = ordered_map(lambda item: _embed_batch(item[1], Path(run_root), embedder), work, workers=workers)
        finished: list[tuple[np.ndarray, pd.DataFrame]] = []
        for position, ((number, batch), result) in enumerate(zip(work, results, strict=True)):
            finished.append(result)
            progress.add(len(batch))
            if position + 1 == len(work) or work[position + 1][0] != number:
                kept.write_vectors(number, np.concatenate([vectors for vectors, _ in finished]))
                kept.write_table(number, pd.concat([table for _, table in finished], ignore_index=True))
                finished = []
    return _join_parts(kept, len(tasks), embedder.dim)


def square_crop(crop: np.ndarray, *, size: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Pad an (h, w, 3) uint8 RGB crop to a centred square with one colour and resize it to (size, size, 3).

    Nothing of the crop is lost; Pillow's bicubic filter is the one that CLIP was trained with.
    """
    height, width = crop.shape[:2]
    side = max(height, width)
    square = Image.new("RGB", (side, side), colour)
    square.paste(Image.fromarray(crop), ((side - width) // 2, (side - height) // 2))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))


def _embed_batch(batch: pd.DataFrame, run_root: Path, embedder: Embedder) -> tuple[np.ndarray, pd.DataFrame]:
    crops, reasons = [], []
    for path in batch["crop_path"]:
        try:
            crops.append(read_image(run_root / path))
            reasons.append("")
        except ImageError as error:
            reasons.append(f"crop cannot be read: {error}")
    return embedder.embed_crops(crops), pd.DataFrame({"object_id": batch["object_id"].tolist(), "reason": reasons})


def _open_parts(folder: str | Path, objects: pd.DataFrame, embedder: Embedder, batch_size: int) -> Parts:
    made_of = {
        "about": embedder.about,
        "objects": pd.util.hash_pandas_object(objects[["object_id", "crop_path"]], index=False).sum().item(),
        "batch_size": batch_size,
    }
    return Parts(Path(folder), made_of)


def _join_parts(kept: Parts, count: int, dim: int) -> tuple[np.ndarray, list[str], pd.DataFrame]:
    empty = pd.DataFrame({"object_id": pd.Series(dtype="str"), "reason": pd.Series(dtype="str")})
    table = pd.concat([empty, *(pd.read_parquet(kept.path(number, ".parquet")) for number in range(count))])
    embedded = table["reason"] == ""
    if not embedded.any():
        return np.zeros((0, dim), np.float32), [], table.reset_index(drop=True)
    path = kept.folder / "joined.npy"
    joined = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(int(embedded.sum()), dim))
    row = 0
    for number in range(count):
        vectors = np.load(kept.path(number, ".npy"), mmap_mode="r", allow_pickle=False)
        joined[row : row + len(vectors)] = vectors
        row += len(vectors)
    joined.flush()
    ids = table.loc[embedded, "object_id"].tolist()
    return np.load(path, mmap_mode="r", allow_pickle=False), ids, table[~embedded].reset_index(drop=True)


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _about(
    embedder: str, model: str, sha256: str, size: int, colour: tuple[int, int, int], dim: int, runtime: Any
) -> dict[str, Any]:
    preprocessing = PREPROCESSING.format(colour=colour, size=size)
    model = Path(model).name if Path(model).expanduser().exists() else model  # a report says no path of the machine
    return {
        "embedder": embedder,
        "model": model,
        "revision": sha256,
        "preprocessing": preprocessing,
        "dim": dim,
        "runtime": str(runtime),
    }
