"""Train the demo world's CLIP: two small towers that put a crop near the phrases that are true of it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...objects.zero_shot import PROMPT
from ..draw.kinds import ALL_KINDS, UNSEEN_KINDS
from ..draw.layout import CLIP_CHECK, CLIP_TRAINING
from .sets import CropSet, draw_crops
from .vocabulary import END, START, UNKNOWN, build_tokenizer, describe_kind, noun_of, pad_to_longest, true_pairs

MEAN, STD = (0.46, 0.46, 0.45), (0.24, 0.24, 0.24)


@dataclass(frozen=True)
class ClipSettings:
    """All that decides CLIP's weights, besides the machine's rounding."""

    image_size: int = 64
    patch_size: int = 8
    vision_width: int = 128
    vision_layers: int = 4
    text_width: int = 96
    text_layers: int = 2
    projection: int = 64
    rounds: int = 2  # each on crops drawn for it, from warm-up to standstill
    n_scenes: int = 1000  # a round
    n_views: int = 4
    most_per_kind: int = 700
    steps: int = 1300  # a round
    batch: int = 128
    learning_rate: float = 1.5e-3
    seed: int = 103
    n_check_scenes: int = 300
    check_seed: int = 104


def train_clip(work: Path, target: Path, settings: ClipSettings, *, threads: int | None = None) -> Path:
    """Train a CLIP on crops drawn for it and save it as a transformers folder in half precision.

    Args:
        work: Folder for the drawn crops.
        target: The folder to write.
        settings: How it is trained.
        threads: Threads of torch; None takes all cores.
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    tokenizer = build_tokenizer()
    model = _build_model(settings, tokenizer.get_vocab_size(), pad_to_longest(tokenizer))
    for number in range(settings.rounds):
        fit_round(model, load_crops(work, settings, number), tokenizer, settings, number)
    _save(model, tokenizer, target, settings)
    return target


def check_clip(work: Path, model: Path, settings: ClipSettings) -> dict[str, float]:
    """Return how often the nearest phrase names the kind of an unseen crop, with all phrases to choose from.

    Kinds seen in training and kinds left out are apart; for each, the share of right crops and the mean over kinds.
    """
    from ...objects.embedding import load_embedder

    crops = load_check_crops(work, settings)
    embedder = load_embedder("clip", clip_model=str(model), runtime="torch", device="cpu")
    vectors = np.concatenate([embedder.embed_crops(list(part)) for part in np.array_split(crops.views[:, 0], 20)])
    names = np.array([kind.name for kind in ALL_KINDS])
    phrases = embedder.embed_texts([PROMPT.format(noun_of(kind.name)) for kind in ALL_KINDS])
    unseen = np.isin(crops.kinds, UNSEEN_KINDS)
    trained = np.isin(names, UNSEEN_KINDS, invert=True)
    seen_right = names[trained][(vectors @ phrases[trained].T).argmax(axis=1)] == crops.kinds
    any_right = names[(vectors @ phrases.T).argmax(axis=1)] == crops.kinds
    return {
        "trained_crops": int((~unseen).sum()),
        "trained_top1": float(seen_right[~unseen].mean()),
        "trained_top1_mean_of_kinds": _mean_of_kinds(seen_right[~unseen], crops.kinds[~unseen]),
        "left_out_crops": int(unseen.sum()),
        "left_out_top1": float(any_right[unseen].mean()),
        "left_out_top1_mean_of_kinds": _mean_of_kinds(any_right[unseen], crops.kinds[unseen]),
    }


def load_crops(work: Path, settings: ClipSettings, number: int) -> CropSet:
    """Return the crops that a round trains on, drawn at the first call."""
    return _draw_once(
        work / f"crops_{number}.npz", settings, mix=CLIP_TRAINING, n_scenes=settings.n_scenes,
        seed=settings.seed + 1000 * number, n_views=settings.n_views, most_per_kind=settings.most_per_kind,
    )  # fmt: skip


def load_check_crops(work: Path, settings: ClipSettings) -> CropSet:
    """Return the exact crops to check with, of scenes that no model saw, drawn at the first call."""
    path = work / "crops_check.npz"
    return _draw_once(path, settings, mix=CLIP_CHECK, n_scenes=settings.n_check_scenes, seed=settings.check_seed)


