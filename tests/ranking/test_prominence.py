"""Where the road lies, learned from planted cameras: in front, above, with pictures of unknown size."""

import numpy as np
import pandas as pd
import pytest

from rarelib.ranking.prominence import heights_on_road, sizes_on_road

N_COMMON = 400


def seen_from(camera, *, seed=0):
    """Common objects of a camera; in front they are the larger the further below the horizon they stand."""
    generator = np.random.default_rng(seed)
    if camera == "front":
        below = generator.uniform(0.01, 0.4, N_COMMON)
        bottom, side = 450 + 900 * below, 30 + 600 * below
    else:
        bottom, side = generator.uniform(40, 900, N_COMMON), generator.uniform(25, 35, N_COMMON)
    return boxes(bottom, side)


def boxes(bottom, side):
    bottom, side = np.asarray(bottom, float), np.asarray(side, float)
    left = np.full(len(bottom), 100.0)
    edges = {"x_min": left, "y_min": bottom - side, "x_max": left + side, "y_max": bottom}
    return pd.DataFrame({**edges, "width": 1600, "height": 900})


def measured(camera, bottom, side):
    """Return height and size of planted objects among the common ones of a camera."""
    table = pd.concat([seen_from(camera), boxes(bottom, side)], ignore_index=True)
    common = np.arange(len(table)) < N_COMMON
    return [found(table, common=common)[N_COMMON:] for found in (heights_on_road, sizes_on_road)]


def test_of_a_front_camera_the_sky_is_no_road():
    height, _ = measured("front", [100, 260, 500, 880], [80, 80, 80, 80])
    np.testing.assert_allclose(height, [0, 0, 1, 1])


def test_a_drone_sees_road_at_every_height():
    height, size = measured("drone", [45, 300, 880], [30, 30, 30])
    assert height.tolist() == [1, 1, 1] and size.tolist() == [1, 1, 1]


def test_a_small_tyre_far_ahead_is_no_speck_and_a_speck_nearby_is():
    _, size = measured("front", [475, 860], [18, 18])  # usual there: about 47 and 300 px
    assert size[0] > 0.4 and size[1] == 0


@pytest.mark.parametrize("camera", ["front", "drone"])
def test_common_objects_are_hardly_held_down(camera):
    table = seen_from(camera)
    common = np.ones(len(table), bool)
    assert heights_on_road(table, common=common).mean() > 0.97
    assert sizes_on_road(table, common=common).mean() > 0.97


def test_unknown_sizes_and_few_objects_hold_nothing_down():
    table = seen_from("front").assign(width=0, height=0)
    for measure in (heights_on_road, sizes_on_road):
        assert measure(table, common=np.ones(len(table), bool)).tolist() == [1] * len(table)
        assert measure(seen_from("front"), common=np.arange(len(table)) < 10).tolist() == [1] * len(table)
        assert len(measure(table.head(0), common=np.zeros(0, bool))) == 0
