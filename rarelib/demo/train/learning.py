"""How CLIP's picture tower learns: crops gather round an anchor of their kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ..draw.kinds import COLOURS, KINDS, NAMELESS
from ..draw.strangers import FAMILIES
from .sets import CropSet
from .steps import embed, optimizer_of, take_step

MEAN, STD = (0.46, 0.46, 0.45), (0.24, 0.24, 0.24)
COVERED = 0.25  # share of the crops that something stands in front of
SCALE, MARGIN = 24.0, 0.1  # of the cosines; a crop must be nearer to its own anchor by the margin (Wang et al., 2018)
STRANGE_LOSS = 0.5  # how much telling what is ordinary counts beside telling the kind (Hendrycks et al., 2019)
PATCHES_KEPT = 0.5  # share of the patches that a step looks at, for speed (Li et al., 2023); not the last steps
WHOLE = 0.2  # share of the steps that look at all of a crop
ZOOM, SHIFT = (0.95, 1.15), 0.06  # how large and how far aside, in sides of the square, a crop is shown
COLOUR_LOSS = 0.2  # how much telling the paint counts beside telling the kind
SOME = 10_000  # crops that say where crops are
IMPRINTED = 12  # crops of each kind that say where its anchor begins


def learn_pictures(model: Any, crops: CropSet, *, steps: int, batch: int, learning_rate: float, seed: int) -> Any:
    """Train the picture tower and return the anchors: unit rows (n_kinds + n_colours, dim), kinds in sorted order.

    Each kind has one direction; a crop is to be nearer to that of its kind than to all others, by a margin, one of no
    named kind to any of its family, and, where it is painted, to that of its colour; and all that is strange nearer to
    any strange kind than to any ordinary one.
    """
    import torch
    import torch.nn.functional as functional

    rng = np.random.default_rng([seed, 1])
    kinds, of_label, number = own_kinds(crops.kinds)
    ordinary = torch.from_numpy(is_ordinary(kinds))
    colour = np.array([[*COLOURS, ""].index(name) for name in crops.colours])
    anchors = torch.nn.Parameter(_imprint(model, crops, kinds, colour, rng))
    towers = (model.vision_model, model.visual_projection)
    weights = [parameter for tower in towers for parameter in tower.parameters()]
    optimizer, schedule = optimizer_of(weights, learning_rate, steps, fast=[anchors])
    chances = even_chances(crops.kinds)
    model.train()
    for step in range(steps):
        rows = rng.choice(len(number), batch, p=chances)
        kept = PATCHES_KEPT if step < (1 - WHOLE) * steps else 1.0
        vectors = embed_part(model, _pictures(crops, rows, rng), kept, rng)
        cosines = vectors @ functional.normalize(anchors, dim=1).T
        own = torch.from_numpy(of_label[number[rows]])
        loss = kind_loss(cosines[:, : len(kinds)], own)
        loss = loss + STRANGE_LOSS * _strange_loss(SCALE * cosines[:, : len(kinds)], ordinary, own)
        paint = torch.from_numpy(colour[rows])
        if (painted := paint < len(COLOURS)).any():
            of_colours = SCALE * cosines[painted, len(kinds) :]
            loss = loss + COLOUR_LOSS * functional.cross_entropy(of_colours, paint[painted])
        take_step(loss, optimizer, schedule)
        if step % 100 == 0:
            print(f"CLIP pictures, step {step} of {steps}, loss {loss.item():.3f}", flush=True)
    return functional.normalize(anchors.detach(), dim=1)


def embed_some(model: Any, crops: CropSet, *, seed: int) -> Any:
    """Return unit rows of crops of all kinds, drawn as those to learn from are."""
    import torch

    rng = np.random.default_rng([seed, 3])
    drawn = rng.choice(len(crops.kinds), SOME, p=even_chances(crops.kinds))
    with torch.no_grad():
        parts = [embed(model.get_image_features, pixel_values=_pictures(crops, rows, rng)) for rows in
                 np.array_split(drawn, SOME // 100)]  # fmt: skip
    return torch.cat(parts)


def own_kinds(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which kinds each label may stand for: its own, or all of the family for what has no name.

    Args:
        labels: Kind of each crop, str array (n,).

    Returns:
        kinds: Those with a name, sorted (n_kinds,). of_label: bool array (n_labels, n_kinds). number: int array (n,),
        the row of of_label for each crop.
    """
    families = {kind.name: family.kinds for kind, family in zip(NAMELESS, FAMILIES, strict=True)}
    found, number = np.unique(labels, return_inverse=True)
    kinds = np.array([label for label in found if label not in families])
    of_label = np.stack([np.isin(kinds, families.get(label, (label,))) for label in found])
    return kinds, of_label, number


