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
from ..run.earlier import Earlier
from ..run.parts import Parts
from ..run.progress import Progress
from ..tables import BOX

PART_BATCHES = 16  # batches that are written as one part
COPIED_ROWS = 1 << 16  # vectors that are copied at once
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
        read_words: Words in, bool array out: whether the tower's tokenizer knows them as more than letters.
    """

    network: Any
    size: int
    colour: tuple[int, int, int]
    dim: int
    about: dict[str, Any]
    embed_tokens: Callable[[list[str]], np.ndarray] | None = field(default=None, repr=False)
    read_words: Callable[[list[str]], np.ndarray] | None = field(default=None, repr=False)

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

    def reads(self, texts: Sequence[str]) -> np.ndarray:
        """Tell for each text whether the tokenizer knows all its words as more than letters; bool array (n,)."""
        if self.read_words is None:
            return np.ones(len(texts), bool)
        parts = [text.replace("-", " ").split() for text in texts]
        words = sorted({word for text in parts for word in text})
        known = dict(zip(words, self.read_words(words), strict=True))
        return np.array([all(known[word] for word in text) for text in parts], bool)


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
    read_words = None if clip.texts is None else clip.reads
    return Embedder(clip.images, clip.size, clip.mean_rgb, clip.dim, about, embed_tokens, read_words)


def embed_objects(
    objects: pd.DataFrame,
    run_root: str | Path,
    embedder: Embedder,
    parts: str | Path,
    *,
    batch_size: int = 32,
    workers: int = 1,
    earlier: Earlier | None = None,
) -> tuple[np.ndarray, list[str], pd.DataFrame]:
    """Embed the crops of all objects, part by part; what finished parts or an earlier run hold is not done again.

    Args:
        objects: Rows with object_id and crop_path; with content and the box as well, what an earlier run made of the
            same is kept.
        run_root: What the crop paths are relative to.
        embedder: From load_embedder.
        parts: Folder for finished parts; delete it when the vectors are written.
        batch_size: Crops per batch.
        workers: Threads that read, pad and run batches at once; 1 works in this one.
        earlier: Vectors of an earlier run with the same model; its rows are those of `embedded_state`.

    Returns:
        Unit rows (n, dim) float32, memory-mapped; their object ids; and a table of what could not be embedded:
        object_id, reason.
    """
    objects = objects.assign(look=look_of(objects))
    kept = Parts(Path(parts), {"about": embedder.about})
    known = _known_vectors(kept, objects, earlier)
    todo = objects[~objects["object_id"].isin(known["object_id"])]
    first, size = kept.count(), batch_size * PART_BATCHES
    work = [
        (first + start // size, todo.iloc[start : start + batch_size])
        for part in range(0, len(todo), size)
        for start in range(part, min(part + size, len(todo)), batch_size)
    ]
    if work:
        embedder.open(workers)
    with Progress(len(objects), "crops", done=len(objects) - len(todo)) as progress:
        results = ordered_map(lambda item: _embed_batch(item[1], Path(run_root), embedder), work, workers=workers)
        finished: list[tuple[np.ndarray, pd.DataFrame]] = []
        for position, ((number, batch), result) in enumerate(zip(work, results, strict=True)):
            finished.append(result)
            progress.add(len(batch))
            if position + 1 == len(work) or work[position + 1][0] != number:
                kept.write_vectors(number, np.concatenate([vectors for vectors, _ in finished]))
                kept.write_table(number, pd.concat([table for _, table in finished], ignore_index=True))
                finished = []
    return _join_vectors(kept, _known_vectors(kept, objects, earlier), earlier, embedder.dim)


def embedded_state(objects: pd.DataFrame, object_ids: Sequence[str]) -> pd.DataFrame:
    """Return what is kept of each vector to compare with: object_id and look, in the order of the vectors."""
    looks = pd.Series(look_of(objects), index=objects["object_id"]).reindex(list(object_ids))
    return pd.DataFrame({"object_id": looks.index.astype("str"), "look": looks.to_numpy()})


def count_kept(earlier: Earlier, state: pd.DataFrame) -> int:
    """Return how many of the vectors of this state are those of an earlier run."""
    known = state[state["look"] != 0]
    return 0 if earlier.rows is None else len(known.merge(earlier.rows, on=["object_id", "look"]))


def look_of(objects: pd.DataFrame) -> np.ndarray:
    """Return a number for what each crop shows, of its picture's content and its box, (n,) int64; 0 if unknown."""
    if "content" not in objects:
        return np.zeros(len(objects), np.int64)
    look = pd.util.hash_pandas_object(objects[["content", *BOX]], index=False).to_numpy().astype(np.int64)
    return np.where(objects["content"].ne(""), look, 0)


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
    about = {"object_id": batch["object_id"].tolist(), "look": batch["look"].to_numpy(), "reason": reasons}
    return embedder.embed_crops(crops), pd.DataFrame(about)


def _known_vectors(kept: Parts, objects: pd.DataFrame, earlier: Earlier | None) -> pd.DataFrame:
    """Return which of the objects have a vector, or a reason why not, in their order.

    Returns:
        Columns object_id, reason, part (-1 for the earlier run) and row of the part's vectors.
    """
    empty = {"object_id": pd.Series(dtype="str"), "look": pd.Series(dtype="int64"), "reason": pd.Series(dtype="str")}
    tables = [pd.DataFrame(empty).assign(part=0, row=0)]
    if earlier is not None and earlier.rows is not None:
        rows = earlier.rows.assign(reason="", part=-1, row=np.arange(len(earlier.rows)))
        tables.append(rows[rows["look"] != 0])
    for number, table in kept.tables():
        tables.append(table.assign(part=number, row=table["reason"].eq("").cumsum() - 1))
    rows = pd.concat(tables, ignore_index=True)
    order = pd.MultiIndex.from_frame(objects[["object_id", "look"]])
    place = order.get_indexer(pd.MultiIndex.from_frame(rows[["object_id", "look"]]))
    rows = rows.iloc[np.argsort(place, kind="stable")][np.sort(place) >= 0]
    return rows.drop_duplicates("object_id")[["object_id", "reason", "part", "row"]].reset_index(drop=True)


def _join_vectors(
    kept: Parts, known: pd.DataFrame, earlier: Earlier | None, dim: int
) -> tuple[np.ndarray, list[str], pd.DataFrame]:
    failed = known.loc[known["reason"] != "", ["object_id", "reason"]].reset_index(drop=True)
    rows = known[known["reason"] == ""].reset_index(drop=True)
    if rows.empty:
        return np.zeros((0, dim), np.float32), [], failed
    path = kept.folder / "joined.npy"
    joined = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(len(rows), dim))
    for part, of_part in rows.groupby("part"):
        vectors = earlier.vectors if part < 0 else np.load(kept.path(part, ".npy"), mmap_mode="r", allow_pickle=False)
        for start in range(0, len(of_part), COPIED_ROWS):
            some = of_part.iloc[start : start + COPIED_ROWS]
            joined[some.index] = vectors[some["row"].to_numpy()]
    joined.flush()
    return np.load(path, mmap_mode="r", allow_pickle=False), rows["object_id"].tolist(), failed


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
