"""Body plans of what lives, or looks as if it did: animals, birds, figures, plants."""

from __future__ import annotations

import math

import numpy as np

from .body import Body, turn
from .people import draw_animal
from .plans import DARK, WOOD, Look, block, draw_parts, limb


def draw_quadruped(body: Body, look: Look) -> None:
    """Draw an animal on four legs: horned, humped, woolly or spotted as its kind is."""
    coat, other, _ = look.colours
    leg, long, girth = look(0.15, 1.1), look(0.5, 1.9), look(0.12, 0.42)
    shape = {"leg": leg, "long": max(long, 2.2 * girth), "girth": girth, "neck": look(0.05, 0.9), "tail": look(0, 0.8)}
    head = draw_animal(body, look.own, coat, **shape)
    back = leg + girth
    if look.has(0.4):  # horns
        for side in (-1, 1):
            tip = (head[0] + side * look(0.1, 0.3), head[1] + look(0.15, 0.5), head[2])
            body.rod([(side * 0.06, head[1] + 0.06, head[2]), tip], 0.05, other)
    if look.has(0.3):
        body.ball((0, back + girth * 0.9, 0), girth * look(0.5, 0.8), coat)
    if look.has(0.4):  # wool, spots or plates
        spots = look.own.uniform(-1, 1, (10, 3)) * (girth, girth * 0.7, long * 0.45) + (0, back, 0)
        body.balls(spots, np.full(10, girth * look(0.2, 0.55)), [other if look.has() else coat] * 10)


def draw_bird(body: Body, look: Look) -> None:
    """Draw an animal on two legs with a beak and wings."""
    coat, wing, beak = look.colours
    leg, girth, neck = look(0.08, 0.7), look(0.12, 0.4), look(0.1, 0.8)
    middle, head = (0, leg + girth, 0), (0, leg + girth * 1.5 + neck, girth * 1.2)
    tall = look(0.8, 2.0)  # upright as a penguin or long as a duck
    parts = [limb(body, (side * girth * 0.4, leg, 0), (side * girth * 0.4, 0, 0.03), 0.035, beak) for side in (-1, 1)]
    parts += [
        limb(body, (0, leg + girth, -girth * 0.6), (0, leg + girth * tall, girth * 0.5), girth, coat, girth * 0.8),
        limb(body, middle, head, girth * 0.4, coat, girth * 0.25),
        limb(body, head, head, girth * look(0.35, 0.6), coat),
        limb(body, head, (0, head[1] - 0.02, head[2] + look(0.1, 0.4)), girth * 0.2, beak, 0.01),
        limb(
            body, (0, leg + girth, -girth), (0, leg + girth * look(0.6, 2), -girth - look(0.1, 0.6)), girth * 0.3, wing
        ),
    ]
    reach, thick = girth + look(0.0, 0.8), girth * 0.4
    parts += [
        limb(body, (s * girth, middle[1] + 0.1, 0), (s * reach, middle[1], -0.2), thick, wing, 0.03) for s in (-1, 1)
    ]
    draw_parts(body, parts)


def draw_figure(body: Body, look: Look) -> None:
    """Draw an upright figure that is no person: of stone, snow, straw or tin, on a foot or on its own legs."""
    skin, dress, hat = look.colours
    foot, tall, girth = look(0.0, 0.7), look(0.5, 1.4), look(0.14, 0.45)
    parts = [block(body, (0, foot / 2, 0), (girth * 3, foot, girth * 3), dress)] if foot > 0.2 else []
    if look.has():  # a skirt or two balls
        parts.append(limb(body, (0, foot + 0.1, 0), (0, foot + tall * 0.6, 0), girth * 1.3, dress, girth * 0.9))
    else:
        hip, thick = (girth * 0.5, foot + tall * 0.5), girth * 0.4
        parts += [limb(body, (s * girth * 0.6, foot + 0.05, 0), (s * hip[0], hip[1], 0), thick, dress) for s in (-1, 1)]
    top = foot + tall
    parts.append(limb(body, (0, foot + tall * 0.5, 0), (0, top, 0), girth, skin, girth * look(0.6, 1.3)))
    reach, lift = look(0.25, 0.8), look(-0.4, 0.6)
    parts += [
        limb(body, (s * girth, top * 0.92, 0), (s * (girth + reach), top * 0.92 + lift, 0), 0.07, skin) for s in (-1, 1)
    ]
    parts.append(limb(body, (0, top + girth, 0), (0, top + girth, 0), girth * look(0.6, 1.1), skin))
    if look.has():
        parts.append(
            limb(body, (0, top + girth * 1.8, 0), (0, top + girth * 2.4, 0), girth * 0.7, hat, girth * look(0.1, 0.7))
        )
    draw_parts(body, parts)


