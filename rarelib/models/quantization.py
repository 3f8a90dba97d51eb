"""An exported detector in int8: its ranges set by a few of the pictures it will see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..pictures.boxes import fit_letterbox
from ..pictures.decoding import ImageError, read_image
from ..pictures.sources import Folder
from .exports import cached_export
from .unreported import import_openvino

CALIBRATION_IMAGES = 64


def quantize(folder: Path, imgsz: int, stride: int, pictures: Sequence[Folder], *, version: int) -> Path:
    """Return the folder of an exported detector in int8, made once per content and calibration.

    Args:
        folder: With model.xml.
        imgsz: Longer side of the detector's input [px].
        stride: Pixels per cell of its coarsest grid.
        pictures: They set the ranges; at most 64 are read.
        version: Of what is exported.

    Raises:
        ValueError: If the package nncf is missing, or no picture can be read.
    """
    canvases = _calibration_canvases(pictures, imgsz, stride)
    digest = hashlib.sha256(b"".join(canvas.tobytes() for canvas in canvases)).hexdigest()

    def build(target: Path) -> dict[str, Any]:
        nncf = _import_nncf()
        ov = import_openvino()

        model = ov.Core().read_model(folder / "model.xml")
        quantized = nncf.quantize(
            model,
            nncf.Dataset(canvases),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(canvases),
            ignored_scope=nncf.IgnoredScope(patterns=["aten::.*"], validate=False),  # what follows the head, small sums
        )
        ov.save_model(quantized, target / "model.xml", compress_to_fp16=False)
        return {"calibration_images": len(canvases), "imgsz": imgsz}

    return cached_export(folder / "model.xml", digest, {"version": version, "from": folder.name}, build)[0]


def _calibration_canvases(pictures: Sequence[Folder], imgsz: int, stride: int) -> list[np.ndarray]:
    canvases = []
    for path in pictures[:CALIBRATION_IMAGES]:
        try:
            picture = read_image(path)
        except ImageError:
            continue  # it gets its row when the pictures are detected
        canvases.append(fit_letterbox(picture.shape[1::-1], imgsz, stride=stride).draw(picture)[None])
    if not canvases:
        raise ValueError("The 'runtime' parameter openvino_int8 needs readable pictures to calibrate with. Got none.")
    return canvases


def _import_nncf() -> Any:
    try:
        import nncf
    except ImportError as error:
        raise ValueError(
            "The 'runtime' parameter openvino_int8 needs the package nncf; install rarelib[int8], or take openvino."
        ) from error
    nncf.set_log_level("ERROR")
    return nncf
