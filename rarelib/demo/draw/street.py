"""Traffic lights, stop signs and the clutter of a street."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .body import Body, rectangle, turn
from .canvas import Colour, circle
from .vehicles import DARK, METAL, WOOD, glow_at

GREEN_LEAF, CONCRETE = ((52, 98, 44), (74, 120, 52), (96, 112, 48), (44, 84, 52)), (168, 166, 160)
LAMPS = ((236, 44, 36), (250, 180, 40), (54, 214, 110))


def draw_traffic_light(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a traffic light's head; its post belongs to the scenery."""
    number, body.canvas.number = body.canvas.number, 0
    high, arm = rng.uniform(2.9, 4.6), rng.uniform(0, 2.4) if rng.random() < 0.5 else 0.0
    body.limb((0, 0, 0.12), (0, high + 0.7, 0.12), 0.07, (84, 88, 92))
    if arm:
        body.limb((0, high + 0.6, 0.12), (-arm, high + 0.6, 0.12), 0.06, (84, 88, 92))
    body.canvas.number = number
    housing = (46, 50, 50) if rng.random() < 0.6 else (190, 160, 40)
    body.block((-arm, high, 0), (0.42, 1.12, 0.26), housing)
    lit = int(rng.integers(3))
    for i, colour in enumerate(LAMPS):
        lamp = (-arm, high + 0.34 - 0.34 * i, -0.15)
        body.disc(
            lamp,
            0.135,
            colour if i == lit else tuple(c * 0.22 for c in colour),
            glow=i == lit,
            upright=False,
            corners=12,
        )
        if i == lit and (body.canvas.light.night or body.canvas.light.haze_m < 90):
            glow_at(body, lamp, 0.7, colour, 0.6)


def draw_stop_sign(body: Body, rng: np.random.Generator, paint: Colour, *, bent: float = 0.0) -> None:
    """Draw a stop sign; its post belongs to the scenery unless it is bent."""
    number = body.canvas.number
    body.canvas.number = number if bent else 0
    top = body.part((0, 0, 0), turn(roll=bent))
    high = rng.uniform(1.7, 2.3)
    top.limb((0, 0, 0.06), (0, high, 0.06), 0.045, METAL)
    body.canvas.number = number
    angles = np.arange(8) * (math.pi / 4) + math.pi / 8
    for radius, colour in ((0.46, (240, 238, 236)), (0.42, (196, 26, 34))):
        top.plate([(radius * math.cos(a), high + radius * math.sin(a), 0) for a in angles], colour)
    flip = -1 if body.canvas.mirrored else 1  # a word stays readable in a mirrored picture
    for i in range(4):
        _draw_letter(top, "STOP"[i], ((-0.29 + 0.155 * i) * flip, high - 0.13), 0.125 * flip, 0.26)


