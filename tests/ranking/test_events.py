"""One event, one entry: planted bursts, side-by-side objects, drives with too many."""

import numpy as np
import pandas as pd
import pytest
from planted import unit

from rarelib.ranking.events import choose_events, duplicate_distance, group_duplicates, number_frames


def spread_out(n, *, seed=0, dim=64):
    return unit(np.random.default_rng(seed).normal(size=(n, dim)))


def near(row, n, *, seed=1, noise=0.005):
    return unit(row + noise * np.random.default_rng(seed).normal(size=(n, len(row))))


def places_of(image_ids, xyxy, *, groups=None, frames=None, class_names=None):
    n = len(image_ids)
    boxes = pd.DataFrame(np.broadcast_to(xyxy, (n, 4)), columns=["x_min", "y_min", "x_max", "y_max"])
    return boxes.assign(image_id=image_ids, group=groups or "", frame=range(n) if frames is None else frames,
                        class_name=class_names or "car")  # fmt: skip


BOX = (0, 0, 100, 100)


def test_a_burst_stands_behind_its_rarest():
    vectors = spread_out(50)
    vectors[10:20] = near(vectors[10], 10)
    rarity = np.linspace(0.2, 0.8, 50)
    event = group_duplicates(vectors, rarity, similarity=0.95)
    assert event[10:20].tolist() == [19] * 10
    others = np.r_[0:10, 20:50]
    np.testing.assert_array_equal(event[others], others)


def test_small_steps_do_not_chain_what_differs():
    angles = np.linspace(0, np.pi / 2, 60)  # each step is close to the next one, the ends are at right angles
    vectors = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    event = group_duplicates(vectors, -angles, similarity=0.95)
    assert (vectors * vectors[event]).sum(axis=1).min() >= 0.95 - 1e-5
    assert len(np.unique(event)) > 2


def test_what_is_near_depends_on_how_near_objects_usually_are():
    wide, narrow = spread_out(200), unit(spread_out(200) + 0.3)
    assert duplicate_distance(wide, similarity=0.95) == pytest.approx(0.05)
    assert 0.01 < duplicate_distance(narrow, similarity=0.95) < 0.03
    assert duplicate_distance(np.ones((5, 1)), similarity=0.95) == pytest.approx(0.01)


def test_objects_side_by_side_are_never_one_event():
    vectors = near(spread_out(1)[0], 4)
    xyxy = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [41, 0, 50, 10]])
    event = group_duplicates(vectors, np.array([4.0, 3, 2, 1]), similarity=0.95, places=places_of(["a"] * 4, xyxy))
    assert event.tolist() == [0, 1, 2, 2]  # the last two overlap


def test_two_boxes_of_one_thing_are_one_event_even_if_they_look_different():
    places = places_of(["a", "a"], BOX, class_names=["bird", "airplane"])
    assert group_duplicates(spread_out(2), np.array([1.0, 2]), similarity=0.95, places=places).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("changed", "joined"),
    [({}, True), ({"frames": [0, 30]}, False), ({"groups": ["one", "other"]}, False),
     ({"class_names": ["car", "bus"]}, False), ({"xyxy": np.array([BOX, (200, 0, 300, 100)])}, False)],
)  # fmt: skip
def test_a_thing_that_stays_in_its_place_is_one_event(changed, joined):
    vectors = np.concatenate([unit(np.array([[1.0, 0.0], [1.0, 0.28]])), unit(np.array([[0.7, 0.72]]))])  # cosine .963
    vectors = unit(np.concatenate([vectors, 0.9 * np.ones((3, 1))], axis=1))  # all in one corner: .98 is usual here
    assert vectors[0] @ vectors[1] < 1 - duplicate_distance(vectors, similarity=0.95)
    two = places_of(["a", "b"], **{"xyxy": BOX, **changed})
    event = group_duplicates(vectors, np.array([3.0, 2, 1]), similarity=0.95,
                             places=pd.concat([two, places_of(["z"], (500, 500, 600, 600), groups=["z"])]))  # fmt: skip
    assert (event[1] == 0) == joined


def test_many_blocks_give_the_same_events_whatever_the_order():
    vectors = np.repeat(spread_out(400, seed=3), 3, axis=0)
    vectors = unit(vectors + 0.003 * np.random.default_rng(5).normal(size=vectors.shape))
    rarity = np.random.default_rng(4).permutation(1200) / 1200
    event = group_duplicates(vectors, rarity, similarity=0.95)
    assert len(np.unique(event)) == 400
    order = np.random.default_rng(6).permutation(1200)
    np.testing.assert_array_equal(order[group_duplicates(vectors[order], rarity[order], similarity=0.95)], event[order])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_or_equal_objects(n):
    vectors = np.ones((n, 4), np.float32) / 2
    event = group_duplicates(vectors, np.zeros(n), similarity=0.95)
    assert event.tolist() == [0] * n
    assert choose_events(event, np.zeros(n), budget=5).sum() == min(n, 1)


def test_frames_are_numbered_within_their_drive():
    images = pd.DataFrame({"image_id": list("abcd"), "path": ["2", "1", "4", "3"], "group": ["x", "x", "y", "x"]})
    assert number_frames(images)[list("abcd")].tolist() == [1, 0, 0, 2]


def test_frames_are_numbered_camera_by_camera_in_order_of_time():
    images = pd.DataFrame({"image_id": list("abcd"), "path": ["1", "2", "3", "4"], "group": "drive"})
    images = images.assign(camera=["front", "back", "front", "back"], timestamp=[2.0, 5.0, 1.0, np.nan])
    number = number_frames(images)
    assert number["a"] == number["c"] + 1 and number["d"] == number["b"] + 1
    assert abs(number[["a", "c"]].min() - number[["b", "d"]].max()) > 10


def test_a_drive_gives_at_most_so_many():
    event, rarity = np.arange(6), np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    groups = ["x", "x", "x", "y", "", ""]
    chosen = choose_events(event, rarity, budget=5, groups=groups, max_per_group=2)
    assert chosen.tolist() == [True, True, False, True, True, True]
    one_each = choose_events(event, rarity, budget=2, groups=groups, max_per_group=1)
    assert np.flatnonzero(one_each).tolist() == [0, 3]
    heads_only = choose_events(np.array([0, 0, 0, 3, 3, 5]), rarity, budget=2)
    assert np.flatnonzero(heads_only).tolist() == [0, 3]


def test_what_is_followed_is_one_event_however_far_it_moves():
    step = np.array([60, 0, 60, 0])
    xyxy = np.array([np.array([0, 0, 200, 100]) + n * step for n in range(6)])
    beside = xyxy + np.array([0, 300, 0, 300])  # another one that moves along with it
    places = places_of(
        [str(n) for n in range(6)] * 2, np.concatenate([xyxy, beside]), groups="drive", frames=[*range(6)] * 2
    )
    angles = np.linspace(0, 1, 6)  # it turns, so that first and last look different
    vectors = unit(np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1))
    other = unit(vectors[:, [2, 1, 0]])
    event = group_duplicates(np.concatenate([vectors, other]), np.arange(12.0), similarity=0.95, places=places)
    assert event.tolist() == [5] * 6 + [11] * 6
    lost = places.drop(index=[2, 8])  # a gap ends what is followed
    kept = np.concatenate([vectors, other])[lost.index]
    assert len(np.unique(group_duplicates(kept, np.arange(10.0), similarity=0.95, places=lost))) == 4
