"""Train the demo world's CLIP: two small towers that put a crop near the phrases that are true of it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..zero_shot import PROMPT
from .kinds import ALL_KINDS, COLOURS, KINDS, OTHER, UNSEEN_KINDS
from .layout import CLIP_CHECK, CLIP_TRAINING
from .training_sets import CropSet, draw_crops

TEMPLATES = ("a photo of {}", "a photo of {}", "{}", "a picture of {}", "a small photo of {}", "{} on the street")
START, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<|unknown|>"
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
    n_scenes: int = 1000
    n_views: int = 4
    most_per_kind: int = 700
    steps: int = 1300
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
    crops = load_crops(work, settings, check=False)
    tokenizer = build_tokenizer()
    model = _build_model(settings, tokenizer.get_vocab_size(), _longest(tokenizer))
    _fit(model, crops, tokenizer, settings)
    _save(model, tokenizer, target, settings)
    return target


def check_clip(work: Path, model: Path, settings: ClipSettings) -> dict[str, float]:
    """Return how often the nearest phrase names the kind of an unseen crop, with all phrases to choose from.

    Kinds seen in training and kinds left out are apart; for each, the share of right crops and the mean over kinds.
    """
    from ..embedding import load_embedder

    crops = load_crops(work, settings, check=True)
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


def load_crops(work: Path, settings: ClipSettings, *, check: bool) -> CropSet:
    """Return the crops to train on, or those to check with, drawn at the first call."""
    path = work / ("crops_check.npz" if check else "crops_train.npz")
    if not path.exists():
        drawn = draw_crops(
            n_scenes=settings.n_check_scenes if check else settings.n_scenes,
            seed=settings.check_seed if check else settings.seed,
            mix=CLIP_CHECK if check else CLIP_TRAINING,
            size=settings.image_size,
            colour=[round(255 * mean) for mean in MEAN],
            n_views=1 if check else settings.n_views,
            most_per_kind=settings.most_per_kind,
        )
        work.mkdir(parents=True, exist_ok=True)
        np.savez(path, **asdict(drawn))
    with np.load(path, allow_pickle=False) as found:
        return CropSet(**found)


def build_tokenizer() -> Any:
    """Return a tokenizer of whole words for the phrases of the demo world, and of letters for all others."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    letters = sorted("abcdefghijklmnopqrstuvwxyz0123456789")
    counts = Counter(word for phrase in _all_phrases() for word in phrase.split())
    words = sorted(counts, key=lambda word: (-counts[word], word))  # the first are sure to be one token
    tokens = [START, END, UNKNOWN, *letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary, merges = _merge_words(tokens, words)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token=UNKNOWN, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern=_regex(r"[a-z0-9]+"), behavior="removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, 0), (END, 1)]
    )
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    return tokenizer


def describe_kind(kind: str, colour: str, rng: np.random.Generator) -> tuple[str, str, str]:
    """Return a phrase that is true of a kind, the kind that it names, and the colour ("" for none)."""
    named = OTHER if KINDS[kind].role == "clutter" and rng.random() < 0.2 else kind
    noun = noun_of(named)
    if named != OTHER and colour and rng.random() < 0.4:
        return str(rng.choice(TEMPLATES)).format(_with_article(f"{colour} {kind}")), named, colour
    if rng.random() < 0.5:  # as zero-shot classes are asked for, with no care for grammar
        return PROMPT.format(noun), named, ""
    return str(rng.choice(TEMPLATES)).format(_with_article(noun)), named, ""


def noun_of(kind: str) -> str:
    """Return a kind's phrase without its article: "overturned car"."""
    phrase = KINDS[kind].phrase if kind in KINDS else kind
    return phrase.removeprefix("an ").removeprefix("a ")


def true_pairs(kinds: np.ndarray, colours: np.ndarray, named: np.ndarray, named_colours: np.ndarray) -> np.ndarray:
    """Return of which crops (rows) which phrases (columns) are true: the kind fits, and a named colour too."""
    clutter = np.array([KINDS[kind].role == "clutter" for kind in kinds])
    same_kind = (kinds[:, None] == named[None, :]) | (clutter[:, None] & (named == OTHER)[None, :])
    return same_kind & ((named_colours[None, :] == "") | (named_colours[None, :] == colours[:, None]))


def _fit(model: Any, crops: CropSet, tokenizer: Any, settings: ClipSettings) -> None:
    import torch

    rng = np.random.default_rng(settings.seed)
    decayed = [weights for weights in model.parameters() if weights.ndim >= 2]
    others = [weights for weights in model.parameters() if weights.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=settings.learning_rate, betas=(0.9, 0.98),
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
            print(f"CLIP step {step} of {settings.steps}, loss {loss.item():.3f}", flush=True)


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


def _all_phrases() -> list[str]:
    phrases = [kind.phrase for kind in ALL_KINDS] + [kind.name for kind in ALL_KINDS] + [OTHER]
    return [template.format(phrase) for template in TEMPLATES for phrase in phrases] + [*COLOURS, "an"]


def _merge_words(tokens: Sequence[str], words: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges: list[tuple[str, str]] = []
    for word in words:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair not in merges:
                merges.append(pair)
            pieces = [pieces[0] + pieces[1], *pieces[2:]]
            vocabulary.setdefault(pieces[0], len(vocabulary))
    return vocabulary, merges


def _with_article(noun: str) -> str:
    if noun.endswith("bags"):
        return noun
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _longest(tokenizer: Any) -> int:
    codes = [tokenizer.encode(phrase) for phrase in _all_phrases()]
    length = max(len(code.ids) for code in codes) + 4
    tokenizer.enable_padding(length=length, pad_id=1, pad_token=END)
    return length


def _even_chances(kinds: np.ndarray) -> np.ndarray:
    _, number, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    chances = counts[number] ** -0.7  # nearly even over kinds, common ones a little more often
    return chances / chances.sum()


def _mean_of_kinds(right: np.ndarray, kinds: np.ndarray) -> float:
    return float(np.mean([right[kinds == kind].mean() for kind in np.unique(kinds)]))


def _regex(pattern: str) -> Any:
    from tokenizers import Regex

    return Regex(pattern)
