"""Names of classes are split into words in any script."""

import pytest

from rarelib.words.plurals import singular
from rarelib.words.splitting import levels_of, split_name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TrafficLight", ["traffic", "light"]),
        ("traffic_lights", ["traffic", "light"]),
        ("pickup-truck", ["pickup", "truck"]),
        ("HTTPServer", ["http", "server"]),
        ("SUVs", ["suv"]),
        ("car2", ["car", "2"]),
        ("Ｃａｒ", ["car"]),  # full width, as Japanese keyboards write it
        ("  ", []),
        ("грузовик_прицеп", ["грузовик", "прицеп"]),
        ("ГрузовикКран", ["грузовик", "кран"]),
        ("véhicule d'urgence", ["véhicule", "d", "urgence"]),
        ("소방차 트럭", ["소방차", "트럭"]),
        ("トラックtruck", ["トラック", "truck"]),
        ("フォーク・リフト", ["フォーク", "リフト"]),
    ],
)
def test_what_parts_words(name, words):
    assert split_name(name) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("赤い車", ["赤い", "車"]),
        ("歯車", ["歯車"]),  # one sign of a compound is no word of its own
        ("車椅子", ["車椅子"]),
        ("車椅子の人", ["車椅子", "の", "人"]),
        ("ロードローラー", ["ロード", "ローラー"]),
        ("ロードローラ", ["ロード", "ローラー"]),
        ("ストローラー", ["ストローラー"]),  # a piece of a longer katakana word is none
        ("ｺﾝｸﾘｰﾄﾐｷｻｰ車", ["コンクリートミキサー", "車"]),
        ("trafficcone", ["traffic", "cone"]),
        ("carpet", ["carpet"]),
    ],
)
def test_names_without_a_space_are_cut_at_known_words(name, words):
    known = {"車", "人", "車椅子", "ロード", "ローラー", "traffic", "cone", "car", "pet"}
    assert split_name(name, known) == words


def test_levels_of_a_path_of_classes():
    assert levels_of("vehicle.bus.bendy") == ["vehicle", "bus", "bendy"]
    assert levels_of("object--vehicle--car") == ["object", "vehicle", "car"]
    assert levels_of("St. Bernard") == ["St. Bernard"]
    assert levels_of("") == []


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("motorcycles", "motorcycle"), ("lorries", "lorry"), ("buses", "bus"), ("bus", "bus"), ("people", "person"),
        ("benches", "bench"), ("boxes", "box"), ("glass", "glass"), ("glasses", "glasses"), ("horses", "horse"),
        ("children", "child"), ("taxis", "taxi"), ("debris", "debris"), ("geese", "goose"), ("tennis", "tennis"),
        ("voiture", "voiture"), ("gas", "gas"), ("cookies", "cookie"), ("sheep", "sheep"), ("axes", "axe"),
    ],
)  # fmt: skip
def test_singulars(plural, one):
    assert singular(plural) == one
    assert singular(one) == one
