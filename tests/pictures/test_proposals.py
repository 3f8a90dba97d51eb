"""What may hold a thing that no class stands for: evidence, order, and which boxes are proposed."""

import numpy as np
import pytest

from rarelib.pictures.boxes import Boxes
from rarelib.pictures.proposals import (
    AGREEMENT_WEIGHT,
    BLOCK,
    EVERY,
    HEIGHT_WEIGHT,
    add_agreement,
    evidence_at,
    evidence_of,
    find_proposals,
    join_second,
    objectness_of,
    proposal_orders,
)

WH = (500, 400)
NONE = Boxes(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))


def boxes_of(*rows):
    """Return boxes of (xyxy, evidence) rows, all of low confidence."""
    xyxy, evidence = zip(*rows, strict=True)
    return Boxes(np.array(xyxy, float), np.full(len(rows), 0.01), np.arange(len(rows)), np.array(evidence, float))


def test_sharp_edges_and_sure_classes_speak_for_a_thing():
    by_classes = evidence_of(np.array([0.001, 0.1, 0.9]), np.full(3, 0.7))
    by_edges = evidence_of(np.full(3, 0.1), np.array([1.2, 0.8, 0.5]))
    assert (np.diff(by_classes) > 0).all() and (np.diff(by_edges) > 0).all()
    assert np.isfinite(evidence_of(np.zeros(1), np.full(1, 2.7))).all()


def test_objectness_is_one_measure_between_0_and_1():
    values = objectness_of(np.array([-1e9, -12.0, -8.0, -4.0, 1e9, np.nan]))
    assert (np.diff(values[:5]) > 0).all() and values[0] >= 0 and values[4] <= 1
    assert np.isnan(values[5])


def test_what_stands_on_the_road_comes_earlier():
    near, anywhere = proposal_orders(np.zeros(4), np.array([0.1, 0.4, 0.65, 1.0]))
    assert near[0] == near[1] == 0 and near[2] == near[3] == pytest.approx(HEIGHT_WEIGHT)
    assert (anywhere == 0).all()


def test_differences_in_the_last_bits_do_not_decide():
    for order in proposal_orders(np.array([-7.0, -7.0 + 1e-9]), np.array([0.5, 0.5])):
        assert len(set(order)) == 1


def test_proposals_are_what_no_confident_box_explains():
    confident = boxes_of(([0, 0, 100, 100], -4.0))
    candidates = boxes_of(
        ([10, 10, 110, 110], -6.0),  # overlaps the confident one
        ([20, 20, 60, 60], -6.0),  # inside it
        ([200, 300, 240, 340], -9.0),  # a proposal
        ([202, 300, 242, 340], -8.0),  # a better one
        ([300, 300, 310, 400], -6.0),  # too thin
        ([0, 0, 500, 400], -6.0),  # nearly the whole picture
        ([400, 10, 440, 50], -8.5),  # another, but high above the road
        ([400, 300, 413, 313], -11.0),  # 13 px are enough
    )
    found = find_proposals(candidates, confident, limit=10, picture_wh=WH)
    assert found.class_id.tolist() == [3, 7, 6]
    agreeing = AGREEMENT_WEIGHT * np.log(2)  # the second lies where the first does
    assert found.evidence.tolist() == pytest.approx([-8.0 + agreeing, -11.0, -8.5])
    assert len(find_proposals(candidates, confident, limit=1, picture_wh=WH)) == 1
    assert len(find_proposals(candidates, confident, limit=0, picture_wh=WH)) == 0
    assert len(find_proposals(NONE, NONE, limit=5, picture_wh=WH)) == 0


def test_candidates_behind_many_explained_ones_are_reached():
    """A crowd of boxes around a confident one must not use up the candidates."""
    rng = np.random.default_rng(0)
    crowd = [([100 + shift, 100 + shift, 200 + shift, 200 + shift], -5.0) for shift in rng.uniform(0, 5, 3 * BLOCK)]
    candidates = boxes_of(*crowd, ([300, 300, 340, 340], -14.0))
    found = find_proposals(candidates, boxes_of(([100, 100, 205, 205], -4.0)), limit=3, picture_wh=WH)
    assert found.xyxy.tolist() == [[300, 300, 340, 340]]


