"""Train the demo world's CLIP: two small towers that put a crop near the phrases that are true of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ...objects.zero_shot import PROMPT
from ..draw.kinds import ALL_KINDS, NAMELESS, SCENERY, STRANGERS, UNSEEN_KINDS
from ..draw.layout import CLIP_CHECK, CLIP_KINDS, CLIP_STRANGERS
from .learning import MEAN, STD, embed_some, learn_pictures, own_kinds
from .phrases import far_from, learn_phrases
from .sets import CropSet, draw_crops
from .vocabulary import END, START, UNKNOWN, build_tokenizer, noun_of, pad_to_longest


@dataclass(frozen=True)
class ClipSettings:
    """All that decides CLIP's weights, besides the machine's rounding."""

    image_size: int = 64
    patch_size: int = 8
    vision_width: int = 128
    vision_layers: int = 4
    text_width: int = 64
    text_layers: int = 2
    projection: int = 64
    imgsz: int = 448  # of the detector that finds what is cut
    n_scenes: int = 9000  # with strangers
    n_kind_scenes: int = 3000  # with the world's own rare and odd kinds, the seen ones
    steps: int = 10000  # of the picture tower
    batch: int = 64
    learning_rate: float = 7e-4
    text_steps: int = 800
    text_learning_rate: float = 2e-3
    seed: int = 203
    n_check_scenes: int = 300
    check_seed: int = 104


def train_clip(
    work: Path,
    target: Path,
    settings: ClipSettings,
    *,
    detector: Path,
    start: Path | None = None,
    threads: int | None = None,
) -> Path:
    """Train a CLIP on what a detector finds in scenes drawn for it, save it as a transformers folder in half precision.

    Args:
        work: Folder for the crops.
        target: The folder to write.
        settings: How it is trained.
        detector: Weights of the detector.
        start: A CLIP of the same shape whose picture tower is trained further; None begins with random weights.
        threads: Threads of torch; None takes all cores.
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    tokenizer = build_tokenizer()
    model = _build_model(settings, tokenizer.get_vocab_size(), pad_to_longest(tokenizer))
    if start is not None:
        _take_picture_tower(model, start)
    crops = load_crops(work, settings, detector)
    of_pictures = {"steps": settings.steps, "batch": settings.batch, "learning_rate": settings.learning_rate}
    anchors = learn_pictures(model, crops, seed=settings.seed, **of_pictures)
    of_phrases = {"steps": settings.text_steps, "learning_rate": settings.text_learning_rate, "seed": settings.seed}
    nowhere = far_from(embed_some(model, crops, seed=settings.seed))
    learn_phrases(model, anchors, own_kinds(crops.kinds)[0].tolist(), tokenizer, nowhere, **of_phrases)
    _save(model, tokenizer, target, settings)
    return target


def check_clip(work: Path, model: Path, settings: ClipSettings, *, detector: Path) -> dict[str, float]:
    """Return how often the nearest phrase names the kind of an unseen crop, with those of all trained kinds to choose.

    Of the kinds left out, and of things without a name, none can be named: for them, how often the nearest phrase is
    that of no ordinary kind, and the same for crops of ordinary kinds, where it is wrong.
    """
    from ...objects.embedding import load_embedder

    crops = load_check_crops(work, settings, detector)
    embedder = load_embedder("clip", clip_model=str(model), runtime="torch", device="cpu")
    vectors = np.concatenate([embedder.embed_crops(list(part)) for part in np.array_split(crops.crops, 20)])
    kinds = {kind.name: kind for kind in (*ALL_KINDS, *STRANGERS, SCENERY)}
    names = np.array([name for name, kind in kinds.items() if kind.seen])
    phrases = embedder.embed_texts([PROMPT.format(noun_of(name)) for name in names])
    nearest = names[(vectors @ phrases.T).argmax(axis=1)]
    usual = [name for name, kind in kinds.items() if kind.role in ("common", "clutter", "scenery")]
    strange, ordinary, trained = ~np.isin(nearest, usual), np.isin(crops.kinds, usual), np.isin(crops.kinds, names)
    left_out, nameless = (np.isin(crops.kinds, some) for some in (UNSEEN_KINDS, [kind.name for kind in NAMELESS]))
    return {
        "trained_crops": int(trained.sum()),
        "trained_top1": float((nearest == crops.kinds)[trained].mean()),
        "trained_top1_mean_of_kinds": _mean_of_kinds((nearest == crops.kinds)[trained], crops.kinds[trained]),
        "left_out_crops": int(left_out.sum()),
        "left_out_strange": float(strange[left_out].mean()),
        "left_out_strange_mean_of_kinds": _mean_of_kinds(strange[left_out], crops.kinds[left_out]),
        "nameless_crops": int(nameless.sum()),
        "nameless_strange": float(strange[nameless].mean()),
        "ordinary_crops": int(ordinary.sum()),
        "ordinary_strange": float(strange[ordinary].mean()),
    }


