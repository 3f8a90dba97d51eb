"""The bar of signs: as long as the rarity, what is not seen has no entry, words where no signs are known."""

import pandas as pd
import pytest

from rarelib.figures.signs import plot_signs, sign_name
from rarelib.figures.style import png_bytes
from rarelib.language import phrases
from rarelib.ranking.shares import rarity_parts
from rarelib.ranking.signs import SIGNS

ROWS = pd.DataFrame({"class_name": ["建設車両", "$x$ horse"], "rank": [1, 2]})


def scores():
    nothing = {sign.name: 0.0 if sign.raises else 1.0 for sign in SIGNS}
    return pd.DataFrame([{**nothing, "sign_look": 1.0, "sign_quality": 0.5}, {**nothing, "sign_name": 1.0}])


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_bar_is_as_long_as_the_rarity_and_what_was_held_down(language):
    figure = plot_signs(rarity_parts(scores()), ROWS, language=language)
    bars = [patch.get_width() for patch in figure.axes[0].patches]
    weight = {sign.name: sign.weight for sign in SIGNS}
    assert sum(bars[::2]) == pytest.approx(weight["sign_look"])
    assert sum(bars[1::2]) == pytest.approx(weight["sign_name"])
    named = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert named == [sign_name(name, language) for name in ("sign_look", "sign_name", "sign_quality")]
    assert len(png_bytes(figure)) > 2_000  # warnings are errors, and a missing letter warns


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_rarity_that_the_signs_did_not_make_is_marked(language):
    parts = rarity_parts(scores())
    as_made = parts[["sign_look", "sign_name"]].sum(axis=1)
    assert not plot_signs(parts, ROWS.assign(rarity=as_made), language=language).axes[0].lines
    figure = plot_signs(parts, ROWS.assign(rarity=[0.95, as_made[1]]), language=language)
    (mark,) = figure.axes[0].lines
    assert mark.get_xdata()[0] == 0.95 and pd.isna(mark.get_xdata()[1]) and figure.axes[0].get_xlim()[1] > 0.95
    assert len(png_bytes(figure)) > 2_000


def test_nothing_to_draw_is_said_in_words():
    for parts in (rarity_parts(scores().head(0)), pd.DataFrame(index=[0, 1])):
        assert "keeps no signs" in plot_signs(parts, ROWS).axes[0].texts[0].get_text()


def test_every_sign_has_a_name():
    assert all(f"sign.{sign.name.removeprefix('sign_')}" in phrases() for sign in SIGNS)
