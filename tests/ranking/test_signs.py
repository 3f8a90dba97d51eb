"""How signs of rarity are weighed: planted tables, numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from rarelib.ranking.crop_quality import hidden_share
from rarelib.ranking.signs import (
    box_evidence,
    class_rarity,
    fuse_rarity,
    is_ordinary,
    prominence,
    rare_class_points,
    signs_of,
    surprise,
)


def table(**columns):
    plain = {"class_pictures": 100, "named": False, "off_road": 0.0, "mismatch": 0.0, "embedding_rarity": 0.5,
             "quality": 1.0, "origin": "detected", "objectness": 0.9}  # fmt: skip
    n = max(len(values) for values in columns.values())
    return pd.DataFrame({name: columns.get(name, [value] * n) for name, value in plain.items()})


@pytest.mark.parametrize("name", ["car", "traffic light", "vehicle.car", "Stop_Sign", "other object"])
def test_what_roads_are_full_of_is_ordinary(name):
    assert is_ordinary(pd.Series([name]))[0]


@pytest.mark.parametrize("name", ["horse", "caravan", "traffic cone", "carriage", "", "7"])
def test_other_names_are_not(name):
    assert not is_ordinary(pd.Series([name]))[0]


def test_a_name_counts_less_the_more_pictures_show_it():
    objects = pd.DataFrame(
        {"class_name": ["horse"] * 3 + ["cow"] + ["car"] * 4, "image_id": list("aabbabcd"), "origin": "detected"}
    )
    signs = signs_of(objects, objects, [], None)
    np.testing.assert_allclose(signs["off_road"], [2 / 4] * 3 + [3 / 4] + [0] * 4)
    assert signs["class_count"].tolist() == [3, 3, 3, 1, 4, 4, 4, 4]
    assert signs["class_pictures"].tolist() == [2, 2, 2, 1, 4, 4, 4, 4]  # a herd in one picture is still rare


def test_a_proposals_class_does_not_count():
    objects = pd.DataFrame({"class_name": ["car", "cow"], "image_id": ["a", "a"], "origin": ["detected", "proposal"]})
    assert signs_of(objects, objects, [], None)["class_pictures"].tolist() == [1, 0]


def test_a_keyword_counts_for_classes_that_are_few():
    objects = pd.DataFrame(
        {"class_name": ["truck"] + ["bus"] * 9 + ["car"] * 90, "image_id": "a", "origin": "detected"}
    )
    assert signs_of(objects, objects, ["truck", "bus"], None)["named"].sum() == 1


def test_surprise_grows_fastest_at_the_top():
    assert surprise(np.array([])).tolist() == []
    percentile = (np.arange(100) + 0.5) / 100
    found = surprise(percentile)
    assert found[-1] == pytest.approx(1)
    assert found[49] < 0.15 and (np.diff(found, 2) > 0).all()


def test_things_near_the_road_and_large_are_prominent():
    boxes = pd.DataFrame({"x_min": [0, 0, 0], "y_min": [0, 900, 0], "x_max": [10, 100, 10], "y_max": [10, 1000, 10],
                          "width": [1000, 1000, 0], "height": [1000, 1000, 0]})  # fmt: skip
    size, bottom = prominence(boxes)
    np.testing.assert_allclose(size, [0, 0.8, 1])  # the last picture's size is not known
    np.testing.assert_allclose(bottom, [0, 1, 1])


def test_class_rarity_by_hand():
    np.testing.assert_allclose(class_rarity(np.array([1, 10, 100])), [1, 0.5, 0])
    assert class_rarity(np.array([5, 5])).tolist() == [0, 0]
    assert class_rarity(np.array([1])).tolist() == [0]


def test_points_of_the_plain_recipe_by_hand():
    points = rare_class_points(np.array([4, 5, 19, 20]), np.array([True, False, True, False]))
    assert points.tolist() == [15, 5, 10, 0]


@pytest.mark.parametrize(
    "sign",
    [{"class_pictures": [100, 2]}, {"named": [False, True]}, {"off_road": [0.0, 0.9]}, {"mismatch": [0.0, 0.1]},
     {"embedding_rarity": [0.2, 0.9]}, {"quality": [0.2, 1.0]}, {"objectness": [0.02, 0.4]}],
)  # fmt: skip
def test_each_sign_raises_the_rarity(sign):
    common, rare = fuse_rarity(table(**sign))
    assert 0 <= common < rare <= 1


def test_a_piece_of_road_stays_below_a_thing_that_was_almost_missed():
    seen = table(
        origin=["proposal", "proposal", "detected"],
        objectness=[0.03, 0.2, 0.9],
        off_road=[0.0, 0.9, 0.0],
        class_pictures=[100, 0, 100],
        embedding_rarity=[0.99, 0.9, 0.3],
        quality=[0.4, 1.0, 1.0],
    )
    road, thing, car = fuse_rarity(seen)
    assert thing > 2 * max(road, car)


def test_boxes_without_objectness_are_taken_as_sure():
    assert box_evidence(pd.DataFrame({"x_min": [1.0]})).tolist() == [1.0]
    assert box_evidence(pd.DataFrame({"objectness": [0.25, np.nan]})).tolist() == [0.5, 1.0]


def test_another_phrase_counts_only_where_it_fits_better():
    objects = pd.DataFrame(
        {"object_id": ["a", "b", "c"], "image_id": "i", "origin": "detected", "class_name": ["car", "car", "bus"]}
    )
    zero_shot = pd.DataFrame({"object_id": ["b", "a"], "phrase": ["bus", "car"], "similarity": [0.30, 0.3],
                              "class_similarity": [0.20, 0.3]})  # fmt: skip
    signs = signs_of(objects, objects, [], zero_shot)
    assert signs["phrase"].tolist() == ["", "bus", ""]
    np.testing.assert_allclose(signs["mismatch"], [0, 0.1, 0])


def test_a_phrase_begins_to_count_gently():
    gaps = [0.0, 0.02, 0.0201, 0.035, 0.05, 0.2]
    rarity = fuse_rarity(table(mismatch=gaps, embedding_rarity=[0.0] * len(gaps)))
    base = rarity[0]
    expected = 1 - (1 - base) * (1 - 0.3 * np.array([0, 0, 1 / 300, 0.5, 1, 1]))
    np.testing.assert_allclose(rarity, expected, atol=1e-9)


def test_one_in_front_hides_more_the_further_down_it_reaches():
    boxes = pd.DataFrame([[0, 0, 40, 100]] * 3, columns=["x_min", "y_min", "x_max", "y_max"]).astype(float)
    boxes["image_id"] = ["a", "b", "c"]
    in_front = boxes.assign(x_max=200.0, y_max=[100.001, 102.5, 130.0], origin="detected")
    hidden = hidden_share(boxes, in_front)
    np.testing.assert_allclose(hidden, [0.0002, 0.5, 1.0], atol=1e-6)
