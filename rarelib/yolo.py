"""YOLO networks as torch modules, loaded safely; the only code that knows ultralytics (and torch loads with it)."""

from __future__ import annotations

import os
from pathlib import Path

from . import decoding, weights  # noqa: F401 - decoding takes Pillow's own Image.open before ultralytics replaces it

for _name, _value in {"YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}.items():
    os.environ.setdefault(_name, _value)  # a picture or a pickle must not make ultralytics install packages

import torch  # noqa: E402
from torch import nn  # noqa: E402
from ultralytics.nn.modules.head import Detect  # noqa: E402
from ultralytics.nn.tasks import DetectionModel, torch_safe_load  # noqa: E402
from ultralytics.utils.downloads import attempt_download_asset  # noqa: E402


class RawDetector(nn.Module):
    """A YOLO network without the decoding of boxes, which loses pixels in bfloat16 and is cheap for the few kept."""

    def __init__(self, net: DetectionModel) -> None:
        """Wrap a network; its weights are shared."""
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Run on (b, h, w, 3) uint8 RGB.

        Returns:
            Distances from anchor points to left, top, right, bottom (b, 4, n) in strides, the best class's logit
            (b, n) and its number (b, n).
        """
        head = self.net.model[-1]
        raw = Detect.forward_head(head, _run_layers(self.net, pictures, head.f), **_branch(head))
        logits, classes = raw["scores"].max(dim=1)
        return head.dfl(raw["boxes"]), logits, classes.int()


class PooledFeatures(nn.Module):
    """What layers of a YOLO network see in a whole crop, averaged over it."""

    def __init__(self, net: DetectionModel, layers: list[int]) -> None:
        """Wrap a network; `layers` are indices into it."""
        super().__init__()
        self.net, self.layers = net, layers

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return one (b, channels) per layer for (b, h, w, 3) uint8 RGB crops."""
        return tuple(seen.mean((2, 3)) for seen in _run_layers(self.net, crops, self.layers))


def load_net(path: Path, *, trust_pickles: bool = False) -> DetectionModel:
    """Return the fused float32 network of a .pt file.

    Raises:
        ValueError: If the file asks for code that is not known, or holds no detection network.
    """
    if not trust_pickles:
        weights.check_pickle(path, "yolo_model")
    try:
        checkpoint, _ = torch_safe_load(str(path.resolve()), safe_only=not trust_pickles)
    except (TypeError, ModuleNotFoundError, AttributeError) as error:
        raise weights.refuse_pickle(path, "yolo_model", "more than known layers") from error
    net = (checkpoint.get("ema") or checkpoint.get("model")) if isinstance(checkpoint, dict) else None
    if not isinstance(net, DetectionModel) or type(net.model[-1]) is not Detect:
        raise ValueError(f"The 'yolo_model' parameter must be weights of a YOLO detector. {path.name!r} is not.")
    return net.float().fuse(verbose=False).eval()


def fetch_release(name: str) -> Path:
    """Download the weights of a release into the user's cache and return the file.

    Raises:
        FileNotFoundError: If that fails.
    """
    path = weights.cache_folder() / "releases" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        attempt_download_asset(path)
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"The 'yolo_model' parameter names {name!r}, which cannot be fetched: {error}"
        ) from error
    if not path.is_file():
        raise FileNotFoundError(f"The 'yolo_model' parameter names {name!r}, which cannot be fetched; give a file.")
    return path


def feature_layers(net: DetectionModel) -> list[int]:
    """Return the layers that make vectors: the end of the backbone and the middle input of the head.

    Of all pairs of YOLOv8n's layers these two were among the best on road pictures, both at setting planted anomalies
    apart from the common objects and at bringing objects of one class together.
    """
    pooling = [layer.i for layer in net.model if type(layer).__name__ == "SPPF"]
    head_inputs = net.model[-1].f
    middle = head_inputs[len(head_inputs) // 2]
    return [pooling[-1] if pooling else middle - 1, middle]


def strides_of(net: DetectionModel) -> list[int]:
    """Return how many pixels a cell of each of the head's inputs spans."""
    return [int(stride) for stride in net.model[-1].stride]


def class_names_of(net: DetectionModel) -> list[str]:
    """Return the names of the classes in order of their numbers."""
    return [str(name) for _, name in sorted(dict(net.names).items())]


def _run_layers(net: DetectionModel, pictures: torch.Tensor, wanted: list[int]) -> list[torch.Tensor]:
    dtype = next(net.parameters()).dtype
    x = (pictures.permute(0, 3, 1, 2).to(dtype) / 255).contiguous(memory_format=_memory_format(pictures))
    outputs: list[torch.Tensor | None] = []
    for layer in net.model[: max(wanted) + 1]:
        if layer.f != -1:
            x = outputs[layer.f] if isinstance(layer.f, int) else [x if j == -1 else outputs[j] for j in layer.f]
        x = layer(x)
        outputs.append(x if layer.i in net.save or layer.i in wanted else None)
    return [outputs[index] for index in wanted]


def _memory_format(pictures: torch.Tensor) -> torch.memory_format:
    return torch.channels_last if pictures.is_cuda else torch.contiguous_format


def _branch(head: Detect) -> dict[str, nn.Module]:
    return head.one2many if head.cv2 is not None else head.one2one  # a fused YOLOv10 keeps the latter only
