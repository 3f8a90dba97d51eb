"""YOLO networks as torch modules, loaded safely; the only code that knows ultralytics (and torch loads with it)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..run.places import cache_folder
from .exports import writable_cache
from .pickles import check_pickle, refuse_pickle
from .weights import YOLO_WAYS, sha256_of

for _name, _value in {
    "YOLO_AUTOINSTALL": "false",  # a picture or a pickle must not make ultralytics install packages
    "YOLO_VERBOSE": "false",
    "YOLO_CONFIG_DIR": str(writable_cache()),  # it writes settings when it is imported, else into the user's home
}.items():
    os.environ.setdefault(_name, _value)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from ultralytics.nn.modules.head import OBB, Detect, RTDETRDecoder  # noqa: E402
from ultralytics.nn.tasks import DetectionModel, WorldModel, torch_safe_load  # noqa: E402
from ultralytics.utils.downloads import attempt_download_asset  # noqa: E402

# as pinned by public projects that fetch them, first and present packaging of the same tensors; for l and x no hash of
# the present packaging was found: those rely on the restricted unpickler alone
RELEASE_SHA256 = {
    "yolov8n.pt": (
        "31e20dde3def09e2cf938c7be6fe23d9150bbbe503982af13345706515f2ef95",
        "f59b3d833e2ff32e194b5bb8e08d211dc7c5bdf144b90d2c8412c47ccfc83b36",
    ),
    "yolov8s.pt": (
        "268e5bb54c640c96c3510224833bc2eeacab4135c6deb41502156e39986b562d",
        "1f47a78bf100391c2a140b7ac73a1caae18c32779be7d310658112f7ac9aa78a",
    ),
    "yolov8m.pt": (
        "6c25b0b63b1a433843f06d821a9ac1deb8d5805f74f0f38772c7308c5adc55a5",
        "5d4a90cdc7a21786cc59cd19778e9eafff836df9e2da32524737c7ee6efe4fe5",
    ),
}


class RawDetector(nn.Module):
    """A YOLO network without the decoding of boxes, which loses pixels in bfloat16 and is cheap for the few kept."""

    def __init__(self, net: DetectionModel) -> None:
        """Wrap a network; its weights are shared."""
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run on (b, h, w, 3) uint8 RGB.

        Returns:
            Distances from anchor points to left, top, right, bottom (b, 4, n) in strides; of the classes the best
            logit (b, n), its number (b, n), the sum of sigmoid scores (b, n) and the log-sum-exp of logits (b, n); the
            mean entropy of the four distances' distributions (b, n) [nats], NaN for a head without distributions.
        """
        head = self.net.model[-1]
        raw = Detect.forward_head(head, _run_layers(self.net, pictures, head.f), **_branch(head))
        scores = raw["scores"].float()
        logits, classes = scores.max(dim=1)
        distances, entropy = _distances(raw["boxes"].float(), head.reg_max)
        return distances, logits, classes.int(), scores.sigmoid().sum(dim=1), scores.logsumexp(dim=1), entropy


