"""What a stage's functions are told, as small frozen objects; each name, range and default is that of params.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from .params import ParameterError, Params, load_params


def _as_in_params(name: str) -> Any:
    default = Params.model_fields[name].default
    return field(default=tuple(default) if isinstance(default, list) else default)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Options of one stage; units, ranges and meanings stand in params.py under the same names."""

    @classmethod
    def of(cls, values: Mapping[str, Any] | Params) -> Self:
        """Take the options of this stage from a run's parameters, or from a notebook's `globals()`.

        Args:
            values: Parameters by name; names that this stage does not know are passed over, names that are missing
                keep their defaults.
        """
        known = values.model_dump() if isinstance(values, Params) else values
        taken = {each.name: known[each.name] for each in fields(cls) if each.name in known}
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in taken.items()})

    @classmethod
    def taken(cls, given: Self | Mapping[str, Any] | Params | None) -> Self:
        """Return the options that a function was given: None for the defaults, or options by name, which are checked.

        Raises:
            ParameterError: If one is no option of this stage, or its value is none that it may have.
        """
        if given is None or isinstance(given, cls):
            return given or cls()
        if isinstance(given, Params):
            return cls.of(given)
        params, known = load_params(None, given), [each.name for each in fields(cls)]
        for name in given:
            if name not in known:
                raise ParameterError(
                    f"The parameter '{name}' is no option of this stage, which has {', '.join(known)}."
                )
        return cls.of(params)


@dataclass(frozen=True, kw_only=True)
class SelectSettings(Settings):
    """Which pictures are listed and drawn."""

    sampling_rate: float = _as_in_params("sampling_rate")
    max_images: int | None = _as_in_params("max_images")
    seed: int = _as_in_params("seed")
    group_pattern: str = _as_in_params("group_pattern")
    max_megapixels: float = _as_in_params("max_megapixels")
    video_fps: float = _as_in_params("video_fps")


@dataclass(frozen=True, kw_only=True)
class DetectSettings(Settings):
    """Which boxes are kept and how pictures are taken in tasks."""

    conf: float = _as_in_params("conf")
    iou: float = _as_in_params("iou")
    max_det: int = _as_in_params("max_det")
    max_objects: int = _as_in_params("max_objects")
    proposals: bool = _as_in_params("proposals")
    max_proposals: int = _as_in_params("max_proposals")
    max_megapixels: float = _as_in_params("max_megapixels")
    task_size: int = _as_in_params("task_size")
    keep_crops: str = _as_in_params("keep_crops")


@dataclass(frozen=True, kw_only=True)
class FilterSettings(Settings):
    """Which objects are embedded."""

    early_filter: bool = _as_in_params("early_filter")
    selection: str = _as_in_params("selection")
    potential_rare_keywords: tuple[str, ...] = _as_in_params("potential_rare_keywords")
    rare_class_share: float = _as_in_params("rare_class_share")
    potential_rare_share: float = _as_in_params("potential_rare_share")
    diversity_objects: int = _as_in_params("diversity_objects")
    common_per_class: int = _as_in_params("common_per_class")
    seed: int = _as_in_params("seed")
    language: str = _as_in_params("language")


@dataclass(frozen=True, kw_only=True)
class NamingSettings(Settings):
    """Which names crops are compared with."""

    vocabulary: str = _as_in_params("vocabulary")
    ordinary_classes: str = _as_in_params("ordinary_classes")
    language: str = _as_in_params("language")


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """What makes vectors and how models run."""

    embedder: str = _as_in_params("embedder")
    clip_model: str = _as_in_params("clip_model")
    yolo_model: str = _as_in_params("yolo_model")
    proposals: bool = _as_in_params("proposals")
    proposal_imgsz: int = _as_in_params("proposal_imgsz")
    proposal_model: str = _as_in_params("proposal_model")
    proposal_words: tuple[str, ...] = _as_in_params("proposal_words")
    proposal_text_model: str = _as_in_params("proposal_text_model")
    runtime: str = _as_in_params("runtime")
    device: str = _as_in_params("device")
    trust_pickles: bool = _as_in_params("trust_pickles")


@dataclass(frozen=True, kw_only=True)
class ScoreSettings(Settings):
    """How objects are scored, ranked, selected, explained and audited."""

    selection: str = _as_in_params("selection")
    outlier_methods: tuple[str, ...] = _as_in_params("outlier_methods")
    contamination: float = _as_in_params("contamination")
    fdr_level: float = _as_in_params("fdr_level")
    n_neighbors: int = _as_in_params("n_neighbors")
    potential_rare_keywords: tuple[str, ...] = _as_in_params("potential_rare_keywords")
    rare_class_top_share: float = _as_in_params("rare_class_top_share")
    rare_class_min: int = _as_in_params("rare_class_min")
    selection_share: float = _as_in_params("selection_share")
    selection_min: int = _as_in_params("selection_min")
    proposal_share: float = _as_in_params("proposal_share")
    max_per_group: int | None = _as_in_params("max_per_group")
    duplicate_similarity: float = _as_in_params("duplicate_similarity")
    ordinary_classes: str = _as_in_params("ordinary_classes")
    memory_gb: float = _as_in_params("memory_gb")
    audit: bool = _as_in_params("audit")
    seed: int = _as_in_params("seed")
    language: str = _as_in_params("language")


@dataclass(frozen=True, kw_only=True)
class CaptionSettings(Settings):
    """Who captions which objects, and how the question is put."""

    caption_source: str = _as_in_params("caption_source")
    caption_base_url: str = _as_in_params("caption_base_url")
    caption_model: str = _as_in_params("caption_model")
    caption_phrases: tuple[str, ...] = _as_in_params("caption_phrases")
    caption_concurrency: int = _as_in_params("caption_concurrency")
    caption_timeout_s: float = _as_in_params("caption_timeout_s")
    caption_retries: int = _as_in_params("caption_retries")
    caption_max_objects: int = _as_in_params("caption_max_objects")
    caption_max_side: int = _as_in_params("caption_max_side")
    caption_margin: float = _as_in_params("caption_margin")
    caption_scene: bool = _as_in_params("caption_scene")
    caption_doubt: bool = _as_in_params("caption_doubt")
    max_megapixels: float = _as_in_params("max_megapixels")
    language: str = _as_in_params("language")
    device: str = _as_in_params("device")
