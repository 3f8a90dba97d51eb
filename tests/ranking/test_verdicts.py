"""Verdicts: read, written, learned from, measured with."""

import numpy as np
import pytest
from planted import cluster

from rarelib.ranking.verdicts import precision_sentence, read_verdicts, rerank, wilson_interval, write_verdicts

IDS = ["a-00", "a-01", "b-00"]


def test_verdicts_come_back_in_the_order_of_the_objects(tmp_path):
    write_verdicts(tmp_path / "v.csv", rare=["b-00"], common=["a-00"])
    write_verdicts(tmp_path / "v.csv", rare=["a-00"], common=[])  # a second thought
    np.testing.assert_array_equal(read_verdicts(tmp_path / "v.csv", IDS), [1, np.nan, 1])
    assert read_verdicts("", IDS) is None


def test_unsure_is_not_judged(tmp_path):
    (tmp_path / "v.csv").write_text("object_id,rare\na-00,unsure\n", encoding="utf-8")
    np.testing.assert_array_equal(read_verdicts(tmp_path / "v.csv", IDS), [np.nan] * 3)


def test_verdicts_as_a_spreadsheet_saves_them(tmp_path):
    text = "\ufeffobject_id;rare;note\r\na-00;FALSE;\r\nb-00;はい;\r\na-01;;\r\n;;\r\n"
    (tmp_path / "v.csv").write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read_verdicts(tmp_path / "v.csv", IDS), [0, np.nan, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("object_id,odd\na-00,yes\n", "must have a column 'rare'"),
        ("object_id,rare\na-00,perhaps\n", r"v\.csv, row 2: 'rare' must be yes, no or unsure\. Got 'perhaps'"),
        ("object_id,rare\nother-00,yes\n", "None of the objects in v.csv is in this run"),
        ('object_id,rare\n"a', "is not a CSV table"),
    ],
)
def test_wrong_verdicts_are_refused(tmp_path, text, message):
    (tmp_path / "v.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_verdicts(tmp_path / "v.csv", IDS)


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


def test_the_order_of_the_rows_does_not_matter():
    vectors, rarity = kinds_world()
    verdicts = np.full(315, np.nan)
    verdicts[[300, 306, 4]] = [1, 1, 0]
    order = np.random.default_rng(1).permutation(315)
    # a small run is its own sample, whatever the order
    np.testing.assert_allclose(
        rerank(rarity[order], vectors[order], verdicts[order]), rerank(rarity, vectors, verdicts)[order]
    )


def test_precision_is_measured_with_an_interval():
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    verdicts = np.array([1.0] * 8 + [0.0] * 2 + [np.nan] * 5)
    assert "Of the 10 judged objects among the first 50 before verdicts were used, 8 are rare" in precision_sentence(
        np.arange(1, 16), verdicts
    )
    assert "has a verdict" in precision_sentence(np.arange(100, 115), verdicts)
    assert precision_sentence(np.arange(1, 16), verdicts).startswith("Your verdicts were used for the ranking: 8 rare")
    assert "No verdicts" in precision_sentence(np.arange(3), None)