def load_crops(work: Path, settings: ClipSettings, detector: Path) -> CropSet:
    """Return the crops that the picture tower trains on, found at the first call: with strangers, then own kinds."""
    parts = []
    for number, (mix, n_scenes) in enumerate(
        ((CLIP_STRANGERS, settings.n_scenes), (CLIP_KINDS, settings.n_kind_scenes))
    ):
        place = {"n_scenes": n_scenes, "seed": settings.seed + 1000 * number}
        parts.append(_draw_once(work / f"crops_{number}.npz", settings, detector, mix=mix, **place))
    return CropSet(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(CropSet)))


def load_check_crops(work: Path, settings: ClipSettings, detector: Path) -> CropSet:
    """Return the crops to check with, of scenes that no model saw, found at the first call."""
    path = work / "crops_check.npz"
    place = {"n_scenes": settings.n_check_scenes, "seed": settings.check_seed}
    return _draw_once(path, settings, detector, mix=CLIP_CHECK, **place)


def _draw_once(path: Path, settings: ClipSettings, detector: Path, **options: Any) -> CropSet:
    if not path.exists():
        colour = [round(255 * mean) for mean in MEAN]
        found = {"detector": detector, "imgsz": settings.imgsz}
        drawn = draw_crops(size=settings.image_size, colour=colour, **found, **options)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **asdict(drawn))
    with np.load(path, allow_pickle=False) as found:
        return CropSet(**found)


def _take_picture_tower(model: Any, start: Path) -> None:
    from transformers import CLIPModel

    known = CLIPModel.from_pretrained(start)
    model.vision_model.load_state_dict(known.vision_model.state_dict())
    model.visual_projection.load_state_dict(known.visual_projection.state_dict())


def _build_model(settings: ClipSettings, vocabulary: int, length: int) -> Any:
    from transformers import CLIPConfig, CLIPModel

    vision = {
        "hidden_size": settings.vision_width, "intermediate_size": 4 * settings.vision_width, "num_attention_heads": 4,
        "num_hidden_layers": settings.vision_layers, "image_size": settings.image_size,
        "patch_size": settings.patch_size, "projection_dim": settings.projection,
    }  # fmt: skip
    text = {
        "hidden_size": settings.text_width, "intermediate_size": 4 * settings.text_width, "num_attention_heads": 4,
        "num_hidden_layers": settings.text_layers, "vocab_size": vocabulary, "max_position_embeddings": length,
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "projection_dim": settings.projection,
    }  # fmt: skip
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=settings.projection))


def _save(model: Any, tokenizer: Any, target: Path, settings: ClipSettings) -> None:
    target.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(target)
    tokenizer.no_padding()
    tokenizer.save(str(target / "tokenizer.json"))
    special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": UNKNOWN}
    texts = {"tokenizer_class": "CLIPTokenizer", "model_max_length": model.config.text_config.max_position_embeddings}
    size = {"height": settings.image_size, "width": settings.image_size}
    pictures = {
        "image_processor_type": "CLIPImageProcessor", "do_center_crop": False, "do_convert_rgb": True,
        "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": MEAN, "image_std": STD,
        "resample": 3, "rescale_factor": 1 / 255, "size": size,
    }  # fmt: skip
    for name, content in (("tokenizer_config", {**special, **texts}), ("preprocessor_config", pictures)):
        (target / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _mean_of_kinds(right: np.ndarray, kinds: np.ndarray) -> float:
    return float(np.mean([right[kinds == kind].mean() for kind in np.unique(kinds)]))
