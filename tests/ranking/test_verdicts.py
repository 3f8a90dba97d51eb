"""Verdicts: read, written, learned from, measured with."""

import numpy as np
import pytest

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
    assert wanted[after].sum() > 2 * wanted[before].sum()
    assert learned[200:206].min() > learned[unjudged].max()
    assert learned[:20].max() < learned[unjudged].min()


def test_without_verdicts_nothing_changes():
    vectors, rarity = planted()
    np.testing.assert_array_equal(rerank(rarity, vectors, None), rarity)
    np.testing.assert_array_equal(rerank(rarity, vectors, np.full(220, np.nan)), rarity)


def test_verdicts_of_one_kind_keep_the_order_of_the_others():
    vectors, rarity = planted()
    verdicts = np.full(220, np.nan)
    verdicts[3] = 1
    learned = rerank(rarity, vectors, verdicts)
    assert learned.argmax() == 3
    rest = np.delete(np.arange(220), 3)
    np.testing.assert_array_equal(np.argsort(learned[rest]), np.argsort(rarity[rest]))


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
