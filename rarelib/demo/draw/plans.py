"""What kinds without a drawing of their own look like: measures from their names, and parts drawn far ones first."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np

from .body import Body
from .canvas import Colour

DARK, GLASS, TYRE, METAL, WOOD = (46, 46, 50), (52, 66, 82), (28, 28, 30), (140, 144, 150), (150, 104, 62)
BLADE = (96, 98, 104)
N_PALETTES = 5  # a kind comes in so many colour schemes
LIKENESS = 0.08  # by how much one of a kind differs from another, as share of each of its measures

Part = tuple[tuple[float, float, float], Callable[[], object]]  # where it is, and what draws it


class Look:
    """What one thing of a kind looks like: measures that its kind has in common, a little different in each."""

    def __init__(self, name: str, rng: np.random.Generator) -> None:
        """Take the kind's measures from its name, what is this thing's own from `rng`."""
        self.kind, self.own = np.random.default_rng(zlib.crc32(name.encode())), rng
        palettes = self.kind.uniform(20, 240, (N_PALETTES, 3, 3))
        greyness = self.kind.uniform(0, 1, (N_PALETTES, 1, 1))  # most things are not gaudy
        palettes += greyness * (palettes.mean(axis=2, keepdims=True) - palettes)
        self.colours = [tuple(colour) for colour in palettes[int(rng.integers(N_PALETTES))].tolist()]

    def __call__(self, low: float, high: float) -> float:
        """Return the kind's next measure between two ends, as this thing has it."""
        value = low + (high - low) * float(self.kind.random())
        return value * min(max(float(self.own.normal(1, LIKENESS)), 0.75), 1.25)

    def count(self, low: int, high: int) -> int:
        """Return how many of something all of the kind have, both ends included."""
        return int(self.kind.integers(low, high + 1))

    def has(self, chance: float = 0.5) -> bool:
        """Tell whether all of the kind have something."""
        return bool(self.kind.random() < chance)


def draw_parts(body: Body, parts: list[Part]) -> None:
    """Draw parts of a body, the farthest first."""
    for _, draw in sorted(parts, key=lambda part: -math.dist(part[0], body.eye)):
        draw()


def block(body: Body, centre: tuple, size: tuple, colour: Colour, marks: tuple = ()) -> Part:
    """Return a box as a part."""
    return centre, partial(body.block, centre, size, colour, marks=marks)


def limb(body: Body, start: tuple, end: tuple, radius: float, colour: Colour, end_radius: float | None = None) -> Part:
    """Return a rounded stick as a part."""
    middle = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    return middle, partial(body.limb, start, end, radius, colour, end_radius=end_radius)


def wheel(body: Body, at: tuple, radius: float, *, spokes: bool = False) -> Part:
    """Return a wheel in the y-z plane as a part."""

    def draw() -> None:
        if spokes:
            body.ring(at, radius, 0.05, TYRE)
            for angle in (0.3, 1.35, 2.4):
                reach = radius * np.array([0, math.sin(angle), math.cos(angle)])
                body.rod([tuple(at + reach), tuple(at - reach)], 0.025, METAL)
        else:
            body.disc(at, radius, TYRE)
            body.disc((at[0] * 1.02, at[1], at[2]), radius * 0.5, METAL, corners=10)

    return at, draw
