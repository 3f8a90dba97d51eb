"""Keywords match whole words; the recipe's words keep finding the names that data sets use."""

import pandas as pd
import pytest

from rarelib.params import RARE_KEYWORDS
from rarelib.words.keywords import has_keyword


def matched(name, *keywords):
    return bool(has_keyword(pd.Series([name]), keywords)[0])


@pytest.mark.parametrize(
    "name",
    ["construction_vehicle", "vehicle.construction", "human.pedestrian.construction_worker", "motorcycles",
     "pickup-truck", "PickupTruck", "vehicle.trailer", "cement mixer", "Road_Rollers", "roadroller", "firetruck",
     "BICYCLES", "truck2", "static_object.bicycle_rack", "semi-trailers"],
)  # fmt: skip
def test_the_recipes_keywords_find_what_they_name(name):
    assert matched(name, *RARE_KEYWORDS)


@pytest.mark.parametrize("name", ["stroller", "Strollers", "human.pedestrian.stroller", "trolley", "car", "", "7"])
def test_a_piece_of_a_word_is_no_match(name):
    assert not matched(name, *RARE_KEYWORDS)


@pytest.mark.parametrize(
    ("name", "keyword", "found"),
    [
        ("工事車両", "工事", True),
        ("消防車両", "車両", True),
        ("赤い車", "車", True),
        ("歯車", "車", False),
        ("自転車", "車", False),
        ("ロードローラー", "ローラー", True),
        ("ロードローラ", "ローラー", True),
        ("ストローラー", "ローラー", False),
        ("грузовик-кран", "кран", True),
        ("экран", "кран", False),
        ("fire trucks", "fire truck", True),
        ("firetruck", "fire truck", True),
        ("truck on fire", "fire truck", False),
        ("traffic cone", "cones", True),
        ("horse", "", False),
        ("class7", "7", True),
    ],
)
def test_keywords_of_any_script(name, keyword, found):
    assert matched(name, keyword) == found


def test_the_order_of_the_names_and_their_index_do_not_matter():
    names = pd.Series(["car", "truck", "car"], index=[5, 5, 1])
    assert has_keyword(names, ["truck"]).tolist() == [False, True, False]
    assert has_keyword(names, []).tolist() == [False] * 3
