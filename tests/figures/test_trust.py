"""The charts of trust say their numbers, and say in words when there are none."""

import pytest

from rarelib.figures.style import png_bytes
from rarelib.figures.trust import plot_audit, plot_evaluation

AUDIT = {
    "available": True,
    "sentence": "…",
    "n_objects": 200,
    "copies": 3,
    "budget": 10,
    "budgets": [0.0, 0.05, 0.5],
    "found": [0.0, 0.6, 1.0],
    "low_curve": [0.0, 0.4, 0.9],
    "high_curve": [0.0, 0.8, 1.0],
    "random_curve": [0.0, 0.14, 0.88],
    "kinds": [{"class_name": "自転車 $x$", "first_rank": 43}, {"class_name": "horse", "first_rank": 4}],
}
CURVE = {"budgets": [0.0, 0.05, 1.0], "found": [0.0, 0.5, 1.0], "random": [0.0, 0.05, 1.0]}


def step(name, kind, value, random=0.05, n=10):
    return {"step": name, "kind": kind, "value": value, "low": 0.1, "high": 0.9, "random": random, "n": n}


def evaluation(kinds):
    steps = [step("detected", kind, 0.8, None) for kind in kinds]
    steps += [step("ranked", kind, 0.55) for kind in kinds] + [step("end_to_end", kind, 0.44) for kind in kinds]
    return {"available": True, "sentence": "…", "budget_share": 0.05, "steps": steps, "curve": CURVE, "auroc": None}


def texts(figure):
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    return " ".join([*found, *(label.get_text() for axes in figure.axes for label in axes.get_yticklabels())])


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_audit_shows_its_kinds_by_rank(language):
    figure = plot_audit(AUDIT, language=language)
    assert len(png_bytes(figure)) > 10_000
    told = texts(figure)
    assert told.index("馬" if language == "ja" else "horse") < told.index("自転車")
    assert {"4", "43"} <= set(told.split())


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kinds", [["all"], ["all", "seen", "unseen"]])
def test_the_three_steps_are_shown_apart(kinds, language):
    figure = plot_evaluation(evaluation(kinds), language=language)
    assert len(png_bytes(figure)) > 10_000
    for share in ("80%", "55%", "44%"):
        assert texts(figure).count(share) >= len(kinds)


def test_a_step_without_objects_is_shown_as_such():
    told = evaluation(["all"])
    told["steps"][1] |= {"n": 0, "value": 0.0, "random": None}
    assert png_bytes(plot_evaluation(told))


@pytest.mark.parametrize("draw", [plot_audit, plot_evaluation])
@pytest.mark.parametrize(("language", "sentence"), [("en", "It was left out."), ("ja", "省かれました。")])
def test_what_is_not_available_is_said_in_words(draw, language, sentence):
    figure = draw({"available": False, "sentence": sentence}, language=language)
    assert sentence in " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert png_bytes(figure)
