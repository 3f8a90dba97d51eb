"""One step of training, and what it learns by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

WARM_UP = 50  # steps
FAST = 5  # times as fast as the towers move the anchors


def embed(tower: Any, **inputs: Any) -> Any:
    """Return unit rows of what a tower makes of its inputs."""
    import torch.nn.functional as functional

    return functional.normalize(tower(**inputs).pooler_output, dim=1)


def optimizer_of(
    weights: Sequence[Any], learning_rate: float, steps: int, *, fast: Sequence[Any] = ()
) -> tuple[Any, Any]:
    """Return AdamW for weights, and its schedule: a short warm-up, then down to zero along a cosine.

    Args:
        weights: Of a tower.
        learning_rate: At its highest.
        steps: Until it is zero.
        fast: What is learned FAST times as fast.
    """
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


def take_step(loss: Any, optimizer: Any, schedule: Any) -> None:
    """Learn from a loss."""
    import torch

    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([each for group in optimizer.param_groups for each in group["params"]], 1.0)
    optimizer.step()
    schedule.step()
