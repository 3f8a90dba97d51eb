"""Figures made of pictures: every tile is there, empty input says so in words, Japanese has its letters."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarelib.figures.galleries import _tail, plot_boxes, plot_contact_sheet, plot_gallery, plot_neighbours
from rarelib.figures.labels import place_labels
from rarelib.figures.style import png_bytes
from rarelib.words.vocabulary import shown_name


def crops(count, height=40, width=60):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (height + 7 * n, width, 3), dtype=np.uint8) for n in range(count)]


def rows(count):
    table = pd.DataFrame(
        {
            "object_id": [f"o-{n:02d}" for n in range(9)],
            "class_name": ["<b>car</b> $x_1$", "建設車両（クレーン付き）", "horse 🐎"] * 3,
            "confidence": 0.5,
            "origin": ["detected", "proposal", "detected"] * 3,
            "rank": range(1, 10),
            "rarity": 0.9,
            "reason": "the only 'horse' among 1,240 objects; nearest common object at 0.41 " * 3,
            "event_size": [1, 4, 1] * 3,
        }
    )
    return table.assign(x_min=2.0, y_min=3.0, x_max=30.0, y_max=20.0).head(count)


def shown(figure):
    """Return the panels that show a picture."""
    return [axes for axes in figure.axes if axes.images]


def drawn_from_to(figure):
    """Return the heights [inches] between which axes and their texts lie once the figure is drawn, from below."""
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in shown(figure)]
    dpi = figure.dpi
    return min(box.y0 for box in boxes) / dpi, max(box.y1 for box in boxes) / dpi


@pytest.mark.parametrize(
    "reason", ["", "short", "短い理由", "the only 'horse' among 1,240 objects; " * 9, "珍しい物体です。" * 30]
)
@pytest.mark.parametrize("count", [1, 5, 7])
def test_nothing_is_cut_off_and_no_room_is_left(count, reason):
    table = rows(count).assign(reason=reason, position=1, similarity=0.5)
    figures = [
        plot_gallery(crops(count), table, language="ja"),
        plot_gallery(crops(count), table.drop(columns="reason")),
        plot_neighbours(crops(count), table, crops(count), table),
        plot_contact_sheet(crops(count), [reason or "a.jpg"] * count),
        plot_boxes(crops(count), [rows(2)] * count),
    ]
    for figure in figures:
        bottom, top = drawn_from_to(figure)
        assert 0 <= bottom < 0.5 and 0 < figure.get_figheight() - top < 0.6, figure.get_suptitle()


def test_names_of_common_classes_are_not_cut_beside_their_neighbours():
    for name in ("traffic light", "parking meter"):
        table = rows(1).assign(class_name=name, position=1, similarity=0.5, rank=24)
        figure = plot_neighbours(crops(1), table, crops(1), table)
        figure.draw_without_rendering()
        assert f"24 {name}" in texts(figure) and f"0.50 {name}" in texts(figure)
        for axes in shown(figure):
            assert axes.xaxis.label.get_window_extent().width <= axes.get_window_extent().width


def texts(figure):
    labels = [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.xaxis.label, axes.title]]
    return " ".join(labels).replace("\n", " ")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_every_picture_has_its_tile(count, language):
    beside = rows(count).assign(position=1, similarity=0.5, neighbour_id="n")
    figures = [
        plot_contact_sheet(crops(count), ["走行/a.jpg"] * count, language=language),
        plot_boxes(crops(count), [rows(2)] * count, language=language),
        plot_gallery(crops(count), rows(count), language=language),
    ]
    for figure in figures:
        assert len(shown(figure)) == count
        assert len(png_bytes(figure)) > 1000
        assert figure.get_suptitle()
        assert count or len(texts(figure)) > 10
    figure = plot_neighbours(crops(count), rows(count), crops(count), beside, language=language)
    assert len(shown(figure)) == 2 * count
    assert len(png_bytes(figure)) > 1000


def test_boxes_stand_where_they_are_in_the_original_picture():
    figure = plot_boxes(crops(1), [rows(2)], scales=[0.5])
    (axes,) = shown(figure)
    assert axes.images[0].get_extent() == [0, 120, 80, 0]  # a crop of 60 x 40 px, made half as large
    assert sorted(patch.get_bbox().bounds for patch in axes.patches) == [(2.0, 3.0, 28.0, 17.0)] * 2
    assert [patch.get_linestyle() for patch in axes.patches].count("solid") == 1  # the proposal is dashed


def test_boxes_are_called_in_the_language():
    table = rows(1).assign(origin="detected", class_name="car")
    ((english,), (japanese,)) = (shown(plot_boxes(crops(1), [table], language=name)) for name in ("en", "ja"))
    assert (
        english.texts[0].get_text() == "car 0.50" and japanese.texts[0].get_text() == f"{shown_name('car', 'ja')} 0.50"
    )
    assert shown_name("car", "ja") != "car"


def test_labels_of_boxes_stand_inside_their_picture_and_apart():
    table = rows(6).assign(origin="detected", class_name="construction vehicle", confidence=np.arange(6) / 10)
    corners = [[0, 0, 50, 60], [2, 0, 60, 50], [390, 40, 400, 80], [100, 290, 110, 300], [9, 150, 30, 170]]
    table[["x_min", "y_min", "x_max", "y_max"]] = np.array([*corners, corners[-1]], float)
    figure = plot_boxes([np.zeros((300, 400, 3), np.uint8)], [table])
    figure.draw_without_rendering()
    (axes,) = shown(figure)
    picture = axes.get_window_extent()
    extents = [text.get_bbox_patch().get_window_extent() for text in axes.texts]
    assert len(extents) == 6
    for number, extent in enumerate(extents):
        assert picture.x0 - 1 <= extent.x0 and extent.x1 <= picture.x1 + 1, extent
        assert picture.y0 - 1 <= extent.y0 and extent.y1 <= picture.y1 + 1, extent
        assert not any(extent.padded(-0.5).overlaps(other.padded(-0.5)) for other in extents[:number])


def test_a_label_moves_below_the_edge_then_to_the_bottom_then_down():
    boxes = np.array([[10, 20, 50, 60]] * 5, float)
    places = place_labels(boxes, np.full((5, 2), [30.0, 10.0]), (100.0, 100.0))
    assert places == [(10, 10), (10, 20), (10, 50), (10, 60), (10, 30)]
    assert place_labels(boxes[:1] + 85, np.array([[30.0, 10.0]]), (100.0, 100.0)) == [(70, 90)]
    assert place_labels(boxes[:2], np.full((2, 2), 100.0), (100.0, 100.0)) == [(0, 0), (0, 0)]  # nothing is free


def test_a_tile_tells_what_is_known_of_its_object():
    told = texts(plot_gallery(crops(2), rows(2)))
    for words in ("1  <b>car</b> ", "0.90", "the only 'horse'"):
        assert words in told


def test_a_gallery_takes_one_crop_a_row_pictures_of_pil_and_words_of_the_users_own():
    with pytest.raises(ValueError, match=r"one crop for each row\. Got 1 crops for 2 rows"):
        plot_gallery(crops(1), rows(2))
    with pytest.raises(ValueError, match="at least 1 column"):
        plot_gallery(crops(2), rows(2), columns=0)
    chart = plot_gallery([Image.fromarray(crop) for crop in crops(2)], rows(2), title="Monday's finds")
    assert len(shown(chart)) == 2 and chart.get_suptitle() == "Monday's finds"


def test_columns_may_be_missing():
    bare = rows(3)[["object_id", "class_name"]]
    assert len(shown(plot_gallery(crops(3), bare))) == 3
    assert "0.25" in texts(plot_gallery(crops(3), bare.assign(similarity=0.25)))


def test_neighbours_stand_beside_their_object():
    beside = pd.DataFrame(
        {
            "object_id": ["o-01", "o-00", "o-00"],
            "position": [1, 2, 1],
            "similarity": [0.1, 0.2, 0.3],
            "class_name": "bus",
        }
    )
    figure = plot_neighbours(crops(5), rows(2), crops(3), beside)
    told = [axes.get_xlabel() for axes in figure.axes]
    assert [label.split()[0] for label in told if label] == ["1", "0.30", "0.20", "2", "0.10"]
    assert told[3] == ""  # no third neighbour


def test_a_tile_is_named_as_the_object_is_called():
    named = rows(2).assign(called=["trailer", "horse"])
    told = [text.get_text() for axes in shown(plot_gallery(crops(2), named)) for text in axes.texts]
    assert any("trailer" in text for text in told) and not any("car" in text for text in told)


@pytest.mark.parametrize(("language", "words"), [("en", "not compared"), ("ja", "比較を行っていない")])
def test_without_names_nothing_is_said_of_what_objects_look_like(language, words):
    figure = plot_gallery([], rows(0), title="looks_like", language=language)
    told = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert words in told.replace("\n", " ") and "0" not in figure.get_suptitle()


@pytest.mark.parametrize("columns", [13, 40, 200])
def test_tiles_too_narrow_for_words_are_drawn_without_them(columns):
    assert len(shown(plot_gallery(crops(2), rows(2), columns=columns))) == 2
    assert _tail("drive/0001.jpg", 7) == "…01.jpg" and _tail("drive/0001.jpg", 0) == "…"
