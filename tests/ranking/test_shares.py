"""The parts of a rarity add up to it; what was held down is what is missing."""

import numpy as np
import pandas as pd

from rarelib.ranking.shares import rarity_parts
from rarelib.ranking.signs import SIGNS, fuse_signs

RAISING = [sign.name for sign in SIGNS if sign.raises]
HOLDING = [sign.name for sign in SIGNS if not sign.raises]


def random_signs(n=200):
    values = np.random.default_rng(0).random((n, len(SIGNS)))
    return pd.DataFrame(values, columns=[sign.name for sign in SIGNS])


def test_the_parts_add_up():
    signs = random_signs()
    parts = rarity_parts(signs)
    assert (parts >= 0).all(axis=None)
    np.testing.assert_allclose(parts[RAISING].sum(axis=1), fuse_signs(signs), atol=1e-12)
    unheld = signs.assign(**dict.fromkeys(HOLDING, 1.0))
    np.testing.assert_allclose(parts.sum(axis=1), fuse_signs(unheld), atol=1e-12)


def test_a_sign_alone_has_all_of_it_and_no_sign_has_none():
    signs = random_signs(3) * 0
    signs[HOLDING] = 1.0
    signs.loc[0, "sign_look"] = 1.0
    signs.loc[1, ["sign_look", "sign_quality"]] = [1.0, 0.0]
    parts = rarity_parts(signs)
    weight = {sign.name: sign.weight for sign in SIGNS}
    assert np.isclose(parts["sign_look"][0], weight["sign_look"]) and np.isclose(
        parts.loc[0].sum(), parts["sign_look"][0]
    )
    assert np.isclose(parts["sign_quality"][1], weight["sign_look"] * weight["sign_quality"])
    assert parts.loc[2].sum() == 0


def test_a_missing_value_counts_for_nothing_and_missing_columns_are_no_error():
    signs = random_signs(2)
    signs.loc[0, ["sign_words", "sign_size"]] = np.nan
    parts = rarity_parts(signs)
    assert parts["sign_words"][0] == 0 and parts["sign_size"][0] == 0 and np.isfinite(parts).all(axis=None)
    assert rarity_parts(signs.drop(columns="sign_look")).shape == (2, 0)
