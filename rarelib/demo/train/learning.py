"""How CLIP's two towers learn: crops gather round an anchor of their kind, then phrases find the anchors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..draw.kinds import COLOURS, KINDS
from .sets import CropSet
from .vocabulary import ask_for, describe_kind, names_of, names_without_pictures

MEAN, STD = (0.46, 0.46, 0.45), (0.24, 0.24, 0.24)
COVERED = 0.25  # share of the crops that something stands in front of
SCALE, MARGIN = 24.0, 0.1  # of the cosines; a crop must be nearer to its own anchor by the margin (Wang et al., 2018)
STRANGE_LOSS = 0.5  # how much telling what is ordinary counts beside telling the kind (Hendrycks et al., 2019)
COLOUR_LOSS = 0.2  # how much telling the paint counts beside telling the kind
COLOUR_SHARE = 0.4  # of a colour in the vector of a phrase that names one
ABSENT = 64  # names without pictures in a batch of phrases
PHRASES = 192  # a batch
WARM_UP = 50  # steps
FAST = 5  # times as fast as the towers move the anchors
IMPRINTED = 12  # crops of each kind that say where its anchor begins


def learn_pictures(model: Any, crops: CropSet, *, steps: int, batch: int, learning_rate: float, seed: int) -> Any:
    """Train the picture tower and return the anchors: unit rows (n_kinds + n_colours, dim), kinds in sorted order.

    Each kind has one direction; a crop is to be nearer to that of its kind than to all others, by a margin, and, where
    it is painted, to that of its colour; and all that is strange nearer to any strange kind than to any ordinary one.
    """
    import torch
    import torch.nn.functional as functional

    rng = np.random.default_rng([seed, 1])
    kinds, number = np.unique(crops.kinds, return_inverse=True)
    ordinary = torch.from_numpy(is_ordinary(kinds))
    colour = np.array([[*COLOURS, ""].index(name) for name in crops.colours])
    anchors = torch.nn.Parameter(_imprint(model, crops, number, colour, rng))
    towers = (model.vision_model, model.visual_projection)
    weights = [parameter for tower in towers for parameter in tower.parameters()]
    optimizer, schedule = _optimizer(weights, learning_rate, steps, fast=[anchors])
    chances = even_chances(crops.kinds)
    model.train()
    for step in range(steps):
        rows = rng.choice(len(number), batch, p=chances)
        vectors = _embed(model.get_image_features, pixel_values=_pictures(crops, rows, rng))
        cosines = vectors @ functional.normalize(anchors, dim=1).T
        own = torch.from_numpy(number[rows])
        of_kinds = cosines[:, : len(kinds)] - MARGIN * functional.one_hot(own, len(kinds))
        loss = functional.cross_entropy(SCALE * of_kinds, own)
        loss = loss + STRANGE_LOSS * _strange_loss(SCALE * cosines[:, : len(kinds)], ordinary, own)
        paint = torch.from_numpy(colour[rows])
        if (painted := paint < len(COLOURS)).any():
            of_colours = SCALE * cosines[painted, len(kinds) :]
            loss = loss + COLOUR_LOSS * functional.cross_entropy(of_colours, paint[painted])
        _step(loss, optimizer, schedule)
        if step % 100 == 0:
            print(f"CLIP pictures, step {step} of {steps}, loss {loss.item():.3f}", flush=True)
    return functional.normalize(anchors.detach(), dim=1)


def _strange_loss(logits: Any, ordinary: Any, own: Any) -> Any:
    """Return how badly the share of strange kinds in a softmax tells strange crops from ordinary ones."""
    import torch
    import torch.nn.functional as functional

    odds = torch.logsumexp(logits[:, ~ordinary], dim=1) - torch.logsumexp(logits[:, ordinary], dim=1)
    return functional.binary_cross_entropy_with_logits(odds, (~ordinary[own]).float())


def _imprint(model: Any, crops: CropSet, number: np.ndarray, colour: np.ndarray, rng: np.random.Generator) -> Any:
    """Return where anchors begin: at the mean of some crops of each kind or colour (Qi et al., 2018), spread apart."""
    import torch
    import torch.nn.functional as functional

    groups = [np.flatnonzero(number == kind) for kind in range(number.max() + 1)]
    groups += [np.flatnonzero(colour == paint) for paint in range(len(COLOURS))]
    means = []
    with torch.no_grad():
        for rows in groups:
            drawn = rng.choice(rows, IMPRINTED) if len(rows) else np.zeros(1, int)
            means.append(_embed(model.get_image_features, pixel_values=_pictures(crops, drawn, rng)).mean(dim=0))
    stacked = torch.stack(means)
    return functional.normalize(stacked - stacked.mean(dim=0), dim=1)


def learn_phrases(
    model: Any, anchors: Any, kinds: Sequence[str], tokenizer: Any, *, steps: int, learning_rate: float, seed: int
) -> None:
    """Train the text tower: phrases come to the anchors of what they are true of, names without pictures to none."""
    import torch
    import torch.nn.functional as functional

    rng = np.random.default_rng([seed, 2])
    weights = [*model.text_model.parameters(), *model.text_projection.parameters()]
    optimizer, schedule = _optimizer(weights, learning_rate, steps)
    targets = _targets(anchors, kinds)
    model.train()
    for step in range(steps):
        drawn = rng.choice(len(kinds), PHRASES)
        colours = [str(rng.choice(list(COLOURS))) if KINDS[kinds[row]].coloured else "" for row in drawn]
        told = [describe_kind(kinds[row], colour, rng) for row, colour in zip(drawn, colours, strict=True)]
        absent = [ask_for(str(name), rng) for name in rng.choice(names_without_pictures(), ABSENT, replace=False)]
        tokens = torch.tensor([code.ids for code in tokenizer.encode_batch([each[0] for each in told] + absent)])
        longest = int((tokens != 1).sum(dim=1).max()) + 1  # what follows the end changes nothing
        vectors = _embed(model.get_text_features, input_ids=tokens[:, :longest])
        wanted = functional.normalize(torch.stack([_target(targets, *each[1:]) for each in told]), dim=1)
        near = torch.logsumexp(SCALE * vectors[PHRASES:] @ anchors[: len(kinds)].T, dim=1) / SCALE
        loss = (1 - (vectors[:PHRASES] * wanted).sum(dim=1)).mean() + 0.5 * near.mean()
        _step(loss, optimizer, schedule)
        if step % 100 == 0:
            print(f"CLIP phrases, step {step} of {steps}, loss {loss.item():.3f}", flush=True)


def _targets(anchors: Any, kinds: Sequence[str]) -> dict[str, Any]:
    """Return where each name belongs: the mean of the anchors of all kinds that it is true of; colours by theirs."""
    names = {name for kind in kinds for name in names_of(kind)}
    rows = {name: [row for row, kind in enumerate(kinds) if name in names_of(kind)] for name in names}
    rows |= {kind: [row] for row, kind in enumerate(kinds)}
    rows |= {f"colour {name}": [len(kinds) + row] for row, name in enumerate(COLOURS)}
    return {name: anchors[of_name].mean(dim=0) for name, of_name in rows.items()}


def _target(targets: dict[str, Any], named: str, colour: str) -> Any:
    kind = targets[named] / targets[named].norm()
    return kind + COLOUR_SHARE * targets[f"colour {colour}"] if colour else kind


def _embed(tower: Any, **inputs: Any) -> Any:
    import torch.nn.functional as functional

    return functional.normalize(tower(**inputs).pooler_output, dim=1)


def _optimizer(
    weights: Sequence[Any], learning_rate: float, steps: int, *, fast: Sequence[Any] = ()
) -> tuple[Any, Any]:
    import torch

    decayed, others = ([each for each in weights if (each.ndim >= 2) == wide] for wide in (True, False))
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": 0.1},
            {"params": others, "weight_decay": 0.0},
            {"params": list(fast), "weight_decay": 0.0, "lr": FAST * learning_rate},
        ],
        lr=learning_rate, betas=(0.9, 0.98),
    )  # fmt: skip
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * min(step / steps, 1))),
    )
    return optimizer, schedule


def _step(loss: Any, optimizer: Any, schedule: Any) -> None:
    import torch

    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([each for group in optimizer.param_groups for each in group["params"]], 1.0)
    optimizer.step()
    schedule.step()


def _pictures(crops: CropSet, rows: np.ndarray, rng: np.random.Generator) -> Any:
    import torch

    varied = vary(crops.crops[rows].astype(np.float32) / 255, rng)
    return torch.from_numpy(((varied - MEAN) / STD).astype(np.float32)).permute(0, 3, 1, 2)


def vary(views: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return squares (n, size, size, 3) in [0, 1] in other light, some mirrored, some partly covered by another."""
    n, size = views.shape[:2]
    flip = rng.random(n) < 0.5
    views[flip] = views[flip, :, ::-1]
    light = rng.uniform(0.7, 1.3, (n, 1, 1, 1)) * rng.uniform(0.93, 1.07, (n, 1, 1, 3))
    views = np.clip(views * light + rng.normal(0, 0.02, views.shape), 0, 1).astype(np.float32)
    for row in np.flatnonzero(rng.random(n) < COVERED):
        wide = int(size * rng.uniform(0.15, 0.4))
        cover = views[int(rng.integers(n)), :, :wide].copy()
        start = 0 if rng.random() < 0.5 else size - wide  # from the side, as what stands in front
        views[row, :, start : start + wide] = cover
    return views


def even_chances(kinds: np.ndarray) -> np.ndarray:
    """Return chances of crops: ordinary kinds one half, all others the other; in each nearly even over kinds."""
    _, number, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    chances = counts[number] ** -0.7
    ordinary = is_ordinary(kinds)
    for half in (ordinary, ~ordinary):
        chances[half] /= 2 * chances[half].sum() if half.any() else 1
    return chances / chances.sum()


def is_ordinary(kinds: Sequence[str]) -> np.ndarray:
    """Return which kinds streets of the demo world are full of."""
    return np.array([KINDS[kind].role in ("common", "clutter", "scenery") for kind in kinds])
