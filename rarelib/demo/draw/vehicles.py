"""Cars, trucks, buses and two-wheelers of the demo world, drawn in metres with +z as their front."""

from __future__ import annotations

import math

import numpy as np

from .body import Body, Mark, disc_shape, rectangle, turn
from .canvas import Colour
from .people import draw_rider

GLASS, TYRE, RIM, METAL, DARK = (52, 66, 82), (28, 28, 30), (150, 152, 156), (140, 144, 150), (46, 46, 50)
TAIL_LAMP, HEAD_LAMP, PLATE, WOOD = (200, 26, 26), (252, 246, 214), (232, 232, 226), (172, 124, 74)

# length, hood height, belt height, roof height, front and rear foot of the cabin (shares of the length), half width
CAR_SHAPES = {
    "sedan": (4.6, 0.80, 0.94, 1.44, 0.22, -0.34, 0.90),
    "hatchback": (4.0, 0.84, 0.98, 1.50, 0.26, -0.47, 0.87),
    "suv": (4.7, 1.00, 1.14, 1.74, 0.24, -0.47, 0.96),
    "van": (5.0, 1.05, 1.18, 1.98, 0.36, -0.48, 0.97),
    "pickup": (5.2, 1.00, 1.08, 1.76, 0.22, -0.10, 0.97),
}


def wheel_marks(wheels: list[float], radius: float) -> list[Mark]:
    """Return tyres with rims as marks on both sides, by their places along z [m]."""
    marks: list[Mark] = []
    for side in ("left", "right"):
        for z in wheels:
            marks.append((side, disc_shape(z, radius, radius), TYRE, False))
            marks.append((side, disc_shape(z, radius, radius * 0.56, 10), RIM, False))
            marks.append((side, disc_shape(z, radius, radius * 0.22, 8), DARK, False))
    return marks


def draw_tyres(body: Body, wheels: list[float], radius: float, half_width: float) -> None:
    """Draw the parts of the tyres that stand below a body, as seen from its front or back."""
    body.blocks([((x * (half_width - 0.13), radius * 0.9, z), (0.24, radius * 1.7, radius * 1.7), TYRE)
                 for x in (-1, 1) for z in wheels])  # fmt: skip


def draw_car(body: Body, rng: np.random.Generator, paint: Colour, *, shape: str | None = None) -> float:
    """Draw a car and return the height of its roof [m]."""
    shape = shape or str(rng.choice(list(CAR_SHAPES), p=[0.34, 0.26, 0.22, 0.1, 0.08]))
    length, hood, belt, roof, front, rear, half = CAR_SHAPES[shape]
    length, half = length * rng.uniform(0.95, 1.05), half * rng.uniform(0.97, 1.03)
    end, radius = length / 2, rng.uniform(0.30, 0.36)
    wheels = [-length * 0.30, length * 0.31]
    low = [(-end, 0.26), (end, 0.26), (end, hood * 0.74), (end - 0.22, hood), (-end + 0.12, belt), (-end, belt * 0.86)]
    night = body.canvas.light.night
    lamps: list[Mark] = [
        *((5, rectangle(*box), TAIL_LAMP, night) for box in ((0.03, 0.05, 0.22, 0.36), (0.78, 0.05, 0.97, 0.36))),
        (5, rectangle(0.36, 0.34, 0.64, 0.62), PLATE, False),
        (5, rectangle(0.02, 0.78, 0.98, 1.0), DARK, False),
        *((1, rectangle(*box), HEAD_LAMP, night) for box in ((0.03, 0.62, 0.24, 0.95), (0.76, 0.62, 0.97, 0.95))),
        (1, rectangle(0.30, 0.55, 0.70, 0.92), DARK, False),
        (1, rectangle(0.02, 0.0, 0.98, 0.22), DARK, False),
    ]
    seams: list[Mark] = [(s, rectangle(z, 0.36, z + 0.02, belt * 0.9), (60, 60, 64), False)
                         for s in ("left", "right") for z in (-0.04 * length, 0.17 * length)]  # fmt: skip
    cabin = [(rear * length, belt - 0.04), (front * length, hood - 0.02), (front * length - 0.75, roof),
             (rear * length + (0.16 if shape in ("van", "suv") else 0.42), roof)]  # fmt: skip
    draw_tyres(body, wheels, radius, half)

    def lower() -> None:
        body.solid(low, half, paint, marks=[*seams, *wheel_marks(wheels, radius), *lamps])

    def upper() -> None:
        glass = [(s, pane, GLASS, False) for s in ("left", "right") for pane in _side_panes(cabin)]
        shields = [
            (1, rectangle(0.06, 0.08, 0.94, 0.9), GLASS, False),
            (3, rectangle(0.08, 0.1, 0.92, 0.85), GLASS, False),
        ]
        body.solid(cabin, half * 0.95, paint, top_width=half * 0.74, marks=[*glass, *shields])

    in_order(body, belt, lower, upper)
    if shape == "pickup":
        body.block((0, belt + 0.02, -end * 0.62), (half * 1.6, 0.03, end * 0.72), DARK)
    if night and body.eye[2] > 0 and body.eye[1] > 0:
        for x in (-half * 0.72, half * 0.72):
            glow_at(body, (x, hood * 0.62, end), 0.9, (255, 240, 190), 0.75)
    return roof


