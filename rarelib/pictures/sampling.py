"""Draw a share of the pictures in an order that does not depend on how many there are."""

from __future__ import annotations

import hashlib

import numpy as np


def draw_paths(
    paths: np.ndarray,
    kept: np.ndarray,
    new: np.ndarray,
    *,
    sampling_rate: float,
    max_images: int | None,
    seed: int,
) -> np.ndarray:
    """Return the positions of the pictures that are drawn, in no order that means anything.

    Args:
        paths: Of all pictures that may be drawn.
        kept: Which were drawn before and stay drawn, bool array (n,).
        new: Which were not there before, bool array (n,); they alone fill the share up.
        sampling_rate: Share of all that is drawn, in [0, 1]; at least one where it is above 0.
        max_images: At most this many are drawn; None takes all.
        seed: Seed of the draw.
    """
    count = len(paths)
    size = max(round(count * sampling_rate), 1 if sampling_rate > 0 else 0)
    size = min(size, count, count if max_images is None else max_images)
    order = np.argsort([hashlib.sha256(f"{seed}:{path}".encode()).hexdigest() for path in paths], kind="stable")
    stay, join = order[kept[order]], order[new[order]]
    drawn = np.concatenate([stay, join[: max(size - len(stay), 0)]])
    return drawn if max_images is None else drawn[:max_images]
