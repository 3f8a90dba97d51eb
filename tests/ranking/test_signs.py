"""How signs of rarity are measured and weighed: planted tables, numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from rarelib.ranking.crop_quality import hidden_share
from rarelib.ranking.percentiles import surprise
from rarelib.ranking.signs import (
    SIGNS,
    box_evidence,
    class_facts,
    class_rarity,
    fuse_signs,
    measure_signs,
    rare_class_points,
    unusual_values,
)
from rarelib.tables import TABLES


def signs(**columns):
    """A table of signs: nothing raises, nothing holds down, but what is given."""
    n = max(len(values) for values in columns.values())
    plain = {sign.name: [0.0 if sign.raises else 1.0] * n for sign in SIGNS}
    return pd.DataFrame({**plain, **columns})


def objects(**columns):
    """Plain objects, of which nothing is known but what is given."""
    n = max(len(values) for values in columns.values())
    plain = {"class_pictures": 100, "named": False, "few": False, "ordinary": 1.0, "surprise": 0.5, "margin": 0.0,
             "strangeness": np.nan,
             "quality": 1.0, "hidden": 0.0, "origin": "detected", "confidence": 0.9, "objectness": 0.9,
             "x_min": 0.0, "y_min": 0.0, "x_max": 50.0, "y_max": 50.0, "width": 0, "height": 0}  # fmt: skip
    return pd.DataFrame({name: columns.get(name, [value] * n) for name, value in plain.items()})


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: sign.name)
def test_every_sign_is_a_column_and_moves_the_rarity_by_its_weight(sign):
    assert TABLES["scores"].column(sign.name).high == 1
    look = next(other for other in SIGNS if other.name == "sign_look")
    table = signs(sign_look=[0.5, 0.5])
    table[sign.name] = [0.0, 1.0]
    low, high = fuse_signs(table)
    raised = 0.0 if sign is look else 0.5 * look.weight
    if sign.raises:
        np.testing.assert_allclose([low, high], [raised, 1 - (1 - raised) * (1 - sign.weight)])
    else:
        np.testing.assert_allclose([low, high], [raised * (1 - sign.weight), raised])


def test_signs_are_measured_in_their_range_and_named_as_told():
    table = objects(surprise=[0.0, 1.0], margin=[0.0, 0.2], ordinary=[1.0, np.nan], objectness=[0.0, np.nan])
    found = measure_signs(table, n_images=100)
    assert list(found) == [sign.name for sign in SIGNS]
    assert found.to_numpy().min() >= 0 and found.to_numpy().max() <= 1
    assert found["sign_name"].tolist() == [0, 0]  # an unknown name is neutral


def test_a_proposal_has_no_doubt_and_no_keyword():
    table = objects(origin=["detected", "proposal"], confidence=[0.3, 0.03], named=[True, True], few=[True, True])
    found = measure_signs(table, n_images=100)
    np.testing.assert_allclose(found["sign_doubt"], [0.7, 0])
    assert found["sign_keyword"].tolist() == [1, 0]


def test_what_stands_in_front_takes_the_look_and_the_words_away():
    found = measure_signs(objects(surprise=[0.8, 0.8], margin=[0.5, 0.5], hidden=[0.0, 0.75]), n_images=9)
    np.testing.assert_allclose(found["sign_look"], [0.8, 0.2])
    assert found["sign_words"].iloc[1] == pytest.approx(found["sign_words"].iloc[0] / 4)


@pytest.mark.parametrize("scale", [0.001, 1.0])
def test_a_value_counts_by_how_unusual_it_is_in_the_run(scale):
    margin = scale * np.arange(100.0)  # nearly every object looks more like another name, as with a weak CLIP
    told = unusual_values(margin, counted=np.ones(100, bool))
    assert (told > 0.5).sum() <= 7 and told[0] == 0  # what nearly all carry is said of few
    assert (np.diff(told) > 0).all()  # in order up to the top
    np.testing.assert_allclose(told[-1], surprise(np.array([0.995])))
    assert unusual_values(np.zeros(5), counted=np.ones(5, bool)).tolist() == [0] * 5
    assert unusual_values(np.full(5, np.nan), counted=np.ones(5, bool)).tolist() == [0] * 5


def test_the_values_of_proposals_do_not_shape_what_is_usual():
    margin = np.r_[np.linspace(0, 0.1, 100), np.full(300, 0.5)]
    counted = np.arange(400) < 100
    alone = unusual_values(margin[:100], counted=counted[:100])
    np.testing.assert_allclose(unusual_values(margin, counted=counted)[:100], alone)


def test_strangeness_is_told_apart_where_it_comes_near_one():
    table = objects(strangeness=[*np.zeros(50), 0.9, 0.999999, 0.99999999])
    found = measure_signs(table, n_images=9)["sign_strange"].to_numpy()
    assert found[:50].max() == 0 and (np.diff(found[50:]) > 0).all()


def test_a_class_is_counted_in_pictures_and_what_was_missed_apart():
    boxes = pd.DataFrame(
        {"class_name": ["horse"] * 3 + ["cow"] + ["car"] * 4, "image_id": list("aabbabcd"), "origin": "detected"}
    )
    boxes.loc[3, "origin"] = "proposal"
    facts = class_facts(boxes, boxes, ("horse",))
    assert facts["class_count"].tolist() == [3, 3, 3, 0, 4, 4, 4, 4]
    assert facts["class_missed"].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert facts["class_pictures"].tolist() == [2, 2, 2, 0, 4, 4, 4, 4]  # a herd in one picture is still rare
    assert facts["named"].sum() == 3 and not facts["few"][0]


def test_a_name_counts_less_the_more_pictures_show_it():
    found = measure_signs(objects(ordinary=[0.0, 0.0, 0.0, 1.0], class_pictures=[110, 10, 410, 0]), n_images=1000)
    np.testing.assert_allclose(found["sign_name"], [np.exp(-1), 1, np.exp(-4), 0])


def test_a_guessed_name_counts_as_far_as_the_guess_is_believed():
    guesses = objects(ordinary=[0.0] * 4, class_pictures=[1] * 4, confidence=[1e-5, 1e-3, 0.05, 1e-5],
                      origin=["proposal", "proposal", "FastSAM-s", "detected"])  # fmt: skip
    np.testing.assert_allclose(measure_signs(guesses, n_images=100)["sign_name"], [0, 0.5, 1, 1])


def test_a_keyword_counts_for_classes_that_are_few():
    boxes = pd.DataFrame({"class_name": ["truck"] + ["bus"] * 9 + ["car"] * 90, "image_id": "a", "origin": "detected"})
    facts = class_facts(boxes, boxes, ("truck", "bus"))
    assert (facts["named"] & facts["few"]).sum() == 1


def test_surprise_grows_fastest_at_the_top():
    assert surprise(np.array([])).tolist() == []
    percentile = (np.arange(100) + 0.5) / 100
    found = surprise(percentile)
    assert 0.7 < found[-1] < 1
    assert found[49] < 0.17 and (np.diff(found, 2) > 0).all()


def test_class_rarity_by_hand():
    np.testing.assert_allclose(class_rarity(np.array([1, 10, 100])), [1, 0.5, 0])
    assert class_rarity(np.array([5, 5])).tolist() == [0, 0]
    assert class_rarity(np.array([1])).tolist() == [0]


def test_points_of_the_plain_recipe_by_hand():
    points = rare_class_points(np.array([4, 5, 19, 20]), np.array([True, False, True, False]))
    assert points.tolist() == [15, 5, 10, 0]


def test_boxes_without_objectness_are_taken_as_sure():
    assert box_evidence(pd.DataFrame({"x_min": [1.0]})).tolist() == [1.0]
    known = pd.DataFrame({"objectness": [0.25, np.nan], "origin": "detected"})
    assert box_evidence(known).tolist() == [0.25, 1.0]


def test_evidence_is_told_on_the_scale_of_the_runs_own_proposals():
    """Proposals have a median of 0.01 by the demo's detector, of 0.07 to 0.5 by YOLOv8n on sets of pictures."""
    objectness = np.random.default_rng(0).uniform(0.01, 0.9, 400)
    objects = pd.DataFrame({"objectness": objectness, "origin": "proposal"})
    faint = objects.assign(objectness=objectness / 20)
    assert box_evidence(faint) == pytest.approx(box_evidence(objects))
    assert (box_evidence(objects) == 1).mean() == pytest.approx(0.05, abs=0.01)
    of_both = pd.concat([faint, pd.DataFrame({"objectness": [0.5], "origin": "detected"})])
    assert box_evidence(of_both)[-1] == 1
    nothing = objects.assign(objectness=0.0)
    assert box_evidence(nothing).tolist() == [0.0] * 400


def test_one_in_front_hides_more_the_further_down_it_reaches():
    boxes = pd.DataFrame([[0, 0, 40, 100]] * 3, columns=["x_min", "y_min", "x_max", "y_max"]).astype(float)
    boxes["image_id"] = ["a", "b", "c"]
    in_front = boxes.assign(x_max=200.0, y_max=[100.001, 102.5, 130.0], origin="detected")
    hidden = hidden_share(boxes, in_front)
    np.testing.assert_allclose(hidden, [0.0002, 0.5, 1.0], atol=1e-6)
