"""Kinds that stand in training pictures only: many, so that a model learns to tell kinds that it never met.

None of them is rare in a run, and no rare kind is among them: what finds those has met neither. Beside those with a
name are things of each family that are like no other, so that what is learned is not a list of kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .body import Body
from .canvas import Colour
from .creatures import draw_bird, draw_crawler, draw_figure, draw_plant, draw_quadruped
from .goods import (
    draw_cart,
    draw_cupboard,
    draw_furniture,
    draw_heap,
    draw_round,
    draw_tent,
    draw_upright,
    draw_wares,
)
from .machines import draw_craft, draw_frame, draw_machine, draw_mast, draw_wreck
from .plans import Look

Size = tuple[float, float, float]  # width, height, length [m]


@dataclass(frozen=True)
class Family:
    """Kinds of one body plan: what all of them are called, how large they are about, and their names."""

    name: str
    draw: Callable[[Body, Look], object]
    size_m: Size
    kinds: tuple[str, ...]


FAMILIES = (
    Family("animal", draw_quadruped, (0.8, 1.5, 1.8), (
        "cow", "pig", "sheep", "goat", "cat", "fox", "bear", "elephant", "giraffe", "camel", "lion", "zebra", "llama",
        "rhinoceros", "rabbit", "kangaroo")),
    Family("bird", draw_bird, (0.8, 1.2, 0.9), (
        "duck", "goose", "swan", "ostrich", "penguin", "chicken", "turkey", "flamingo", "peacock", "owl")),
    Family("reptile", draw_crawler, (0.9, 0.7, 1.6), (
        "crocodile", "turtle", "snake", "lizard", "hedgehog", "crab", "frog", "seal")),
    Family("figure", draw_figure, (1.0, 1.9, 0.8), (
        "snowman", "scarecrow", "Buddha statue", "robot", "mannequin", "doll", "mascot", "puppet")),
    Family("plant", draw_plant, (1.4, 1.9, 1.2), (
        "Christmas tree", "cactus", "fallen tree", "sunflower", "mushroom", "driftwood", "corn", "bamboo")),
    Family("furniture", draw_furniture, (1.2, 1.1, 0.9), (
        "chair", "table", "sofa", "armchair", "bed", "stool", "desk", "crib", "ironing board", "piano")),
    Family("appliance", draw_cupboard, (0.9, 1.4, 0.7), (
        "refrigerator", "washing machine", "oven", "wardrobe", "freezer", "television", "safe", "dishwasher", "coffin",
        "filing cabinet")),
    Family("cart", draw_cart, (0.9, 1.0, 1.5), (
        "wheelbarrow", "stroller", "tricycle", "go-kart", "skateboard", "lawn mower", "cycle rickshaw", "hand cart",
        "quad bike", "golf cart")),
    Family("machine", draw_machine, (2.4, 2.8, 4.4), (
        "bulldozer", "forklift", "crane", "combine harvester", "snow plow", "tank", "street sweeper", "drilling rig",
        "concrete mixer truck", "asphalt paver")),
    Family("container", draw_upright, (0.8, 1.2, 0.8), (
        "barrel", "gas cylinder", "bucket", "milk can", "vase", "cable drum", "storage tank", "bottle", "jar",
        "church bell")),
    Family("heap", draw_heap, (1.6, 0.7, 1.0), (
        "sandbag", "firewood", "pile of gravel", "brick", "straw bale", "stack of tires", "pumpkin", "fallen rocks")),
    Family("tent", draw_tent, (1.8, 1.7, 1.8), (
        "tent", "circus tent", "doghouse", "igloo", "outdoor stage", "pyramid", "yurt")),
    Family("instrument", draw_round, (1.0, 1.3, 0.8), (
        "drum", "guitar", "globe", "alarm clock", "beach ball", "gong", "parabolic antenna", "mirror", "target board")),
    Family("board", draw_wares, (1.2, 1.2, 0.8), (
        "detached car door", "carpet", "surfboard", "picture frame", "blackboard", "book", "plywood sheet", "doormat")),
    Family("mast", draw_mast, (1.4, 2.8, 0.8), (
        "kite", "windmill", "basketball hoop", "torii gate", "birdhouse", "weathervane", "hot air balloon", "lantern")),
    Family("frame", draw_frame, (1.6, 2.0, 0.9), (
        "stepladder", "scaffolding", "swing", "toll gate", "clothes rack", "easel", "soccer goal", "trampoline")),
    Family("craft", draw_craft, (1.6, 1.8, 4.0), (
        "canoe", "sailboat", "airplane", "helicopter", "submarine", "rocket", "jet ski", "kayak", "hovercraft")),
    Family("wreckage", draw_wreck, (1.6, 0.8, 1.2), (
        "debris", "scrap metal", "broken glass", "wooden plank", "corrugated iron")),
)  # fmt: skip
FAMILY_OF = {name: family.name for family in FAMILIES for name in family.kinds}


@dataclass(frozen=True)
class DrawStranger:
    """Draws things of one name; comparable and picklable, as worker processes need it."""

    family: int
    name: str

    def __call__(self, body: Body, rng: np.random.Generator, paint: Colour) -> None:
        """Draw one, as any kind of the demo world is drawn."""
        FAMILIES[self.family].draw(body, Look(self.name, rng))


@dataclass(frozen=True)
class DrawNameless:
    """Draws things of one family, each of a kind of its own."""

    family: int

    def __call__(self, body: Body, rng: np.random.Generator, paint: Colour) -> None:
        """Draw one, as any kind of the demo world is drawn."""
        family = FAMILIES[self.family]
        family.draw(body, Look(f"{family.name} {rng.integers(2**31)}", rng))
