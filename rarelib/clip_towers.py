"""The two towers of a transformers CLIP as torch modules, preprocessing included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import CLIPModel
from transformers.utils import logging


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
        model = CLIPModel.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=use_safetensors, local_files_only=True
        ).eval()
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"The 'clip_model' parameter must be a CLIP. {folder.name!r} cannot be loaded: {error}"
        ) from error
    return ImageTower(model, mean, std), TextTower(model)
