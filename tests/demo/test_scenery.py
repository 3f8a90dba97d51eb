"""The scenery of the demo world: every pixel of it is drawn."""

import numpy as np
import pytest

from rarelib.demo.draw import scenery
from rarelib.demo.draw.layout import WORLD, lay_out_drive


class NumpyWithDirtyMemory:
    """numpy, but what `empty` gives is full of one value."""

    def __init__(self, value):
        self.value = value

    def __getattr__(self, name):
        return getattr(np, name)

    def empty(self, shape, dtype=float):
        return np.full(shape, self.value, dtype)


@pytest.mark.parametrize("number", [1, 2, 8, 9, 17])
def test_backdrop_shows_no_uninitialised_memory(number, monkeypatch):
    backdrops = []
    for value in (0, 255):
        monkeypatch.setattr(scenery, "np", NumpyWithDirtyMemory(value))
        rng = np.random.default_rng([2, number, 0])
        drive = lay_out_drive(rng, size_wh=(480, 270), mix=WORLD)
        weather = scenery.WEATHERS[drive.weather]
        backdrops.append(scenery.draw_backdrop(drive.camera, scenery.make_light(weather, rng), weather, rng))
    np.testing.assert_array_equal(*backdrops)
