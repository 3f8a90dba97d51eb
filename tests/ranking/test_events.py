"""One event, one entry: planted bursts, side-by-side objects, drives with too many."""

import numpy as np
import pandas as pd
import pytest
from planted import unit

from rarelib.ranking import copies, events
from rarelib.ranking.events import duplicate_distance, group_duplicates, join_overlapping, number_frames


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


OVERLAPPING = np.array([[0, 0, 100, 100], [40, 0, 140, 100], [80, 0, 180, 100]])  # the first and the last hardly


@pytest.mark.parametrize(
    ("origins", "events"),
    [
        (["proposal"] * 3, [1, 1, 1]),
        (["detected"] * 3, [0, 1, 2]),  # a car before a car
        (["detected", "proposal", "detected"], [0, 1, 2]),  # no detection stands behind a guess
        (["proposal", "detected", "label"], [1, 1, 2]),
        (["label", "detected", "yoloe"], [0, 1, 1]),
    ],
)
def test_a_proposal_and_what_it_overlaps_are_one_event_where_they_look_alike(origins, events):
    places = places_of([*"aaa", *"bbb"], np.tile(OVERLAPPING, (2, 1))).assign(origin=origins * 2)
    vectors = np.concatenate([near(spread_out(1)[0], 3, noise=0.1), spread_out(3, seed=5)])
    event = join_overlapping(np.arange(6), np.array([1.0, 3, 2, 1, 3, 2]), vectors, places)
    assert event.tolist() == [*events, 3, 4, 5]  # those of the second picture look different


def test_events_of_overlapping_proposals_are_joined_whole_and_by_no_chain(monkeypatch):
    monkeypatch.setattr(events, "COMPARED_ROWS", 1)
    xyxy = [*OVERLAPPING, [500, 0, 600, 100]]
    places = places_of([*"aaab"], xyxy).assign(origin="proposal")
    vectors = np.concatenate([near(spread_out(1)[0], 3, noise=0.1), spread_out(1, seed=5)])
    places = pd.concat([places, places_of([f"z{n}" for n in range(20)], BOX).assign(origin="detected")])
    vectors = np.concatenate([vectors, spread_out(20, seed=6)])
    before = np.arange(24)
    before[3] = 1  # another view of the second
    event = join_overlapping(before, np.array([3.0, 2, 1, 1, *[0] * 20]), vectors, places)
    assert event[:4].tolist() == [0, 0, 2, 0]  # the third overlaps the second alone, for which the first speaks


def test_a_walker_is_no_part_of_a_guess_that_holds_a_whole_street():
    """Two of them would stand behind it, one of them unseen, though they only share it."""
    street = np.array([[0, 0, 400, 300], [20, 200, 50, 280], [300, 200, 330, 280], [100, 100, 250, 250]])
    places = places_of([*"aaaa"], street).assign(origin="proposal")
    vectors = near(spread_out(1)[0], 4, noise=0.1)
    vectors = np.concatenate([vectors, spread_out(20, seed=6)])
    places = pd.concat([places, places_of([f"z{n}" for n in range(20)], BOX).assign(origin="detected")])
    event = join_overlapping(np.arange(24), np.r_[4.0, 3, 2, 1, np.zeros(20)], vectors, places)
    assert event[:4].tolist() == [0, 1, 2, 0]


PART = np.array([[0, 0, 100, 100], [0, 50, 40, 100], [60, 50, 110, 100]])  # the second lies within the first


def test_a_detection_within_another_that_it_looks_like_is_one_event_with_it():
    vectors = np.concatenate([near(spread_out(1)[0], 3, noise=0.1), spread_out(30, seed=5)])
    boxes = [*PART, *np.broadcast_to((500, 0, 600, 100), (30, 4))]
    places = places_of([*"aaa", *(f"z{n}" for n in range(30))], boxes).assign(origin="detected")
    event = join_overlapping(np.arange(33), np.r_[3.0, 2, 1, np.zeros(30)], vectors, places)
    assert event.tolist() == [0, 0, *range(2, 33)]  # the third only overlaps it, as a thing before it would
    guess = places.assign(origin=["proposal", *places["origin"][1:]])  # no detection stands behind a guess
    assert join_overlapping(np.arange(33), np.r_[3.0, 2, 1, np.zeros(30)], vectors, guess)[1] == 1
    differing = np.concatenate([vectors[:1], vectors[4:5], vectors[2:]])
    assert join_overlapping(np.arange(33), np.r_[3.0, 2, 1, np.zeros(30)], differing, places)[1] == 1


