"""The rare kinds of the demo world and the odd instances of its common kinds."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .body import Body, disc_shape, rectangle, turn
from .canvas import Colour
from .vehicles import (
    DARK,
    GLASS,
    METAL,
    TYRE,
    WOOD,
    draw_bicycle,
    draw_bus,
    draw_car,
    draw_truck,
    draw_tyres,
    wheel_marks,
)

FLAMES = ((228, 70, 20), (250, 140, 30), (255, 214, 90))


def draw_excavator(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw an excavator with its arm."""
    yellow = (238, 178, 30) if rng.random() < 0.7 else (232, 120, 34)
    body.blocks([((x, 0.45, 0), (0.55, 0.9, 3.4), DARK) for x in (-1.0, 1.0)])
    house = body.part((0, 0.95, 0), turn(yaw=rng.uniform(-1.6, 1.6)))
    lift = rng.uniform(0.3, 1.0)
    elbow, tip = (0.4, 1.2 + 2.4 * lift, 2.9), (0.4, 0.5 + 1.2 * lift, 4.4)

    def cabin() -> None:
        house.block((0.2, 0.55, -0.7), (2.3, 1.1, 2.2), yellow)
        panes = [(s, rectangle(-0.1, 0.9, 1.0, 1.8), GLASS, False) for s in ("left", "right")]
        panes += [(i, rectangle(0.12, 0.15, 0.88, 0.6 if i == 1 else 0.85), GLASS, False) for i in (1, 3)]
        house.solid([(-0.3, 0.1), (1.2, 0.1), (1.2, 1.95), (-0.3, 1.95)], 0.5, yellow, x=-0.65, marks=panes)

    def arm() -> None:
        house.limb((0.4, 0.6, 0.3), elbow, 0.24, yellow, end_radius=0.17)
        house.limb(elbow, tip, 0.17, yellow, end_radius=0.12)
        bucket = house.part(tip)
        bucket.solid([(-0.5, -0.6), (0.2, -0.6), (0.35, 0.1), (-0.3, 0.15)], 0.5, (92, 92, 96))

    for draw in (cabin, arm) if house.eye[2] > 0 else (arm, cabin):
        draw()


