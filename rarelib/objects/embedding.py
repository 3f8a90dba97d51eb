"""Turn crops into unit vectors, with CLIP or with the detector's own features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from ..engines import Workers
from ..models.clip import load_clip
from ..models.features import FEATURE_SIZE, load_feature_network
from ..models.runtime import choose_runtime, ordered_map
from ..pictures.boxes import PADDING_GREY
from ..pictures.crops import read_crop
from ..pictures.decoding import ImageError, read_image
from ..pictures.sources import Folder, source_of
from ..run.earlier import Earlier
from ..run.parts import Parts, check_nothing_lost
from ..run.progress import Progress
from .vectors import count_kept, embedded_state, join_vectors, known_vectors, look_of, vectors_sentence

__all__ = ["Embedder", "count_kept", "embed_objects", "embedded_state", "load_embedder", "vectors_sentence"]

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
        read_words: Words in, bool array out: whether the tower's tokenizer knows them as more than letters.
        reload: Loads the same in another process.
    """

    network: Any
    size: int
    colour: tuple[int, int, int]
    dim: int
    about: dict[str, Any]
    embed_tokens: Callable[[list[str]], np.ndarray] | None = field(default=None, repr=False)
    read_words: Callable[[list[str]], np.ndarray] | None = field(default=None, repr=False)
    reload: Callable[[], Embedder] | None = field(default=None, repr=False)

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
    if embedder not in ("clip", "yolo"):
        hint = "; a model is named by clip_model" if embedder else ""
        raise ValueError(f"The 'embedder' parameter must be clip or yolo. Got {embedder!r} instead{hint}.")
    given = {"clip_model": clip_model, "yolo_model": yolo_model, "runtime": runtime, "device": device}
    reload = partial(load_embedder, embedder, **given, trust_pickles=trust_pickles)
    choice = choose_runtime(runtime, device)
    if embedder == "yolo":
        network, dim, sha256 = load_feature_network(yolo_model, choice, trust_pickles=trust_pickles)
        colour = (PADDING_GREY,) * 3
        about = _about("yolo", yolo_model, sha256, FEATURE_SIZE, colour, dim, choice)
        return Embedder(network, FEATURE_SIZE, colour, dim, about, reload=reload)
    clip = load_clip(clip_model, choice, trust_pickles=trust_pickles)
    about = _about("clip", clip_model, clip.sha256, clip.size, clip.mean_rgb, clip.dim, choice)
    embed_tokens = None if clip.texts is None else lambda texts: clip.texts(clip.tokenize(texts))[0]
    read_words = None if clip.texts is None else clip.reads
    return Embedder(clip.images, clip.size, clip.mean_rgb, clip.dim, about, embed_tokens, read_words, reload)


def embed_objects(
    objects: pd.DataFrame,
    run_root: str | Path,
    embedder: Embedder,
    parts: str | Path,
    *,
    batch_size: int = 32,
    workers: Workers = 1,
    earlier: Earlier | None = None,
    folder: str | Folder | None = None,
) -> tuple[np.ndarray, list[str], pd.DataFrame]:
    """Embed the crops of all objects, part by part; what finished parts or an earlier run hold is not done again.

    Args:
        objects: Rows with object_id and crop_path; with content and the box as well, what an earlier run made of the
            same is kept; with the path of the picture and the box, a crop that is no file is cut out of it.
        run_root: What the crop paths are relative to.
        embedder: From load_embedder.
        parts: Folder for finished parts; delete it when the vectors are written.
        batch_size: Crops per batch.
        workers: Threads that read, pad and run batches at once, 1 works in this one; or a pool of other processes.
        earlier: Vectors of an earlier run with the same model; its rows are those of `embedded_state`.
        folder: Folder or address of the pictures; None reads crops from their files only.

    Returns:
        Unit rows (n, dim) float32, memory-mapped; their object ids; and a table of what could not be embedded:
        object_id, reason.
    """
    objects = objects.assign(look=look_of(objects))
    kept = Parts(Path(parts), {"about": embedder.about})
    known = known_vectors(kept, objects, earlier)
    todo, size = objects[~objects["object_id"].isin(known["object_id"])], batch_size * PART_BATCHES
    starts = range(0, len(todo), size)
    tasks = [(number, todo.iloc[start : start + size]) for number, start in enumerate(starts)]
    source = None if folder is None else source_of(folder)
    reader = partial(_embed_batch, run_root=Path(run_root).absolute(), folder=source)
    with Progress(len(objects), "crops", done=len(objects) - len(todo)) as progress:
        if isinstance(workers, int):
            done = _embed_here(tasks, embedder, kept, partial(reader, embedder=embedder), batch_size, workers)
        else:
            place = (kept.folder.parent, kept.go)
            make = partial(_embedding_worker, embedder.reload, embedder.about, place, reader, batch_size)
            done = workers.run(make, tasks)
        for count in done:
            progress.add(count)
    known = known_vectors(kept, objects, earlier)
    check_nothing_lost(len(known), objects["object_id"].nunique(), "crops")
    return join_vectors(kept, known, earlier, embedder.dim)


