"""A second model that proposes boxes: any detector or segmenter that ultralytics loads, its boxes of whatever class."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..pictures.boxes import Boxes, fit_letterbox, suppress
from ..pictures.proposals import SAME_THING, evidence_at
from ..tables import DETECTED, LABEL, PROPOSAL
from . import weights
from .pickles import pickled_names
from .runtime import choose_runtime, place_network

LEAST_CONFIDENCE = 0.1  # of a box that is looked at; a threshold of such models' demos is 0.25 to 0.4
MOST_BOXES = 100  # of a picture
SAME_TOWER = 0.9  # cosine of a name's vector in the model and by the text tower, where both are the same CLIP
WORLD = "ultralytics.nn.tasks.WorldModel"
NETS = tuple(
    f"ultralytics.nn.tasks.{kind}"
    for kind in (
        "DetectionModel",
        "SegmentationModel",
        "PoseModel",
        "WorldModel",
        "YOLOEModel",
        "YOLOESegModel",
        "RTDETRDetectionModel",
        "YOLOv10DetectionModel",
    )
)


@dataclass
class Proposer:
    """A second model ready to run; threads may call it, one at a time.

    Attributes:
        network: (1, h, w, 3) uint8 RGB in, (1, n, 6) out: x_min, y_min, x_max, y_max [px], confidence, class number.
        class_names: By class number.
        name: What its boxes have as origin.
        sha256: Of the weights, and of the words it was given.
        canvas: Longer side of its input [px].
        stride: Pixels per cell of its coarsest grid.
    """

    network: Any
    class_names: list[str]
    name: str
    sha256: str
    canvas: int
    stride: int = 32
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find_boxes(self, pictures: Sequence[np.ndarray]) -> list[Boxes]:
        """Return boxes in pixels of each (H, W, 3) uint8 RGB picture; none overlaps a surer one, whatever its class."""
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: np.ndarray) -> Boxes:
        letterbox = fit_letterbox(picture.shape[1::-1], self.canvas, stride=self.stride)
        with self._lock:  # heads of ultralytics keep the grid of the last shape
            rows = self.network(letterbox.draw(picture)[None])[0][0]
        rows = rows[rows[:, 4] > LEAST_CONFIDENCE]
        confidence = rows[:, 4].clip(max=1)
        found = Boxes(rows[:, :4], confidence, rows[:, 5].astype(int), evidence_at(confidence))
        found = suppress(found, iou=SAME_THING, limit=MOST_BOXES, any_class=True)
        return replace(found, xyxy=letterbox.to_picture(found.xyxy))


def load_proposer(
    model: str,
    *,
    words: Sequence[str] = (),
    text_model: str = "",
    device: str = "auto",
    imgsz: int = 640,
    trust_pickles: bool = False,
) -> Proposer | None:
    """Load a second model by the name of its file or release; None for "".

    Args:
        model: A .pt file, or the name of a release such as yoloe-11s-seg-pf.pt, yolov8s-worldv2.pt or FastSAM-s.pt.
        words: What a YOLO-World looks for; by default what it was saved with.
        text_model: CLIP that reads the words, as in clip.load_clip; the one that the model was trained with.
        device: As in runtime.choose_runtime; it runs in torch.
        imgsz: Longer side of its input [px].
        trust_pickles: Load weights whose pickle asks for more than known layers; that can run code.

    Raises:
        FileNotFoundError: If the model is not there.
        ValueError: If it is no detector or segmenter, if it cannot look for words, or a pickle is not allowed; or if
            there are words and no model.
    """
    if not model and not words:
        return None
    from . import yolo

    path = proposer_path(model, words=words, trust_pickles=trust_pickles)
    net = yolo.load_any_net(path, "proposal_model", trust_pickles=trust_pickles)
    choice = choose_runtime("torch", device)
    if words:
        yolo.set_words(net, words, _vectors_of(net, words, text_model, choice, trust_pickles=trust_pickles))
    network = place_network(yolo.AnyBoxes(net), choice)
    sha256 = weights.sha256_of(path) + "".join(f" {word}" for word in words)
    stride = max(int(max(net.stride)), 32)
    return Proposer(network, yolo.class_names_of(net), origin_of(path), sha256, imgsz, stride)


def proposer_path(model: str, *, words: Sequence[str] = (), trust_pickles: bool = False) -> Path:
    """Return the file that proposal_model names, checked without running it; a release is fetched.

    Raises:
        FileNotFoundError: If it is not there and cannot be fetched.
        ValueError: If it is no detector or segmenter, or cannot look for words; or if there are words and no model.
    """
    if words and not model:
        raise ValueError(
            "The 'proposal_words' parameter needs a YOLO-World as proposal_model. There is none; "
            "give --proposal_model yolov8s-worldv2.pt, or leave the words out."
        )
    path = weights.find_yolo_model(model, parameter="proposal_model")
    if path is None:
        from .yolo import fetch_release

        path = fetch_release(model, parameter="proposal_model")
    if path.is_dir():
        raise ValueError(f"The 'proposal_model' parameter must be a .pt file or a release. {model!r} is a folder.")
    weights.check_yolo_model(str(path), trust_pickles=trust_pickles, parameter="proposal_model")
    names = pickled_names(path)
    if names.isdisjoint(NETS):
        raise ValueError(
            "The 'proposal_model' parameter must be a detector or segmenter that ultralytics loads (YOLO, YOLOE, "
            f"YOLO-World, FastSAM, RT-DETR). {path.name!r} is not."
        )
    if words and WORLD not in names:
        raise ValueError(
            f"The 'proposal_words' parameter needs a YOLO-World as proposal_model. {path.name!r} is none; "
            "leave the words out."
        )
    return path


def text_model_folder(model: str, *, trust_pickles: bool = False) -> Path:
    """Return the folder of the CLIP that proposal_text_model names; one of the hub is fetched.

    Raises:
        FileNotFoundError: If it is not there and cannot be fetched.
        ValueError: If it is no CLIP with a tokenizer and safe weights.
    """
    from .clip import clip_folder

    try:
        folder = clip_folder(model, trust_pickles=trust_pickles)
    except (ValueError, FileNotFoundError) as error:
        raise type(error)(str(error).replace("clip_model", "proposal_text_model")) from error
    if not weights.has_tokenizer(folder):
        raise ValueError(f"The 'proposal_text_model' parameter must be a CLIP with a tokenizer. {model!r} has none.")
    return folder


def origin_of(path: Path) -> str:
    """Return what boxes of a model's file have as origin: its name, which is no origin of another meaning."""
    return path.name if path.stem in (DETECTED, PROPOSAL, LABEL) else path.stem


