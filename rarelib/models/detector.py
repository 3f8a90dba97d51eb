"""Detectors ready to run: weights loaded or exported, pictures in, boxes out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ..pictures.boxes import Boxes, fit_letterbox, join_boxes
from ..pictures.sources import Folder
from . import weights
from .decoding import decode_outputs
from .exports import cached_export
from .proposer import Proposer
from .quantization import quantize
from .runtime import OpenVinoNetwork, Runtime, choose_runtime, place_network
from .unreported import import_openvino

EXPORT_VERSION = 4  # raise it when what is exported changes
FIXED_SIZE = "The 'proposal_imgsz' parameter must be 0 with an OpenVINO folder whose input has a fixed size."


@dataclass
class Detector:
    """A detector ready to run; threads may call it at once.

    Attributes:
        network: Arrays in, arrays out.
        class_names: By class number.
        runtime: What it runs on, in words.
        sha256: Of the weights.
        canvas: Longer side of the input, as fit_letterbox rounds it, or (width, height) of a fixed one [px].
        strides: Pixels per cell of each of the head's inputs.
        export: Name of the exported network, of its content and of what calibrated it; "" where nothing is exported.
        reload: Loads the same in another process.
        finer: Longer side of the input of a second pass [px]; 0 for none.
        proposer: A second model that proposes boxes, or None.
    """

    network: Any
    class_names: list[str]
    runtime: str
    sha256: str
    canvas: int | tuple[int, int]
    strides: tuple[int, ...] = (8, 16, 32)
    export: str = ""
    reload: Callable[[], Detector] | None = field(default=None, repr=False)
    finer: int = 0
    proposer: Proposer | None = None

    def __post_init__(self) -> None:
        """Check that the network takes pictures of the second pass's size."""
        if self.finer and not isinstance(self.canvas, int):
            raise ValueError(FIXED_SIZE)

    @property
    def names(self) -> list[str]:
        """Names of the classes, then of those of the second model."""
        return [*self.class_names, *(self.proposer.class_names if self.proposer else [])]

    @property
    def decided_by(self) -> list[Any]:
        """What decides which boxes are found, besides the pictures."""
        own = [self.sha256, self.runtime, self.export, self.canvas]
        second = [self.proposer.sha256, self.proposer.canvas, self.proposer.name] if self.proposer else []
        return [*own, self.finer, second] if self.finer or second else own

    @property
    def batch(self) -> int:
        """How many pictures run best at once."""
        return self.network.batch

    def open(self, workers: int = 1) -> None:
        """Get ready for this many threads that call at once."""
        self.network.open(workers)
        if self.proposer:
            self.proposer.network.open(workers)

    def find_boxes(self, pictures: Sequence[np.ndarray], *, least: float, candidates: int = 0) -> list[Boxes]:
        """Return boxes in pixels of each (H, W, 3) uint8 RGB picture, none suppressed.

        Args:
            pictures: Of any sizes.
            least: All boxes of a higher confidence are returned.
            candidates: And so many of the others, the first by each of proposals.proposal_orders; those of a second,
                finer pass beside them.
        """
        found = self._find(pictures, self.canvas, least, candidates)
        if not (self.finer and candidates):
            return found
        again = self._find(pictures, self.finer, least, candidates)
        return [join_boxes(both) for both in zip(found, again, strict=True)]

    def find_second(self, pictures: Sequence[np.ndarray]) -> list[Boxes | None]:
        """Return what the second model sees, its classes numbered after the detector's; None where there is none."""
        if self.proposer is None:
            return [None] * len(pictures)
        own = len(self.class_names)
        return [replace(boxes, class_id=boxes.class_id + own) for boxes in self.proposer.find_boxes(pictures)]

    def _find(
        self, pictures: Sequence[np.ndarray], canvas: int | tuple[int, int], least: float, candidates: int
    ) -> list[Boxes]:
        boxed = [fit_letterbox(picture.shape[1::-1], canvas, stride=max(self.strides)) for picture in pictures]
        found: dict[int, Boxes] = {}
        by_shape = sorted(range(len(pictures)), key=lambda row: boxed[row].canvas_wh)
        for _, rows in groupby(by_shape, key=lambda row: boxed[row].canvas_wh):
            rows = list(rows)
            outputs = self.network(np.stack([boxed[row].draw(pictures[row]) for row in rows]))
            for position, row in enumerate(rows):
                one = [output[position] for output in outputs]
                found[row] = decode_outputs(one, boxed[row], least=least, candidates=candidates, strides=self.strides)
        return [found[row] for row in range(len(pictures))]


def load_detector(
    model: str,
    *,
    runtime: str = "auto",
    device: str = "auto",
    imgsz: int = 640,
    trust_pickles: bool = False,
    calibration_images: Sequence[Folder] | None = None,
) -> Detector:
    """Load a detector by name; for OpenVINO it is exported once and kept in the user's cache.

    Args:
        model: A .pt file, an OpenVINO folder, the name of a release (yolov8x.pt), or "demo".
        runtime: As in runtime.choose_runtime.
        device: As in runtime.choose_runtime.
        imgsz: Longer side of the detector's input [px], rounded up to a multiple of its stride; an OpenVINO folder of
            fixed size keeps its own.
        trust_pickles: Load weights whose pickle asks for more than known layers; that can run code.
        calibration_images: Pictures that set the ranges of openvino_int8; at most 64 are read.

    Raises:
        FileNotFoundError: If the model is not there.
        ValueError: If it is not a detector, or a pickle that is not allowed.
    """
    given = {"runtime": runtime, "device": device, "imgsz": imgsz, "trust_pickles": trust_pickles}
    reload = partial(load_detector, model, **given, calibration_images=calibration_images)
    return replace(
        _load(model, choose_runtime(runtime, device), imgsz, trust_pickles, calibration_images), reload=reload
    )