def _draw_once(path: Path, settings: ClipSettings, **options: Any) -> CropSet:
    if not path.exists():
        drawn = draw_crops(size=settings.image_size, colour=[round(255 * mean) for mean in MEAN], **options)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **asdict(drawn))
    with np.load(path, allow_pickle=False) as found:
        return CropSet(**found)


def fit_round(model: Any, crops: CropSet, tokenizer: Any, settings: ClipSettings, number: int) -> None:
    """Train for one round of steps; the learning rate rises, falls to 0, and is lower in later rounds."""
    import torch

    rng = np.random.default_rng([settings.seed, number])
    decayed = [weights for weights in model.parameters() if weights.ndim >= 2]
    others = [weights for weights in model.parameters() if weights.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=settings.learning_rate / (number + 1), betas=(0.9, 0.98),
    )  # fmt: skip
    warm_up = 100
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warm_up, 0.5 + 0.5 * math.cos(math.pi * min(step / settings.steps, 1))),
    )
    chances = _even_chances(crops.kinds)
    model.train()
    for step in range(settings.steps):
        rows = rng.choice(len(crops.kinds), settings.batch, p=chances)
        pictures, phrases, true = _draw_batch(crops, rows, tokenizer, rng)
        loss = _contrastive_loss(model, pictures, phrases, true)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"CLIP round {number}, step {step} of {settings.steps}, loss {loss.item():.3f}", flush=True)


def _draw_batch(crops: CropSet, rows: np.ndarray, tokenizer: Any, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    import torch

    views = crops.views[rows, rng.integers(crops.views.shape[1], size=len(rows))].astype(np.float32) / 255
    flip = rng.random(len(rows)) < 0.5
    views[flip] = views[flip, :, ::-1]
    light = rng.uniform(0.75, 1.25, (len(rows), 1, 1, 1)) * rng.uniform(0.93, 1.07, (len(rows), 1, 1, 3))
    views = np.clip(views * light + rng.normal(0, 0.02, views.shape), 0, 1)
    pictures = torch.from_numpy(((views - MEAN) / STD).astype(np.float32)).permute(0, 3, 1, 2)
    kinds, colours = crops.kinds[rows], crops.colours[rows]
    described = [describe_kind(kind, colour, rng) for kind, colour in zip(kinds, colours, strict=True)]
    texts, named, named_colours = (list(column) for column in zip(*described, strict=True))
    phrases = torch.tensor([code.ids for code in tokenizer.encode_batch(texts)])
    true = true_pairs(kinds, colours, np.array(named), np.array(named_colours))
    return pictures, phrases, torch.from_numpy(true)


def _contrastive_loss(model: Any, pictures: Any, phrases: Any, true: Any) -> Any:
    import torch
    import torch.nn.functional as functional

    with torch.autocast("cpu", torch.bfloat16, enabled=torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        images = model.get_image_features(pixel_values=pictures).pooler_output
        texts = model.get_text_features(input_ids=phrases).pooler_output
    images, texts = (functional.normalize(vectors.float(), dim=1) for vectors in (images, texts))
    logits = images @ texts.T * model.logit_scale.exp().clamp(max=50)
    # captions repeat within a batch: every phrase that is true of a crop is a right answer
    right = true.float()
    from_images = -(functional.log_softmax(logits, dim=1) * right).sum(1) / right.sum(1)
    from_texts = -(functional.log_softmax(logits, dim=0) * right).sum(0) / right.sum(0)
    return (from_images.mean() + from_texts.mean()) / 2


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
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=settings.projection))
    model.set_attn_implementation("eager")  # trains 1.6 times as fast as sdpa on a CPU in bfloat16, measured
    return model


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


def _even_chances(kinds: np.ndarray) -> np.ndarray:
    _, number, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    chances = counts[number] ** -0.7  # nearly even over kinds, common ones a little more often
    return chances / chances.sum()


def _mean_of_kinds(right: np.ndarray, kinds: np.ndarray) -> float:
    return float(np.mean([right[kinds == kind].mean() for kind in np.unique(kinds)]))
