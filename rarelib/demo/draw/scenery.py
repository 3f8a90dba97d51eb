"""What stands around the objects: sky, road, buildings, trees, and the weather over it all."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from .body import Body, turn
from .canvas import Camera, Canvas, Colour, Light

ROAD_M, PAVEMENT_M = 7.4, 11.0  # half widths
FAR_M = 400.0


@dataclass(frozen=True)
class Weather:
    """A sky: its colours from zenith to horizon, the light that it gives, and what falls from it."""

    zenith: Colour
    horizon: Colour
    ambient: Colour
    haze_m: float
    contrast: float
    clouds: float
    rain: bool = False
    night: bool = False


WEATHERS = {
    "clear": Weather((70, 130, 208), (198, 220, 238), (1.06, 1.04, 1.0), 330, 1.0, 0.5),
    "cloudy": Weather((142, 154, 168), (208, 212, 214), (0.92, 0.94, 0.97), 230, 0.35, 0.8),
    "evening": Weather((74, 84, 146), (252, 186, 122), (1.06, 0.86, 0.74), 260, 1.0, 0.6),
    "rain": Weather((108, 118, 130), (166, 174, 180), (0.72, 0.76, 0.82), 110, 0.15, 0.8, rain=True),
    "fog": Weather((186, 192, 196), (206, 210, 210), (0.9, 0.92, 0.94), 48, 0.1, 0.0),
    "night": Weather((10, 14, 32), (44, 46, 70), (0.40, 0.42, 0.54), 200, 0.2, 0.15, night=True),
}
WEATHER_SHARES = (0.34, 0.2, 0.14, 0.1, 0.08, 0.14)


def make_light(weather: Weather, rng: np.random.Generator) -> Light:
    """Return the light of a weather, the sun at a random place behind or beside the camera."""
    sun = np.array([rng.uniform(-0.9, 0.9), rng.uniform(0.45, 0.9), rng.uniform(-0.9, 0.1)])
    sun /= np.linalg.norm(sun)
    return Light(weather.ambient, weather.horizon, weather.haze_m, tuple(sun), weather.contrast, weather.night)


def draw_backdrop(camera: Camera, light: Light, weather: Weather, rng: np.random.Generator) -> np.ndarray:
    """Return a picture (H, W, 3) of what does not move in a drive: sky, hills, ground and road."""
    picture = np.empty((camera.height, camera.width, 3), np.uint8)
    height = int(camera.horizon) + 1
    share = np.linspace(0, 1, height)[:, None] ** 1.4
    sky = np.array(weather.zenith) * (1 - share) + np.array(weather.horizon) * share
    picture[:height] = sky[:, None, :]
    picture[height:] = weather.horizon  # the ground's strips leave the far corners free
    _draw_sky(picture[:height], weather, rng)
    canvas = Canvas(camera, light, picture)
    _draw_hills(canvas, rng)
    _draw_ground(canvas, weather, rng)
    noise = cv2.resize(
        rng.normal(0, 1, (camera.height, camera.width // 4)).astype(np.float32), (camera.width, camera.height)
    )
    strength = np.linspace(1.5, 7, camera.height - height, dtype=np.float32)[:, None, None]
    ground = picture[height:] + noise[height:, :, None] * strength
    picture[height:] = np.clip(ground, 0, 255)
    return picture


def draw_lanes(canvas: Canvas, travelled_m: float, *, crossing_m: float | None) -> None:
    """Draw lane marks that move with the camera, and a zebra crossing."""
    white, yellow = (226, 226, 220), (226, 190, 80)
    for x in (-ROAD_M + 0.35, ROAD_M - 0.35):
        _strip(canvas, x, 0.12, 2.5, FAR_M, white)
    for x in (-0.12, 0.12):
        _strip(canvas, x, 0.09, 2.5, FAR_M, yellow)
    for start in np.arange(0, 130, 9.0) - travelled_m % 9.0:
        for x in (-ROAD_M / 2, ROAD_M / 2):
            if start + 4 > 2.5:
                _strip(canvas, x, 0.13, max(start, 2.5), start + 4, white)
    if crossing_m is not None and 3 < crossing_m - travelled_m < 80:
        near = crossing_m - travelled_m
        for x in np.arange(-ROAD_M + 0.9, ROAD_M - 0.5, 1.0):
            _strip(canvas, x, 0.5, near, near + 3.2, white)


def draw_building(
    canvas: Canvas, side: int, near_m: float, long_m: float, set_back_m: float, rng: np.random.Generator
) -> None:
    """Draw a house beside the road: its front along the road, its gable towards the camera."""
    wall = tuple(np.array(((196, 176, 150), (170, 112, 92), (208, 204, 196), (150, 156, 166), (222, 206, 170),
                           (128, 106, 96))[int(rng.integers(6))]) * rng.uniform(0.85, 1.1))  # fmt: skip
    floors, depth = int(rng.integers(2, 8)), rng.uniform(8, 14)
    high, x = 3.1 * floors + 1.2, side * (PAVEMENT_M + set_back_m)
    body = Body(canvas, (x + side * depth / 2, 0, near_m + long_m / 2), np.eye(3))
    body.block((0, high / 2, 0), (depth, high, long_m), wall)
    body.block((0, high + 0.2, 0), (depth + 0.5, 0.4, long_m + 0.5), tuple(c * 0.7 for c in wall))
    glass = (70, 82, 98) if not canvas.light.night else (30, 34, 48)
    lit = rng.random((floors, 40)) < (0.4 if canvas.light.night else 0.04)
    front, gable = _window_grids(side, depth, long_m, floors)
    for cells, fixed in ((front, 0), (gable, 2)):
        _draw_windows(body, cells, lit, glass, facing=fixed)
    if rng.random() < 0.6:
        shop = tuple(rng.uniform(50, 200, 3))
        xs = -side * (depth / 2 + 0.06)
        body.plate(
            [
                (xs, 2.6, -long_m / 2 + 0.3),
                (xs, 2.6, long_m / 2 - 0.3),
                (xs, 3.2, long_m / 2 - 0.3),
                (xs, 3.2, -long_m / 2 + 0.3),
            ],
            shop,
        )


def draw_tree(body: Body, rng: np.random.Generator) -> None:
    """Draw a tree: a trunk and a crown of many tufts, brighter above."""
    high, crown = rng.uniform(2.2, 3.2), rng.uniform(1.3, 2.1)
    leaf = np.array(
        ((58, 96, 44), (76, 112, 48), (46, 82, 50), (134, 112, 44))[int(rng.choice(4, p=[0.35, 0.3, 0.25, 0.1]))]
    )
    body.shadow(crown * 0.9, crown * 0.9)
    body.limb((0, 0, 0), (0, high + 0.5, 0), 0.19, (92, 70, 52), end_radius=0.12)
    tufts = rng.normal(0, 0.42, (14, 3)) * crown
    tufts = tufts[np.argsort(tufts[:, 1] - tufts[:, 2])]
    shades = 0.72 + 0.22 * np.clip(tufts[:, 1] / crown + 0.5, 0, 1.6)
    centres = tufts + np.array([0, high + crown * 0.8, 0])
    body.balls(centres, crown * rng.uniform(0.34, 0.5, 14), (leaf * shades[:, None]).tolist())


def draw_lamp_post(body: Body, side: int) -> None:
    """Draw a street lamp that leans over the road."""
    steel = (92, 96, 100)
    body.limb((0, 0, 0), (0, 6.6, 0), 0.1, steel, end_radius=0.06)
    body.limb((0, 6.6, 0), (-side * 1.8, 7.0, 0), 0.05, steel)
    body.limb((-side * 1.5, 6.95, 0), (-side * 2.1, 7.0, 0), 0.1, (250, 240, 200), glow=body.canvas.light.night)
    if body.canvas.light.night:
        pixels, depths = body.canvas.camera.project(body.world(np.array([(-side * 1.8, 7.0, 0.0)])))
        body.canvas.puff(*pixels[0], 2.6 * body.canvas.camera.focal / depths[0], (255, 214, 140), 0.6, add=True)


def draw_atmosphere(picture: np.ndarray, weather: Weather, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with the own headlights, rain, and the noise of a camera."""
    if weather.night:
        picture = cv2.add(picture, _headlights(camera))
    if weather.rain:
        drops = picture.copy()
        start = rng.uniform((0, 0), (camera.width, camera.height), (90, 2))
        lines = np.stack([start, start + np.array([-3, 26]) * rng.uniform(0.5, 1.3, (90, 1))], axis=1)
        cv2.polylines(drops, list(np.rint(lines * 16).astype(np.int32)), False, (214, 220, 228), 1, cv2.LINE_AA, 4)
        picture = cv2.addWeighted(drops, 0.4, picture, 0.6, 0)
    low = rng.integers(0, 7, (camera.height // 2 + 1, camera.width // 2 + 1), dtype=np.uint8)
    grain = cv2.resize(low, (camera.width, camera.height), interpolation=cv2.INTER_NEAREST)
    return cv2.add(picture, cv2.merge([grain] * 3))


def _draw_sky(sky: np.ndarray, weather: Weather, rng: np.random.Generator) -> None:
    height, width = sky.shape[:2]
    if weather.clouds:
        cover = sum(
            cv2.resize(
                rng.random((3 * 2**i, 4 * 2**i)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
            )
            / 2**i
            for i in range(4)
        )
        alpha = np.clip((cover - 0.95) * 2.2, 0, 1)[..., None] * weather.clouds
        tint = np.array(
            weather.horizon if weather.night else (250, 246, 240) if weather.contrast > 0.5 else (226, 228, 230),
            np.float32,
        )
        sky[:] = sky * (1 - alpha) + tint * (0.5 if weather.night else 1.0) * alpha
    if weather.contrast > 0.5:
        x, y = rng.uniform(0.05, 0.95) * width, rng.uniform(0.3, 0.85) * height
        rows, columns = np.mgrid[:height, :width]
        glow = np.exp(-np.hypot(rows - y, columns - x) / (0.13 * width))[..., None]
        sky[:] = np.clip(sky + glow * np.array([120, 104, 60]), 0, 255)
    if weather.night:
        stars = rng.integers((0, 0), (height, width), (70, 2))
        sky[stars[:, 0], stars[:, 1]] = np.minimum(
            sky[stars[:, 0], stars[:, 1]].astype(int) + rng.integers(20, 150, (70, 1)), 255
        )


def _draw_hills(canvas: Canvas, rng: np.random.Generator) -> None:
    camera = canvas.camera
    for depth, high, colour in ((330.0, 0.11, (92, 116, 128)), (210.0, 0.065, (78, 104, 84))):
        knots = rng.uniform(0.2, 1.0, 12) * high * camera.height
        x = np.linspace(0, camera.width, 60)
        y = camera.horizon - np.interp(x, np.linspace(0, camera.width, 12), knots)
        outline = np.concatenate([np.stack([x, y], 1), [(camera.width, camera.horizon + 2), (0, camera.horizon + 2)]])
        canvas.fill(outline, canvas.light.shade(colour, 0.9, depth * 0.55))


def _draw_ground(canvas: Canvas, weather: Weather, rng: np.random.Generator) -> None:
    asphalt = np.array((98, 99, 103)) * rng.uniform(0.85, 1.15) * (0.78 if weather.rain else 1.0)
    grass, stone = ((112, 126, 74), (172, 168, 160)) if rng.random() < 0.5 else ((148, 142, 126), (186, 180, 170))
    surfaces = (
        (0.0, 160.0, grass),
        (0.0, PAVEMENT_M, stone),
        (0.0, ROAD_M + 0.25, tuple(c * 0.78 for c in stone)),
        (0.0, ROAD_M, tuple(asphalt)),
    )
    edges = np.geomspace(1.0, FAR_M, 14)
    for x, half, colour in surfaces:
        for near, far in itertools.pairwise(edges):
            _strip(canvas, x, 2 * half, near, far * 1.01, colour)
    for _ in range(6):  # repaired patches
        x, z = rng.uniform(-ROAD_M + 1, ROAD_M - 1), rng.uniform(5, 40)
        _strip(canvas, x, rng.uniform(0.4, 2.2), z, z + rng.uniform(0.5, 6), tuple(asphalt * rng.uniform(0.86, 0.95)))


def _strip(canvas: Canvas, x: float, wide: float, near: float, far: float, colour: Colour) -> None:
    points = np.array(
        [(x - wide / 2, 0, near), (x + wide / 2, 0, near), (x + wide / 2, 0, far), (x - wide / 2, 0, far)]
    )
    pixels, _ = canvas.camera.project(points)
    canvas.fill(pixels, canvas.light.shade(colour, 0.95, min(math.sqrt(near * far), far)))


def _window_grids(side: int, depth: float, long_m: float, floors: int) -> tuple[np.ndarray, np.ndarray]:
    def cells(start: float, end: float) -> np.ndarray:
        left = np.arange(start + 0.7, end - 1.6, 2.3)
        low = 1.2 + 3.1 * np.arange(floors)
        across, up = np.meshgrid(left, low)
        corners = np.array([(0, 0), (1.25, 0), (1.25, 1.6), (0, 1.6)])
        return np.stack([across, up], -1)[:, :, None, :] + corners

    along, gable = cells(-long_m / 2, long_m / 2), cells(-depth / 2, depth / 2)
    facing_road = np.concatenate(
        [np.full((*along.shape[:3], 1), -side * (depth / 2 + 0.03)), along[..., 1:], along[..., :1]], -1
    )
    facing_us = np.concatenate([gable, np.full((*gable.shape[:3], 1), -long_m / 2 - 0.03)], -1)
    return facing_road, facing_us


def _draw_windows(body: Body, cells: np.ndarray, lit: np.ndarray, glass: Colour, *, facing: int) -> None:
    outside = cells[..., facing].flat[0] if cells.size else 0.0
    if not cells.size or (body.eye[facing] - outside) * outside <= 0:  # turned away from the camera
        return
    floors, columns = cells.shape[:2]
    pixels, depths = body.canvas.camera.project(body.world(cells.reshape(-1, 3)))
    polygons, shown = pixels.reshape(-1, 4, 2), lit[:floors, :columns].ravel()
    visible = depths.reshape(-1, 4).min(1) > 1.5
    depth = float(depths.mean())
    for on, colour in ((False, glass), (True, (250, 214, 140))):
        chosen = polygons[visible & (shown == on)]
        if len(chosen):
            body.canvas.fill(chosen, body.canvas.light.shade(colour, 1.0, depth, glow=on and body.canvas.light.night))


def _headlights(camera: Camera) -> np.ndarray:
    small = (camera.width // 8, camera.height // 8)
    rows, columns = np.mgrid[: small[1], : small[0]].astype(np.float32)
    y = (rows * 8 - camera.horizon) / (camera.height - camera.horizon)
    x = (columns * 8 - camera.centre) / camera.width
    beam = np.clip(y * 5, 0, 1) * np.exp(-((x / (0.16 + 0.35 * np.clip(y, 0, 1))) ** 2)) * 62
    return cv2.resize(beam[..., None] * np.array([1.0, 0.95, 0.8], np.float32), (camera.width, camera.height)).astype(
        np.uint8
    )


def place_body(canvas: Canvas, x: float, z: float, yaw: float) -> Body:
    """Return a body that stands on the ground at (x, z) [m] and looks towards yaw [rad]."""
    return Body(canvas, (x, 0.0, z), turn(yaw=yaw))
