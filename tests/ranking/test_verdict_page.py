"""Pages after verdicts: what is learned, how places are shared, and rounds of verdicts in planted worlds."""

import numpy as np
import pytest
from planted import cluster, unit
from scipy.optimize import minimize
from scipy.special import expit

from rarelib.ranking import verdict_kernel
from rarelib.ranking.order import Places
from rarelib.ranking.verdict_kernel import Learning, Likeness, _surprises, learn
from rarelib.ranking.verdict_page import _merged, _seen_again, learned_order

PAGE, ROUNDS = 50, 3
# kinds, objects of each, spread, how far the ranking lifts them: tight, scattered, middling
WORLDS = {"tight": (12, 5, 0.3, 1.0), "scattered": (25, 2, 1.0, 1.2), "middling": (16, 3, 1.0, 0.7)}


def judged_world(seed, kinds, per_kind, spread, lift):
    """Return vectors, rarity and kind (-1 common) of 1,500 objects: 25 common looks, strange things, wanted kinds."""
    generator = np.random.default_rng(seed)
    wanted, strange = kinds * per_kind, 60
    common = 1500 - wanted - strange
    sizes = [*[common // 25] * 24, common - common // 25 * 24, *[5] * 12, *[per_kind] * kinds]
    spreads = [*generator.uniform(0.4, 1.0, 25), *generator.choice([0.3, 1.0], 12), *[spread] * kinds]
    looks = [cluster(n, 1000 * seed + i, dim=64, spread=s) for i, (n, s) in enumerate(zip(sizes, spreads, strict=True))]
    kind = np.r_[np.full(1500 - wanted, -1), np.repeat(np.arange(kinds), per_kind)]
    lifts = np.r_[np.zeros(common), np.full(strange, 2.0), np.full(wanted, lift)]
    rarity = np.argsort(np.argsort(generator.normal(size=1500) + lifts)) / 1500
    return np.concatenate(looks), rarity, kind


def found_in_rounds(world, way, seed):
    """Return kinds and wanted objects found after each round; all ways share the first page."""
    vectors, rarity, kind = world
    verdicts, found, chance = np.full(len(kind), np.nan), [], np.random.default_rng(seed)
    for number in range(ROUNDS + 1):
        order = np.argsort(-rarity)
        if number and way == "random":
            order = chance.permutation(len(kind))
        elif number and way == "verdicts":
            order = learned_order(rarity, vectors, verdicts)
        page = order[np.isnan(verdicts[order])][:PAGE]
        verdicts[page] = kind[page] >= 0
        shown = kind[~np.isnan(verdicts)]
        found.append((len(set(shown) - {-1}), (shown >= 0).sum()))
    return np.array(found)


@pytest.mark.parametrize("name", WORLDS)
def test_verdicts_find_more_kinds_and_more_objects_in_every_round(name):
    worlds = [judged_world(seed, *WORLDS[name]) for seed in range(6)]
    ways = ("verdicts", "without", "random")
    learned, without, random = (
        np.mean([found_in_rounds(world, way, seed) for seed, world in enumerate(worlds)], axis=0)[1:] for way in ways
    )
    assert (learned[:, 0] >= without[:, 0]).all() and (learned[:, 0] > random[:, 0]).all()
    assert (learned[:, 1] > without[:, 1]).all() and learned[-1, 1] > 1.8 * without[-1, 1]


def test_judged_objects_and_views_of_their_events_take_no_place():
    vectors, rarity, kind = judged_world(0, *WORLDS["tight"])
    verdicts = np.full(len(kind), np.nan)
    verdicts[np.argsort(-rarity)[:40]] = 1
    settled = ~np.isnan(verdicts)
    settled[np.argsort(-rarity)[40:60]] = True
    order = learned_order(rarity, vectors, verdicts, settled=settled)
    assert sorted(order) == list(range(len(kind)))
    assert not settled[order[: (~settled).sum()]].any() and settled[order[(~settled).sum() :]].all()


def test_the_page_keeps_half_of_its_places_for_what_is_like_no_object_judged_rare():
    vectors, rarity, kind = judged_world(1, 4, 60, 0.3, 1.0)
    verdicts = np.full(len(kind), np.nan)
    for of_kind in range(4):
        verdicts[np.flatnonzero(kind == of_kind)[:3]] = 1
    order = learned_order(rarity, vectors, verdicts)
    is_known = kind[order] >= 0
    for size in (10, 50, 200):
        assert is_known[:size].mean() <= 0.5
    assert is_known[:50].mean() > 0.4  # all of these are sure


@pytest.mark.parametrize(("verdict", "stays"), [(0.0, 0.9), (1.0, 0.4)])
def test_one_verdict_leaves_the_page_as_it_was_but_for_what_looks_like_the_judged_object(verdict, stays):
    vectors, rarity, kind = judged_world(3, *WORLDS["scattered"])
    shown = 1.0 + np.random.default_rng(0).permutation(len(kind))  # a page has reasons of its own beside rarity
    verdicts = np.full(len(kind), np.nan)
    verdicts[np.argsort(shown)[-1]] = verdict
    picture = np.random.default_rng(1).integers(0, 200, len(kind))
    places = Places(picture, picture // 20, np.arange(len(kind)), np.zeros(len(kind), bool), np.zeros((len(kind), 4)))
    order = learned_order(rarity, vectors, verdicts, shown=shown, places=places)
    assert len(set(order[:PAGE]) & set(np.argsort(shown)[:PAGE])) >= stays * PAGE


@pytest.mark.parametrize(("drives", "stands_back"), [(10, True), (2, False)])
def test_a_further_picture_of_a_thing_stands_back_behind_others_of_its_kind(drives, stands_back):
    vectors = np.concatenate([cluster(60, 5, spread=0.3), cluster(400, 6, spread=0.9)])
    picture = np.arange(460)
    drive = picture * drives // 460 if drives < 10 else np.r_[np.arange(60) // 20, np.arange(400) // 40 + 3]
    places = Places(picture, drive, picture, np.zeros(460, bool), np.zeros((460, 4)))
    verdicts = np.full(460, np.nan)
    verdicts[0] = 1  # of drive 0; those of its kind in drives 0, 1 and 2 look alike and are as rare
    order = learned_order(np.r_[np.full(60, 0.5), np.full(400, 0.4)], vectors, verdicts, places=places)
    place = np.argsort(order)
    further, others = place[1:20], place[20:60]
    assert (np.median(further) > 2 * np.median(others)) == stands_back


def test_things_side_by_side_are_no_further_views_of_one_another():
    vectors = cluster(20, 5, spread=0.2)
    picture, drive = np.r_[np.zeros(10, int), np.arange(1, 11)], np.r_[np.zeros(15, int), np.arange(1, 6)]
    places = Places(picture, drive, np.arange(20), np.zeros(20, bool), np.zeros((20, 4)))
    again = _seen_again(Likeness(vectors, 2.0), np.arange(20) == 0, places, 0.35)
    assert np.flatnonzero(again).tolist() == [10, 11, 12, 13, 14]  # its own drive, other pictures


def test_a_kind_marked_common_sinks_as_a_whole():
    vectors = np.concatenate([cluster(60, 1, spread=0.6), cluster(300, 2, spread=0.9), cluster(40, 3)])
    rarity = np.linspace(0, 0.8, 400)
    rarity[360:] = np.linspace(0.85, 1.0, 40)  # a ranking that takes a whole kind for the rarest
    verdicts = np.full(400, np.nan)
    verdicts[[397, 398, 399]] = 0
    order = learned_order(rarity, vectors, verdicts)
    assert (order[:200] < 360).all()


def test_a_page_shows_one_of_each_kind_before_it_shows_a_second():
    vectors = np.concatenate([cluster(15, seed, spread=0.1) for seed in range(10)] + [cluster(300, 90, spread=0.9)])
    rarity = np.r_[np.repeat(np.linspace(1.0, 0.9, 10), 15), np.linspace(0.5, 0, 300)]
    rarity += np.random.default_rng(0).random(450) * 1e-3
    verdicts = np.full(450, np.nan)
    verdicts[350:] = 0
    kinds = learned_order(rarity, vectors, verdicts)[:20] // 15
    kinds = kinds[kinds < 10]
    assert len(kinds) >= 8 and len(set(kinds)) == len(kinds)  # some places go to what is like none of them


def test_two_orders_are_merged_by_worth_and_neither_loses_its_own():
    generator = np.random.default_rng(4)
    for n_new, n_known in [(0, 3), (3, 0), (5, 5), (40, 7), (7, 40)]:
        new, known = np.arange(n_new), 100 + np.arange(n_known)
        merged = _merged(new, known, generator.random(n_new), generator.random(n_known))
        assert merged[merged < 100].tolist() == new.tolist() and merged[merged >= 100].tolist() == known.tolist()
        last_new = np.flatnonzero(merged < 100).max(initial=-1) + 1
        share = np.cumsum(merged[:last_new] >= 100) / np.arange(1, last_new + 1)
        assert (share <= 0.5).all()
    assert _merged(np.array([0, 1]), np.array([9]), np.array([0.9, 0.1]), np.array([0.5])).tolist() == [0, 9, 1]
    assert _merged(np.array([0, 1]), np.array([9]), np.array([0.9, 0.6]), np.array([0.5])).tolist() == [0, 1, 9]


def test_the_mode_is_that_of_a_general_optimiser():
    generator = np.random.default_rng(2)
    points = generator.normal(size=(30, 4))
    covariance = 5 * np.exp(-0.2 * ((points[:, None] - points) ** 2).sum(axis=2)) + 1
    prior, verdicts = generator.normal(-1.5, 0.5, 30), (generator.random(30) < 0.4).astype(float)
    inverse = np.linalg.inv(covariance)

    def loss(moved):
        return 0.5 * moved @ inverse @ moved + np.logaddexp(0, (1 - 2 * verdicts) * (prior + moved)).sum()

    moved = minimize(loss, np.zeros(30), method="BFGS", options={"gtol": 1e-4}).x
    np.testing.assert_allclose(_surprises(covariance, prior, verdicts), verdicts - expit(prior + moved), atol=1e-3)


def test_verdicts_against_a_very_low_chance_do_not_make_the_mode_swing():
    covariance, prior, verdicts = np.full((30, 30), 7.0), np.full(30, -8.0), np.ones(30)
    surprises = _surprises(covariance, prior, verdicts)
    chance = expit(prior + covariance @ surprises)
    np.testing.assert_allclose(surprises, 1 - chance, atol=1e-6)  # at the mode, and nowhere else
    assert chance.min() > 0.9


def test_what_the_first_page_shows_tells_how_many_follow_and_how_soon_they_end():
    vectors, rarity, kind = judged_world(2, *WORLDS["scattered"])
    order = np.argsort(-rarity)
    chances = {}
    for name, yes in {"none": [False] * 25, "every second": [False, True] * 12 + [False],
                      "first": [True] * 12 + [False] * 13, "last": [False] * 13 + [True] * 12}.items():  # fmt: skip
        verdicts = np.full(len(kind), np.nan)
        verdicts[order[:25]] = yes
        place = 1.0 + np.argsort(order)
        chances[name] = expit(learn(place, vectors, verdicts, Learning()).log_odds)[order]
    after = slice(25, 75)
    assert np.median(chances["every second"][after]) > 1.5 * np.median(chances["none"][after])
    assert np.median(chances["last"][after]) > 1.5 * np.median(chances["first"][after])


def test_more_verdicts_than_are_learned_from_are_taken(monkeypatch):
    monkeypatch.setattr(verdict_kernel, "MOST_JUDGED", 100)
    vectors, rarity = unit(np.random.default_rng(0).normal(size=(400, 8))), np.random.default_rng(1).random(400)
    verdicts = np.full(400, np.nan)
    verdicts[:300] = np.arange(300) % 9 == 0
    order = learned_order(rarity, vectors, verdicts)
    assert sorted(order[:100]) == list(range(300, 400))
    learned_from = verdict_kernel._learned_from(verdicts)
    assert len(learned_from) == 100 and set(np.flatnonzero(verdicts == 1)) < set(learned_from)
