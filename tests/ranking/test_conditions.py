"""Night in one drive of eight: neither rare for being dark nor held back for it."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from planted import unit
from scipy.stats import binom

from rarelib.ranking.conditions import condition_labels, fair_percentiles
from rarelib.ranking.crop_quality import crop_quality
from rarelib.ranking.looks import embedding_rarity
from rarelib.ranking.percentiles import percentiles

DRIVES, OBJECTS, KINDS, DIM, TOP = 8, 200, 5, 64, 60


def drives(seed, *, spread=1.0):
    """Vectors of eight drives, the last at night: shifted, and spread differently; strangers last in each drive."""
    generator = np.random.default_rng(seed)
    kinds = generator.normal(size=(KINDS, DIM))
    kind = generator.integers(0, KINDS, DRIVES * OBJECTS)
    drive = np.repeat(np.arange(DRIVES), OBJECTS)
    night = drive == DRIVES - 1
    noise = 0.4 * generator.normal(size=(len(kind), DIM)) * np.where(night, spread, 1.0)[:, None]
    vectors = kinds[kind] + noise + night[:, None] * 1.5 * generator.normal(size=DIM)
    strange = np.arange(len(kind)) % OBJECTS >= OBJECTS - 3
    vectors[strange] += 2.0 * generator.normal(size=(strange.sum(), DIM))
    return unit(vectors), kind.astype(str), drive.astype(str), night, strange


@pytest.mark.parametrize("spread", [0.7, 1.0, 1.4])
def test_night_has_its_share_of_the_first(spread):
    share, found, without = [], [], []
    for seed in range(4):
        vectors, kind, drive, night, strange = drives(seed, spread=spread)
        told = {"class_names": kind, "scenes": drive}
        rarity = embedding_rarity(vectors, conditions=np.where(night, "night", "day"), **told)
        first = np.argsort(-rarity)[:TOP]
        share.append(night[first].sum())
        found.append(strange[first].sum())
        without.append(night[np.argsort(-embedding_rarity(vectors, **told))[:TOP]].sum())
    low, high = binom.interval(0.95, TOP * len(share), 1 / DRIVES)
    assert low <= sum(share) <= high
    assert sum(found) >= 0.9 * 3 * DRIVES * len(share)
    if spread == 1.0:
        assert sum(without) > 2 * high  # what it is for


def test_one_condition_changes_nothing_and_few_rows_little():
    vectors, kind, drive, _, _ = drives(0)
    alone = embedding_rarity(vectors, class_names=kind, scenes=drive)
    same = embedding_rarity(vectors, class_names=kind, scenes=drive, conditions=[""] * len(kind))
    np.testing.assert_allclose(same, alone, atol=1e-6)
    one = ["fog", *["clear"] * (len(kind) - 1)]
    few = embedding_rarity(vectors, class_names=kind, scenes=drive, conditions=one)
    assert np.abs(few - alone).max() < 0.05


def test_fair_percentiles_by_hand():
    scores, condition = np.r_[np.arange(100.0), 1000 + np.arange(100.0)], np.repeat([0, 1], 100)
    among = np.ones(200, bool)
    found = fair_percentiles(scores, among=among, condition=condition)
    own, overall = percentiles(scores[100:]), percentiles(scores)[100:]
    np.testing.assert_allclose(1 - found[100:], (1 - own) ** (2 / 3) * (1 - overall) ** (1 / 3))
    np.testing.assert_array_equal(fair_percentiles(scores, among=among, condition=None), percentiles(scores))
    assert (np.diff(found[:100]) > 0).all() and (np.diff(found[100:]) > 0).all()


def test_what_the_data_set_tells_makes_the_condition():
    objects = pd.DataFrame({"image_id": ["a", "a", "b", "c"], "brightness": [0.1, 0.1, 0.5, 0.5]})
    images = pd.DataFrame({"image_id": list("abc"), "camera": ["front", "front", "back"], "weather": ["rain", "", ""],
                           "time_of_day": ["night", "day", "day"], "location": "here"})  # fmt: skip
    assert condition_labels(objects, images).tolist() == [
        "front, night, rain", "front, night, rain", "front, day", "back, day"]  # fmt: skip
    assert condition_labels(objects.drop(columns="brightness"), images[["image_id"]]).tolist() == [""] * 4


def test_dark_pictures_are_told_by_measure_where_they_are_clearly_apart():
    generator = np.random.default_rng(0)
    images = pd.DataFrame({"image_id": [f"{n}" for n in range(80)], "time_of_day": ""})
    dark = np.arange(80) < 10
    level = np.where(dark, 0.12, 0.42) * generator.uniform(0.8, 1.25, 80)
    objects = pd.DataFrame({"image_id": np.repeat(images["image_id"], 5), "brightness": np.repeat(level, 5)})
    assert (condition_labels(objects, images) == np.where(np.repeat(dark, 5), "dark", "bright")).all()
    objects["brightness"] = np.repeat(np.where(dark, 0.35, 0.42), 5)
    assert set(condition_labels(objects, images)) == {""}
    assert condition_labels(objects.head(5), images).tolist() == [""] * 5
    assert condition_labels(objects.assign(brightness=np.nan), images).tolist() == [""] * 400


def test_a_crop_is_judged_by_what_is_usual_in_its_condition():
    dark = np.arange(2000) % 8 == 0
    boxes = {"x_min": 0.0, "y_min": 0.0, "x_max": 80.0, "y_max": 80.0}
    objects = pd.DataFrame({**boxes, "brightness": np.where(dark, 0.06, 0.4), "contrast": np.where(dark, 0.03, 0.2),
                            "sharpness": np.where(dark, 60.0, 900.0)})  # fmt: skip
    objects.loc[16, ["brightness", "contrast", "sharpness"]] = [0.005, 0.001, 1.0]  # too dark at night as well
    assert crop_quality(objects)[dark].max() < 0.2
    fair = crop_quality(objects.assign(condition=np.where(dark, "dark", "bright")))
    assert np.delete(fair, 16).min() > 0.9 and fair[16] < 0.1


def test_conditions_are_told_by_picture_not_by_object():
    n_pictures, each = 500, 40
    images = pd.DataFrame({"image_id": [f"{number:012x}" for number in range(n_pictures)]})
    images = images.assign(camera=np.where(np.arange(n_pictures) % 2, "CAM_BACK_LEFT", "CAM_FRONT"), weather="rain")
    images["time_of_day"] = np.where(np.arange(n_pictures) % 3, "day", "night")
    objects = pd.DataFrame({"image_id": np.repeat(images["image_id"].to_numpy(), each)})
    tracemalloc.start()
    told = condition_labels(objects, images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * len(objects)  # bytes; a text of its own for each object takes 150
    assert told[:: 6 * each][0] == "CAM_FRONT, night" and told[each] == "CAM_BACK_LEFT, day"