class AnyBoxes(nn.Module):
    """A network of any kind with its own decoding of boxes, in one form."""

    def __init__(self, net: DetectionModel) -> None:
        """Wrap a network; its weights are shared."""
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return (b, n, 6) for (b, h, w, 3) uint8 RGB: x_min, y_min, x_max, y_max [px], confidence, class number."""
        found = self.net(_normalised(self.net, pictures))
        while not isinstance(found, torch.Tensor):  # masks and what training needs follow
            found = found[0]
        found, head = found.float(), self.net.model[-1]
        if isinstance(head, RTDETRDecoder):  # centre and size as shares of the input, best class first
            size_wh = torch.tensor(pictures.shape[2:0:-1] * 2, device=found.device)
            return torch.cat([_corners(found[..., :4] * size_wh), found[..., 4:6]], dim=2)
        if head.end2end:
            return found[..., :6]
        found = found.transpose(1, 2)  # (b, n, 4 + n_classes + what else the head gives)
        confidence, classes = found[..., 4 : 4 + head.nc].max(dim=2, keepdim=True)
        return torch.cat([_corners(found[..., :4]), confidence, classes.to(found.dtype)], dim=2)


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
    net = _unpickle(path, "yolo_model", trust_pickles=trust_pickles)
    if not isinstance(net, DetectionModel) or type(net.model[-1]) is not Detect:
        raise ValueError(f"The 'yolo_model' parameter must be weights of a YOLO detector. {path.name!r} is not.")
    return net.float().fuse(verbose=False).eval()


def load_any_net(path: Path, parameter: str, *, trust_pickles: bool = False) -> DetectionModel:
    """Return the float32 network of a .pt file that finds upright boxes: a detector, a segmenter, of any kind.

    Raises:
        ValueError: If the file asks for code that is not known, or holds no such network.
    """
    net = _unpickle(path, parameter, trust_pickles=trust_pickles)
    head = net.model[-1] if isinstance(net, DetectionModel) else None
    if not isinstance(head, Detect | RTDETRDecoder) or isinstance(head, OBB):
        raise ValueError(f"The '{parameter}' parameter must be a detector or segmenter. {path.name!r} is not.")
    return net.float().eval()


def set_words(net: WorldModel, words: Sequence[str], vectors: np.ndarray) -> None:
    """Let a YOLO-World look for words, given their text vectors (n, dim), unit rows."""
    net.txt_feats = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))[None]
    net.model[-1].nc, net.names = len(words), dict(enumerate(words))


def _unpickle(path: Path, parameter: str, *, trust_pickles: bool) -> nn.Module | None:
    if not trust_pickles:
        check_pickle(path, parameter)
    try:
        checkpoint, _ = torch_safe_load(str(path.resolve()), safe_only=not trust_pickles)
    except (TypeError, ModuleNotFoundError, AttributeError) as error:
        raise refuse_pickle(path, parameter, "more than known layers") from error
    return (checkpoint.get("ema") or checkpoint.get("model")) if isinstance(checkpoint, dict) else None


def fetch_release(name: str, *, parameter: str = "yolo_model") -> Path:
    """Download the weights of a release into the user's cache and return the file.

    Raises:
        FileNotFoundError: If that fails.
        ValueError: If the file is not the one that is known by this name; it is deleted.
    """
    path = cache_folder() / "releases" / name
    missing = f"The '{parameter}' parameter names {name!r}, which cannot be fetched"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        attempt_download_asset(path)
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(f"{missing} ({_one_line(error)}). {YOLO_WAYS[parameter]}") from error
    if not path.is_file():
        raise FileNotFoundError(f"{missing}. {YOLO_WAYS[parameter]}")
    known = RELEASE_SHA256.get(name)
    if known and sha256_of(path) not in known:
        path.unlink()
        raise ValueError(
            f"The '{parameter}' parameter names {name!r}, but what was fetched is not that release: its "
            "sha256 differs. It was deleted; try again, or give a file that you trust."
        )
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
    x = _normalised(net, pictures)
    outputs: list[torch.Tensor | None] = []
    for layer in net.model[: max(wanted) + 1]:
        if layer.f != -1:
            x = outputs[layer.f] if isinstance(layer.f, int) else [x if j == -1 else outputs[j] for j in layer.f]
        x = layer(x)
        outputs.append(x if layer.i in net.save or layer.i in wanted else None)
    return [outputs[index] for index in wanted]


def _normalised(net: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    dtype = next(net.parameters()).dtype
    return (pictures.permute(0, 3, 1, 2).to(dtype) / 255).contiguous(memory_format=_memory_format(pictures))


def _corners(xywh: torch.Tensor) -> torch.Tensor:
    centre, half = xywh[..., :2], xywh[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def _distances(raw: torch.Tensor, bins: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the expected distances (b, 4, n) and the mean entropy of their distributions (b, n).

    Written without the head's own convolution: OpenVINO computes in float32 only what no convolution follows.
    """
    if bins == 1:
        return raw, torch.full_like(raw[:, 0], torch.nan)
    logs = raw.unflatten(1, (4, bins)).log_softmax(dim=2)  # (b, 4, bins, n)
    shares = logs.exp()
    steps = torch.arange(bins, dtype=raw.dtype, device=raw.device).view(1, 1, bins, 1)
    return (shares * steps).sum(dim=2), -(shares * logs).sum(dim=2).mean(dim=1)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).lstrip("❌ ").rstrip(".")[:200] or type(error).__name__


def _memory_format(pictures: torch.Tensor) -> torch.memory_format:
    return torch.channels_last if pictures.is_cuda else torch.contiguous_format


def _branch(head: Detect) -> dict[str, nn.Module]:
    return head.one2many if head.cv2 is not None else head.one2one  # a fused YOLOv10 keeps the latter only
