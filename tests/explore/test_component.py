"""The component in a browser with a host that answers from a list: what learning, searching and filters leave shown."""

import json

import pandas as pd
import pytest
from browser import Watched, launch, press_lasso
from planted_run import planted_run

from rarelib.explore.component import component_style, notebook_module
from rarelib.explore.payload import component_data
from rarelib.explore.rows import gather_objects
from rarelib.run.verdict_file import VerdictFile

CAN = {"words": False, "learn": True, "frames": True, "download": False}
HOST = """
window.chosen = null;
const answers = JSON.parse(document.getElementById("answers").textContent);
const model = {
  get: () => JSON.parse(document.getElementById("data").textContent),
  set: (_, rows) => { window.chosen = rows; },
  save_changes: () => {},
  on: (_, handler) => { model.handler = handler; },
  off: () => {},
  send: ({ id, kind }) => setTimeout(() => model.handler({ id, ...(answers[kind].shift?.() ?? answers[kind]) }, [])),
};
render({ model, el: document.body });
"""
DRAWN = """
window.drawn = [];
CanvasRenderingContext2D.prototype.fillRect = function (left, top, width, height) {
  if (this.canvas.className === "whole") window.drawn.push({ left, top, right: left + width, bottom: top + height });
};
"""


SECOND_IS_SLOW = """() => {
  let decoded = 0;
  HTMLImageElement.prototype.decode = () => new Promise((done) => setTimeout(done, (decoded += 1) === 2 ? 400 : 0));
}"""


@pytest.fixture(scope="module")
def browser():
    yield from launch()


@pytest.fixture
def show(browser, tmp_path):
    """A function that shows rows of a planted run, with what the host is to answer."""
    pages = []

    def shown(rows, **answers):
        run = planted_run(tmp_path / "run")
        rows = rows(gather_objects(run)) if callable(rows) else rows
        verdicts = VerdictFile(run.root / "verdicts.csv", run).rows
        data = component_data(rows, run.read_table("neighbours"), run_name="r", verdicts=verdicts, can=CAN)
        script = notebook_module().replace("export default { render };", "") + HOST
        told = {"crops": {"urls": [""] * 64}, "verdict": {"told": ""}, **answers}
        parts = [f'<script type="application/json" id="{name}">{json.dumps(value)}</script>'
                 for name, value in (("data", data), ("answers", told))]  # fmt: skip
        watched = Watched(browser, viewport={"width": 1200, "height": 900})
        watched.page.add_init_script(DRAWN)
        (tmp_path / "page.html").write_text(
            f'<!doctype html><meta charset="utf-8"><style>{component_style()}</style><body>{"".join(parts)}'
            f'<script type="module">{script}</script>', encoding="utf-8"
        )  # fmt: skip
        watched.page.goto((tmp_path / "page.html").as_uri())
        watched.page.wait_for_selector(".card")
        pages.append(watched)
        return watched.page

    yield shown
    for watched in pages:
        watched.page.close()
        assert (watched.outside, watched.errors) == ([], [])


def as_they_are(rows):
    return rows


def test_learning_chooses_all_again_and_what_it_said_goes_with_it(show):
    learned = {"rank": [2, 1, 3, 4, 5], "told": "Learned from 2 rare"}
    page = show(as_they_are, similar={"rows": [2], "similarity": [0.5]}, learn=learned)
    page.locator("select[name=sort]").select_option("size")
    page.locator(".card[data-row='0']").press("m")
    page.wait_for_function("window.chosen?.length === 2")
    page.locator("button.learn").click()
    page.get_by_text("Learned from 2 rare").wait_for()
    assert page.evaluate("window.chosen") == [] and page.locator(".card").count() == 5
    assert page.locator(".card .rank").all_inner_texts() == ["1", "2", "3", "4", "5"]
    assert page.locator("select[name=sort]").input_value() == "rank"
    assert page.locator(".rose, .fell").all_inner_texts() == ["▲1", "▼1"]
    page.locator("button.forget").click()
    assert page.locator(".status").inner_text() == "" and page.locator(".rose, .fell").count() == 0


def test_the_focus_stays_on_its_card_when_the_gallery_is_made_anew(show):
    page = show(as_they_are, similar={"rows": [4], "similarity": [0.5]})
    focused = "document.activeElement.closest('.card')?.dataset.row"
    page.locator(".card").nth(2).press("m")
    page.wait_for_selector(".only button")
    assert page.evaluate(focused) == "2"
    page.get_by_role("button", name="show all").press("Enter")
    assert page.locator(".card").count() == 5 and page.evaluate(focused) == "0"


