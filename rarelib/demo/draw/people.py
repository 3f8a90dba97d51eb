"""People, riders and animals of the demo world, made of limbs; +z is where they look."""

from __future__ import annotations

import math

import numpy as np

from .body import Body, turn
from .canvas import Colour

SKINS = ((244, 206, 176), (222, 172, 134), (178, 124, 86), (120, 80, 54), (86, 58, 42))
HAIRS = ((34, 26, 22), (70, 46, 28), (124, 84, 44), (190, 160, 96), (150, 148, 146))
TROUSERS = ((40, 48, 72), (58, 58, 62), (96, 84, 66), (34, 34, 36), (112, 120, 132), (74, 92, 70))
SHOE = (40, 34, 32)


def draw_person(body: Body, rng: np.random.Generator, paint: Colour, *, phase: float | None = None) -> None:
    """Draw a person who stands or walks."""
    phase = rng.uniform(0, 2 * math.pi) if phase is None else phase
    tall = rng.uniform(0.9, 1.08) if rng.random() > 0.12 else rng.uniform(0.6, 0.72)
    stride = rng.choice([0.0, 0.32, 0.42], p=[0.3, 0.4, 0.3]) * math.sin(phase)
    skin, hair, legs = (_pick(rng, colours) for colours in (SKINS, HAIRS, TROUSERS))
    skirt, bag = rng.random() < 0.18, rng.random() < 0.15
    body = body.part((0, 0, 0), np.eye(3) * tall)
    near_first = body.eye[0] > 0
    sides = (-1, 1) if near_first else (1, -1)
    for side in sides:
        swing = side * stride
        knee, foot = (side * 0.1, 0.48, swing * 0.55), (side * 0.1, 0.06, swing)
        body.limb((side * 0.09, 0.9, 0), knee, 0.09, legs, end_radius=0.07)
        body.limb(knee, foot, 0.068, skin if skirt else legs, end_radius=0.05)
        body.limb(foot, (side * 0.1, 0.05, swing + 0.14), 0.05, SHOE)
        if side == sides[0]:
            _draw_arm(body, side, -swing, paint, skin)
    if bag:
        body.limb((0, 1.32, -0.2), (0, 1.02, -0.2), 0.15, legs)
    if skirt:
        body.limb((0, 0.92, 0), (0, 0.6, 0), 0.15, legs, end_radius=0.22)
    body.limb((0, 1.36, 0), (0, 0.94, 0), 0.19, paint, end_radius=0.15)
    _draw_arm(body, sides[1], -sides[1] * stride, paint, skin)
    _draw_head(body, (0, 1.62, 0.02), skin, hair)


