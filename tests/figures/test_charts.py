"""Charts of tables: counts by hand, words instead of empty charts, letters for Japanese and for markup."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rarelib.figures.charts import (
    method_name,
    plot_agreement,
    plot_class_counts,
    plot_confidence_sizes,
    plot_early_filter,
    plot_funnel,
    plot_scores,
    step_name,
)
from rarelib.figures.map import plot_map
from rarelib.figures.style import NOT_FIRST, NOT_LAST, fit_text, new_chart, png_bytes, printable
from rarelib.language import text_columns
from rarelib.run.folder import RunFolder
from rarelib.tables import TableError

METHODS = ["isolation_forest", "knn"]
FUNNEL = {"listed": 1000, "sampled": 200, "unreadable": 2, "objects": 2000, "selected": 220, "captioned": None}
NAMES = ["$x_1$ <b>car</b>", "建設車両", "horse 🐎", "a name far longer than any chart has room for, typed by nobody"]


def tables(count):
    """Return images, objects, early filter, scores and map of so many objects; the last five percent are selected."""
    rng = np.random.default_rng(0)
    ids = pd.Series([f"o-{n:04d}" for n in range(count)], dtype="str")
    names = pd.Series([NAMES[n % 4] for n in range(count)], dtype="str")
    images = pd.DataFrame({"image_id": [f"i-{n}" for n in range(10)], "sampled": True, "error": ""})
    objects = pd.DataFrame({"object_id": ids, "class_name": names, "confidence": rng.random(count)})
    objects["image_id"] = pd.Series([f"i-{n % 10}" for n in range(count)], dtype="str")
    objects["origin"] = pd.Series(["proposal" if n % 3 == 0 else "detected" for n in range(count)], dtype="str")
    objects = objects.assign(x_min=0.0, y_min=0.0, x_max=rng.uniform(5, 300, count), y_max=50.0)
    keep = np.arange(count) % 2 == 0
    early_filter = pd.DataFrame({"object_id": ids, "keep": keep})
    early_filter["reason"] = pd.Series(np.where(keep, "キーワード", "a common class, thinned"), dtype="str")
    rank = np.arange(count, 0, -1)
    chosen = rank <= max(count // 20, 1)
    scores = pd.DataFrame({"object_id": ids, "rank": rank, "selected": chosen, "rarity": 1 / rank})
    scores = scores.assign(is_outlier=chosen, is_rare_class=~chosen, **{name: rng.random(count) for name in METHODS})
    layout = pd.DataFrame({"object_id": ids, "x": rng.random(count), "y": rng.random(count)})
    return images, objects, early_filter, scores, layout


def charts(count, language="en"):
    images, objects, early_filter, scores, layout = tables(count)
    return {
        "class_counts": plot_class_counts(objects, language=language),
        "confidence_sizes": plot_confidence_sizes(objects, images, language=language),
        "early_filter": plot_early_filter(objects, early_filter, language=language),
        "scores": plot_scores(scores, METHODS, 0.1, language=language),
        "agreement": plot_agreement(scores, METHODS, 0.1, language=language),
        "map": plot_map(layout, objects, scores, language=language),
        "funnel": plot_funnel(FUNNEL if count else dict.fromkeys(FUNNEL, 0), language=language),
    }


def texts(figure):
    """Return all that a figure says, one space between the pieces."""
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    labels = [label.get_text() for axes in figure.axes for label in (*axes.get_yticklabels(), *axes.get_xticklabels())]
    titles = [axes.get_title(loc=place) for axes in figure.axes for place in ("left", "center", "right")]
    return " ".join([figure.get_suptitle(), *found, *labels, *titles]).replace("\n", " ")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("count", [1, 60])
def test_every_chart_is_drawn_without_a_missing_letter(count, language):
    for figure in charts(count, language).values():
        assert 2_000 < len(png_bytes(figure)) < 150_000  # warnings are errors, and a missing letter warns


@pytest.mark.parametrize("language", ["en", "ja"])
def test_nothing_to_draw_is_said_in_words(language):
    for name, figure in charts(0, language).items():
        assert png_bytes(figure)
        said = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
        assert len(said) > 10, name
        assert not [axes for axes in figure.axes if axes.patches or axes.lines or axes.collections], name


def test_classes_are_counted():
    _, objects, *_ = tables(6)  # names 0 1 2 3 0 1
    told = texts(plot_class_counts(objects))
    assert "(objects: 6, classes: 4)" in told
    assert [label for label in told.split() if label.isdigit()].count("2") == 2


def test_of_many_classes_the_middle_is_summed_up():
    objects = pd.DataFrame(
        {"class_name": [f"class {n}" for n in range(50) for _ in range(n + 1)], "origin": "detected"}
    )
    told = texts(plot_class_counts(objects, max_classes=10))
    assert "class 49" in told
    assert "class 0" in told
    assert "41 classes between" in told
    between = sum(range(6, 47))  # the 4 most frequent and the 5 rarest are shown; 46 down to 6 stand between
    assert f"{between:,}" in told


def test_the_early_filter_tells_what_it_kept():
    _, objects, early_filter, *_ = tables(60)
    told = texts(plot_early_filter(objects, early_filter))
    assert "kept 30 of 60 objects" in told
    assert "30" in told.split()
    assert "15 / 15" in told  # NAMES[0]: all of even number


def test_a_threshold_marks_the_share_that_was_asked_for():
    *_, scores, _ = tables(60)
    told = texts(plot_scores(scores.assign(knn=np.arange(60.0)), ["knn"], 0.1))
    assert "6 from 53.1" in told
    assert "selected: 3" in told


def test_a_method_that_was_not_computed_is_left_out():
    *_, scores, _ = tables(60)
    told = texts(plot_scores(scores.drop(columns="knn"), METHODS, 0.1))
    assert method_name("knn") not in told
    assert method_name("isolation_forest") in told


def test_agreement_is_the_share_of_the_row():
    scores = pd.DataFrame({"knn": [4.0, 3, 2, 1], "lof": [4.0, 1, 3, 2], "is_outlier": [True, False, False, False]})
    scores = scores.assign(is_rare_class=False, selected=True)
    told = texts(plot_agreement(scores, ["knn", "lof"], 0.5))
    # knn marks rows 0 1, lof 0 2: half of each; is_outlier is all of it within both; nothing is of a rare class
    assert told.split().count("50%") == 2 + 2 + 2  # knn-lof twice, each in is_outlier's column, selected to each
    assert "–" in told


def test_the_map_names_the_rarest_and_says_what_it_leaves_out():
    _, objects, _, scores, layout = tables(60)
    figure = plot_map(layout.tail(20), objects, scores)
    said = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert said.startswith("1 ")
    assert "20" in figure.get_suptitle()
    legend = " ".join(text.get_text() for text in figure.axes[0].get_legend().get_texts())
    assert "selected 3" in legend


def test_the_funnel_tells_a_skipped_step_from_nothing():
    told = texts(plot_funnel(FUNNEL))
    assert "1,000" in told
    assert "skipped" in told
    assert "0" not in told.split()
    assert step_name("selected") in told
    assert step_name("a_new_step") == "a new step"


def test_text_is_cut_to_its_columns():
    assert fit_text("one two three", 7, 2) == "one two\nthree"
    assert fit_text("one two three four", 7, 2) == "one two\nthree…"
    assert fit_text("車" * 16, 27, 2) == "車" * 15 + "\n車"  # as wide as 27 Latin letters may be
    assert text_columns("車a") == 3
    assert all(text_columns(line) <= 6 for line in fit_text("建設車両（クレーン）", 6, 3).split("\n"))
    assert printable("a\u202eb\x00c\n🐎") == "abc □"
    assert len(printable("x" * 10_000)) <= 400


@pytest.mark.parametrize("columns", range(6, 40))
def test_lines_break_where_japanese_allows_it(columns):
    text = "他と離れた外観（上位 0.1％）です。「トラック」、データは 2,926 個、ッと伸ばすー、終わり。"
    text += "ほかの「truck」とは（bus も）違う。" if columns > 10 else ""  # where a word and its marks have room
    for line in fit_text(text, columns, 30).split("\n"):
        assert line[:1] not in tuple(NOT_FIRST) and line[-1:] not in tuple(NOT_LAST), line
    assert fit_text(text, columns, 30).replace("\n", "").replace(" ", "") == text.replace(" ", "")


def test_a_map_of_wrong_tables_says_which_column_it_needs():
    _, objects, _, scores, positions = tables(9)
    with pytest.raises(TableError, match="need the column 'class_name' of 'objects'"):
        plot_map(positions, scores, objects)


def test_a_saved_figure_is_shown_as_it_was_saved_and_drawn_once_and_anew_when_it_changed(tmp_path, monkeypatch):
    drawn, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda figure, renderer: (drawn.append(1), draw(figure, renderer))[1])
    chart = new_chart("Title")
    axes = chart.add_subplot()
    RunFolder(tmp_path).save_figure(chart, "chart")
    saved, times = (tmp_path / "plots" / "chart.png").read_bytes(), len(drawn)
    assert chart._repr_png_() == chart._repr_png_() == saved and len(drawn) == times
    axes.plot([1, 2])
    changed = chart._repr_png_()
    assert changed != saved and len(drawn) > times
    axes.set_title("Drawn, but not saved")
    chart.canvas.draw()
    assert chart._repr_png_() not in (saved, changed)


def test_objects_of_a_picture_are_counted_in_whole_numbers():
    objects = tables(100)[1].assign(origin="detected")
    many = [2, 3, 3]
    pictures = pd.DataFrame({"image_id": ["i-0", "i-1", "i-2"], "sampled": True, "error": ""})
    drawn = pd.concat([objects.head(n).assign(image_id=f"i-{k}") for k, n in enumerate(many)], ignore_index=True)
    figure = plot_confidence_sizes(drawn, pictures)
    figure.draw_without_rendering()
    assert all(float(tick).is_integer() for tick in figure.axes[2].get_xticks())


def test_a_figure_is_saved_in_the_form_that_its_name_or_the_caller_says(tmp_path):
    chart = new_chart("title", height=1.0)
    begins = {"a.png": b"\x89PNG", "a.pdf": b"%PDF", "a.svg": b"<?xml", "plain": b"\x89PNG"}
    for name, beginning in begins.items():
        chart.savefig(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(beginning), name
    chart.savefig(tmp_path / "b.partial", format="png")
    assert (tmp_path / "b.partial").read_bytes().startswith(b"\x89PNG")
