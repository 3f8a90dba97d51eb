"""What stands where in a drive: the weather, the houses, and every object with its place and its motion."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .canvas import Camera
from .kinds import COLOURS, SCULPTURE, Kind, kinds_of
from .scenery import ROAD_M, WEATHER_SHARES, WEATHERS

LOOK_SEEDS = 2**31  # an object draws the seed of its look below it
FARTHEST = 46.0  # how far away an object may stand, in its narrow sides
PAINT_SHARES = (0.2, 0.16, 0.17, 0.13, 0.13, 0.08, 0.08, 0.05)  # in the order of COLOURS
LANES = ((-ROAD_M * 0.75, math.pi), (-ROAD_M * 0.25, math.pi), (ROAD_M * 0.25, 0.0), (ROAD_M * 0.75, 0.0))


@dataclass(frozen=True)
class Mix:
    """How many objects of each role a scene is given; rare, odd, strangers are means a drive, the others a range."""

    vehicles: tuple[int, int] = (6, 11)
    people: tuple[int, int] = (3, 8)
    fixtures: tuple[int, int] = (1, 4)
    clutter: tuple[int, int] = (3, 7)
    rare: float = 0.34
    odd: float = 0.24
    sculptures: float = 0.0
    strangers: float = 0.0
    evenness: float = 0.0  # 1 makes common kinds equally frequent
    training: bool = False  # no kind that models must not know


WORLD = Mix()
DETECTOR_TRAINING = Mix(
    evenness=0.8, rare=0.0, odd=0.5, sculptures=1.6, clutter=(4, 9), fixtures=(2, 5), people=(4, 9), training=True
)
DETECTOR_CHECK = Mix(rare=0.0, training=True)  # rare kinds have no true class to compare with
CLIP_KINDS = Mix(vehicles=(3, 6), people=(2, 5), fixtures=(1, 4), clutter=(3, 6), rare=3.0, odd=1.8, training=True)
CLIP_STRANGERS = replace(CLIP_KINDS, clutter=(2, 5), rare=0.0, odd=0.0, strangers=9.0)
CLIP_CHECK = replace(CLIP_KINDS, strangers=3.0, training=False)


@dataclass(frozen=True)
class Placed:
    """An object in a drive: where it is in the first frame and how it moves [m, rad, m/frame]."""

    kind: Kind
    x: float
    z: float
    yaw: float
    colour: str
    look_seed: int
    speed_x: float = 0.0
    speed_z: float = 0.0

    def at_frame(self, frame: int) -> Placed:
        """Return the object as it is some frames later."""
        return replace(self, x=self.x + self.speed_x * frame, z=self.z + self.speed_z * frame)


@dataclass(frozen=True)
class Drive:
    """A drive: all that its frames share."""

    camera: Camera
    weather: str
    speed: float  # m a frame
    mirrored: bool  # traffic keeps left
    houses: list[tuple[int, float, float, float]]  # side, near end, length, set back
    trees: list[tuple[float, float]]
    lamps: list[tuple[int, float]]
    crossing_m: float | None
    objects: list[Placed]


def lay_out_drive(rng: np.random.Generator, *, size_wh: tuple[int, int], mix: Mix) -> Drive:
    """Return a drive made at random."""
    width, height = size_wh
    camera = Camera(
        width,
        height,
        width * rng.uniform(0.80, 1.0),
        width * rng.uniform(0.42, 0.58),
        height * rng.uniform(0.38, 0.50),
        rng.uniform(1.3, 1.9),
        ROAD_M * 0.25 + rng.uniform(-0.4, 0.4),
    )
    weather = str(rng.choice(list(WEATHERS), p=WEATHER_SHARES))
    speed = float(rng.uniform(0.5, 3.0))
    crossing = float(rng.uniform(10, 60)) if rng.random() < 0.5 else None
    trees = [
        (side * rng.uniform(9.0, 10.6), z)
        for side in (-1, 1)
        for z in np.arange(rng.uniform(6, 20), 130, rng.uniform(11, 24))
    ]
    lamps = [(side, z) for side in (-1, 1) for z in np.arange(rng.uniform(5, 25), 140, 28.0)]
    return Drive(camera, weather, speed, bool(rng.random() < 0.5), _lay_out_houses(rng), trees, lamps, crossing,
                 _place_objects(rng, mix, speed))  # fmt: skip


def _lay_out_houses(rng: np.random.Generator) -> list[tuple[int, float, float, float]]:
    houses = []
    density = rng.choice([0.25, 0.7, 0.95])
    for side in (-1, 1):
        near = rng.uniform(-4, 8)
        while near < 150:
            long = rng.uniform(9, 24)
            if rng.random() < density:
                houses.append((side, near, long, rng.uniform(0.5, 2.5)))
            near += long + rng.uniform(0.3, 4)
    return sorted(houses, key=lambda house: -house[1])


def _place_objects(rng: np.random.Generator, mix: Mix, ego_speed: float) -> list[Placed]:
    placed: list[Placed] = []
    for kind in _choose_kinds(rng, mix):
        for _ in range(12):
            candidate = _place(rng, kind, ego_speed)
            if all(_apart(candidate, other) for other in placed):
                placed.append(candidate)
                break
    return placed


def _choose_kinds(rng: np.random.Generator, mix: Mix) -> list[Kind]:
    common = kinds_of("common")
    chosen = [*_draw_kinds(rng, kinds_of("rare", seen_only=mix.training), int(rng.poisson(mix.rare))),
              *_draw_kinds(rng, kinds_of("odd", seen_only=mix.training), int(rng.poisson(mix.odd))),
              *_draw_kinds(rng, kinds_of("stranger"), int(rng.poisson(mix.strangers))),
              *[SCULPTURE] * int(rng.poisson(mix.sculptures))]  # fmt: skip
    groups = ((mix.vehicles, ("lane", "kerb")), (mix.people, ("pavement",)), (mix.fixtures, ("pavement",)))
    for (least, most), places in groups:
        fixtures = (least, most) == mix.fixtures
        pool = [k for k in common if k.place in places and (k.place != "pavement" or (k.name != "person") == fixtures)]
        chosen += _draw_kinds(rng, pool, int(rng.integers(least, most + 1)), evenness=mix.evenness)
    return chosen + _draw_kinds(rng, kinds_of("clutter"), int(rng.integers(mix.clutter[0], mix.clutter[1] + 1)))


def _draw_kinds(rng: np.random.Generator, pool: list[Kind], count: int, *, evenness: float = 0.0) -> list[Kind]:
    if not count:
        return []
    weights = np.array([kind.weight for kind in pool]) ** (1 - evenness)
    return [pool[i] for i in rng.choice(len(pool), count, p=weights / weights.sum())]


def _place(rng: np.random.Generator, kind: Kind, ego_speed: float) -> Placed:
    colours = list(COLOURS)
    colour = str(rng.choice(colours, p=PAINT_SHARES))
    look_seed = int(rng.integers(LOOK_SEEDS))
    nearest = 8 + kind.size_m[2] / 2
    z = float(rng.uniform(nearest, max(FARTHEST * kind.narrow_m, nearest + 4)))
    place = _place_in_lane if kind.place == "lane" else _place_on_foot
    x, yaw, speed_x, speed_z = place(rng, kind, ego_speed)
    return Placed(kind, x, z, yaw, colour, look_seed, speed_x, speed_z)


def _place_in_lane(rng: np.random.Generator, kind: Kind, ego_speed: float) -> tuple[float, float, float, float]:
    parked = rng.random() < 0.35 or kind.role != "common"
    x, yaw = LANES[int(rng.integers(4))] if not parked else LANES[int(rng.choice([0, 3]))]
    yaw += rng.normal(0, 0.05) if kind.role == "common" else rng.normal(0, 0.6)
    if kind.role == "common" and rng.random() < 0.16:  # turns or crosses
        yaw = rng.uniform(0, 2 * math.pi)
    moving = 0.0 if parked else float(rng.uniform(0.6, 1.3) * ego_speed) * (1 if abs(yaw) < 1 else -1)
    return x + rng.normal(0, 0.25), yaw, 0.0, moving


def _place_on_foot(rng: np.random.Generator, kind: Kind, ego_speed: float) -> tuple[float, float, float, float]:
    side = 1 if rng.random() < 0.5 else -1
    fixed = kind.role == "clutter" or kind.name in ("traffic light", "stop sign")
    if kind.place == "road":
        return (
            float(rng.uniform(-ROAD_M, ROAD_M + 1)),
            float(rng.uniform(0, 2 * math.pi)),
            float(rng.normal(0, 0.1)),
            0.0,
        )
    if kind.place == "kerb":
        yaw = rng.choice([0, math.pi, rng.uniform(0, 2 * math.pi)], p=[0.3, 0.3, 0.4])
        x = side * rng.uniform(4.5, 9.0) if kind.role == "common" else side * rng.uniform(7.0, 8.5)
        return (
            float(x),
            float(yaw),
            0.0,
            0.0 if kind.role != "common" else float(rng.choice([0, 0.5]) * (1 if abs(yaw) < 1 else -1)),
        )
    if fixed:
        return side * rng.uniform(7.8, 10.4), float(rng.normal(0, 0.25)), 0.0, 0.0
    on_road = rng.random() < 0.25
    x = rng.uniform(-6, 6) if on_road else side * rng.uniform(7.8, 10.6)
    yaw = rng.uniform(0, 2 * math.pi)
    return float(x), float(yaw), float(0.25 * math.sin(yaw)), float(0.25 * math.cos(yaw))


def _apart(a: Placed, b: Placed) -> bool:
    (wa, _, la), (wb, _, lb) = a.kind.size_m, b.kind.size_m
    beside = abs(a.x - b.x) > (max(wa, la * abs(math.sin(a.yaw))) + max(wb, lb * abs(math.sin(b.yaw)))) / 2 + 0.2
    return beside or abs(a.z - b.z) > (la + lb) / 2 + 0.6
