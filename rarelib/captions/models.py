"""Which model the settings name: loaded to be asked, or told apart from others without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..settings import CaptionSettings
from .check import check_caption_server

if TYPE_CHECKING:
    from .client import ApiModel
    from .local import LocalModel


def load_model(settings: CaptionSettings) -> ApiModel | LocalModel:
    """Return what answers; it may be opened (`async with`) again after it was closed.

    Raises:
        ValueError: If no server is named, or the folder holds no image-text-to-text checkpoint.
    """
    if settings.caption_source == "local":
        from .local import LocalModel

        return LocalModel(_folder(settings), device=settings.device)
    from .client import ApiModel

    return ApiModel(
        base_url=check_caption_server(settings.caption_base_url, reach=False),
        model=settings.caption_model,
        concurrency=settings.caption_concurrency,
        timeout_s=settings.caption_timeout_s,
        retries=settings.caption_retries,
        language=settings.language,
    )


def identity_of(settings: CaptionSettings) -> str:
    """Return what tells a model from another of the same name: answers of another are not taken up."""
    if settings.caption_source != "local":
        return settings.caption_model
    from .local import checkpoint_identity

    return checkpoint_identity(_folder(settings))


def name_of(settings: CaptionSettings) -> str:
    """Return what the model's `name` is."""
    return _folder(settings).name if settings.caption_source == "local" else settings.caption_model


def _folder(settings: CaptionSettings) -> Path:
    return Path(settings.caption_model).expanduser()