def draw_tractor(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a farm tractor."""
    paint = ((44, 122, 52), (186, 44, 36), (36, 84, 160))[int(rng.integers(3))]
    rim = (226, 196, 60)
    rear_wheel = [(disc_shape(-0.8, 0.8, 0.8), TYRE), (disc_shape(-0.8, 0.8, 0.42, 10), rim)]
    front_wheel = [(disc_shape(1.2, 0.5, 0.5), TYRE), (disc_shape(1.2, 0.5, 0.25, 10), rim)]

    def wheels(x: float) -> None:
        sides = [("left" if x < 0 else "right", shape, colour, False) for shape, colour in [*rear_wheel, *front_wheel]]
        body.block((x, 0.8, -0.8), (0.45, 1.5, 0.9), TYRE)
        body.block((x, 0.45, 1.2), (0.3, 0.8, 0.6), TYRE)
        body.solid([(-0.8, 0.78), (1.2, 0.78), (1.2, 0.82), (-0.8, 0.82)], 0.23, TYRE, x=x, marks=sides)

    near = 0.85 if body.eye[0] > 0 else -0.85
    wheels(-near)
    parts = [
        lambda: body.block(
            (0, 1.1, 0.9), (0.7, 0.75, 1.6), paint, marks=[(1, rectangle(0.2, 0.1, 0.8, 0.9), DARK, False)]
        ),
        lambda: _draw_tractor_cabin(body, paint),
    ]
    for draw in parts if body.eye[2] < 0 else parts[::-1]:
        draw()
    body.limb((0.4, 1.4, 1.1), (0.4, 2.1, 1.1), 0.06, DARK)
    wheels(near)


def draw_trailer(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a trailer: a caravan or an open cargo trailer."""
    draw_tyres(body, [-0.1], 0.3, 0.95)
    body.limb((0, 0.45, 1.6), (0, 0.4, 2.8), 0.06, METAL)
    if rng.random() < 0.5:
        panes = [(s, rectangle(-0.9, 1.35, 0.9, 1.95), GLASS, False) for s in ("left", "right")]
        back = [
            (4, rectangle(0.2, 0.12, 0.8, 0.42), GLASS, False),
            (4, rectangle(0.05, 0.7, 0.15, 0.8), (200, 30, 30), True),
            (4, rectangle(0.85, 0.7, 0.95, 0.8), (200, 30, 30), True),
        ]
        stripe = [(s, rectangle(-1.8, 0.95, 1.8, 1.12), paint, False) for s in ("left", "right")]
        profile = [(-2.0, 0.4), (1.9, 0.4), (2.05, 1.6), (1.7, 2.45), (-2.0, 2.5)]
        body.solid(profile, 1.05, (236, 234, 228), marks=[*panes, *stripe, *wheel_marks([-0.1], 0.32), *back])
        return
    marks = [*wheel_marks([-0.1], 0.3), (3, rectangle(0.03, 0.5, 0.12, 0.9), (200, 30, 30), True),
             (3, rectangle(0.88, 0.5, 0.97, 0.9), (200, 30, 30), True)]  # fmt: skip
    body.block((0, 0.72, 0), (1.8, 0.5, 3.0), METAL, marks=marks)
    body.block((0, 0.975, 0), (1.68, 0.02, 2.88), DARK)
    body.blocks(
        [(tuple(rng.uniform((-0.5, 1.1, -1), (0.5, 1.2, 1))), tuple(rng.uniform(0.4, 0.9, 3)), WOOD) for _ in range(3)]
    )


def draw_boat_trailer(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a boat on a trailer."""
    draw_tyres(body, [-0.6], 0.3, 0.95)
    body.block((0, 0.5, 0.3), (1.4, 0.1, 5.0), METAL, marks=wheel_marks([-0.6], 0.3))
    hull = [(-2.5, 0.65), (1.6, 0.65), (3.0, 1.5), (-2.5, 1.45)]
    stripe = [(s, [(-2.5, 1.2), (2.5, 1.22), (2.9, 1.45), (-2.5, 1.4)], paint, False) for s in ("left", "right")]
    body.solid(hull, 0.55, (238, 238, 240), top_width=1.05, marks=stripe)
    body.solid([(-0.8, 1.45), (1.0, 1.45), (0.5, 2.0), (-0.4, 2.0)], 0.7, (226, 228, 232), top_width=0.55,
               marks=[(1, rectangle(0.1, 0.1, 0.9, 0.9), GLASS, False)])  # fmt: skip
    if body.eye[2] < 0:
        body.block((0, 1.35, -2.65), (0.35, 0.8, 0.3), DARK)


def draw_road_roller(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a road roller."""
    orange = (236, 140, 30) if rng.random() < 0.6 else (230, 190, 40)

    def drum(z: float) -> None:
        marks = [(s, disc_shape(z, 0.65, 0.65, 18), (88, 90, 94), False) for s in ("left", "right")]
        body.solid([tuple(p) for p in disc_shape(z, 0.65, 0.65, 10)], 0.9, (118, 120, 124), marks=marks)

    near, far = (-1.25, 1.25) if body.eye[2] < 0 else (1.25, -1.25)
    drum(far)
    body.block((0, 1.05, 0), (1.3, 0.8, 2.4), orange)
    body.blocks([((x, 1.95, z), (0.08, 1.2, 0.08), DARK) for x in (-0.6, 0.6) for z in (-0.7, 0.7)])
    body.block((0, 1.75, -0.1), (0.5, 0.6, 0.4), DARK)
    body.block((0, 2.6, 0), (1.5, 0.1, 1.7), orange)
    drum(near)


def draw_cone(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a traffic cone, some lying."""
    if rng.random() < 0.2:
        body = body.part((0, 0.22, 0), turn(yaw=rng.uniform(0, 6), roll=1.4))
    orange, size = (240, 96, 26), rng.uniform(0.85, 1.3)
    body.block((0, 0.03, 0), (0.5 * size, 0.06, 0.5 * size), (60, 50, 46) if rng.random() < 0.5 else orange)
    rings = [(0.06, 0.19), (0.28, 0.14), (0.42, 0.11), (0.56, 0.08), (0.76, 0.035)]
    for i, ((y0, r0), (y1, r1)) in enumerate(itertools.pairwise(rings)):
        colour = (244, 240, 236) if i == 1 or (i == 3 and size > 1.1) else orange
        body.limb((0, y0 * size, 0), (0, y1 * size, 0), r0 * size, colour, end_radius=r1 * size)


def draw_pallet(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a pallet with crates and cartons on it."""
    body.blocks([((0, 0.03 + y, 0), (1.25, 0.06, 0.9), (150, 106, 60)) for y in (0, 0.12)])
    crates = []
    for i in range(int(rng.integers(2, 7))):
        layer, column = divmod(i, 3)
        size = rng.uniform(0.34, 0.42)
        crates.append(((-0.4 + 0.4 * column, 0.2 + size / 2 + 0.42 * layer, rng.uniform(-0.15, 0.15)), (size,) * 3,
                       WOOD if rng.random() < 0.6 else (196, 160, 112)))  # fmt: skip
    body.blocks(crates)


def draw_suitcase(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a suitcase, standing or fallen."""
    if rng.random() < 0.4:
        body = body.part((0, 0.2, 0), turn(roll=1.5))
    ribs = [(face, rectangle(0.15 + 0.25 * i, 0.05, 0.2 + 0.25 * i, 0.95), tuple(c * 0.7 for c in paint), False)
            for i in range(3) for face in (1, 3)]  # fmt: skip
    body.block((0, 0.48, 0), (0.56, 0.82, 0.32), paint, marks=ribs)
    body.rod([(-0.12, 0.89, 0), (-0.12, 1.15, 0), (0.12, 1.15, 0), (0.12, 0.89, 0)], 0.04, DARK)


def draw_shopping_cart(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a shopping cart."""
    wire = (168, 174, 180)
    foot, rim = (0.2, 0.4, -0.35, 0.4), (0.28, 0.95, -0.45, 0.55)
    for w, y, z0, z1 in (foot, rim, tuple((a + b) / 2 for a, b in zip(foot, rim, strict=True))):
        body.rod([(-w, y, z0), (w, y, z0), (w, y, z1), (-w, y, z1), (-w, y, z0)], 0.03, wire)
    for i in np.linspace(0, 1, 6):
        for side in (-1, 1):
            body.rod([(side * 0.2, 0.4, -0.35 + 0.75 * i), (side * 0.28, 0.95, -0.45 + i)], 0.022, wire)
        for near, far in ((-0.35, -0.45), (0.4, 0.55)):
            body.rod([(-0.2 + 0.4 * i, 0.4, near), (-0.28 + 0.56 * i, 0.95, far)], 0.022, wire)
    body.rod([(-0.28, 1.02, -0.55), (0.28, 1.02, -0.55)], 0.06, paint)
    for x in (-0.2, 0.2):
        body.rod([(x, 0.4, -0.35), (x, 0.14, -0.4), (x, 0.14, 0.4)], 0.03, wire)
        for z in (-0.4, 0.4):
            body.ball((x, 0.07, z), 0.07, TYRE)


def draw_mattress(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a mattress that lies or leans."""
    lean = turn(pitch=rng.uniform(-1.2, -0.7)) if rng.random() < 0.5 else turn(pitch=rng.uniform(-0.15, 0.0))
    body = body.part((0, 0.2, 0), lean)
    cloth = ((232, 226, 214), (206, 214, 226), (226, 206, 196))[int(rng.integers(3))]
    stripes = [(face, rectangle(0.08 + 0.17 * i, 0.02, 0.13 + 0.17 * i, 0.98), tuple(c * 0.82 for c in cloth), False)
               for i in range(5) for face in (2, 3)]  # fmt: skip
    body.block((0, 0.1, 0.9), (1.4, 0.24, 1.95), cloth, marks=stripes)


def draw_overturned_car(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a car on its roof."""
    shape = str(rng.choice(["sedan", "hatchback", "suv"]))
    roof = {"sedan": 1.42, "hatchback": 1.48, "suv": 1.72}[shape]
    flipped = body.part((0, roof, 0), turn(yaw=rng.uniform(0, 6.28), roll=math.pi + rng.uniform(-0.12, 0.12)))
    draw_car(flipped, rng, paint, shape=shape)
    if flipped.eye[1] < 0.3:  # seen from above: axles under the floor
        for z in (-1.25, 1.3):
            flipped.limb((-0.7, 0.24, z), (0.7, 0.24, z), 0.06, DARK)


def draw_car_on_fire(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a burning car in its smoke."""
    charred = tuple(c * 0.45 + 12 for c in paint)
    draw_car(body, rng, charred)
    for _ in range(int(rng.integers(9, 16))):
        x, z, size = rng.uniform(-0.6, 0.6), rng.uniform(-1.2, 1.9), rng.uniform(0.35, 0.75)
        foot = (x, rng.uniform(0.75, 1.3), z)
        for colour, share in zip(FLAMES, (1.0, 0.66, 0.35), strict=True):
            tip = (x + rng.uniform(-0.2, 0.2), foot[1] + size * 2.2 * share, z)
            body.limb(foot, tip, 0.34 * size * share, colour, end_radius=0.03, glow=True)
    pixels, depths = body.canvas.camera.project(body.world(np.array([(0, 1.6, 0)], float)))
    scale = body.canvas.camera.focal / float(depths[0])
    body.canvas.puff(*pixels[0], 3.2 * scale, (255, 150, 50), 0.45, add=True)
    for i in range(6):
        body.canvas.puff(
            pixels[0, 0] + (i * 0.35 + rng.uniform(-0.4, 0.4)) * scale,
            pixels[0, 1] - (1.2 + 0.75 * i) * scale,
            (0.9 + 0.3 * i) * scale,
            (44, 42, 42),
            0.62 - 0.06 * i,
            add=False,
        )


def draw_spilled_truck(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a truck whose load lies on the road."""
    timber = rng.random() < 0.4
    heap = body.part((rng.uniform(-0.5, 0.5), 0, -5.6))

    def load() -> None:
        for _ in range(9):
            x, z = rng.uniform(-1.6, 1.6), rng.uniform(-1.3, 1.2)
            part = heap.part((x, 0.25, z), turn(yaw=rng.uniform(0, 3), roll=rng.uniform(-0.3, 0.3)))
            if timber:
                part.limb((-0.9, rng.uniform(0, 0.4), 0), (0.9, rng.uniform(0, 0.4), 0), 0.17, (150, 104, 62))
            else:
                part.block(
                    (0, rng.uniform(0, 0.35), 0),
                    tuple(rng.uniform(0.45, 0.8, 3)),
                    WOOD if rng.random() < 0.6 else (190, 156, 112),
                )

    def truck() -> None:
        low = draw_truck(body, rng, paint, bed="open")
        body.blocks(
            [
                (tuple(rng.uniform((-0.6, low + 0.5, -2.6), (0.6, low + 0.7, 0.4))), (0.7, 0.7, 0.7), WOOD)
                for _ in range(4)
            ]
        )

    for draw in (truck, load) if body.eye[2] < 0 else (load, truck):
        draw()


def draw_bus_on_side(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a bus that lies on its side."""
    side = 1 if rng.random() < 0.5 else -1
    draw_bus(body.part((side * 1.5, 1.27, 0), turn(roll=side * math.pi / 2)), rng, paint)


def draw_loaded_car(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a car with a bicycle or a canoe on its roof."""
    roof = draw_car(body, rng, paint, shape=str(rng.choice(["sedan", "hatchback", "suv"])))
    rack = body.part((rng.uniform(-0.2, 0.2), roof + 0.06, -0.25))
    rack.blocks([((0, 0, z), (1.2, 0.05, 0.05), DARK) for z in (-0.5, 0.5)])
    load = tuple(rng.uniform(40, 235, 3))
    if rng.random() < 0.6:
        draw_bicycle(rack, rng, load, rider=False)
    else:
        rack.limb((0, 0.25, -1.5), (0, 0.3, 1.6), 0.3, load, end_radius=0.12)


def _draw_tractor_cabin(body: Body, paint: Colour) -> None:
    panes = [(s, rectangle(-1.05, 1.55, 0.0, 2.4), GLASS, False) for s in ("left", "right")]
    panes += [(i, rectangle(0.1, 0.12, 0.9, 0.75 if i == 1 else 0.6), GLASS, False) for i in (1, 3)]
    body.block((0, 0.95, -0.5), (0.9, 0.8, 1.1), paint)
    body.solid([(-1.15, 1.3), (0.1, 1.3), (0.1, 2.5), (-1.15, 2.5)], 0.6, paint, marks=panes)
    body.block((0, 2.55, -0.5), (1.4, 0.12, 1.5), tuple(c * 0.8 for c in paint))
