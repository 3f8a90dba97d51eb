"""Body plans of machines, frames, masts, boats and aircraft."""

from __future__ import annotations

import math

import numpy as np

from .body import Body, rectangle
from .plans import BLADE, DARK, GLASS, METAL, Look, block, draw_parts, limb, wheel


def draw_machine(body: Body, look: Look) -> None:
    """Draw a heavy machine: on tracks or wheels, with a cabin, and a blade, a mast, a drum or a jib."""
    paint, other, _ = look.colours
    long, half, low = look(2.2, 4.8), look(0.7, 1.2), look(0.5, 1.2)
    if look.has(0.4):
        parts = [block(body, (s * half * 0.85, low / 2, 0), (0.5, low, long), DARK) for s in (-1, 1)]
    else:
        radius = low * look(0.45, 0.7)
        parts = [wheel(body, (s * half, radius, z * long * 0.32), radius) for s in (-1, 1) for z in (-1, 1)]
    parts.append(
        block(body, (0, low + 0.3, -long * 0.1), (2 * half * 0.8, look(0.4, 1.2), long * look(0.5, 0.95)), paint)
    )
    panes = tuple((face, rectangle(0.1, 0.1, 0.9, 0.6), GLASS, False) for face in (1, 3))
    panes += tuple((face, rectangle(-0.4, low + 1.1, 0.4, low + 1.8), GLASS, False) for face in ("left", "right"))
    seat = long * look(-0.35, 0.35)
    if look.has(0.75):
        sides = tuple((f, [(z + seat, y) for z, y in shape], c, g) if isinstance(f, str) else (f, shape, c, g)
                      for f, shape, c, g in panes)  # fmt: skip
        parts.append(block(body, (0, low + 1.3, seat), (half * 1.2, 1.5, 1.2), paint, sides))
    style = look.count(0, 4)
    front = long / 2
    if style == 0:
        parts.append(block(body, (0, low * 0.6, front + 0.5), (half * 2.4, low * 1.3, 0.2), BLADE))
    elif style == 1:
        tall = look(2.0, 3.6)
        parts += [block(body, (s * half * 0.5, tall / 2, front + 0.2), (0.14, tall, 0.14), DARK) for s in (-1, 1)]
        parts.append(block(body, (0, look(0.1, 0.8), front + 0.8), (half, 0.1, 1.1), BLADE))
    elif style == 2:
        parts.append(limb(body, (0, low + 1.2, -front), (0, low + 1.7, front * 0.2), look(0.6, 1.0), other))
    elif style == 3:
        parts.append(limb(body, (0, low + 1, 0), (0, low + look(2.0, 5.0), front + look(0.5, 3.0)), 0.16, other, 0.08))
    else:
        parts.append(
            limb(body, (-half * 1.5, 0.5, front + 0.6), (half * 1.5, 0.5, front + 0.6), look(0.3, 0.55), other)
        )
    draw_parts(body, parts)


def draw_mast(body: Body, look: Look) -> None:
    """Draw a pole with something on top: a sail, a dish, a hoop, a flag, blades or a lantern."""
    pole, top, other = look.colours
    high, style = look(1.2, 3.4), look.count(0, 5)
    body.limb((0, 0, 0), (0, high, 0), look(0.03, 0.12), pole)
    foot = look(0.1, 0.6)
    if look.has():
        body.block((0, 0.05, 0), (foot, 0.1, foot), DARK)
    body = body.part((0, high, 0))
    size = look(0.3, 1.0)
    if style == 0:
        body.plate([(0.02, -size, 0), (0.02, 0, 0), (size * 1.5, -size * look(0.2, 0.8), 0)], top)
    elif style == 1:
        body.limb((0, 0, 0), (0, 0.1, -0.15), size * 0.7, top, end_radius=size * 0.4)
    elif style == 2:
        body.plate([(-size, 0, 0), (size, 0, 0), (size, size, 0), (-size, size, 0)], top)
        body.ring((0, size * 0.2, -0.3), size * 0.35, 0.05, other)
    elif style == 3:
        turned = float(look.own.uniform(0, 3))
        for blade in range(look.count(2, 5)):
            angle = turned + blade * 2 * math.pi / 4
            tip = (size * math.cos(angle) * 1.4, size * math.sin(angle) * 1.4, 0)
            body.limb((0, 0, -0.1), tip, 0.12, top, end_radius=0.03)
    elif style == 4:
        body.block((0, size / 2, 0), (size * 0.6, size, size * 0.6), top)
        body.limb((0, size, 0), (0, size * 1.4, 0), size * 0.4, other, end_radius=0.02)
    else:
        for level in range(3):
            wide = size * (1 - 0.2 * level)
            body.rod([(-wide, -0.3 * level, 0), (wide, -0.3 * level, 0)], 0.05, top)