def in_order(body: Body, height: float, lower: object, upper: object) -> None:
    """Draw what is below and above a height of the body's frame, the farther one first."""
    for draw in (lower, upper) if body.eye[1] > height or body.rotation[1, 1] > 0.5 else (upper, lower):
        draw()


def glow_at(body: Body, point: tuple[float, float, float], radius: float, colour: Colour, strength: float) -> None:
    """Let a lamp shine."""
    pixels, depths = body.canvas.camera.project(body.world(np.array([point], float)))
    body.canvas.puff(*pixels[0], radius * body.canvas.camera.focal / depths[0], colour, strength, add=True)


def draw_truck(body: Body, rng: np.random.Generator, paint: Colour, *, bed: str | None = None) -> float:
    """Draw a truck: a cab, and a box, a tank or an open bed behind it; return the bed's height [m]."""
    bed = bed or str(rng.choice(["box", "tank", "open"], p=[0.66, 0.17, 0.17]))
    length, half, radius = rng.uniform(6.2, 9.0), 1.2, 0.48
    cab_back, end, low = length / 2 - 1.9, -length / 2, 1.05
    wheels = [end + 1.1, end + 2.2, length / 2 - 1.0]
    night = body.canvas.light.night
    draw_tyres(body, wheels, radius, half)
    chassis_marks = [
        *wheel_marks(wheels, radius),
        (3, rectangle(0.04, 0.2, 0.16, 0.9), TAIL_LAMP, night),
        (3, rectangle(0.84, 0.2, 0.96, 0.9), TAIL_LAMP, night),
        (3, rectangle(0.4, 0.2, 0.6, 0.8), PLATE, False),
    ]

    def cab() -> None:
        _draw_cab(body, rng, paint, back=cab_back, front=length / 2, half=half)

    def load() -> None:
        body.block((0, 0.8, (end + cab_back) / 2), (half * 1.8, 0.42, cab_back - end), DARK, marks=chassis_marks)
        _draw_bed(body, rng, bed, end, cab_back, low)

    order = (load, cab) if body.eye[2] > 0 else (cab, load)
    for draw in order:
        draw()
    return low


def _draw_cab(body: Body, rng: np.random.Generator, paint: Colour, *, back: float, front: float, half: float) -> None:
    top, night = rng.uniform(2.6, 2.9), body.canvas.light.night
    profile = [(back, 0.5), (front, 0.5), (front, 1.5), (front - 0.25, top), (back, top)]
    pane = [(back + 0.5, 1.6), (front - 0.2, 1.6), (front - 0.4, top - 0.3), (back + 0.5, top - 0.3)]
    marks = [
        *((side, pane, GLASS, False) for side in ("left", "right")),
        (2, rectangle(0.06, 0.08, 0.94, 0.8), GLASS, False),
        (1, rectangle(0.04, 0.12, 0.2, 0.32), HEAD_LAMP, night),
        (1, rectangle(0.8, 0.12, 0.96, 0.32), HEAD_LAMP, night),
        (1, rectangle(0.25, 0.35, 0.75, 0.8), DARK, False),
    ]
    body.solid(profile, half, paint, marks=marks)


