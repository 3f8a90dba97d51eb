"""A body that stands somewhere in the scene: solids, plates, limbs, balls and rings in metres of its own frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from .canvas import Canvas, Colour, circle

# one mark on a face: face name or edge number, polygon in the face's coordinates, colour, glows
Mark = tuple[str | int, Sequence[tuple[float, float]], Colour, bool]
Point = tuple[float, float, float]


def turn(*, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Return the rotation (3, 3) that rolls about z, then pitches about x, then turns about y [rad]."""
    cy, sy, cp, sp, cr, sr = *_cos_sin(yaw), *_cos_sin(pitch), *_cos_sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


HALF_CIRCLE = circle(12)[[9, 10, 11, 0, 1, 2, 3]]  # points from -90 to 90 degrees


class Body:
    """A frame (x right, y up, z ahead [m]) that draws on a canvas, the farther parts first by the caller."""

    def __init__(self, canvas: Canvas, at: Point, rotation: np.ndarray, *, dark: float = 1.0) -> None:
        """Stand at a point of the scene; `dark` below 1 blackens every colour (soot)."""
        self.canvas, self.at, self.rotation, self.dark = canvas, np.array(at, float), rotation, dark
        eye = np.array([canvas.camera.x_m, canvas.camera.eye_m, 0.0])
        self.eye = rotation.T @ (eye - self.at)  # the camera as this body sees it
        self.pixels_per_m = canvas.camera.focal / max(float(self.at[2]), 1.0)

    def part(self, at: Point, rotation: np.ndarray | None = None, *, dark: float = 1.0) -> Body:
        """Return a body that is fixed to this one."""
        inner = np.eye(3) if rotation is None else rotation
        world = self.rotation @ np.array(at, float) + self.at
        return Body(self.canvas, tuple(world), self.rotation @ inner, dark=self.dark * dark)

    def world(self, points: np.ndarray) -> np.ndarray:
        """Return points (n, 3) of this frame in the scene's frame."""
        return points @ self.rotation.T + self.at

    def solid(self, profile: Sequence[tuple[float, float]], half_width: float, colour: Colour, *,
              top_width: float | None = None, x: float = 0.0, marks: Sequence[Mark] = ()) -> None:  # fmt: skip
        """Draw a convex solid: a side profile of (z, y) points, counter-clockwise, stretched along x.

        Faces are 'right', 'left' and one per edge of the profile (0, 1, ...). A mark on a side lies in (z, y)
        metres, a mark on an edge in shares of the face, from the left and along the edge.
        `top_width` is the half width at the highest point, `half_width` at the lowest.
        """
        side = np.array(profile)
        n = len(side)
        widths = _width_at(side[:, 1], side[:, 1], half_width, top_width)
        right, left = (np.column_stack([x + sign * widths, side[:, 1], side[:, 0]]) for sign in (1, -1))
        world = self.world(np.concatenate([right, left]))
        pixels, depths = self.canvas.camera.project(world)
        faces: dict[str | int, list[int]] = {"right": list(range(n - 1, -1, -1)), "left": list(range(n, 2 * n))}
        faces.update({i: [i + n, i, (i + 1) % n, (i + 1) % n + n] for i in range(n)})
        for name, corners in faces.items():
            if _area(pixels[corners]) <= 0:  # turned away
                continue
            self._face(pixels[corners], world[corners], float(depths[corners].mean()), colour)
            for mark in (mark for mark in marks if mark[0] == name):
                self._mark(mark, world[corners], side, half_width, top_width, x)

    def block(self, centre: Point, size: Point, colour: Colour, *, marks: Sequence[Mark] = ()) -> None:
        """Draw a box by its centre and its size; edges are 0 bottom, 1 front (+z), 2 top, 3 back."""
        (x, y, z), (w, h, d) = centre, size
        profile = [(z - d / 2, y - h / 2), (z + d / 2, y - h / 2), (z + d / 2, y + h / 2), (z - d / 2, y + h / 2)]
        self.solid(profile, w / 2, colour, x=x, marks=marks)

    def blocks(self, parts: Sequence[tuple[Point, Point, Colour]]) -> None:
        """Draw boxes, the farthest first."""
        for centre, size, colour in sorted(parts, key=lambda part: -math.dist(part[0], self.eye)):
            self.block(centre, size, colour)

    def plate(self, points: np.ndarray | Sequence[Point], colour: Colour, *, glow: bool = False) -> None:
        """Draw a flat polygon that is seen from both sides."""
        world = self.world(np.asarray(points, float))
        pixels, depths = self.canvas.camera.project(world)
        self._face(pixels, world, float(depths.mean()), colour, glow=glow)

    def disc(self, centre: Point, radius: float, colour: Colour, *, glow: bool = False, corners: int = 16,
             upright: bool = True) -> None:  # fmt: skip
        """Draw a round plate in the y-z plane (a wheel), or in the x-y plane if not `upright`."""
        flat = circle(corners) * radius
        points = np.zeros((corners, 3)) + centre
        points[:, [2, 1] if upright else [0, 1]] += flat
        self.plate(points, colour, glow=glow)

    def ring(self, centre: Point, radius: float, thickness: float, colour: Colour) -> None:
        """Draw a hoop in the y-z plane."""
        points = np.zeros((20, 3)) + centre
        points[:, [2, 1]] += circle(20) * radius
        self._line(points, thickness, colour, closed=True)

    def rod(self, points: Sequence[Point], thickness: float, colour: Colour) -> None:
        """Draw a thin line through points."""
        self._line(np.asarray(points, float), thickness, colour)

    def limb(self, start: Point, end: Point, radius: float, colour: Colour, *, end_radius: float | None = None,
             glow: bool = False) -> None:  # fmt: skip
        """Draw a rounded stick, brighter on the side of the sun."""
        pixels, depths = self.canvas.camera.project(self.world(np.array([start, end], float)))
        scale = self.canvas.camera.focal / depths
        radii = np.array([radius, radius if end_radius is None else end_radius]) * scale
        sun = self.canvas.light.sun
        outline = _capsule(pixels, radii)
        self.canvas.fill(outline, self._colour(colour, 0.86, float(depths[0]), glow))
        if radii.max() > 2.5:
            shift = np.array([sun[0], -max(sun[1], 0.3)]) * 0.3 * radii[:, None]
            self.canvas.fill(_capsule(pixels + shift, radii * 0.58), self._colour(colour, 1.06, float(depths[0]), glow))

    def ball(self, centre: Point, radius: float, colour: Colour, *, glow: bool = False) -> None:
        """Draw a ball."""
        self.limb(centre, centre, radius, colour, glow=glow)

    def balls(self, centres: np.ndarray, radii: np.ndarray, colours: Sequence[Colour]) -> None:
        """Draw balls (n, 3) in the given order, each brighter on the side of the sun."""
        pixels, depths = self.canvas.camera.project(self.world(centres))
        sizes = radii * self.canvas.camera.focal / depths
        sun = self.canvas.light.sun
        bright = pixels + np.array([sun[0], -max(sun[1], 0.3)]) * 0.3 * sizes[:, None]
        outlines = pixels[:, None] + circle(12) * sizes[:, None, None]
        highlights = bright[:, None] + circle(12) * (0.58 * sizes[:, None, None])
        for i, (colour, depth) in enumerate(zip(colours, depths.tolist(), strict=True)):
            self.canvas.fill(outlines[i], self._colour(colour, 0.86, depth, False))
            if sizes[i] > 2.5:
                self.canvas.fill(highlights[i], self._colour(colour, 1.06, depth, False))

    def shadow(self, half_x: float, half_z: float, *, x: float = 0.0, z: float = 0.0) -> None:
        """Darken the ground under this body, softly at the rim."""
        number, self.canvas.number = self.canvas.number, 0
        lean = np.array([-self.canvas.light.sun[0], 0, -self.canvas.light.sun[2]]) * 0.35 * self.canvas.light.contrast
        for share, factor in ((1.25, 0.86), (1.08, 0.74), (0.85, 0.62)):
            ground = np.zeros((14, 3))
            ground[:, [0, 2]] = circle(14) * (half_x * share, half_z * share) + (x, z)
            flat = self.world(ground)
            flat[:, 1] = 0.0
            self._darken(self.canvas.camera.project(flat + lean)[0], factor)
        self.canvas.number = number

    def _darken(self, pixels: np.ndarray, factor: float) -> None:
        low, high = np.floor(pixels.min(0)).astype(int), np.ceil(pixels.max(0)).astype(int) + 1
        height, width = self.canvas.numbers.shape
        (x0, y0), (x1, y1) = np.maximum(low, 0), np.minimum(high, (width, height))
        if x1 <= x0 or y1 <= y0:
            return
        cover = np.full((y1 - y0, x1 - x0), 255, np.uint8)
        fixed = np.rint((np.clip(pixels, -4000, 8000) - (x0, y0)) * 16).astype(np.int32)
        cv2.fillPoly(cover, [fixed], 255 * factor, cv2.LINE_AA, 4)
        part = self.canvas.picture[y0:y1, x0:x1]
        cv2.multiply(part, cv2.merge([cover] * 3), part, 1 / 255)

    def _face(self, pixels: np.ndarray, world: np.ndarray, depth: float, colour: Colour, *, glow: bool = False) -> None:
        light = self.canvas.light
        facing = max(_dot(_normal(world), light.sun), 0.0) * light.contrast
        self.canvas.fill(pixels, self._colour(colour, 0.72 + 0.42 * facing, depth, glow))

    def _colour(self, colour: Colour, brightness: float, depth: float, glow: bool) -> Colour:
        return self.canvas.light.shade(colour, brightness if glow else brightness * self.dark, depth, glow=glow)

    def _line(self, points: np.ndarray, thickness: float, colour: Colour, *, closed: bool = False) -> None:
        pixels, depths = self.canvas.camera.project(self.world(points))
        depth = float(depths.mean())
        width = thickness * self.canvas.camera.focal / depth
        self.canvas.stroke(pixels, width, self._colour(colour, 0.95, depth, False), closed=closed)

    def _mark(self, mark: Mark, corners: np.ndarray, side: np.ndarray, half_width: float, top_width: float | None,
              x: float) -> None:  # fmt: skip
        face, polygon, colour, glow = mark
        shape = np.array(polygon, float)
        if isinstance(face, str):
            sign = 1 if face == "right" else -1
            widths = _width_at(shape[:, 1], side[:, 1], half_width, top_width) + 0.005
            self.plate(np.column_stack([x + sign * widths, shape[:, 1], shape[:, 0]]), colour, glow=glow)
            return
        left0, right0, right1, left1 = corners
        across, along = shape[:, :1], shape[:, 1:]
        world = (left0 * (1 - across) + right0 * across) * (1 - along) + (
            left1 * (1 - across) + right1 * across
        ) * along
        pixels, depths = self.canvas.camera.project(world)
        self._face(pixels, world, float(depths.mean()), colour, glow=glow)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    """Return the corners of an upright rectangle, for marks."""
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def disc_shape(x: float, y: float, radius: float, corners: int = 16) -> list[tuple[float, float]]:
    """Return the corners of a circle, for marks."""
    return [tuple(point) for point in circle(corners) * radius + (x, y)]