def draw_plant(body: Body, look: Look) -> None:
    """Draw a plant that no street has: tiers, a crown of leaves, arms, or one large head on a stalk."""
    leaf, bloom, pot = look.colours
    tall, style = look(0.5, 2.6), look.count(0, 3)
    parts = [limb(body, (0, 0, 0), (0, tall, 0), look(0.04, 0.2), WOOD, 0.04)]
    if look.has(0.4):
        parts.append(limb(body, (0, 0.05, 0), (0, 0.35, 0), 0.25, pot, 0.35))
    if style == 0:
        for tier in range(4):
            low = tall * (0.2 + 0.2 * tier)
            parts.append(limb(body, (0, low, 0), (0, low + 0.3, 0), look(0.5, 0.9) * (1 - 0.2 * tier), leaf, 0.05))
    elif style == 1:
        for angle in np.arange(0, 6.2, 0.9):
            tip = (math.cos(angle) * look(0.6, 1.2), tall - look(0.0, 0.4), math.sin(angle) * 0.8)
            parts.append(limb(body, (0, tall, 0), tip, 0.14, leaf, 0.02))
    elif style == 2:
        for side in (-1, 1):
            elbow = (side * look(0.3, 0.6), tall * look(0.3, 0.6), 0)
            parts += [limb(body, (0, elbow[1], 0), elbow, 0.13, leaf)]
            parts += [limb(body, elbow, (elbow[0], elbow[1] + look(0.3, 0.8), 0), 0.13, leaf)]
        parts.append(limb(body, (0, 0, 0), (0, tall, 0), 0.2, leaf))
    else:
        parts.append(limb(body, (0, tall, 0), (0, tall + 0.05, 0), look(0.25, 0.7), bloom, look(0.1, 0.7)))
        parts.append(limb(body, (0, tall, -0.1), (0, tall, -0.12), 0.15, DARK))
    draw_parts(body, parts)


def draw_crawler(body: Body, look: Look) -> None:
    """Draw a low animal: a shell or a chain of rings with short legs, a tail, claws or fins."""
    coat, belly, _ = look.colours
    rings, girth, low = look.count(1, 7), look(0.12, 0.4), look(0.0, 0.3)
    long = girth * rings * look(0.8, 1.5)
    bend = look(-0.4, 0.4)
    places = np.linspace(-long / 2, long / 2, rings)
    sizes = girth * (1 - look(0.0, 0.6) * np.abs(places) / max(long / 2, 0.1))
    rings_at = [
        (bend * math.sin(2 * z), low + size, z, size) for z, size in zip(places.tolist(), sizes.tolist(), strict=True)
    ]
    parts = [limb(body, (x, y, z), (x, y, z), size, coat) for x, y, z, size in rings_at]
    reach = look(0.1, 0.6)
    parts += [limb(body, (s * girth * 0.6, low + girth * 0.6, z), (s * (girth + reach), 0.03, z), 0.06, belly)
              for s in (-1, 1) for z in (-long * 0.3, long * 0.3)]  # fmt: skip
    head = long / 2 + girth * look(0.5, 1.2)
    parts.append(
        limb(body, (0, low + girth, head), (0, low + girth, head + look(0.0, 0.4)), girth * look(0.4, 0.8), coat)
    )
    parts.append(
        limb(body, (0, low + girth, -long / 2), (0, low + look(0.0, 0.6), -long / 2 - look(0.1, 0.9)), 0.1, coat, 0.02)
    )
    draw_parts(body.part((0, 0, 0), turn(yaw=look.own.uniform(-0.3, 0.3))), parts)