def draw_lying_person(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a person who lies on the ground."""
    lying = turn(yaw=rng.uniform(-0.4, 0.4)) @ turn(roll=math.pi / 2 * (1 if rng.random() < 0.5 else -1))
    draw_person(body.part((0, 0.18, 0), lying @ turn(yaw=rng.uniform(0, 2 * math.pi))), rng, paint)


def draw_rider(body: Body, rng: np.random.Generator, *, seat: tuple, hands: tuple, foot: tuple,
               helmet: Colour | None = None) -> None:  # fmt: skip
    """Draw a person who sits on something, hands at the bar and feet on the pedals."""
    skin, hair, legs = (_pick(rng, colours) for colours in (SKINS, HAIRS, TROUSERS))
    top = tuple(rng.uniform(30, 225, 3))
    shoulder = (0, seat[1] + 0.52, seat[2] + 0.2)
    for side in (-1, 1) if body.eye[0] > 0 else (1, -1):
        knee = (side * 0.13, (seat[1] + foot[1]) / 2 + 0.16, seat[2] + 0.4)
        body.limb((side * 0.1, seat[1], seat[2]), knee, 0.09, legs, end_radius=0.075)
        body.limb(knee, (side * (0.1 + foot[0] / 2), foot[1], foot[2] + side * 0.1), 0.07, legs, end_radius=0.05)
        elbow = (side * 0.26, (shoulder[1] + hands[1]) / 2 - 0.06, (shoulder[2] + hands[2]) / 2)
        body.limb((side * 0.18, shoulder[1] - 0.04, shoulder[2]), elbow, 0.06, top)
        body.limb(elbow, (side * hands[0], hands[1], hands[2]), 0.05, skin)
    body.limb(seat, shoulder, 0.16, top, end_radius=0.18)
    _draw_head(body, (0, shoulder[1] + 0.28, shoulder[2] + 0.05), skin, helmet or hair, full=helmet is not None)


def draw_wheelchair(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a person in a wheelchair."""
    near = 1 if body.eye[0] > 0 else -1
    body.ring((-near * 0.3, 0.31, -0.05), 0.3, 0.05, (40, 40, 44))
    body.plate([(-0.26, 0.5, -0.25), (0.26, 0.5, -0.25), (0.26, 1.0, -0.34), (-0.26, 1.0, -0.34)], paint)
    draw_rider(body, rng, seat=(0, 0.56, -0.12), hands=(0.28, 0.66, 0.16), foot=(0.1, 0.1, 0.42))
    body.plate([(-0.26, 0.48, -0.25), (0.26, 0.48, -0.25), (0.26, 0.48, 0.2), (-0.26, 0.48, 0.2)], paint)
    if body.eye[2] < 0:
        body.plate([(-0.25, 0.45, -0.3), (0.25, 0.45, -0.3), (0.25, 0.98, -0.38), (-0.25, 0.98, -0.38)], paint)
    for x in (-0.22, 0.22):
        body.rod([(x, 1.0, -0.36), (x, 1.0, -0.5)], 0.05, (60, 60, 64))
        body.ring((x, 0.1, 0.36), 0.09, 0.05, (50, 50, 54))
    body.ring((near * 0.31, 0.31, -0.05), 0.3, 0.05, (40, 40, 44))
    body.ring((near * 0.33, 0.31, -0.05), 0.23, 0.03, (170, 174, 180))


def draw_dog(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a dog."""
    coat = _pick(rng, ((58, 42, 32), (168, 122, 72), (216, 196, 160), (44, 42, 42), (120, 116, 112)))
    draw_animal(
        body.part((0, 0, 0), np.eye(3) * rng.uniform(0.8, 1.2)),
        rng,
        coat,
        leg=0.34,
        long=0.6,
        girth=0.14,
        neck=0.16,
        tail=0.3,
    )


def draw_deer(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a deer, some with antlers."""
    coat = _pick(rng, ((158, 104, 60), (134, 88, 54), (176, 126, 78)))
    head = draw_animal(body, rng, coat, leg=0.72, long=1.15, girth=0.23, neck=0.5, tail=0.1)
    if rng.random() < 0.6:
        for side in (-1, 1):
            tip = (head[0] + side * 0.3, head[1] + 0.55, head[2] - 0.1)
            fork = (head[0] + side * 0.2, head[1] + 0.3, head[2] - 0.06)
            body.rod([(head[0] + side * 0.05, head[1] + 0.08, head[2]), fork, tip], 0.045, (112, 92, 66))
            body.rod([fork, (fork[0] + side * 0.02, fork[1] + 0.2, fork[2] + 0.2)], 0.04, (112, 92, 66))


def draw_horse(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a horse."""
    coat = _pick(rng, ((96, 60, 38), (60, 42, 34), (206, 200, 192), (142, 92, 56)))
    body = body.part((0, 0, 0), np.eye(3) * rng.uniform(1.0, 1.12))
    head = draw_animal(body, rng, coat, leg=0.95, long=1.6, girth=0.34, neck=0.62, tail=0.6)
    mane = tuple(c * 0.4 for c in coat)
    body.limb((0, head[1] + 0.06, head[2] - 0.12), (0, head[1] - 0.5, head[2] - 0.5), 0.09, mane)


def draw_animal(body: Body, rng: np.random.Generator, coat: Colour, *, leg: float, long: float, girth: float,
                neck: float, tail: float) -> tuple[float, float, float]:  # fmt: skip
    """Draw an animal on four legs, its measures in metres, and return where its head is."""
    back, step = leg + girth, rng.uniform(-0.25, 0.25) * leg
    darker = tuple(c * 0.72 for c in coat)
    chest, rump = (0, back, long / 2 - girth * 0.4), (0, back, -long / 2 + girth * 0.4)
    head = (0, back + neck * 0.85, chest[2] + neck * 0.62)
    for side in (-1, 1) if body.eye[0] > 0 else (1, -1):
        shade = darker if side == (-1 if body.eye[0] > 0 else 1) else coat
        for z, swing in ((chest[2], side * step), (rump[2], -side * step)):
            body.limb(
                (side * girth * 0.6, back - girth * 0.3, z),
                (side * girth * 0.6, 0.03, z + swing),
                girth * 0.36,
                shade,
                end_radius=girth * 0.2,
            )
    parts = [lambda: body.limb(rump, (0, back - tail * 0.7, rump[2] - girth - tail * 0.4), girth * 0.25, darker),
             lambda: body.limb(rump, chest, girth * 0.95, coat, end_radius=girth),
             lambda: _draw_snout(body, chest, head, girth, neck, coat, darker)]  # fmt: skip
    for part in parts if body.eye[2] > 0 else parts[::-1]:
        part()
    return head


def _draw_snout(body: Body, chest: tuple, head: tuple, girth: float, neck: float, coat: Colour, darker: Colour) -> None:
    body.limb((0, chest[1] + girth * 0.3, chest[2]), head, girth * 0.62, coat, end_radius=girth * 0.4)
    body.limb(
        head, (0, head[1] - neck * 0.22, head[2] + neck * 0.5 + 0.08), girth * 0.42, coat, end_radius=girth * 0.26
    )
    for side in (-1, 1):
        ear = (side * girth * 0.45, head[1] + girth * 0.8, head[2] - 0.04)
        body.limb((side * girth * 0.3, head[1] + girth * 0.3, head[2]), ear, girth * 0.16, darker)


def _draw_arm(body: Body, side: int, swing: float, sleeve: Colour, skin: Colour) -> None:
    shoulder, elbow = (side * 0.21, 1.4, 0), (side * 0.25, 1.14, swing * 0.25)
    body.limb(shoulder, elbow, 0.065, tuple(c * 0.9 for c in sleeve))
    body.limb(elbow, (side * 0.24, 0.9, swing * 0.6 + 0.06), 0.055, skin, end_radius=0.05)


def _draw_head(body: Body, at: tuple, skin: Colour, hair: Colour, *, full: bool = False) -> None:
    x, y, z = at
    body.limb((x, y - 0.1, z - 0.02), (x, y - 0.2, z - 0.02), 0.06, skin)
    back, front = [(x, y + 0.03, z - 0.04), 0.125, hair], [(x, y - 0.01, z + 0.03), 0.11, skin]
    for centre, radius, colour in (back, front) if body.eye[2] > 0 and not full else (front, back):
        body.ball(centre, radius * (1.15 if full and colour is hair else 1), colour)


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(rng.integers(len(colours)))]
