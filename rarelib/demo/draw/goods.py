"""Body plans of things that people make and use: furniture, boxes, carts, barrels, heaps, tents, round things."""

from __future__ import annotations

import math

import numpy as np

from .body import Body, disc_shape, rectangle, turn
from .canvas import circle
from .plans import DARK, GLASS, Look, block, draw_parts, limb, wheel


def draw_furniture(body: Body, look: Look) -> None:
    """Draw a board on legs, with a back, arms, cushions or a second board as its kind has them."""
    wood, cloth, _ = look.colours
    wide, deep, high = look(0.4, 1.9), look(0.4, 1.0), look(0.35, 1.0)
    thick, leg = look(0.04, 0.3), look(0.03, 0.12)
    corners = [(x * (wide / 2 - leg), z * (deep / 2 - leg)) for x in (-1, 1) for z in (-1, 1)]
    parts = [block(body, (x, high / 2, z), (leg, high, leg), wood) for x, z in corners]
    parts += [block(body, (0, high, 0), (wide, thick, deep), cloth)]
    if look.has(0.6):  # a back
        tall = look(0.3, 1.0)
        parts.append(block(body, (0, high + tall / 2, deep / 2), (wide, tall, look(0.05, 0.25)), cloth))
    if look.has(0.4):
        parts += [block(body, (s * wide / 2, high + 0.15, 0), (look(0.06, 0.25), 0.35, deep), wood) for s in (-1, 1)]
    if look.has(0.4):
        parts.append(block(body, (0, high * look(0.2, 0.6), 0), (wide * 0.9, 0.05, deep * 0.9), wood))
    draw_parts(body, parts)


def draw_cupboard(body: Body, look: Look) -> None:
    """Draw a box with a face: doors, drawers, a round window, keys or a screen."""
    shell, front, sign = look.colours
    wide, high, deep = look(0.4, 1.4), look(0.4, 2.2), look(0.3, 0.9)
    foot, style = look(0.0, 0.25), look.count(0, 4)
    marks = []
    if style == 0:
        marks = [
            (3, disc_shape(0.5, 0.55, look(0.18, 0.4)), GLASS, False),
            (3, rectangle(0.1, 0.05, 0.9, 0.18), sign, False),
        ]
    elif style == 1:
        rows = look.count(2, 6)
        marks = [(3, rectangle(0.06, (i + 0.1) / rows, 0.94, (i + 0.9) / rows), front, False) for i in range(rows)]
    elif style == 2:
        marks = [
            (3, rectangle(0.05, 0.04, 0.48, 0.96), front, False),
            (3, rectangle(0.52, 0.04, 0.95, 0.96), front, False),
        ]
    elif style == 3:
        marks = [(3, rectangle(0.08, 0.08, 0.92, look(0.4, 0.85)), GLASS, False)]
    else:
        cells = [(i, j) for i in range(4) for j in range(5)]
        marks = [(3, rectangle(0.08 + 0.22 * i, 0.06 + 0.18 * j, 0.25 + 0.22 * i, 0.19 + 0.18 * j), sign, False)
                 for i, j in cells]  # fmt: skip
    parts = [block(body, (0, foot + high / 2, 0), (wide, high, deep), shell, tuple(marks))]
    if look.has(0.35):
        parts.append(block(body, (0, foot + high + 0.1, 0), (wide * look(0.4, 1.2), 0.2, deep), sign))
    if foot > 0.1:
        parts += [block(body, (x * wide * 0.4, foot / 2, 0), (0.08, foot, deep * 0.8), DARK) for x in (-1, 1)]
    draw_parts(body, parts)


def draw_cart(body: Body, look: Look) -> None:
    """Draw a small thing on wheels: a tub, a frame or a seat, with a handle, a hood or a load."""
    tub, cloth, load = look.colours
    radius, wide, long = look(0.12, 0.5), look(0.35, 1.3), look(0.5, 2.0)
    low, spokes, axles = radius * look(0.9, 1.5), look.has(), look.count(1, 2)
    places = [0.0] if axles == 1 else [-long * 0.36, long * 0.36]
    parts = [wheel(body, (s * wide * 0.52, radius, z), radius, spokes=spokes) for s in (-1, 1) for z in places]
    deep = look(0.08, 0.7)
    if look.has(0.6):
        parts.append(block(body, (0, low + deep / 2, 0), (wide * 0.9, deep, long), tub))
    else:
        parts += [limb(body, (s * wide * 0.4, low, -long / 2), (s * wide * 0.4, low + deep, long / 2), 0.04, tub)
                  for s in (-1, 1)]  # fmt: skip
        parts.append(block(body, (0, low + deep, -long * 0.1), (wide * 0.6, 0.12, long * 0.35), cloth))
    if look.has(0.6):
        end = (low + look(0.3, 1.0), -long / 2 - look(0.2, 0.9))
        parts += [limb(body, (s * wide * 0.3, low, -long / 2), (s * wide * 0.3, *end), 0.03, DARK) for s in (-1, 1)]
    if look.has(0.35):
        parts.append(limb(body, (0, low + deep + 0.3, -long * 0.2), (0, low + deep + 0.5, 0.1), wide * 0.4, cloth))
    if look.has(0.35):
        parts.append(limb(body, (0, low + deep, long * 0.1), (0, low + deep + look(0.1, 0.4), 0), wide * 0.35, load))
    draw_parts(body, parts)