def test_a_choice_says_how_many_cards_it_would_show(show):
    def two_views(rows):
        return rows.assign(event=rows["object_id"].where(rows["called"] != "car", rows["object_id"][3]))

    page = show(two_views)
    choice = page.locator("select[name=class]")
    assert choice.locator("option").all_inner_texts() == ["any", "bus (2)", "car (1)", "horse (1)"]
    page.get_by_label("selected only").check()
    assert choice.locator("option").all_inner_texts() == ["any", "bus (2)", "car (0)", "horse (1)"]
    choice.select_option(label="horse (1)")
    page.get_by_label("one card an event").uncheck()
    page.get_by_label("selected only").uncheck()
    assert choice.locator("option").all_inner_texts() == ["any", "bus (2)", "car (2)", "horse (1)"]
    choice.select_option(label="car (2)")
    assert page.locator(".card").count() == 2
    page.locator("select[name=verdict]").select_option("none")
    page.locator(".card").nth(0).press("y")
    assert "car (1)" in choice.locator("option").all_inner_texts()


def test_labels_stand_inside_the_whole_picture_and_apart(show):
    corners = [[930, 100, 960, 130], [100, 0, 140, 40], [100, 0, 150, 30], [0, 525, 30, 540], [4, 526, 20, 540]]
    corners += [[20, 300, 60, 330]] * 3
    boxes = [{"row": row if row < 5 else -1, "xyxy": xyxy, "name": f"traffic light {row}", "origin": "detected"}
             for row, xyxy in enumerate(corners)]  # fmt: skip
    page = show(as_they_are, picture={"path": "a.jpg", "width": 960, "height": 540, "boxes": boxes})
    page.locator(".card .picture").first.click()
    page.wait_for_selector('.picture-view[data-ready="a.jpg"]')
    drawn = page.evaluate("window.drawn")
    assert len(drawn) == len(corners)
    for number, one in enumerate(drawn):
        assert one["left"] >= 0 and one["right"] <= 960 and one["top"] >= 0 and one["bottom"] <= 540, one
        for other in drawn[:number]:
            beside = one["left"] >= other["right"] or other["left"] >= one["right"]
            assert beside or one["top"] >= other["bottom"] or other["top"] >= one["bottom"], (one, other)


def test_the_picture_asked_for_last_is_shown_though_one_before_it_is_slower(show):
    boxes = [{"row": -1, "xyxy": [0, 0, 9, 9], "name": "car", "origin": "detected"}]
    about = {"width": 9, "height": 9, "boxes": boxes, "after": 1}
    page = show(as_they_are, picture=[{**about, "path": f"{name}.jpg"} for name in "abc"])
    page.evaluate(SECOND_IS_SLOW)
    page.locator(".card .picture").first.click()
    page.wait_for_selector('.picture-view[data-ready="a.jpg"]')
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector('.picture-view[data-ready="c.jpg"]')
    painted = page.evaluate("window.drawn.length")
    page.wait_for_timeout(600)
    assert page.locator(".picture-view").get_attribute("data-ready") == "c.jpg"
    assert page.evaluate("window.drawn.length") == painted == 2


def test_a_card_says_where_its_rarity_is_not_that_by_its_signs(show):
    def one_moved(rows):
        by_signs = pd.Series([0.25, 0.25, 0.25, 0.0, 0.0])
        return rows.assign(rarity=by_signs.where(rows.index != 1, 0.85))

    page = show(one_moved)
    assert page.locator(".card").nth(1).locator(".by-signs").inner_text() == "by its signs 0.25; moved by verdicts"
    assert page.locator(".by-signs").count() == 1


def test_a_lasso_that_the_browser_breaks_off_chooses_nothing(show):
    page = show(as_they_are)
    canvas = page.locator(".map-canvas")
    canvas.scroll_into_view_if_needed()
    press_lasso(page, canvas, (0.012, 0.012), (0.988, 0.012), (0.988, 0.988), (0.012, 0.988))
    canvas.dispatch_event("pointercancel")  # as where a finger scrolls the page
    page.mouse.up()
    assert page.locator(".only").inner_text() == "" and page.evaluate("window.chosen") is None