def load_with_second(
    load: Callable[[], Detector], load_second: Callable[[], Proposer | None], *, finer: int = 0
) -> Detector:
    """Load a detector together with what else proposes boxes.

    Args:
        load: Loads the detector.
        load_second: Loads a second model, or gives None.
        finer: Longer side of the input of a second, finer pass [px]; 0 for none.

    Raises:
        ValueError: If the detector takes pictures of one size only and is to look more finely.
    """
    reload = partial(load_with_second, load, load_second, finer=finer)
    return replace(load(), finer=finer, proposer=load_second(), reload=reload)


def _load(
    model: str, choice: Runtime, imgsz: int, trust_pickles: bool, calibration_images: Sequence[Folder] | None
) -> Detector:
    path = yolo_path(model)
    sha256 = weights.sha256_of(path)
    if path.is_dir():
        return _load_openvino_folder(path, sha256, imgsz)
    if choice.library == "torch":
        from . import yolo

        net = yolo.load_net(path, trust_pickles=trust_pickles)
        network = place_network(yolo.RawDetector(net), choice)
        return Detector(network, yolo.class_names_of(net), str(choice), sha256, imgsz, tuple(yolo.strides_of(net)))
    folder, about = export_yolo(path, sha256, trust_pickles=trust_pickles)
    if choice.precision == "int8":
        folder = quantize(folder, imgsz, max(about["strides"]), calibration_images or [], version=EXPORT_VERSION)
    network = OpenVinoNetwork(folder / "model.xml", choice.precision)
    return Detector(network, about["class_names"], str(choice), sha256, imgsz, tuple(about["strides"]), folder.name)


def yolo_path(model: str) -> Path:
    """Return the file or folder that yolo_model names; a release is fetched.

    Raises:
        FileNotFoundError: If it is not there and cannot be fetched.
    """
    path = weights.find_yolo_model(model)
    if path is None:
        from .yolo import fetch_release

        path = fetch_release(model)
    return path


def export_yolo(path: Path, sha256: str, *, trust_pickles: bool = False) -> tuple[Path, dict[str, Any]]:
    """Return the folder with model.xml for OpenVINO, made once per content, and its class names, strides, layers."""
    ov = import_openvino()

    def build(folder: Path) -> dict[str, Any]:
        import torch

        from . import yolo

        net = yolo.load_net(path, trust_pickles=trust_pickles)
        strides = yolo.strides_of(net)
        example = torch.zeros((1, 2 * max(strides), 3 * max(strides), 3), dtype=torch.uint8)
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch.jit.trace is what OpenVINO reads best, and old
            traced = torch.jit.trace(yolo.RawDetector(net), example, strict=False, check_trace=False)
        model = ov.convert_model(traced, example_input=example)
        model.reshape([-1, -1, -1, 3])
        ov.save_model(model, folder / "model.xml", compress_to_fp16=False)
        return {
            "class_names": yolo.class_names_of(net),
            "strides": strides,
            "feature_layers": yolo.feature_layers(net),
        }

    settings = {"version": EXPORT_VERSION, "openvino": ov.__version__, "kind": "detector"}
    return cached_export(path, sha256, settings, build)


def read_openvino_folder(folder: Path) -> tuple[Any, list[str]]:
    """Return an ultralytics export as a model that takes (b, h, w, 3) uint8 RGB, and its class names.

    Raises:
        ValueError: If it is not one.
    """
    ov = import_openvino()

    model = ov.Core().read_model(weights.openvino_file(folder))
    names = weights.read_class_names(folder)
    if len(model.outputs) != 1 or model.output().partial_shape[1] != 4 + len(names):
        raise ValueError(f"The 'yolo_model' parameter must be an export of a YOLO detector. {folder.name!r} is not.")
    layout = ov.preprocess.PrePostProcessor(model)
    layout.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    layout.input().model().set_layout(ov.Layout("NCHW"))
    layout.input().preprocess().convert_element_type(ov.Type.f32).scale(255.0)
    return layout.build(), names


def check_any_size(folder: Path) -> None:
    """Check that an ultralytics export takes pictures of any size.

    Raises:
        ValueError: If it does not, or is no such export.
    """
    if not read_openvino_folder(folder)[0].input().partial_shape[1].is_dynamic:
        raise ValueError(FIXED_SIZE)


def _load_openvino_folder(folder: Path, sha256: str, imgsz: int) -> Detector:
    model, names = read_openvino_folder(folder)
    shape = model.input().partial_shape
    canvas = imgsz if shape[1].is_dynamic else (shape[2].get_length(), shape[1].get_length())
    return Detector(
        OpenVinoNetwork(model, "int8"),
        names,
        "OpenVINO, as exported (edges of boxes unknown), on a CPU",
        sha256,
        canvas,
    )
