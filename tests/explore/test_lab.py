"""The explorer in a real JupyterLab and a real browser, over a small demo run, as a person would use it."""

import csv
import shutil

import pytest
from browser import WAIT_MS, Watched, lab_server, launch, open_lab, press_lasso


@pytest.fixture(scope="module")
def browser():
    yield from launch()


@pytest.fixture(scope="module")
def run(demo, tmp_path_factory):
    """A copy of the small demo run, in which verdicts are given."""
    root = tmp_path_factory.mktemp("lab") / "demo"
    shutil.copytree(demo[0].root, root, symlinks=True)
    return root


@pytest.fixture(scope="module")
def lab(browser, run, tmp_path_factory):
    """The run's notebook in JupyterLab, as `rarelib explore` opens it, all cells run."""
    with lab_server(run, tmp_path_factory.mktemp("home")) as address:
        watched = Watched(browser, viewport={"width": 1400, "height": 1000})
        open_lab(watched.page, address)
        _run_all_cells(watched.page)
        yield watched
        watched.page.close()


def _run_all_cells(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_selector(".rarelib .card .crop img", timeout=WAIT_MS, state="attached")
    page.wait_for_function("document.body.innerText.includes('| Idle')", timeout=WAIT_MS)


@pytest.fixture
def page(lab):
    """The page, its explorer in view; nothing may have gone wrong in it, nor left this machine."""
    lab.page.locator(".rarelib").first.scroll_into_view_if_needed()
    yield lab.page
    assert (lab.outside, lab.errors) == ([], [])


def cards(page):
    return page.locator(".rarelib .cards > .card")


def ids(page):
    return [card.locator("dl code").text_content() for card in cards(page).all()]


def verdicts_of(run):
    return list(csv.DictReader((run / "verdicts.csv").read_text(encoding="utf-8").splitlines()))


def test_all_cells_run(page):
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert cards(page).count() == 36
    assert "shown of" in page.locator(".rarelib .count").inner_text()


def test_a_lasso_fills_the_gallery_and_hovering_shows_a_crop(page):
    canvas = page.locator(".rarelib .map-canvas")
    press_lasso(page, canvas, (0.01, 0.01), (0.6, 0.01), (0.6, 0.99), (0.01, 0.99))
    page.mouse.up()
    inside = int(page.locator(".rarelib .only").inner_text().split(" in the lasso")[0])
    shown = int(page.locator(".rarelib .count").inner_text().split(" shown")[0])
    assert 0 < shown == inside
    _hover_a_point(page, canvas.bounding_box())
    page.wait_for_selector(".rarelib .tip img", timeout=WAIT_MS)
    page.get_by_role("button", name="show all").click()


def _hover_a_point(page, box):
    tip = page.locator(".rarelib .tip")
    for step in range(40):
        across, down = 0.1 + step / 50, 0.2 + (step * 7 % 11) / 20
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        if tip.is_visible():
            return
    raise AssertionError("no point was met")


def test_a_verdict_stands_in_the_file_and_learning_moves_what_looks_alike(page, run):
    judged = ids(page)[5]
    card = cards(page).nth(5)
    card.get_by_role("button", name="rare", exact=True).click()
    page.get_by_text("1 verdict in verdicts.csv").wait_for(timeout=WAIT_MS)
    (given,) = verdicts_of(run)
    assert (given["object_id"], given["rare"]) == (judged, "yes") and judged.startswith(given["image_id"])
    cards(page).nth(0).press("n")
    page.get_by_text("2 verdicts in verdicts.csv").wait_for(timeout=WAIT_MS)
    page.locator(".rarelib button.learn").click()
    page.get_by_text("Learned from 1 rare and 1 common verdicts").wait_for(timeout=WAIT_MS)
    assert ids(page)[0] == judged
    assert page.locator(".rarelib .card .rose").count() > 0
    page.locator(".rarelib button.forget").click()
    page.locator(".rarelib button.undo").click()
    page.get_by_text("1 verdict in verdicts.csv").wait_for(timeout=WAIT_MS)
    assert len(verdicts_of(run)) == 1


def test_words_find_crops(page):
    page.locator(".rarelib input[name=search]").fill("a bicycle")
    page.locator(".rarelib input[name=search]").press("Enter")
    page.get_by_text("most like “a bicycle”").wait_for(timeout=WAIT_MS)
    found = [name.text_content() for name in page.locator(".rarelib .card h3 .name").all()[:8]]
    assert sum("cycle" in name for name in found) >= 4  # the demo's own small CLIP
    page.get_by_role("button", name="show all").click()


def test_more_like_this_and_an_event_open(page):
    first = ids(page)[0]
    cards(page).nth(0).press("m")
    page.get_by_text(f"most like {first}").wait_for(timeout=WAIT_MS)
    page.get_by_role("button", name="show all").click()
    button = page.locator(".rarelib .cards [aria-expanded]").first
    button.click()
    assert page.locator(".rarelib .card.member").count() > 0
    button.click()
    assert page.locator(".rarelib .card.member").count() == 0


def test_the_whole_picture_opens_with_the_frames_of_its_drive(page):
    cards(page).nth(0).locator(".picture").click()
    view = page.locator(".rarelib .picture-view")
    page.wait_for_selector(".rarelib .picture-view[data-ready$=jpg]", timeout=WAIT_MS)
    own = view.get_attribute("data-ready")
    step = view.locator("footer > button:not([disabled], [hidden])").first
    step.click()
    page.wait_for_function("path => document.querySelector('.picture-view').dataset.ready !== path", arg=own)
    page.keyboard.press("Escape")
    assert not view.is_visible()