@pytest.mark.parametrize(("agreeing", "joined"), [(0, False), (1, False), (2, True), (3, True)])
def test_events_whose_later_views_overlap_are_one_where_most_of_them_agree(agreeing, joined):
    others = spread_out(30, seed=5)
    alike = near(spread_out(1)[0], 8, noise=0.1)
    vectors = np.concatenate([alike, others])
    vectors[5 + agreeing : 8] = others[: 3 - agreeing]  # where they overlap, and do not look alike
    xyxy = [(900, 0, 950, 50), *[(0, 0, 100, 100)] * 3, (900, 0, 950, 50), *[(40, 0, 140, 100)] * 3]
    places = places_of([*"abcdebcd"], xyxy)
    places = pd.concat([places, places_of([f"z{n}" for n in range(30)], BOX)]).assign(origin="proposal")
    event = np.r_[[0] * 4, [4] * 4, 8:38]  # no head overlaps a view of the other
    found = join_overlapping(event, np.r_[9.0, [0] * 3, 8, [0] * 33], vectors, places)
    assert found[:8].tolist() == [0] * 4 + [0 if joined else 4] * 4


def test_things_that_are_mostly_seen_side_by_side_are_two_events_though_once_they_overlap():
    vectors = np.concatenate([near(spread_out(1)[0], 6, noise=0.1), spread_out(30, seed=5)])
    for overlapping in (1, 2):
        boxes = [(0, 0, 100, 100)] * 3 + [(40, 0, 140, 100)] * overlapping + [(200, 0, 300, 100)] * (3 - overlapping)
        places = places_of([*"abcabc"], boxes)
        places = pd.concat([places, places_of([f"z{n}" for n in range(30)], BOX)]).assign(origin="proposal")
        event = np.r_[[0] * 3, [3] * 3, 6:36]
        found = join_overlapping(event, np.r_[9.0, [0] * 2, 8, [0] * 32], vectors, places)
        assert found[:6].tolist() == [0] * 3 + [0 if overlapping == 2 else 3] * 3


def test_two_boxes_of_one_thing_are_one_event_even_if_they_look_different():
    places = places_of(["a", "a"], BOX, class_names=["bird", "airplane"])
    assert group_duplicates(spread_out(2), np.array([1.0, 2]), similarity=0.95, places=places).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("changed", "joined"),
    [({}, True), ({"class_names": ["car", "bus"]}, True), ({"frames": [0, 30]}, False),
     ({"groups": ["one", "other"]}, False), ({"xyxy": np.array([BOX, (400, 0, 500, 100)])}, False)],
)  # fmt: skip
def test_a_thing_that_stays_in_its_place_is_one_event(changed, joined):
    others = spread_out(20, seed=2)
    vectors = np.concatenate([near(others[0], 2, noise=0.045), others[1:]])
    assert 0.05 < 1 - vectors[0] @ vectors[1] < 0.2  # too different for a near-duplicate
    two = places_of(["a", "b"], **{"xyxy": BOX, "groups": "drive", **changed})
    elsewhere = places_of([f"z{n}" for n in range(19)], (500, 500, 600, 600), groups=[f"z{n}" for n in range(19)])
    event = group_duplicates(vectors, -np.arange(21.0), similarity=0.95, places=pd.concat([two, elsewhere]))
    assert (event[1] == 0) == joined
    np.testing.assert_array_equal(event[2:], np.arange(2, 21))


def test_near_duplicates_of_two_drives_are_two_things_and_copies_one():
    vectors = np.concatenate([near(spread_out(1)[0], 2, noise=0.02), spread_out(30, seed=3)])
    assert 0.005 < 1 - vectors[0] @ vectors[1] < 0.05
    places = places_of([f"{n}" for n in range(32)], BOX, groups=[f"drive {n}" for n in range(32)])
    assert group_duplicates(vectors, np.arange(32.0), similarity=0.95, places=places)[0] == 0
    assert group_duplicates(vectors, np.arange(32.0), similarity=0.95, places=places.assign(group=""))[0] == 1
    vectors[1] = vectors[0]
    assert group_duplicates(vectors, np.arange(32.0), similarity=0.95, places=places)[0] == 1


def test_two_things_side_by_side_in_two_pictures_are_two_events():
    vectors = near(spread_out(1)[0], 4)
    xyxy = np.array([[0, 0, 10, 10], [20, 0, 30, 10]] * 2)
    places = places_of(["a", "a", "b", "b"], xyxy)  # of no drive, so that looks alone join them
    event = group_duplicates(vectors, np.array([4.0, 3, 2, 1]), similarity=0.95, places=places)
    assert sorted(event.tolist()) == [0, 0, 1, 1] and event[2] != event[3]


def test_two_things_that_stand_side_by_side_all_the_time_are_two_events_whenever_their_rarest_views_are():
    vectors = near(spread_out(60)[0], 60)
    vectors = np.concatenate([vectors, spread_out(200, seed=3)])
    xyxy = np.concatenate([np.tile([[0, 0, 100, 100], [300, 0, 400, 100]], (30, 1)), np.tile(BOX, (200, 1))])
    frame = np.concatenate([np.repeat(np.arange(30), 2), 100 + np.arange(200)])
    places = places_of([str(number) for number in frame], xyxy, groups=["drive"] * 260, frames=frame)
    rarity = np.zeros(260)
    rarity[[0, 41]] = 1.0, 0.9  # the first of one, and of the other when the memory of it is over
    event = group_duplicates(vectors, rarity, similarity=0.95, places=places)
    assert event[:60].tolist() == [0, 41] * 30


