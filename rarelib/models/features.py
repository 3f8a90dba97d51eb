"""The detector's own features: what two of its layers see in a whole crop, averaged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from . import weights
from .detector import export_yolo, read_openvino_folder, yolo_path
from .runtime import OpenVinoNetwork, Runtime, place_network
from .unreported import import_openvino

FEATURE_SIZE = 160  # side of the padded crop [px]; 192 is as good, 224 worse
YOLOV8_LAYERS = [9, 18]  # what yolo.feature_layers gives for every YOLOv8, for exports that do not say


def load_feature_network(yolo_model: str, runtime: Runtime, *, trust_pickles: bool = False) -> tuple[Any, int, str]:
    """Load the network that makes features of crops.

    Returns:
        The network ((b, 160, 160, 3) uint8 in, one array (b, channels) per layer out), the length of all layers'
        outputs together, and the sha256 of the weights.

    Raises:
        FileNotFoundError: If the model is not there.
        ValueError: If it is not a detector, or a pickle that is not allowed.
    """
    path = yolo_path(yolo_model)
    sha256 = weights.sha256_of(path)
    if path.is_dir():
        model, _ = read_openvino_folder(path)
        network = OpenVinoNetwork(_cut_network(model, None, path), "int8")
    elif runtime.library == "torch":
        from . import yolo

        net = yolo.load_net(path, trust_pickles=trust_pickles)
        features = yolo.PooledFeatures(net, yolo.feature_layers(net))
        network = place_network(features, runtime)
    else:
        ov = import_openvino()

        folder, about = export_yolo(path, sha256, trust_pickles=trust_pickles)
        model = ov.Core().read_model(folder / "model.xml")
        network = OpenVinoNetwork(_cut_network(model, about["feature_layers"], path), runtime.unquantized)
    black = np.zeros((1, FEATURE_SIZE, FEATURE_SIZE, 3), np.uint8)
    return network, sum(output.shape[1] for output in network(black)), sha256


def _cut_network(model: Any, layers: list[int] | None, path: Path) -> Any:
    ov = import_openvino()
    from openvino import opset13 as ops

    last: dict[int, Any] = {}
    for op in model.get_ordered_ops():  # in order of computing, so a layer's last convolution comes last
        layer = re.search(r"(?:^|\.)model\.(\d+)\..*conv/", op.get_friendly_name())
        if layer and op.get_type_name() in ("Convolution", "Add"):
            last[int(layer.group(1))] = op.output(0)
    layers = layers or YOLOV8_LAYERS
    if any(layer not in last for layer in layers):
        raise ValueError(
            f"The 'yolo_model' parameter must be an export of a YOLOv8 for embedder yolo. {path.name!r} is not."
        )
    seen = [_activation(last[layer]) for layer in layers]
    pooled = [ops.reduce_mean(output, np.array([2, 3]), keep_dims=False) for output in seen]
    cut = ov.Model([ops.result(output) for output in pooled], model.get_parameters(), "features")
    cut.reshape([-1, FEATURE_SIZE, FEATURE_SIZE, 3])
    return cut


def _activation(output: Any) -> Any:
    # the activation is one module shared by all layers, so its name does not tell where it is used
    after = (target.get_node() for target in output.get_target_inputs())
    return next((node.output(0) for node in after if node.get_type_name() == "Swish"), output)
