"""The two towers of a transformers CLIP as torch modules, preprocessing included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import CLIPModel
from transformers.utils import logging

EXPECTED = "The 'clip_model' parameter must be a CLIP."


class ImageTower(nn.Module):
    """Square crops to vectors."""

    def __init__(self, model: CLIPModel, mean: Sequence[float], std: Sequence[float]) -> None:
        """Wrap a CLIP; its weights are shared."""
        super().__init__()
        self.model = model
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Return (b, dim), not normalised, for (b, size, size, 3) uint8 RGB."""
        pixels = (crops.permute(0, 3, 1, 2).to(self.mean.dtype) - self.mean) / self.std
        return self.model.get_image_features(pixel_values=pixels).pooler_output


class TextTower(nn.Module):
    """Token numbers to vectors."""

    def __init__(self, model: CLIPModel) -> None:
        """Wrap a CLIP; its weights are shared."""
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return (b, dim), not normalised, for (b, length) token numbers."""
        return self.model.get_text_features(input_ids=tokens).pooler_output


def load_towers(
    folder: Path, *, mean: Sequence[float], std: Sequence[float], use_safetensors: bool
) -> tuple[ImageTower, TextTower]:
    """Load both towers of a local CLIP folder in float32.

    Raises:
        ValueError: If the weights do not fit the configuration or cannot be read.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, report = CLIPModel.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=use_safetensors,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise ValueError(f"{EXPECTED} {folder.name!r} cannot be loaded: {error}") from error
    if report["missing_keys"]:  # transformers would go on with random numbers in their place
        raise ValueError(f"{EXPECTED} {folder.name!r} lacks weights, such as {min(report['missing_keys'])!r}.")
    return ImageTower(model.eval(), mean, std), TextTower(model)
