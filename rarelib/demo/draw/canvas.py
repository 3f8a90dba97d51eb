"""A canvas behind a pinhole camera: colours and pixels, one number per object, light and haze."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

SHIFT = 4  # sub-pixel bits of OpenCV's polygons
NEAREST_M = 0.8  # points nearer than this are drawn as if they were here

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """A level camera that looks along +z; pixels, metres."""

    width: int
    height: int
    focal: float
    centre: float
    horizon: float
    eye_m: float
    x_m: float = 0.0

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels (n, 2) and depths (n,) [m] of points (n, 3) given as x right, y up, z ahead [m]."""
        depth = np.maximum(points[:, 2], NEAREST_M)
        scale = self.focal / depth
        pixels = np.empty((len(points), 2))
        pixels[:, 0] = self.centre + scale * (points[:, 0] - self.x_m)
        pixels[:, 1] = self.horizon + scale * (self.eye_m - points[:, 1])
        return pixels, depth


@dataclass(frozen=True)
class Light:
    """What the sky does to colours: a factor, a haze that they fade into, and where the sun stands."""

    ambient: Colour
    haze: Colour
    haze_m: float  # 63 % of a colour is haze at this distance
    sun: Colour  # unit vector towards the sun
    contrast: float  # how much a face in the sun is brighter than one in the shade
    night: bool

    def shade(self, colour: Colour, brightness: float, depth: float, *, glow: bool = False) -> Colour:
        """Return a surface's colour as seen from here; what glows needs no light of the sky."""
        far = 1 - math.exp(-depth / self.haze_m)
        (r, g, b), (hr, hg, hb) = colour, self.haze
        if glow:
            far *= 0.5
        else:
            ar, ag, ab = self.ambient
            r, g, b = min(r * ar * brightness, 255), min(g * ag * brightness, 255), min(b * ab * brightness, 255)
        return (r + (hr - r) * far, g + (hg - g) * far, b + (hb - b) * far)


class Canvas:
    """A picture (H, W, 3) RGB, and of each pixel the number of the object that it shows (0: scenery)."""

    def __init__(self, camera: Camera, light: Light, picture: np.ndarray, *, mirrored: bool = False) -> None:
        """Draw on this picture; `mirrored` tells that it will be turned left to right when it is done."""
        self.camera, self.light, self.picture, self.mirrored = camera, light, picture, mirrored
        self.numbers = np.zeros(picture.shape[:2], np.uint8)
        self.number = 0

    def fill(self, pixels: np.ndarray, colour: Colour) -> None:
        """Fill one polygon (corners, 2), or several (n, corners, 2) that do not overlap."""
        fixed = _fix(pixels)
        polygons = [fixed] if pixels.ndim == 2 else list(fixed)
        cv2.fillPoly(self.picture, polygons, colour, cv2.LINE_AA, SHIFT)
        if self.number:  # scenery is drawn first, where all is 0 yet
            cv2.fillPoly(self.numbers, polygons, self.number, cv2.LINE_8, SHIFT)

    def stroke(self, pixels: np.ndarray, width: float, colour: Colour, *, closed: bool = False) -> None:
        """Draw a line through pixels (n, 2), at least one pixel wide."""
        fixed = [_fix(pixels)]
        thickness = max(1, round(width))
        cv2.polylines(self.picture, fixed, closed, colour, thickness, cv2.LINE_AA, SHIFT)
        if self.number:
            cv2.polylines(self.numbers, fixed, closed, self.number, thickness, cv2.LINE_8, SHIFT)

    def puff(self, x: float, y: float, radius: float, colour: Colour, strength: float, *, add: bool) -> None:
        """Lay a soft spot over the picture, as light (add) or as smoke; it belongs to no object."""
        height, width = self.numbers.shape
        x0, y0 = max(round(x - radius), 0), max(round(y - radius), 0)
        x1, y1 = min(round(x + radius) + 1, width), min(round(y + radius) + 1, height)
        if x1 <= x0 or y1 <= y0 or radius < 1:
            return
        columns = np.abs(np.arange(x0, x1) - x) / radius
        rows = np.abs(np.arange(y0, y1) - y) / radius
        alpha = strength * _fade(rows)[:, None] * _fade(columns)[None, :]
        part = self.picture[y0:y1, x0:x1].astype(np.float32)
        if not add:
            part *= 1 - alpha[..., None]
        part += alpha[..., None] * np.array(colour, np.float32)
        self.picture[y0:y1, x0:x1] = np.minimum(part, 255)


def _fix(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels.clip(-4000, 8000) * (1 << SHIFT)).astype(np.int32)


def _fade(distance: np.ndarray) -> np.ndarray:
    return np.exp(-5 * np.minimum(distance, 1) ** 2).astype(np.float32) - np.float32(math.exp(-5))


@cache
def circle(corners: int) -> np.ndarray:
    """Return points (corners, 2) on the unit circle."""
    angles = np.arange(corners) * (2 * math.pi / corners)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
