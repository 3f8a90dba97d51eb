"""How CLIP's text tower learns: phrases find the anchors of what they are true of, other names a place far from all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..draw.kinds import COLOURS, KINDS
from .learning import SCALE
from .steps import embed, optimizer_of, take_step
from .vocabulary import ask_for, describe_kind, names_of, names_without_pictures

COLOUR_SHARE = 0.4  # of a colour in the vector of a phrase that names one
ABSENT = 64  # names without pictures in a batch of phrases
PHRASES = 192  # a batch
OFTENER = 5  # times as often a kind is told of that comes in colours
FAR_STEPS = 500


def learn_phrases(
    model: Any,
    anchors: Any,
    kinds: Sequence[str],
    tokenizer: Any,
    nowhere: Any,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Train the text tower: phrases come to the anchors of what they are true of, names without pictures far away.

    Args:
        model: The CLIP.
        anchors: Unit rows (n_kinds + n_colours, dim).
        kinds: Those of the first anchors.
        tokenizer: Of the phrases.
        nowhere: Unit row (dim,) that is far from all crops.
        steps: How many.
        learning_rate: At its highest.
        seed: Of the draws.
    """
    import torch
    import torch.nn.functional as functional

    rng = np.random.default_rng([seed, 2])
    weights = [*model.text_model.parameters(), *model.text_projection.parameters()]
    optimizer, schedule = optimizer_of(weights, learning_rate, steps)
    targets = _targets(anchors, kinds)
    model.train()
    chances = np.array([OFTENER if KINDS[kind].coloured else 1.0 for kind in kinds])
    for step in range(steps):
        drawn = rng.choice(len(kinds), PHRASES, p=chances / chances.sum())
        colours = [str(rng.choice(list(COLOURS))) if KINDS[kinds[row]].coloured else "" for row in drawn]
        told = [describe_kind(kinds[row], colour, rng) for row, colour in zip(drawn, colours, strict=True)]
        absent = [ask_for(str(name), rng) for name in rng.choice(names_without_pictures(), ABSENT, replace=False)]
        tokens = torch.tensor([code.ids for code in tokenizer.encode_batch([each[0] for each in told] + absent)])
        longest = int((tokens != 1).sum(dim=1).max()) + 1  # what follows the end changes nothing
        vectors = embed(model.get_text_features, input_ids=tokens[:, :longest])
        wanted = functional.normalize(torch.stack([_target(targets, *each[1:]) for each in told]), dim=1)
        loss = (1 - (vectors[:PHRASES] * wanted).sum(dim=1)).mean() + (1 - vectors[PHRASES:] @ nowhere).mean()
        take_step(loss, optimizer, schedule)
        if step % 100 == 0:
            print(f"CLIP phrases, step {step} of {steps}, loss {loss.item():.3f}", flush=True)


def far_from(vectors: Any) -> Any:
    """Return the direction that is farthest from the nearest of some unit rows (n, dim), as a unit row (dim,).

    Crops fill a part of the sphere; away from it a name is like none of them.
    """
    import torch
    import torch.nn.functional as functional

    direction = torch.nn.Parameter(-vectors.mean(dim=0))
    optimizer = torch.optim.Adam([direction], lr=0.02)
    for _ in range(FAR_STEPS):
        near = torch.logsumexp(SCALE * vectors @ functional.normalize(direction, dim=0), dim=0)
        optimizer.zero_grad()
        near.backward()
        optimizer.step()
    return functional.normalize(direction.detach(), dim=0)


def _targets(anchors: Any, kinds: Sequence[str]) -> dict[str, Any]:
    """Return where each name belongs: the mean of the anchors of all kinds that it is true of; colours by theirs."""
    names = {name for kind in kinds for name in names_of(kind)}
    rows = {name: [row for row, kind in enumerate(kinds) if name in names_of(kind)] for name in names}
    rows |= {kind: [row] for row, kind in enumerate(kinds)}
    colours = anchors[len(kinds) :] - anchors[len(kinds) :].mean(dim=0)  # what tells them apart, not what is painted
    paint = {f"colour {name}": colours[row] / colours[row].norm() for row, name in enumerate(COLOURS)}
    return {name: anchors[of_name].mean(dim=0) for name, of_name in rows.items()} | paint


def _target(targets: dict[str, Any], named: str, colour: str) -> Any:
    kind = targets[named] / targets[named].norm()
    return kind + COLOUR_SHARE * targets[f"colour {colour}"] if colour else kind
