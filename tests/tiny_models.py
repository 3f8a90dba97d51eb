"""Small real models, made here in a second: a YOLOv8 with random weights, a CLIP with its own tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

CLASS_NAMES = ("car", "person", "truck")


def make_tiny_yolo(path: Path, *, seed: int = 0) -> Path:
    """Save a thin YOLOv8 that finds boxes everywhere, of all classes."""
    import torch
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import YAML
    from ultralytics.utils.checks import check_yaml

    torch.manual_seed(seed)
    layout = YAML.load(check_yaml("yolov8.yaml"))
    layout.update(nc=len(CLASS_NAMES), scales={"n": [0.33, 0.0625, 256]}, scale="n")
    net = DetectionModel(layout, verbose=False)
    _liven(net)
    for last in (branch[-1] for branch in net.model[-1].cv3):
        torch.nn.init.normal_(last.weight, std=0.007)
        torch.nn.init.constant_(last.bias, -2.0)
    net.names = dict(enumerate(CLASS_NAMES))
    torch.save({"model": net.eval(), "train_args": {}}, path)
    return path


def _liven(net) -> None:
    """Give a network's layers weights with which it does not see the same everywhere."""
    import torch

    for norm in (module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 2.0, 4.0)
        torch.nn.init.uniform_(norm.bias, -1.0, 1.0)


OTHER_LAYOUTS = {
    "DetectionModel": "yolov8.yaml",
    "SegmentationModel": "yolov8-seg.yaml",  # FastSAM is one of these
    "WorldModel": "yolov8-worldv2.yaml",
    "YOLOEModel": "yoloe-v8.yaml",
    "YOLOESegModel": "yoloe-v8-seg.yaml",
    "PoseModel": "yolov8-pose.yaml",
    "OBBModel": "yolov8-obb.yaml",
    "ClassificationModel": "yolov8-cls.yaml",
}


TINY_RTDETR = {
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [16, 3, 4]], *[[-1, 1, "Conv", [16, 3, 2]]] * 2],
    "head": [[[1, 2, 3], 1, "RTDETRDecoder", ["nc", 32, 20]]],
}


def make_other_model(path: Path, kind: str, *, names: tuple[str, ...] = CLASS_NAMES, seed: int = 0) -> Path:
    """Save a thin network of another kind that ultralytics knows, with random weights that are sure here and there."""
    import torch
    from ultralytics.nn import tasks
    from ultralytics.utils import YAML
    from ultralytics.utils.checks import check_yaml

    torch.manual_seed(seed)
    layout = YAML.load(check_yaml(OTHER_LAYOUTS[kind])) if kind in OTHER_LAYOUTS else dict(TINY_RTDETR)
    layout.update(nc=len(names), scales={"n": [0.33, 0.0625, 256]}, scale="n")
    net = getattr(tasks, kind)(layout, nc=len(names), verbose=False)
    if kind == "SegmentationModel":
        _liven(net)
        for branch in net.model[-1].cv3:
            torch.nn.init.normal_(branch[-1].weight, std=0.02)
            torch.nn.init.constant_(branch[-1].bias, -1.0)
    net.names = dict(enumerate(names))
    torch.save({"model": net.eval(), "train_args": {}}, path)
    return path


def make_tiny_clip(folder: Path, *, seed: int = 0) -> Path:
    """Save a thin CLIP with random weights, a tokenizer that knows single letters, and its preprocessing."""
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[]).save_pretrained(folder)
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**tower, **ends, "vocab_size": len(words), "max_position_embeddings": 40},
        vision_config={**tower, "image_size": 64, "patch_size": 16},
        projection_dim=24,
    )
    CLIPModel(config).save_pretrained(folder)
    preprocessing = {"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}}
    preprocessing |= {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.25, 0.26, 0.27], "resample": 3}
    preprocessing |= {"image_processor_type": "CLIPImageProcessor", "do_center_crop": True, "do_normalize": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing), encoding="utf-8")
    return folder
