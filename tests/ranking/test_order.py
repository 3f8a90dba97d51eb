"""The order of the page: planted pictures, drives, events and proposals, worked out by hand."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from rarelib.ranking import order as order_module
from rarelib.ranking.order import (
    Places,
    choose_first,
    limit_proposals,
    overlapping_rows,
    places_of,
    spread_order,
    worth_left,
)


def places(n, *, picture=None, drive=None, event=None, proposal=None, xyxy=None):
    """Objects far apart, each of its own picture and event, but for what is given."""
    number = np.arange(n)
    apart = np.stack([100.0 * number, 0 * number, 100.0 * number + 50, 0 * number + 50], axis=1)
    return Places(
        number if picture is None else np.array(picture),
        np.full(n, -1) if drive is None else np.array(drive),
        number if event is None else np.array(event),
        np.zeros(n, bool) if proposal is None else np.array(proposal),
        apart if xyxy is None else np.array(xyxy, float),
    )


def test_where_nothing_is_shared_it_is_the_order_of_rarity():
    assert spread_order(np.array([0.1, 0.9, 0.5]), places(3)).tolist() == [1, 2, 0]
    assert spread_order(np.array([0.5, 0.5]), places(2)).tolist() == [0, 1]
    assert spread_order(np.zeros(0), places(0)).tolist() == []


def test_a_further_crop_of_a_picture_counts_less():
    # 0.9, 0.85 * 0.8 = 0.68, 0.8 * 0.64 = 0.51 in one picture; 0.7 and 0.6 elsewhere
    order = spread_order(np.array([0.9, 0.85, 0.8, 0.7, 0.6]), places(5, picture=[0, 0, 0, 1, 2]))
    assert order.tolist() == [0, 3, 1, 4, 2]


def test_a_box_that_overlaps_one_shown_comes_late():
    xyxy = [[0, 0, 100, 100], [10, 0, 110, 100], [300, 0, 400, 100]]
    order = spread_order(np.array([0.9, 0.85, 0.4]), places(3, picture=[0, 0, 0], xyxy=xyxy))
    assert order.tolist() == [0, 2, 1]  # 0.85 * 0.8 * 0.3 = 0.2 and 0.4 * 0.8 = 0.32


def test_an_event_that_was_shown_counts_half():
    assert spread_order(np.array([0.9, 0.8, 0.5]), places(3, event=[0, 0, 2])).tolist() == [0, 2, 1]


def test_a_drive_that_showed_much_gives_way():
    rarity = np.array([0.9, 0.9, 0.9, 0.85])
    assert spread_order(rarity, places(4, drive=[0, 0, 0, 1])).tolist() == [0, 3, 1, 2]
    assert spread_order(rarity, places(4)).tolist() == [0, 1, 2, 3]  # no drive is known


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_proposals_never_push_all_others_away(share):
    proposal = np.arange(60) < 40
    rarity = np.where(proposal, 0.9, 0.5)
    order = spread_order(rarity, places(60, proposal=proposal), proposal_share=share)
    so_far = np.cumsum(proposal[order])[:20]
    assert (so_far <= np.ceil(share * np.arange(1, 21))).all()
    assert sorted(order) == list(range(60))
    assert proposal[order[0]] == (share > 0)


def test_the_order_is_that_of_a_slow_greedy_search():
    generator = np.random.default_rng(0)
    n = 120
    rarity, picture, drive = generator.random(n), generator.integers(0, 30, n), generator.integers(-1, 4, n)
    event = np.where(generator.random(n) < 0.3, generator.integers(0, n, n), np.arange(n))
    corner = generator.uniform(0, 100, (n, 2))
    where = places(n, picture=picture, drive=drive, event=event, xyxy=np.c_[corner, corner + 60])
    overlapping, shown = lists_of(*overlapping_rows(where.picture, where.xyxy)), []
    while len(shown) < n:
        worth = {}
        for row in sorted(set(range(n)) - set(shown)):
            kept = 0.8 ** sum(picture[row] == picture[other] for other in shown)
            in_drive = sum(drive[row] == drive[other] for other in shown) if drive[row] >= 0 else 0
            kept *= 0.9 ** np.log2(1 + in_drive)
            kept *= 0.3 if set(overlapping[row]) & set(shown) else 1
            kept *= 0.5 if event[row] in event[shown] else 1
            worth[row] = rarity[row] * kept
        shown.append(max(worth, key=worth.get))
    assert spread_order(rarity, where).tolist() == shown


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_beyond_what_pages_show_the_order_is_that_of_what_each_adds_to_them(monkeypatch, share):
    generator = np.random.default_rng(1)
    n = 400
    proposal, picture = generator.random(n) < 0.5, generator.integers(0, 40, n)
    rarity, where = generator.random(n), places(n, picture=picture, proposal=proposal)
    whole = spread_order(rarity, where, proposal_share=share)
    monkeypatch.setattr(order_module, "SPREAD_ROWS", 50)
    found = spread_order(rarity, where, proposal_share=share, least=100)
    assert found[:100].tolist() == whole[:100].tolist()
    assert sorted(found) == list(range(n))
    adds = rarity * 0.8 ** np.bincount(picture[found[:100]], minlength=40)[picture]
    for kind in (proposal, ~proposal):
        assert (np.diff(adds[found[100:]][kind[found[100:]]]) <= 0).all()
    while_left = np.flatnonzero(~proposal[found])[-1] + 1  # as long as detected ones are left
    so_far = np.cumsum(proposal[found])[:while_left]
    assert (so_far <= np.ceil(share * np.arange(1, while_left + 1))).all()


def test_what_was_shown_takes_from_its_picture_its_drive_and_what_it_overlaps():
    xyxy = [[0, 0, 50, 50], [300, 0, 350, 50], [10, 0, 60, 50], [0, 0, 50, 50], [0, 0, 50, 50]]
    where = places(5, picture=[0, 0, 0, 1, 2], drive=[0, 0, 0, 0, -1], xyxy=xyxy)
    np.testing.assert_allclose(
        worth_left(where, np.array([True, True, False, False, False])),
        np.array([0.64, 0.64, 0.64 * 0.3, 1, 1]) * np.array([*[0.9 ** np.log2(3)] * 4, 1]),
    )
    assert (worth_left(where, np.zeros(5, bool)) == 1).all() and not len(worth_left(places(0), np.zeros(0, bool)))


def test_set_apart_nothing_takes_from_another():
    rarity = np.array([0.9, 0.85, 0.8])
    shared = places(3, picture=[0, 0, 0], drive=[0, 0, 0], event=[0, 0, 0], xyxy=[[0, 0, 50, 50]] * 3)
    assert spread_order(rarity, shared.apart()).tolist() == [0, 1, 2]


def test_the_first_of_each_drive_are_chosen_up_to_its_limit():
    order, drive = np.array([3, 0, 1, 2, 4]), np.array([0, 0, 0, 1, -1])
    allowed = np.array([True, True, True, True, True])
    chosen = choose_first(order, allowed, budget=4, drive=drive, max_per_group=1)
    assert np.flatnonzero(chosen).tolist() == [0, 3, 4]
    assert choose_first(order, allowed, budget=2, drive=drive, max_per_group=None).sum() == 2
    assert not choose_first(order, ~allowed, budget=2, drive=drive, max_per_group=None).any()


def test_places_come_from_the_columns_of_the_tables():
    table = pd.DataFrame({"image_id": ["b", "a", "b"], "group": ["", "x", "x"], "x_min": 0.0, "y_min": 0.0,
                          "x_max": 9.0, "y_max": 9.0})  # fmt: skip
    found = places_of(table, np.arange(3), np.array([True, False, False]))
    assert found.picture.tolist() == [0, 1, 0] and found.drive.tolist() == [-1, 1, 1]
    assert lists_of(*overlapping_rows(found.picture, found.xyxy)) == [[2], [], [0]]


def lists_of(starts, overlapping):
    """The rows that overlap each row."""
    return [overlapping[start:end].tolist() for start, end in pairwise(starts)]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_no_beginning_of_the_entries_holds_more_proposals_whatever_views_stand_between(share):
    generator = np.random.default_rng(3)
    order, proposal = generator.permutation(400), generator.random(400) < 0.6
    heads = proposal | (generator.random(400) < 0.4)  # further views are detected ones
    moved = limit_proposals(order, heads, proposal, share)
    assert sorted(moved) == list(range(400)) and (heads[moved] == heads[order]).all()
    assert (moved[~heads[moved]] == order[~heads[order]]).all()
    entries = moved[heads[moved]]
    last = np.flatnonzero(~proposal[entries]).max() + 1
    so_far = np.cumsum(proposal[entries])[:last]
    assert (so_far <= np.ceil(share * np.arange(1, last + 1))).all()
    for kind in (proposal, ~proposal):  # each kind keeps its order
        assert entries[kind[entries]].tolist() == [row for row in order if heads[row] and kind[row]]
    assert limit_proposals(order, heads, proposal, 1.0).tolist() == order.tolist()
    assert limit_proposals(order[:0], heads[:0], proposal[:0], share).tolist() == []