def test_the_order_of_the_candidates_does_not_matter():
    rng = np.random.default_rng(1)
    low = rng.uniform(0, 300, (2000, 2))
    xyxy = np.concatenate([low, low + rng.uniform(5, 90, (2000, 2))], axis=1)
    evidence = rng.permutation(2000) / 100 - 20
    boxes = Boxes(xyxy, np.full(2000, 0.1), np.zeros(2000, int), evidence)
    mixed = rng.permutation(2000)
    first, again = (find_proposals(some, NONE, limit=30, picture_wh=WH) for some in (boxes, boxes[mixed]))
    assert len(first) == 30
    assert np.array_equal(first.xyxy, again.xyxy)
    near, anywhere = proposal_orders(first.evidence, first.xyxy[:, 3] / WH[1])
    fifth = np.arange(30) % EVERY == EVERY - 1
    assert (np.diff(near[~fifth]) <= 0).all() and (np.diff(anywhere[fifth]) <= 0).all()


def test_every_fifth_is_proposed_wherever_it_stands():
    """From a drone, things stand anywhere: the best of those high in the picture must not wait for all below."""
    below = [([40 * number, 300, 40 * number + 30, 330], -9.0) for number in range(12)]
    above = [([40 * number, 20, 40 * number + 30, 50], -8.0) for number in range(12)]
    found = find_proposals(boxes_of(*below, *above), NONE, limit=10, picture_wh=WH)
    assert (found.xyxy[:, 1] < 100).tolist() == [False] * 4 + [True] + [False] * 4 + [True]


def test_a_second_models_box_stands_for_what_both_see():
    own = boxes_of(([0, 300, 40, 340], -7.0), ([2, 300, 42, 340], -8.0), ([200, 300, 240, 340], -10.0))
    second = Boxes(np.array([[1.0, 300, 41, 340], [400, 300, 440, 340]]), np.array([0.3, 0.6]), np.array([90, 91]),
                   evidence_at(np.array([0.3, 0.6])))  # fmt: skip
    joined = join_second(own, second)
    assert joined.class_id.tolist() == [2, 90, 91]
    assert joined.evidence[1] == -7.0  # the better of the two
    assert objectness_of(joined.evidence[2:]) == pytest.approx([0.6])
    assert len(join_second(own, NONE)) == 3


def test_a_second_models_boxes_join_what_many_cells_agree_on():
    """Its box takes the place of all those cells' boxes, and what their agreement says with it."""
    own = boxes_of(*[([shift, 300, 40 + shift, 340], -9.0) for shift in range(4)], ([200, 300, 240, 340], -8.5))
    second = Boxes(np.array([[1.0, 300, 41, 340], [400, 300, 440, 340], [0, 0, 9, 9]]), np.array([0.1, 0.9, 0.9]),
                   np.array([90, 91, 92]), np.array([-12.0, -5.0, -5.0]))  # fmt: skip
    alone = find_proposals(own, NONE, limit=5, picture_wh=WH)
    found = find_proposals(own, NONE, limit=5, picture_wh=WH, second=second)
    assert found.class_id.tolist() == [91, 90, 4]  # 92 is too small
    assert found.evidence[1] == pytest.approx(alone.evidence[0]) and found.evidence[1] > -7.5
    explained = boxes_of(([398, 298, 441, 342], -4.0))
    assert 91 not in find_proposals(own, explained, limit=5, picture_wh=WH, second=second).class_id
    assert len(find_proposals(own, NONE, limit=0, picture_wh=WH, second=second)) == 0
    assert find_proposals(NONE, NONE, limit=5, picture_wh=WH, second=second).class_id.tolist() == [91, 90]


def test_what_many_cells_draw_alike_is_proposed_before_what_one_draws():
    many = [([100 + shift, 300, 160 + shift, 360], -9.0) for shift in range(5)]
    apart = [([300 + 25 * shift, 300, 360 + 25 * shift, 360], -8.5) for shift in range(5)]
    found = find_proposals(boxes_of(*many, *apart), NONE, limit=1, picture_wh=WH)
    assert found.xyxy[0, 0] < 200


def test_a_little_more_overlap_is_a_little_more_agreement():
    """An edge would let the last bits of a network's products decide the order."""
    gained = []
    for shift in np.linspace(0, 20, 201):
        boxes = boxes_of(([100, 100, 160, 160], 0.0), ([100 + shift, 100, 160 + shift, 160], 0.0))
        gained.append(add_agreement(boxes, boxes).evidence[0])
    assert gained[0] == pytest.approx(AGREEMENT_WEIGHT * np.log(2)) and gained[-1] == 0
    assert (np.diff(gained) <= 0).all() and np.abs(np.diff(gained)).max() < 0.1
    alone = boxes_of(([100, 100, 160, 160], 0.0))
    assert add_agreement(alone, alone[:0]).evidence[0] == 0