def draw_upright(body: Body, look: Look) -> None:
    """Draw round bodies upon each other or lying: barrels, bottles, columns, spools."""
    shell, band, cap = look.colours
    if look.has(0.35):
        body = body.part((0, look(0.15, 0.4), 0), turn(yaw=look.own.uniform(0, 6), roll=math.pi / 2))
    parts, height = [], 0.0
    for number in range(look.count(1, 4)):
        tall, radius = look(0.15, 0.8), look(0.08, 0.45)
        top = radius * look(0.5, 1.2)
        rising = [limb(body, (0, height, 0), (0, height + tall, 0), radius, shell if number % 2 == 0 else cap, top)]
        if look.has(0.5):
            at = height + tall * look(0.3, 0.7)
            rising.append(limb(body, (0, at, 0), (0, at + 0.03, 0), max(radius, top) * 1.04, band))
        parts, height = parts + rising, height + tall
    for _, draw in parts:
        draw()
    if look.has(0.3):
        body.ring((0, height + 0.1, 0), look(0.08, 0.25), 0.03, DARK)


def draw_heap(body: Body, look: Look) -> None:
    """Draw a heap of balls, boards, boxes or hoops, or one rough lump."""
    first, second, _ = look.colours
    style, wide, many = look.count(0, 3), look(0.4, 1.3), look.count(3, 12)
    size, rng = look(0.12, 0.4), look.own
    parts = []
    for number in range(many):
        high = size * (0.5 + 1.1 * (number % look.count(1, 3)))
        at = (float(rng.uniform(-wide, wide)), high, float(rng.uniform(-0.4, 0.4) * wide))
        colour = first if number % 3 else second
        if style == 0:
            parts.append(limb(body, at, at, size * float(rng.uniform(0.7, 1.2)), colour))
        elif style == 1:
            parts.append(limb(body, (at[0] - wide, high, at[2]), (at[0] + wide, high, at[2] + 0.2), size * 0.4, colour))
        elif style == 2:
            parts.append(block(body, at, tuple((size * rng.uniform(0.7, 1.6, 3)).tolist()), colour))
        else:
            parts.append((at, lambda at=at, colour=colour: body.ring(at, size * 1.2, size * 0.5, colour)))
    draw_parts(body, parts)


def draw_tent(body: Body, look: Look) -> None:
    """Draw cloth or walls that come together at the top: a tent, a hut, a pyramid, a sunshade."""
    cloth, stripe, door = look.colours
    half, high, long = look(0.5, 1.6), look(0.8, 2.4), look(0.8, 2.6)
    wall = look(0.0, 0.5) * high
    if look.has(0.3):  # a roof on a pole
        body.limb((0, 0, 0), (0, high, 0), 0.05, DARK)
        rim = circle(12) * half
        for i in range(12):
            (x0, z0), (x1, z1) = rim[i].tolist(), rim[(i + 1) % 12].tolist()
            body.plate([(0, high, 0), (x0, high * 0.75, z0), (x1, high * 0.75, z1)], cloth if i % 2 else stripe)
        return
    profile = [(-long / 2, 0), (long / 2, 0), (long / 2, wall + 0.05), (0, high), (-long / 2, wall + 0.05)]
    marks = [(side, [(-0.25, 0), (0.25, 0), (0.12, high * 0.55), (-0.12, high * 0.55)], door, False)
             for side in ("left", "right")]  # fmt: skip
    marks += [(edge, rectangle(0.42, 0, 0.58, 1), stripe, False) for edge in (2, 3)] if look.has() else []
    body.solid(profile, half, cloth, top_width=half * look(0.3, 1.0), marks=marks)


def draw_round(body: Body, look: Look) -> None:
    """Draw a thing of discs, hoops and a neck: drums, strings, clocks, bowls, balls."""
    skin, rim, neck = look.colours
    radius, thick, style = look(0.2, 0.8), look(0.05, 0.5), look.count(0, 3)
    body = body.part((0, 0, 0), turn(yaw=math.pi / 2 + look.own.uniform(-0.9, 0.9)))
    foot = look(0.0, 0.6)
    centre = (0, foot + radius, 0)
    if style == 0:
        body.ball(centre, radius, skin)
        body.ring(centre, radius * look(0.6, 1.0), radius * 0.14, rim)
    elif style == 1:
        body.limb((-thick, *centre[1:]), (thick, *centre[1:]), radius, rim)
        body.disc((thick * np.sign(body.eye[0]), *centre[1:]), radius * 0.85, skin)
    else:
        body.disc(centre, radius, rim)
        body.disc((0.02 * np.sign(body.eye[0]), *centre[1:]), radius * look(0.4, 0.9), skin)
    if style != 3 and look.has():
        body.limb(centre, (0, centre[1] + radius + look(0.3, 1.0), look(-0.3, 0.6)), look(0.04, 0.12), neck)
    if foot > 0.2:
        for z in (-radius * 0.6, radius * 0.6):
            body.limb((0, foot, z * 0.5), (0, 0, z), 0.04, DARK)


def draw_wares(body: Body, look: Look) -> None:
    """Draw a flat or folded thing that lies or leans: boards, doors, cloths, nets, books, bags."""
    face, edge, mark = look.colours
    wide, high, thick = look(0.4, 1.8), look(0.4, 1.9), look(0.04, 0.4)
    lean = look.own.uniform(-0.5, 0.1) if look.has() else look.own.uniform(-1.5, -1.2)
    leaning = body.part((0, thick, 0), turn(pitch=float(lean), yaw=float(look.own.uniform(-0.6, 0.6))))
    cells = look.count(1, 5)
    marks = [(front, rectangle(0.1, (i + 0.15) / cells, 0.9, (i + 0.85) / cells), mark, False)
             for i in range(cells) for front in (1, 3)] if look.has(0.7) else []  # fmt: skip
    leaning.block((0, high / 2, 0), (wide, high, thick), face, marks=marks)
    if look.has():
        leaning.block((0, high * look(0.2, 0.9), 0), (wide * 1.05, 0.1, thick * 1.3), edge)
