"""Whitening: uncorrelated components of unit spread, and nothing where there is nothing to fit."""

import numpy as np
import pytest

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
    np.testing.assert_array_equal(fit_whitening(rows)(rows)[order], fit_whitening(rows[order])(rows[order]))