def draw_frame(body: Body, look: Look) -> None:
    """Draw rods: a ladder, a scaffold, a gate, a swing, a rack, a climbing frame."""
    rod, board, hung = look.colours
    half, high, deep = look(0.25, 1.2), look(0.7, 2.6), look(0.0, 0.8)
    splay, thick = look(0.0, 0.4), look(0.04, 0.1)
    rungs = look.count(1, 7)
    planes = (-deep / 2, deep / 2) if deep > 0.25 else (0.0,)
    for z in sorted(planes, key=lambda z: -abs(z - body.eye[2])):
        for side in (-1, 1):
            body.rod([(side * (half + splay), 0, z * (1 + splay)), (side * half, high, z)], thick, rod)
        for rung in range(1, rungs + 1):
            y = high * rung / (rungs + 0.2)
            wide = half + splay * (1 - y / high)
            body.rod([(-wide, y, z), (wide, y, z)], thick * 0.8, rod)
    if look.has():
        body.block((0, high * look(0.3, 1.0), 0), (2 * half, 0.07, max(deep, 0.3)), board)
    if look.has(0.4):
        body.rod([(0, high, 0), (0, high * 0.4, 0)], 0.03, DARK)
        body.block((0, high * 0.4, 0), (half * 0.9, look(0.1, 0.5), 0.2), hung)
    if look.has(0.3):
        body.rod([(-half, 0.1, 0), (half, high, 0)], thick * 0.8, rod)


def draw_craft(body: Body, look: Look) -> None:
    """Draw a hull, on water or in the air: with a mast, a cabin, wings, a rotor or fins."""
    hull, deck, wing = look.colours
    long, half, deep = look(1.4, 5.5), look(0.25, 0.9), look(0.25, 1.1)
    low = look(0.0, 0.9)
    bow = look(0.1, 0.5) * long
    profile = [(-long / 2, low), (long / 2 - bow, low), (long / 2, low + deep), (-long / 2, low + deep)]
    body.solid(profile, half * look(0.3, 0.9), hull, top_width=half)
    top, style = low + deep, look.count(0, 4)
    parts = []
    if style in (0, 3):
        parts.append(limb(body, (0, top, 0), (0, top + look(0.8, 2.5), 0), 0.05, METAL))
    if style == 0:
        body.plate([(0, top + 0.2, -0.1), (0, top + 2.0, -0.1), (0, top + 0.3, -long * 0.4)], wing)
    if style in (1, 3):
        panes = ((1, rectangle(0.1, 0.2, 0.9, 0.9), GLASS, False),)
        parts.append(block(body, (0, top + 0.3, look(-0.2, 0.2) * long), (half * 1.3, 0.6, long * 0.3), deck, panes))
    if style == 2:
        span = look(1.2, 2.6)
        parts += [block(body, (s * span / 2, top - 0.1, 0.2), (span, 0.08, long * 0.22), wing) for s in (-1, 1)]
        parts.append(block(body, (0, top + 0.4, -long * 0.45), (0.08, 0.8, long * 0.12), wing))
    if style == 3:
        reach = look(0.8, 2.0)
        body.rod([(-reach, top + 1.0, 0), (reach, top + 1.0, 0)], 0.1, DARK)
    if style == 4:
        parts += [block(body, (s * half, low + deep / 2, -long * 0.4), (0.5, 0.08, 0.5), wing) for s in (-1, 1)]
        parts.append(limb(body, (0, top, -long * 0.2), (0, top, long * 0.3), half * 0.5, deck, 0.1))
    if low > 0.35:
        parts += [wheel(body, (s * half * 0.5, low * 0.4, z), low * 0.4) for s in (-1, 1) for z in (-0.5, 0.6)]
    draw_parts(body, parts)


def draw_wreck(body: Body, look: Look) -> None:
    """Draw plates and sticks of something that came apart."""
    first, second, third = look.colours
    rng, size = look.own, look(0.4, 1.3)
    for _ in range(look.count(3, 9)):
        corner = rng.uniform((-size, 0.05, -0.5), (size, size * 0.8, 0.5))
        points = corner + rng.uniform(-0.5, 0.5, (look.count(3, 5), 3)) * size
        points[:, 1] = np.maximum(points[:, 1], 0.02)
        body.plate(points, (first, second)[int(rng.integers(2))])
    for _ in range(look.count(0, 4)):
        ends = rng.uniform((-size, 0.03, -0.5), (size, size, 0.5), (2, 3))
        body.limb(tuple(ends[0]), tuple(ends[1]), 0.06, third)
