"""The self-audit: planted kinds that are easy to tell must be shown early, and without kinds it says so."""

import json
from dataclasses import replace

import numpy as np
import pytest
from planted import boxes_of, cluster, images_of

from rarelib.ranking.early_filter import filter_objects
from rarelib.ranking.scoring import score_objects
from rarelib.settings import FilterSettings, ScoreSettings
from rarelib.trust import audit
from rarelib.trust.audit import (
    audit_ranking,
    choose_kinds,
    kinds_interval,
    look_alike_classes,
    passes_filter,
)

SETTINGS = ScoreSettings(outlier_methods=("knn",), selection_share=0.1, selection_min=1)


@pytest.fixture(scope="module")
def run():
    """Many cars of three looks, and three kinds of middling frequency that look different."""
    names = ["car"] * 210 + ["dog"] * 10 + ["bench"] * 12 + ["cone"] * 14
    sizes = [(70, 1), (70, 2), (70, 3), (10, 4), (12, 5), (14, 6)]
    vectors = np.concatenate([cluster(size, seed) for size, seed in sizes])
    objects = boxes_of(np.array(names).tolist())
    scores, _ = score_objects(objects, images_of(objects), vectors, objects["object_id"].tolist(), settings=SETTINGS)
    return objects, images_of(objects), vectors, objects["object_id"].tolist(), scores


def test_kinds_that_look_different_are_shown_early(run):
    found = audit_ranking(*run, settings=SETTINGS)
    assert found["available"]
    assert {kind["class_name"] for kind in found["kinds"]} == {"bench", "cone", "dog"}
    assert found["probability"] > 0.8 > found["random"]
    assert found["low"] <= found["probability"] <= found["high"]
    assert f"{found['probability']:.0%}" in found["sentence"]
    assert (np.diff(found["found"]) >= 0).all() and found["budgets"][-1] == 0.5
    json.dumps(found, allow_nan=False)


def test_kinds_that_cannot_be_told_are_shown_as_late_as_at_random(run):
    objects, images, _, ids, scores = run
    alike = cluster(len(objects), 7)
    found = audit_ranking(objects, images, alike, ids, scores, settings=SETTINGS)
    assert abs(found["probability"] - found["random"]) < 0.5
    assert found["probability"] < audit_ranking(*run, settings=SETTINGS)["probability"]


def test_the_same_seed_gives_the_same_audit(run):
    assert audit_ranking(*run, settings=replace(SETTINGS, seed=3)) == audit_ranking(
        *run, settings=replace(SETTINGS, seed=3)
    )


def test_the_control_by_hand(run):
    found = audit_ranking(*run, settings=SETTINGS)
    share = run[-1]["selected"].mean()
    assert found["random"] == pytest.approx(1 - (1 - share) ** 3)  # three examples, each drawn with the budget's share


def test_without_kinds_it_says_so(run):
    objects, images, vectors, ids, scores = run
    one_class = objects.assign(class_name="car")
    found = audit_ranking(one_class, images, vectors, ids, scores, settings=SETTINGS)
    assert not found["available"]
    assert "at least 2 classes with 8 or more detected objects" in found["sentence"]
    assert "left out" in audit_ranking(*run, settings=replace(SETTINGS, audit=False))["sentence"]


def test_kinds_are_neither_the_most_frequent_nor_too_few(run):
    assert sorted(choose_kinds(run[0]["class_name"])) == ["bench", "cone", "dog"]


def test_hidden_objects_take_the_name_of_what_looks_most_like_them():
    vectors = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    vectors[3] = [0.8, 0.6, 0]
    names = np.array(["car", "bus", "bus", "dog"])
    assert look_alike_classes(vectors, names, np.array([False, False, False, True])).tolist() == ["car"]


def test_classes_of_proposals_alone_are_no_kinds(run):
    objects, *rest = run
    proposed = objects.assign(origin=np.where(objects["class_name"] == "dog", "proposal", "detected"))
    found = audit_ranking(proposed, *rest, settings=SETTINGS)
    assert {kind["class_name"] for kind in found["kinds"]} == {"bench", "cone"}
    assert "too few kinds to tell" in found["sentence"] and "if the detector boxes it" in found["sentence"]


def test_an_interval_over_few_kinds_has_a_width():
    low, high = kinds_interval(np.array([1.0, 0.0]), 4)
    drawn = np.random.default_rng(0).beta(4.5, 0.5, 200_000)  # four of four, over Jeffreys' prior
    assert low[0] == pytest.approx(np.quantile(drawn, 0.05), abs=0.01) and high[0] == 1.0
    assert low[1] == 0.0 and high[1] == pytest.approx(1 - low[0])


def test_the_early_filter_thins_hidden_objects_as_it_thins_what_they_are_taken_for(run):
    def audited(**filters):
        return audit_ranking(*run, filters=FilterSettings(**filters), settings=SETTINGS)

    off, thinned = audited(early_filter=False), audited(common_per_class=2, rare_class_share=0.0)
    assert off["kept"] == 1.0 and "kept 100% of their objects" in off["sentence"]
    assert thinned["kept"] < 0.4  # each class is thinned to two
    assert thinned["probability"] < 0.5 * off["probability"]
    assert thinned["random"] < off["random"]
    nothing = audited(common_per_class=1, rare_class_share=0.0, seed=5)
    assert max(kind["first_rank"] for kind in nothing["kinds"]) > 200  # a kind of which nothing was kept is not shown


def test_the_filter_sees_the_new_name_and_no_other_object_of_the_kind(run):
    objects, images, *_ = run
    hidden = objects[objects["class_name"] == "dog"].head(3).assign(class_name=["cone", "dog", "bench"])
    rare = FilterSettings(common_per_class=0, rare_class_share=0.05)  # of 239 boxes: 15 cones, 13 benches, one dog
    assert passes_filter(objects, "dog", hidden, images, rare).tolist() == [False, True, False]
    named = FilterSettings(common_per_class=0, rare_class_share=0.0, potential_rare_keywords=("bench",))
    assert passes_filter(objects, "dog", hidden, images, named).tolist() == [False, False, True]


def test_of_very_many_boxes_a_sample_is_filtered_alike(run, monkeypatch):
    objects = run[0]
    filters = FilterSettings(common_per_class=84, rare_class_share=0.0, early_filter=True)
    assert audit.fewer_boxes(objects, filters, 0)[1] is filters
    monkeypatch.setattr(audit, "MAX_BOXES", 123)
    boxes, scaled = audit.fewer_boxes(objects, filters, 0)
    assert len(boxes) == 123 and scaled.common_per_class == 42
    kept = [
        filter_objects(table, settings=each)["keep"][(table["class_name"] == "car").to_numpy()].mean()
        for table, each in ((objects, filters), (boxes.reset_index(drop=True), scaled))
    ]
    assert kept[0] == pytest.approx(0.4) and kept[1] == pytest.approx(0.4, abs=0.06)