def draw_bent_stop_sign(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a stop sign that was run over and leans far to one side."""
    draw_stop_sign(body, rng, paint, bent=float(rng.choice([-1, 1]) * rng.uniform(0.85, 1.3)))


def draw_bin(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a wheeled bin."""
    profile = [(-0.26, 0.08), (0.26, 0.08), (0.33, 0.98), (-0.33, 0.98)]
    body.solid(profile, 0.24, paint, top_width=0.3, marks=[(3, rectangle(0.2, 0.3, 0.8, 0.5), (220, 220, 216), False)])
    body.block((0, 1.02, 0), (0.64, 0.09, 0.72), tuple(c * 0.8 for c in paint))


def draw_bench(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a bench."""
    parts = [((x, 0.22, 0), (0.08, 0.44, 0.45), DARK) for x in (-0.75, 0.75)]
    parts += [((0, 0.45, z), (1.8, 0.05, 0.12), WOOD) for z in (-0.16, 0.0, 0.16)]
    parts += [((0, y, 0.26), (1.8, 0.1, 0.05), WOOD) for y in (0.62, 0.8)]
    body.blocks(parts)


def draw_hydrant(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a fire hydrant."""
    red = (196, 44, 34) if rng.random() < 0.7 else (222, 178, 38)
    body.limb((0, 0.08, 0), (0, 0.6, 0), 0.13, red)
    body.ball((0, 0.68, 0), 0.14, red)
    body.limb((-0.22, 0.48, 0), (0.22, 0.48, 0), 0.07, red)
    body.ball((0, 0.48, -0.14), 0.08, tuple(c * 0.75 for c in red))


def draw_mailbox(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a mailbox on legs."""
    blue = (38, 70, 140) if rng.random() < 0.6 else (196, 40, 38)
    body.blocks([((x, 0.18, z), (0.06, 0.36, 0.06), DARK) for x in (-0.22, 0.22) for z in (-0.2, 0.2)])
    profile = [(-0.28, 0.35), (0.28, 0.35), (0.28, 1.0), (0.16, 1.2), (-0.16, 1.2), (-0.28, 1.0)]
    marks = [
        (5, rectangle(0.2, 0.15, 0.8, 0.26), DARK, False),
        (5, rectangle(0.3, 0.5, 0.7, 0.7), (236, 236, 230), False),
    ]
    body.solid(profile, 0.27, blue, marks=marks)


def draw_planter(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a plant in a pot."""
    pot = CONCRETE if rng.random() < 0.5 else (166, 92, 62)
    body.solid([(-0.3, 0), (0.3, 0), (0.38, 0.55), (-0.38, 0.55)], 0.3, pot, top_width=0.38)
    _draw_leaves(body, rng, (0, 0.85, 0), 0.42)


def draw_bush(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a bush."""
    _draw_leaves(body, rng, (0, 0.5, 0), rng.uniform(0.5, 0.75))


def draw_cabinet(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a grey cabinet of the power company."""
    grey = (134, 142, 138) if rng.random() < 0.7 else (92, 112, 96)
    marks = [
        (3, rectangle(0.49, 0.05, 0.51, 0.95), DARK, False),
        (3, rectangle(0.1, 0.1, 0.4, 0.3), (224, 196, 60), False),
    ]
    body.block((0, 0.65, 0), (1.1, 1.2, 0.45), grey, marks=marks)
    body.block((0, 1.28, 0), (1.2, 0.08, 0.52), tuple(c * 0.8 for c in grey))


def draw_bollard(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a bollard with bright bands."""
    grey = (60, 62, 66) if rng.random() < 0.5 else (150, 146, 138)
    body.limb((0, 0, 0), (0, 0.95, 0), 0.11, grey)
    for y in (0.62, 0.8):
        body.limb((0, y, 0), (0, y + 0.03, 0), 0.115, (232, 228, 220))


def draw_vending_machine(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a vending machine."""
    night = body.canvas.light.night
    cans = [
        (
            3,
            rectangle(0.1 + 0.16 * i, 0.1 + 0.18 * j, 0.21 + 0.16 * i, 0.24 + 0.18 * j),
            tuple(rng.uniform(60, 235, 3)),
            night,
        )
        for i in range(5)
        for j in range(3)
    ]
    marks = [
        (3, rectangle(0.06, 0.06, 0.94, 0.64), (214, 226, 232), night),
        *cans,
        (3, rectangle(0.2, 0.8, 0.8, 0.9), DARK, False),
    ]
    body.block((0, 0.92, 0), (1.0, 1.83, 0.7), paint, marks=marks)


def draw_pillar(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw an advertising pillar."""
    profile = [(-0.5, 0), (0.5, 0), (0.5, 2.7), (-0.5, 2.7)]
    marks = []
    for face in ("left", "right"):
        marks.append((face, rectangle(-0.4, 0.5, 0.4, 2.4), tuple(rng.uniform(50, 230, 3)), False))
    for _ in range(4):
        s, t = rng.uniform(0.05, 0.5), rng.uniform(0.08, 0.6)
        marks.append(
            (
                3,
                rectangle(s, t, s + rng.uniform(0.2, 0.42), t + rng.uniform(0.15, 0.3)),
                tuple(rng.uniform(50, 230, 3)),
                False,
            )
        )
    body.solid(profile, 0.5, (206, 200, 188), marks=marks)
    body.solid([(-0.6, 2.7), (0.6, 2.7), (0.3, 3.0), (-0.3, 3.0)], 0.6, (88, 104, 92), top_width=0.3)


def draw_road_sign(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a round or triangular traffic sign on its post."""
    high = rng.uniform(1.9, 2.4)
    body.limb((0, 0, 0.05), (0, high, 0.05), 0.045, METAL)
    corners, tilt = (16, 0.0) if rng.random() < 0.55 else ((3, math.pi / 2) if rng.random() < 0.6 else (4, math.pi / 4))
    rim, inner = ((204, 36, 40), (244, 242, 238)) if rng.random() < 0.6 else ((236, 236, 232), (34, 84, 168))
    for radius, colour in ((0.4, rim), (0.29, inner)):
        flat = (
            circle(corners) @ np.array([[math.cos(tilt), math.sin(tilt)], [-math.sin(tilt), math.cos(tilt)]]) * radius
        )
        body.plate(np.column_stack([flat[:, 0], flat[:, 1] + high, np.zeros(corners)]), colour)


def draw_bags(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a heap of rubbish bags."""
    bag = (44, 46, 52) if rng.random() < 0.6 else (70, 96, 140)
    for _ in range(int(rng.integers(2, 5))):
        x, z, radius = rng.uniform(-0.4, 0.4), rng.uniform(-0.2, 0.2), rng.uniform(0.2, 0.32)
        body.limb((x, radius, z), (x, radius * 1.5, z), radius, bag, end_radius=radius * 0.6)
        body.ball((x, radius * 2.2, z), 0.07, bag)


def draw_sculpture(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw an abstract sculpture: a few solids and sticks of any size and colour."""
    size = rng.uniform(0.5, 2.6)
    for _ in range(int(rng.integers(2, 7))):
        colour = tuple(rng.uniform(25, 240, 3)) if rng.random() < 0.6 else paint
        x, y, z = rng.uniform(-0.5, 0.5, 3) * size + (0, size * 0.5, 0)
        style = rng.integers(4)
        part = body.part((x, max(y, 0.1), z), turn(yaw=rng.uniform(0, 6), roll=rng.choice([0, rng.uniform(-1, 1)])))
        if style == 0:
            part.block((0, 0, 0), tuple(rng.uniform(0.15, 0.9, 3) * size), colour)
        elif style == 1:
            part.limb((0, 0, 0), tuple(rng.uniform(-0.6, 0.6, 3) * size), rng.uniform(0.04, 0.22) * size, colour)
        elif style == 2:
            part.disc((0, 0, 0), rng.uniform(0.15, 0.45) * size, colour, upright=bool(rng.integers(2)))
        else:
            part.ring((0, 0, 0), rng.uniform(0.15, 0.4) * size, 0.08 * size, colour)


def _draw_leaves(body: Body, rng: np.random.Generator, centre: tuple, radius: float) -> None:
    leaf = GREEN_LEAF[int(rng.integers(len(GREEN_LEAF)))]
    centres = rng.uniform(-0.7, 0.7, (9, 3)) * radius
    shades = 0.75 + 0.35 * (centres[:, 1] / radius + 0.7) / 1.4
    radii = radius * np.array([0.75] + [0.55] * 8)
    body.balls(centres + centre, radii, (np.array(leaf) * shades[:, None]).tolist())


STROKES = {
    "S": [(1, 0.9), (0.1, 0.9), (0.1, 0.5), (0.9, 0.5), (0.9, 0.1), (0, 0.1)],
    "T": [(0, 0.9), (1, 0.9), (0.5, 0.9), (0.5, 0)],
    "O": [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)],
    "P": [(0.1, 0), (0.1, 0.9), (0.9, 0.9), (0.9, 0.5), (0.1, 0.5)],
}


def _draw_letter(body: Body, letter: str, at: tuple[float, float], width: float, height: float) -> None:
    points = [(at[0] + x * width, at[1] + y * height, -0.01) for x, y in STROKES[letter]]
    pixels, depths = body.canvas.camera.project(body.world(np.array(points)))
    colour = body.canvas.light.shade((240, 238, 236), 0.9, float(depths[0]))
    thickness = 0.035 * body.canvas.camera.focal / depths[0]
    if thickness >= 0.45:
        fixed = [np.rint(pixels * 16).astype(np.int32)]
        cv2.polylines(body.canvas.picture, fixed, False, colour, max(1, round(thickness)), cv2.LINE_AA, 4)
