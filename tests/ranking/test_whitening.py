"""Whitening: uncorrelated components of unit spread, and nothing where there is nothing to fit."""

import numpy as np
import pytest
from planted import unit

from rarelib.ranking.looks import embedding_rarity
from rarelib.ranking.percentiles import percentiles
from rarelib.ranking.whitening import fit_whitening


def test_what_varies_much_counts_less():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(4000, 3)) * [3, 1, 0.5] @ np.linalg.qr(generator.normal(size=(3, 3)))[0]
    whitened = fit_whitening(rows, trimmed_share=0.0)(rows)
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(3), atol=0.05)
    np.testing.assert_allclose(whitened.mean(axis=0), 0, atol=1e-3)


def test_its_lengths_are_those_of_ledoit_and_wolf():
    from sklearn.covariance import LedoitWolf

    rows = np.random.default_rng(1).normal(size=(60, 20))
    oracle = LedoitWolf().fit(rows).mahalanobis(rows)
    found = np.linalg.norm(fit_whitening(rows, trimmed_share=0.0)(rows), axis=1)
    np.testing.assert_allclose(found**2, oracle, rtol=1e-3)


def test_a_few_strange_rows_do_not_shape_what_is_normal():
    generator = np.random.default_rng(2)
    rows = generator.normal(size=(300, 4))
    rows[:10] += 30
    lengths = [np.linalg.norm(fit_whitening(rows, trimmed_share=share)(rows), axis=1) for share in (0.0, 0.05)]
    assert lengths[1][:10].min() / lengths[1][10:].mean() > 3 * lengths[0][:10].min() / lengths[0][10:].mean()


@pytest.mark.parametrize("rows", [np.zeros((0, 4)), np.ones((2, 4)), np.ones((50, 4))])
def test_too_few_or_all_alike_cannot_be_whitened(rows):
    assert fit_whitening(rows) is None


def test_the_order_of_the_rows_does_not_matter():
    rows = np.random.default_rng(3).normal(size=(100, 8)).astype(np.float32)
    order = np.random.default_rng(4).permutation(100)
    before, after = fit_whitening(rows), fit_whitening(rows[order])
    np.testing.assert_array_equal(order[after.fitted[np.argsort(order[after.fitted])]], before.fitted)
    np.testing.assert_allclose(after.distances(rows[order]), before.distances(rows)[order], rtol=1e-4)


@pytest.mark.parametrize("n", [10, 20, 29, 60, 130, 300, 500])
@pytest.mark.parametrize("kinds", [1, 4])
def test_one_stranger_among_few_in_many_dimensions_is_the_farthest(n, kinds):
    vectors = np.concatenate([few_kinds(n - 1, kinds, seed=n), few_kinds(1, 1, seed=n + 1)])
    assert np.argmax(fit_whitening(vectors).distances(vectors)) == n - 1
    assert np.argmax(embedding_rarity(vectors)) == n - 1


@pytest.mark.parametrize("n", [130, 300, 1000])
def test_what_was_not_fitted_is_measured_as_what_was(n):
    vectors = few_kinds(2 * n, 4, seed=n)
    fitted = np.arange(2 * n) < n
    for rarity in (fit_whitening(vectors, rows=np.arange(n)).distances(vectors),
                   embedding_rarity(vectors, reference=fitted)):  # fmt: skip
        assert 0.4 < percentiles(rarity, among=fitted)[~fitted].mean() < 0.6


def test_the_distance_of_a_fitted_row_is_what_it_would_be_without_it():
    rows = np.random.default_rng(5).normal(size=(40, 3))
    whitening = fit_whitening(rows, trimmed_share=0.0)
    centred = rows - rows.mean(axis=0)
    axes = whitening.turn.astype(float)
    ridge = axes @ np.diag(whitening.variances) @ axes.T - (whitening.leverage * 39) * centred.T @ centred / 40
    for row in (0, 17):
        others = np.delete(centred, row, axis=0)
        without = ridge + whitening.leverage * 39 * others.T @ others / 39
        by_hand = centred[row] @ np.linalg.solve(without, centred[row])
        assert whitening.distances(rows)[row] == pytest.approx(by_hand**0.5, rel=0.03)


def few_kinds(n, kinds, *, seed, dim=512):
    """Unit rows around few directions that have much in common, as embedders give them."""
    generator = np.random.default_rng(seed)
    common = 0.8 * np.random.default_rng(0).normal(size=dim)
    centres = 0.5 * generator.normal(size=(kinds, dim))
    return unit(common + centres[generator.integers(0, kinds, n)] + 0.35 * generator.normal(size=(n, dim)))
