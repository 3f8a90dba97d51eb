"""How signs of rarity are weighed: planted tables, numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from rarelib.fusion import box_evidence, class_rarity, fuse_rarity, is_ordinary, rare_class_points, signs_of


def table(**columns):
    plain = {"class_count": 100, "named": False, "off_road": 0.0, "mismatch": 0.0, "embedding_rarity": 0.5,
             "quality": 1.0, "lane": "detected", "objectness": 0.9}  # fmt: skip
    n = max(len(values) for values in columns.values())
    return pd.DataFrame({name: columns.get(name, [value] * n) for name, value in plain.items()})


@pytest.mark.parametrize("name", ["car", "traffic light", "vehicle.car", "Stop_Sign", "other object"])
def test_what_roads_are_full_of_is_ordinary(name):
    assert is_ordinary(pd.Series([name]))[0]


@pytest.mark.parametrize("name", ["horse", "caravan", "traffic cone", "carriage", "", "7"])
def test_other_names_are_not(name):
    assert not is_ordinary(pd.Series([name]))[0]


def test_a_name_counts_less_the_more_of_its_class_there_are():
    objects = pd.DataFrame({"class_name": ["horse"] * 3 + ["cow"] + ["car"] * 4})
    signs = signs_of(objects, objects, [], None)
    np.testing.assert_allclose(signs["off_road"], [5 / 8] * 3 + [7 / 8] + [0] * 4)
    assert signs["class_count"].tolist() == [3, 3, 3, 1, 4, 4, 4, 4]


def test_class_rarity_by_hand():
    np.testing.assert_allclose(class_rarity(np.array([1, 10, 100])), [1, 0.5, 0])
    assert class_rarity(np.array([5, 5])).tolist() == [0, 0]
    assert class_rarity(np.array([1])).tolist() == [0]


def test_points_of_the_plain_recipe_by_hand():
    points = rare_class_points(np.array([4, 5, 19, 20]), np.array([True, False, True, False]))
    assert points.tolist() == [15, 5, 10, 0]


@pytest.mark.parametrize(
    "sign",
    [{"class_count": [100, 2]}, {"named": [False, True]}, {"off_road": [0.0, 0.9]}, {"mismatch": [0.0, 0.1]},
     {"embedding_rarity": [0.2, 0.9]}, {"quality": [0.2, 1.0]}, {"objectness": [0.02, 0.4]}],
)  # fmt: skip
def test_each_sign_raises_the_rarity(sign):
    common, rare = fuse_rarity(table(**sign))
    assert 0 <= common < rare <= 1


def test_a_piece_of_road_stays_below_a_thing_that_was_almost_missed():
    seen = table(
        lane=["proposal", "proposal", "detected"],
        objectness=[0.03, 0.2, 0.9],
        off_road=[0.0, 0.9, 0.0],
        class_count=[100, 1, 100],
        embedding_rarity=[0.99, 0.9, 0.3],
        quality=[0.4, 1.0, 1.0],
    )
    road, thing, car = fuse_rarity(seen)
    assert thing > 2 * max(road, car)


def test_boxes_without_objectness_are_taken_as_sure():
    assert box_evidence(pd.DataFrame({"x_min": [1.0]})).tolist() == [1.0]
    assert box_evidence(pd.DataFrame({"objectness": [0.25, np.nan]})).tolist() == [0.5, 1.0]


def test_another_phrase_counts_only_where_it_fits_better():
    objects = pd.DataFrame({"object_id": ["a", "b", "c"], "class_name": ["car", "car", "bus"]})
    zero_shot = pd.DataFrame({"object_id": ["b", "a"], "phrase": ["bus", "car"], "similarity": [0.30, 0.3],
                              "class_similarity": [0.20, 0.3]})  # fmt: skip
    signs = signs_of(objects, objects, [], zero_shot)
    assert signs["phrase"].tolist() == ["", "bus", ""]
    np.testing.assert_allclose(signs["mismatch"], [0, 0.1, 0])