def square_crop(crop: np.ndarray, *, size: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Pad an (h, w, 3) uint8 RGB crop to a centred square with one colour and resize it to (size, size, 3).

    Nothing of the crop is lost; Pillow's bicubic filter is the one that CLIP was trained with.
    """
    height, width = crop.shape[:2]
    side = max(height, width)
    square = Image.new("RGB", (side, side), colour)
    square.paste(Image.fromarray(crop), ((side - width) // 2, (side - height) // 2))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))


def _embed_here(
    tasks: Sequence[tuple[int, pd.DataFrame]],
    embedder: Embedder,
    kept: Parts,
    embed_batch: Callable[[pd.DataFrame], tuple[np.ndarray, pd.DataFrame]],
    batch_size: int,
    workers: int,
) -> Iterator[int]:
    """Embed tasks in threads, write each as a part, and yield how many crops were done."""
    if tasks:
        embedder.open(workers)
    work = [
        (number, task.iloc[start : start + batch_size])
        for number, task in tasks
        for start in range(0, len(task), batch_size)
    ]
    results = ordered_map(lambda item: embed_batch(item[1]), work, workers=workers)
    finished: list[tuple[np.ndarray, pd.DataFrame]] = []
    for position, ((number, batch), result) in enumerate(zip(work, results, strict=True)):
        finished.append(result)
        yield len(batch)
        if position + 1 == len(work) or work[position + 1][0] != number:
            kept.write_vectors(number, np.concatenate([vectors for vectors, _ in finished]))
            kept.write_table(number, pd.concat([table for _, table in finished], ignore_index=True))
            finished = []


def _embedding_worker(
    reload: Callable[[], Embedder],
    about: dict[str, Any],
    place: tuple[Path, str],
    reader: Callable[..., Any],
    batch_size: int,
    threads: int,
) -> Callable[[int, pd.DataFrame], int]:
    """Return what embeds one task in another process and writes its part to a place: a folder, in a driver's go."""
    embedder = reload()
    if embedder.about != about:
        raise ValueError(f"A worker embeds with {embedder.about} and the run with {about}; give all the same models.")
    kept, embed_batch = Parts(place[0], {"about": about}, go=place[1]), partial(reader, embedder=embedder)
    return lambda number, task: sum(_embed_here([(number, task)], embedder, kept, embed_batch, batch_size, threads))


def _embed_batch(
    batch: pd.DataFrame, *, run_root: Path, embedder: Embedder, folder: Folder | None
) -> tuple[np.ndarray, pd.DataFrame]:
    crops, reasons = [], []
    # the objects of one picture follow each other, and its size was allowed when it was detected
    read = lru_cache(maxsize=1)(partial(read_image, max_megapixels=np.inf))
    for row in batch.to_dict("records"):
        try:
            crops.append(read_crop(row, run_root, folder, read=read))
            reasons.append("")
        except ImageError as error:
            reasons.append(f"crop cannot be read: {error}")
    about = {"object_id": batch["object_id"].tolist(), "look": batch["look"].to_numpy(), "reason": reasons}
    return embedder.embed_crops(crops), pd.DataFrame(about)


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
