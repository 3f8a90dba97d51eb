"""What is followed through a drive: growing, hidden for a while, passing another, and what must not be linked."""

import numpy as np
import pandas as pd
from planted import unit

from rarelib.ranking.tracks import MEMORY_FRAMES, Views, follow_things

WIDTH, HEIGHT, SIDE = 1000, 600, 60.0


def looks(n, *, seed=0, dim=64):
    return unit(np.random.default_rng(seed).normal(size=(n, dim)))


def box(x, y, side=SIDE):
    """A square of this side that stands at a point."""
    return [x - side / 2, y - side, x + side / 2, y]


def tracks_of(rows, vectors, *, mean_distance=1.0):
    """Follow rows of (drive, frame, box), each in the picture of its drive and frame, beside strangers elsewhere."""
    strangers = [(f"z{n}", 0, box(500, 400)) for n in range(40)]
    rows = [*rows, *strangers]
    places = pd.DataFrame([xyxy for *_, xyxy in rows], columns=["x_min", "y_min", "x_max", "y_max"])
    places = places.assign(group=[drive for drive, *_ in rows], frame=[frame for _, frame, _ in rows],
                           class_name="car", width=WIDTH, height=HEIGHT)  # fmt: skip
    places["image_id"] = places["group"] + "/" + places["frame"].astype(str)
    vectors = np.concatenate([vectors, looks(40, seed=99)])
    return follow_things(Views.of(places), vectors, mean_distance=mean_distance)[: len(rows) - 40].tolist()


def test_what_stands_on_the_road_grows_as_it_comes_nearer():
    middle = np.array([WIDTH / 2, 0.45 * HEIGHT])
    far = np.array([560.0, 310.0])
    rows = [("a", frame, box(*(middle + growth * (far - middle)), SIDE * growth))
            for frame, growth in enumerate((1.0, 1.5, 2.2, 3.4))]  # fmt: skip
    assert tracks_of(rows, np.repeat(looks(1), 4, axis=0)) == [0] * 4


def test_what_is_hidden_for_some_pictures_goes_on_at_its_speed():
    rows = [("a", frame, box(100 + 40 * frame, 400)) for frame in (0, 1, 2, 6)]
    assert tracks_of(rows, np.repeat(looks(1), 4, axis=0)) == [0] * 4
    late = [*rows[:3], ("a", 3 + MEMORY_FRAMES, rows[3][2])]
    assert tracks_of(late, np.repeat(looks(1), 4, axis=0)) == [0, 0, 0, 3]


def test_two_that_pass_each_other_keep_their_own():
    ways = ((300, 40, 400), (460, -40, 430))
    rows = [("a", frame, box(start + step * frame, y)) for frame in range(5) for start, step, y in ways]
    assert tracks_of(rows, np.tile(looks(2, seed=4), (5, 1))) == [0, 1] * 5


def test_two_alike_side_by_side_stay_two():
    rows = [("a", frame, box(x + 10 * frame, 400)) for frame in range(4) for x in (300, 380)]
    assert tracks_of(rows, np.repeat(looks(1), 8, axis=0)) == [0, 1] * 4


def test_what_looks_different_or_lies_elsewhere_is_not_linked():
    same, other = looks(2, seed=5)
    assert tracks_of([("a", 0, box(300, 400)), ("a", 1, box(300, 400))], np.stack([same, other])) == [0, 1]
    assert tracks_of([("a", 0, box(300, 400)), ("a", 1, box(700, 400))], np.stack([same, same])) == [0, 1]
    assert tracks_of([("a", 0, box(300, 400)), ("b", 1, box(300, 400))], np.stack([same, same])) == [0, 1]


def test_without_drives_only_boxes_of_one_picture_are_one_thing():
    rows = [("", 0, box(300, 400)), ("", 0, box(304, 400)), ("", 1, box(300, 400))]
    assert tracks_of(rows, np.repeat(looks(1), 3, axis=0)) == [0, 0, 2]


def test_the_order_of_rows_does_not_matter():
    generator = np.random.default_rng(6)
    rows = [("a", frame, box(x + 15 * frame, 400)) for frame in range(6) for x in (100, 300, 500, 700)]
    vectors = unit(np.tile(looks(4, seed=7), (6, 1)) + 0.02 * generator.normal(size=(24, 64)))
    order = generator.permutation(24)
    before = tracks_of(rows, vectors)
    after = np.array(tracks_of([rows[row] for row in order], vectors[order]))
    groups = [{frozenset(np.flatnonzero(np.array(before) == one)) for one in before},
              {frozenset(order[np.flatnonzero(after == one)].tolist()) for one in after}]  # fmt: skip
    assert groups[0] == groups[1] and len(groups[0]) == 4