def test_copies_are_found_however_many_objects_there_are():
    vectors = spread_out(60_000, dim=16)
    copies = np.arange(50_000, 60_000)
    vectors[copies] = vectors[copies - 10_000]
    event = group_duplicates(vectors, np.zeros(60_000), similarity=0.999)
    np.testing.assert_array_equal(event[copies], event[copies - 10_000])


def test_near_duplicates_are_found_in_lists_as_among_all(monkeypatch):
    vectors = np.repeat(spread_out(3_000, seed=3, dim=32), 3, axis=0)
    vectors = unit(vectors + 0.003 * np.random.default_rng(5).normal(size=vectors.shape))
    rarity = np.random.default_rng(4).permutation(9_000) / 9_000
    assert len(vectors) > copies.EXACT_ROWS
    found = len(np.unique(group_duplicates(vectors, rarity, similarity=0.95)))
    assert 3_000 <= found <= 3_090  # one in a hundred stands at the border of two lists


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


def test_frames_are_numbered_within_their_drive():
    images = pd.DataFrame({"image_id": list("abcd"), "path": ["2", "1", "4", "3"], "group": ["x", "x", "y", "x"]})
    assert number_frames(images)[list("abcd")].tolist() == [1, 0, 0, 2]


def test_frames_are_numbered_camera_by_camera_in_order_of_time():
    images = pd.DataFrame({"image_id": list("abcd"), "path": ["1", "2", "3", "4"], "group": "drive"})
    images = images.assign(camera=["front", "back", "front", "back"], timestamp=[2.0, 5.0, 1.0, np.nan])
    number = number_frames(images)
    assert number["a"] == number["c"] + 1 and number["d"] == number["b"] + 1
    assert abs(number[["a", "c"]].min() - number[["b", "d"]].max()) > 10


def test_what_is_followed_is_one_event_however_far_it_moves():
    step = np.array([60, 0, 60, 0])
    xyxy = np.array([np.array([0, 0, 200, 100]) + n * step for n in range(6)])
    beside = xyxy + np.array([0, 300, 0, 300])  # another one that moves along with it
    places = places_of(
        [str(n) for n in range(6)] * 2, np.concatenate([xyxy, beside]), groups="drive", frames=[*range(6)] * 2
    )
    vectors = np.concatenate([turning(6, 0), turning(6, 1)])
    elsewhere = places_of([f"z{n}" for n in range(30)], BOX, groups=[f"z{n}" for n in range(30)])
    vectors, rarity = np.concatenate([vectors, spread_out(30, seed=9)]), np.r_[np.arange(12.0), np.full(30, -1)]
    table = pd.concat([places, elsewhere], ignore_index=True)
    event = group_duplicates(vectors, rarity, similarity=0.95, places=table)
    assert event[:12].tolist() == [5] * 6 + [11] * 6
    seen = np.delete(np.arange(42), [2, 3, 8, 9])  # hidden for two pictures
    event = group_duplicates(vectors[seen], rarity[seen], similarity=0.95, places=table.iloc[seen])
    assert event[:8].tolist() == [3] * 4 + [7] * 4


def turning(n, seed, *, dim=64):
    """Unit rows that turn from one direction to another: the first and the last look different."""
    one, other = np.linalg.qr(np.random.default_rng(100 + seed).normal(size=(dim, 2)))[0].T
    angles = np.linspace(0, 1.2, n)[:, None]
    return (np.cos(angles) * one + np.sin(angles) * other).astype(np.float32)


def test_of_a_long_list_the_rarest_events_are_compared_with_and_a_crowd_of_copies_is_one(monkeypatch):
    things = unit(np.random.default_rng(0).normal(size=(30, 64)))
    number = np.concatenate([np.zeros(1_500, int), np.arange(30).repeat(20)])  # far more of the first
    vectors = unit(things[number] + 0.002 * np.random.default_rng(1).normal(size=(len(number), 64)))
    monkeypatch.setattr(copies, "EXACT_ROWS", 400)
    monkeypatch.setattr(copies, "LIST_ROWS", len(number))
    event = group_duplicates(vectors, np.random.default_rng(2).random(len(number)), similarity=0.95)
    assert (number[event] == number).all()
    assert len(np.unique(event)) == 30
    monkeypatch.setattr(copies, "EXACT_ROWS", 10)
    monkeypatch.setattr(copies, "BLOCK_ROWS", 10)
    rarity = np.where(number < 5, 1.0, 0.0)
    event = group_duplicates(vectors, rarity, similarity=0.95)
    assert (number[event] == number).all() and len(np.unique(event[number < 5])) == 5
