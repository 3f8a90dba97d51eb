"""Conformal selection: p-values by hand, and the share of false discoveries over many planted draws."""

import numpy as np
import pytest

from rarelib.ranking.conformal import LEAST_CALIBRATION, conformal_p_values, cross_selection, select_discoveries


def test_p_values_by_hand():
    calibration = np.array([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(conformal_p_values(np.array([0.0, 0.3, 0.9]), calibration), [1.0, 3 / 5, 1 / 5])
    assert conformal_p_values(np.array([0.5]), np.zeros(0)).tolist() == [1]


def test_discoveries_by_hand():
    p_values = np.array([0.9, 0.01, 0.04, 0.03, 0.5])
    assert select_discoveries(p_values, level=0.1).tolist() == [False, True, True, True, False]  # 0.04 <= 0.1 * 3 / 5
    assert not select_discoveries(p_values, level=0.01).any()
    assert select_discoveries(np.zeros(0), level=0.1).tolist() == []


@pytest.mark.parametrize("level", [0.1, 0.3])
def test_the_share_of_false_discoveries_keeps_to_the_level(level):
    false, found = [], []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        scores = np.r_[generator.normal(size=1000), generator.normal(4.0, 1.0, size=40)]
        rare = np.arange(1040) >= 1000
        common = ~rare & (generator.random(1040) < 0.7)
        chosen = cross_selection(scores, common, level=level, seed=seed)
        false.append((chosen & ~rare).sum() / max(chosen.sum(), 1))
        found.append(chosen[rare].mean())
    assert np.mean(false) < 1.15 * level
    assert np.mean(found) > 0.5


def test_with_too_few_common_ones_nothing_is_selected():
    scores = np.r_[np.zeros(2 * LEAST_CALIBRATION - 1), np.ones(30)]
    common = np.arange(len(scores)) < 2 * LEAST_CALIBRATION - 1
    assert not cross_selection(scores, common, level=0.2).any()
    assert not cross_selection(np.zeros(0), np.zeros(0, bool), level=0.2).any()