def _vectors_of(net: Any, words: Sequence[str], text_model: str, choice: Any, *, trust_pickles: bool) -> np.ndarray:
    """Return unit rows for words by the text tower, which must be the one that the network was trained with."""
    from .clip import load_clip

    clip = load_clip(
        str(text_model_folder(text_model, trust_pickles=trust_pickles)), choice, trust_pickles=trust_pickles
    )
    own = np.asarray(net.txt_feats, np.float32).reshape(-1, net.txt_feats.shape[-1])
    known = list(dict(net.names).values())
    if clip.dim != own.shape[1] or len(known) != len(own) or _likeness(clip, known, own) < SAME_TOWER:
        raise ValueError(
            "The 'proposal_text_model' parameter must be the CLIP that the YOLO-World was trained with "
            f"(openai/clip-vit-base-patch32). {text_model!r} gives its class names other vectors."
        )
    return _unit_rows(clip, words)


def _likeness(clip: Any, names: Sequence[str], vectors: np.ndarray) -> float:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return float((_unit_rows(clip, names) * vectors / lengths).sum(axis=1).mean())


def _unit_rows(clip: Any, texts: Sequence[str]) -> np.ndarray:
    rows = np.concatenate([clip.texts(clip.tokenize([text]))[0] for text in texts])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