def draw_bus(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a bus."""
    length, half, top, radius = rng.uniform(9.0, 11.5), 1.27, rng.uniform(2.9, 3.2), 0.48
    end, wheels, night = length / 2, [-length * 0.27, length * 0.3], body.canvas.light.night
    pane = (238, 224, 170) if night else GLASS
    panes: list[Mark] = []
    for side in ("left", "right"):
        panes += [(side, rectangle(z, 1.35, z + 1.15, top - 0.45), pane, night)
                  for z in np.arange(-end + 0.3, end - 1.3, 1.3)]  # fmt: skip
        panes.append((side, rectangle(-end + 0.1, 0.85, end - 0.1, 1.02), (236, 236, 232), False))
    ends = [
        (1, rectangle(0.06, 0.36, 0.94, 0.82), GLASS, False),
        (1, rectangle(0.2, 0.87, 0.8, 0.96), (250, 190, 60), True),
        (1, rectangle(0.05, 0.08, 0.2, 0.17), HEAD_LAMP, night),
        (1, rectangle(0.8, 0.08, 0.95, 0.17), HEAD_LAMP, night),
        (3, rectangle(0.12, 0.14, 0.88, 0.45), pane, night),
        (3, rectangle(0.04, 0.6, 0.14, 0.82), TAIL_LAMP, night),
        (3, rectangle(0.86, 0.6, 0.96, 0.82), TAIL_LAMP, night),
        (3, rectangle(0.3, 0.7, 0.7, 0.9), DARK, False),
    ]
    draw_tyres(body, wheels, radius, half)
    profile = [(-end, 0.4), (end, 0.4), (end, top - 0.1), (end - 0.2, top), (-end, top)]
    shifted = [(4 if face == 3 else face, shape, colour, glow) for face, shape, colour, glow in ends]
    body.solid(profile, half, paint, marks=[*panes, *wheel_marks(wheels, radius), *shifted])


def draw_bicycle(body: Body, rng: np.random.Generator, paint: Colour, *, rider: bool | None = None) -> None:
    """Draw a bicycle, parked or ridden."""
    rider = rng.random() < 0.5 if rider is None else rider
    for z in (-0.52, 0.52):
        body.ring((0, 0.34, z), 0.33, 0.05, TYRE)
    body.rod([(0, 0.34, -0.52), (0, 0.32, -0.05), (0, 0.82, 0.38), (0, 0.80, -0.18), (0, 0.34, -0.52)], 0.05, paint)
    body.rod([(0, 0.32, -0.05), (0, 0.93, -0.22)], 0.05, paint)
    body.rod([(0, 0.34, 0.52), (0, 1.0, 0.36)], 0.045, paint)
    body.rod([(-0.26, 1.02, 0.34), (0.26, 1.02, 0.34)], 0.045, DARK)
    body.limb((0, 0.96, -0.30), (0, 0.96, -0.14), 0.055, DARK)
    if rider:
        draw_rider(body, rng, seat=(0, 0.95, -0.2), hands=(0.24, 1.0, 0.32), foot=(0, 0.25, 0.0))


def draw_motorcycle(body: Body, rng: np.random.Generator, paint: Colour, *, rider: bool | None = None) -> None:
    """Draw a motorcycle, parked or ridden."""
    rider = rng.random() < 0.5 if rider is None else rider
    for z in (-0.72, 0.72):
        body.block((0, 0.32, z), (0.15, 0.5, 0.5), TYRE)
        body.ring((0, 0.32, z), 0.27, 0.13, TYRE)
    body.limb((0, 0.42, -0.3), (0, 0.45, 0.25), 0.2, METAL)
    body.limb((0, 0.72, -0.75), (0, 0.74, -0.1), 0.12, DARK)
    body.limb((0, 0.78, 0.0), (0, 0.82, 0.38), 0.17, paint)
    body.limb((0, 0.60, -0.80), (0, 0.66, -0.55), 0.11, paint)
    body.rod([(0, 0.32, 0.72), (0, 0.98, 0.46)], 0.08, METAL)
    body.rod([(-0.36, 1.05, 0.40), (0.36, 1.05, 0.40)], 0.06, DARK)
    body.limb((0, 0.86, 0.56), (0, 0.86, 0.60), 0.11, HEAD_LAMP if body.eye[2] > 0 else DARK)
    if body.eye[2] < 0:
        body.limb((-0.08, 0.68, -0.9), (0.08, 0.68, -0.9), 0.05, TAIL_LAMP, glow=True)
    if rider:
        draw_rider(body, rng, seat=(0, 0.86, -0.3), hands=(0.32, 1.02, 0.36), foot=(0.2, 0.35, 0.0), helmet=paint)


def _draw_bed(body: Body, rng: np.random.Generator, bed: str, end: float, cab_back: float, low: float) -> None:
    middle, long = (end + cab_back - 0.1) / 2, cab_back - end - 0.1
    if bed == "box":
        colour = (226, 226, 222) if rng.random() < 0.5 else tuple(rng.uniform(60, 215, 3))
        high = rng.uniform(2.0, 2.5)
        stripe = tuple(rng.uniform(40, 220, 3))
        marks = [
            (3, rectangle(0.49, 0.02, 0.51, 0.98), DARK, False),
            (3, rectangle(0.03, 0.05, 0.97, 0.08), METAL, False),
            *(
                (s, rectangle(end + 0.5, low + 0.6, cab_back - 0.6, low + 1.1), stripe, False)
                for s in ("left", "right")
            ),
        ]
        body.block((0, low + high / 2, middle), (2.44, high, long), colour, marks=marks)
    elif bed == "tank":
        angles = np.linspace(0, 2 * math.pi, 13)[:-1]
        rings = [
            [(1.1 * math.cos(a), low + 0.95 + 0.95 * math.sin(a), z) for a in angles] for z in (end, cab_back - 0.2)
        ]
        rings = rings if body.eye[2] < 0 else rings[::-1]
        for i in np.argsort(np.sin(angles)):
            j = (i + 1) % 12
            body.plate([rings[0][i], rings[0][j], rings[1][j], rings[1][i]], (196, 200, 206))
        body.plate(rings[0], (176, 180, 186))
    else:
        body.block((0, low + 0.05, middle), (2.4, 0.1, long), WOOD)
        for x in (-1.17, 1.17) if body.eye[0] > 0 else (1.17, -1.17):
            body.block((x, low + 0.35, middle), (0.06, 0.6, long), (120, 126, 132))
        body.block((0, low + 0.35, end), (2.4, 0.6, 0.06), (120, 126, 132))


def _side_panes(cabin: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    (z0, y0), (z1, y1), (z2, y2), (z3, _) = cabin
    floor, top = max(y0, y1) + 0.06, y2 - 0.07
    middle = (z2 + z3) / 2

    def at(foot: float, head: float, base: float, y: float) -> float:
        return foot + (head - foot) * (y - base) / (y2 - base)

    rear = [
        (at(z0, z3, y0, floor) + 0.1, floor),
        (middle - 0.05, floor),
        (middle - 0.05, top),
        (at(z0, z3, y0, top) + 0.1, top),
    ]
    front = [
        (middle + 0.05, floor),
        (at(z1, z2, y1, floor) - 0.12, floor),
        (at(z1, z2, y1, top) - 0.12, top),
        (middle + 0.05, top),
    ]
    return [rear, front]


def draw_fallen_motorcycle(body: Body, rng: np.random.Generator, paint: Colour) -> None:
    """Draw a motorcycle that lies on the road."""
    side = 1 if rng.random() < 0.5 else -1
    draw_motorcycle(body.part((0, 0.3, 0), turn(roll=side * 1.25)), rng, paint, rider=False)