def _width_at(heights: np.ndarray, side: np.ndarray, half_width: float, top_width: float | None) -> np.ndarray:
    if top_width is None:
        return np.full(len(heights), half_width)
    low, high = side.min(), side.max()
    return half_width + (top_width - half_width) * (heights - low) / (high - low)


def _area(pixels: np.ndarray) -> float:
    corners = pixels.tolist()
    ahead = corners[1:] + corners[:1]
    return sum(x0 * y1 - y0 * x1 for (x0, y0), (x1, y1) in zip(corners, ahead, strict=True))


def _normal(world: np.ndarray) -> Point:
    (ax, ay, az), (bx, by, bz) = (world[1] - world[0]).tolist(), (world[2] - world[0]).tolist()
    n = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    length = math.sqrt(_dot(n, n)) or 1.0
    if _dot(n, world[0].tolist()) > 0:  # towards the camera, which stands near the origin
        length = -length
    return (n[0] / length, n[1] / length, n[2] / length)


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cos_sin(angle: float) -> tuple[float, float]:
    return math.cos(angle), math.sin(angle)


def _capsule(pixels: np.ndarray, radii: np.ndarray) -> np.ndarray:
    (x0, y0), (x1, y1) = pixels.tolist()
    length = math.hypot(x1 - x0, y1 - y0)
    cos, sin = ((x1 - x0) / length, (y1 - y0) / length) if length else (1.0, 0.0)
    arc = HALF_CIRCLE @ np.array([(cos, sin), (-sin, cos)])
    return np.concatenate([pixels[1] + arc * radii[1], pixels[0] - arc * radii[0]])
