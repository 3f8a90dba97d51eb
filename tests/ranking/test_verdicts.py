"""Verdicts: learned from, measured with."""

import numpy as np
import pandas as pd
import pytest
from planted import cluster

from rarelib.ranking.verdicts import (
    draw_for_precision,
    precision_sentence,
    rerank,
    wilson_interval,
)


def planted(seed=0):
    """Return vectors of 200 common and 20 wanted objects, the wanted along one direction, and a ranking by chance."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(220, 16))
    vectors[200:, 0] += 4
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, generator.random(220)


def test_a_few_verdicts_bring_what_looks_alike_to_the_top():
    vectors, rarity = planted()
    verdicts = np.full(220, np.nan)
    verdicts[:20], verdicts[200:206] = 0, 1
    learned = rerank(rarity, vectors, verdicts)
    unjudged = np.isnan(verdicts)
    before, after = (np.argsort(-values[unjudged])[:28] for values in (rarity, learned))
    wanted = np.flatnonzero(unjudged) >= 200
    assert wanted[after].sum() >= 2 * wanted[before].sum()  # half of the places are for other kinds
    assert learned[200:206].min() > learned[unjudged].max()
    assert learned[:20].max() < learned[unjudged].min()


def test_without_verdicts_nothing_changes():
    vectors, rarity = planted()
    np.testing.assert_array_equal(rerank(rarity, vectors, None), rarity)
    np.testing.assert_array_equal(rerank(rarity, vectors, np.full(220, np.nan)), rarity)


def kinds_world():
    """Return 300 common objects in three looks, then three kinds of five; the ranking knows the kinds a little."""
    parts = [cluster(100, seed, spread=0.6) for seed in (1, 2, 3)] + [cluster(5, seed) for seed in (11, 12, 13)]
    rarity = np.random.default_rng(0).random(315) * 0.7
    rarity[300:] += 0.2
    return np.concatenate(parts), rarity


def test_one_yes_brings_its_kind_and_one_no_sinks_it():
    vectors, rarity = kinds_world()
    verdicts = np.full(315, np.nan)
    verdicts[300], verdicts[305] = 1, 0
    learned = rerank(rarity, vectors, verdicts)
    place = np.argsort(np.argsort(-learned))
    assert (place[301:305] < 10).all()
    before = np.argsort(np.argsort(-rarity))
    assert (place[306:310] > before[306:310]).all()
    assert learned.argmax() == 300 and learned.argmin() == 305


def test_a_no_alone_teaches():
    vectors, rarity = kinds_world()
    verdicts = np.full(315, np.nan)
    verdicts[[300, 301]] = 0
    place, before = (np.argsort(np.argsort(-values)) for values in (rerank(rarity, vectors, verdicts), rarity))
    assert (place[302:305] > before[302:305]).all()


def test_every_second_place_is_for_kinds_not_judged_yet():
    vectors, rarity = kinds_world()
    verdicts = np.full(315, np.nan)
    verdicts[300] = 1
    first = np.argsort(-rerank(rarity, vectors, verdicts))[1:9]
    assert set(first) & set(range(301, 305)) and len(set(first) - set(range(301, 305))) >= 4


def test_verdicts_spread_within_their_event():
    vectors, rarity = kinds_world()
    verdicts, events = np.full(315, np.nan), np.arange(315)
    verdicts[7], events[8] = 0, 7
    verdicts[20], verdicts[21], events[[21, 22]] = 1, 0, 20  # one event, two opinions
    learned = rerank(rarity, vectors, verdicts, events=events)
    assert learned[8] < 0.01 and learned[7] < 0.01
    assert learned[20] >= 0.99 and learned[21] < 0.01 and 0.01 <= learned[22] < 0.99


def test_what_was_judged_speaks_for_its_event():
    vectors, rarity = kinds_world()
    verdicts, events = np.full(315, np.nan), np.arange(315)
    verdicts[300], events[300:305] = 1, 300
    verdicts[7], events[[7, 8, 9]] = 0, 7
    rarity[[301, 302, 8, 9]] = 0.99  # its other views were rarer
    learned = rerank(rarity, vectors, verdicts, events=events)
    assert learned[300] > learned[301:305].max() >= learned[301:305].min() >= 0.99
    assert learned[[8, 9]].max() < learned[7] < 0.01


def test_the_order_of_the_rows_does_not_matter():
    vectors, rarity = kinds_world()
    verdicts = np.full(315, np.nan)
    verdicts[[300, 306, 4]] = [1, 1, 0]
    order = np.random.default_rng(1).permutation(315)
    # a small run is its own sample, whatever the order
    np.testing.assert_allclose(
        rerank(rarity[order], vectors[order], verdicts[order]), rerank(rarity, vectors, verdicts)[order]
    )


def ranked_scores(n=200):
    return pd.DataFrame({"object_id": [f"o{row:03d}" for row in range(n)], "rank_before_verdicts": np.arange(1, n + 1)})


def test_the_draw_rests_on_ids_and_seed_and_on_the_first_alone():
    scores = ranked_scores()
    drawn = draw_for_precision(scores)
    shuffled = scores.sample(frac=1, random_state=3).assign(rank=0, verdict=1.0)
    assert len(drawn) == 12 and draw_for_precision(shuffled) == drawn == sorted(drawn)
    assert set(drawn) < set(scores["object_id"].head(50))
    assert draw_for_precision(scores, seed=1) != drawn
    assert draw_for_precision(scores.head(5)) == scores["object_id"].head(5).tolist()
    assert draw_for_precision(scores.drop(columns="rank_before_verdicts")) == []
    seen = [set(draw_for_precision(scores, seed=seed)) for seed in range(400)]  # each of the 50 as often as another
    assert {sum(name in draw for draw in seen) // 48 for name in scores["object_id"].head(50)} <= {1, 2}


def test_a_biased_choice_of_what_is_judged_does_not_move_the_precision():
    scores = ranked_scores()
    drawn = scores["object_id"].isin(draw_for_precision(scores)).to_numpy()
    truth = np.where(np.arange(200) % 4 == 0, 1.0, 0.0)
    fair = np.where(drawn, truth, np.nan)
    biased = np.where(truth == 1, 1.0, fair)  # every rare one judged, wherever it stands
    rare = int(truth[drawn].sum())
    said = precision_sentence(scores, biased)
    assert f"Of these 12, {rare} are rare" in said and "12 judged so far" in said
    low, high = wilson_interval(rare, 12)
    assert f"between {low:.0%} and {high:.0%}" in said and low < 0.5
    assert said.split("common.")[1] == precision_sentence(scores, fair).split("common.")[1]


def test_precision_is_measured_with_an_interval():
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_without_a_verdict_on_a_marked_card_it_says_what_to_do():
    scores = ranked_scores()
    elsewhere = np.where(np.arange(200) > 60, 1.0, np.nan)
    for verdicts in (None, elsewhere):
        said = precision_sentence(scores, verdicts)
        assert "12 cards" in said and "0 judged so far" in said and "judge them all" in said
        assert "interval" not in said
    assert precision_sentence(scores, elsewhere).startswith("Your verdicts were used for the ranking: 139 rare")
    assert "無作為" in precision_sentence(scores, None, language="ja")


def test_verdicts_on_objects_of_no_rank_are_told():
    scores = ranked_scores()
    said = precision_sentence(scores, np.where(np.arange(200) == 0, 1.0, np.nan), elsewhere=1200)
    assert said.startswith(
        "Your verdicts were used for the ranking: 1 rare, 0 common. Verdicts on objects that this run"
    )
    assert "does not rank: 1,200. They stay in the file and are not used. The precision" in said
    alone = precision_sentence(scores, None, elsewhere=2, language="ja")
    assert alone.startswith("この実行の順位にない物体への判定が 2 件あります") and "与えられていません" not in alone
    assert "does not rank" not in precision_sentence(scores, None)