def kind_loss(cosines: Any, own: Any) -> Any:
    """Return how badly a softmax tells the kind of each crop, or the family of what may be any of it.

    Args:
        cosines: Of crops and kinds (n, n_kinds).
        own: Bool tensor (n, n_kinds); a row without any counts nothing.
    """
    import torch

    logits = SCALE * (cosines - MARGIN * own)[own.any(dim=1)]
    right = logits.masked_fill(~own[own.any(dim=1)], -torch.inf)
    return (torch.logsumexp(logits, dim=1) - torch.logsumexp(right, dim=1)).mean()


def _strange_loss(logits: Any, ordinary: Any, own: Any) -> Any:
    """Return how badly the share of strange kinds in a softmax tells strange crops from ordinary ones."""
    import torch
    import torch.nn.functional as functional

    odds = torch.logsumexp(logits[:, ~ordinary], dim=1) - torch.logsumexp(logits[:, ordinary], dim=1)
    return functional.binary_cross_entropy_with_logits(odds, (~(own & ordinary).any(dim=1)).float())


def embed_part(model: Any, pictures: Any, kept: float, rng: np.random.Generator) -> Any:
    """Return unit rows of what CLIP makes of some of the patches of each picture, drawn at random."""
    import torch
    import torch.nn.functional as functional

    tower = model.vision_model
    tokens = tower.embeddings(pictures)
    n, n_patches = len(tokens), tokens.shape[1] - 1
    drawn = 1 + rng.random((n, n_patches)).argsort(axis=1)[:, : round(kept * n_patches)]
    chosen = torch.from_numpy(np.concatenate([np.zeros((n, 1), int), drawn], axis=1))  # the first stands for all
    tokens = tower.pre_layrnorm(tokens[torch.arange(n)[:, None], chosen])
    whole = tower.post_layernorm(tower.encoder(inputs_embeds=tokens).last_hidden_state[:, 0])
    return functional.normalize(model.visual_projection(whole), dim=1)


def _imprint(model: Any, crops: CropSet, kinds: np.ndarray, colour: np.ndarray, rng: np.random.Generator) -> Any:
    """Return where anchors begin: at the mean of some crops of each kind or colour (Qi et al., 2018), spread apart."""
    import torch
    import torch.nn.functional as functional

    groups = [np.flatnonzero(crops.kinds == kind) for kind in kinds]
    groups += [np.flatnonzero(colour == paint) for paint in range(len(COLOURS))]
    means = []
    with torch.no_grad():
        for rows in groups:
            drawn = rng.choice(rows, IMPRINTED) if len(rows) else np.zeros(1, int)
            means.append(embed(model.get_image_features, pixel_values=_pictures(crops, drawn, rng)).mean(dim=0))
    stacked = torch.stack(means)
    return functional.normalize(stacked - stacked.mean(dim=0), dim=1)


def _pictures(crops: CropSet, rows: np.ndarray, rng: np.random.Generator) -> Any:
    import torch

    varied = vary(np.stack([_moved(crops.crops[row], rng) for row in rows]).astype(np.float32) / 255, rng)
    return torch.from_numpy(((varied - MEAN) / STD).astype(np.float32)).permute(0, 3, 1, 2)


def _moved(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a square a little larger or smaller and a little aside, as a detector may cut it."""
    size = len(crop)
    zoom = rng.uniform(*ZOOM)
    x, y = size * (0.5 * (1 - zoom) + rng.uniform(-SHIFT, SHIFT, 2))
    way = np.float32([[zoom, 0, x], [0, zoom, y]])
    return cv2.warpAffine(crop, way, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


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
    """Return chances of crops: ordinary kinds one half, others with a name a quarter, those without the other.

    In each part chances are nearly even over kinds.
    """
    _, number, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    chances = counts[number] ** -0.7
    ordinary, nameless = is_ordinary(kinds), np.isin(kinds, [kind.name for kind in NAMELESS])
    for part, share in ((ordinary, 0.5), (nameless, 0.25), (~ordinary & ~nameless, 0.25)):
        chances[part] *= share / chances[part].sum() if part.any() else 1
    return chances / chances.sum()


def is_ordinary(kinds: Sequence[str]) -> np.ndarray:
    """Return which kinds streets of the demo world are full of."""
    return np.array([KINDS[kind].role in ("common", "clutter", "scenery") for kind in kinds])
