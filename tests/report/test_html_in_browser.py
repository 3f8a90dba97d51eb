"""The HTML report in Chromium: filters, verdicts, pictures, links, what must not run, phones and paper."""

import csv
import re
import shutil

import pytest
from browser import Watched, launch, press_lasso, serious_faults
from planted_run import HOSTILE, planted_run
from reported_run import AUDIT, EVALUATION, page_of

from rarelib.run.verdict_file import COLUMNS


def test_what_is_marked_for_the_precision_can_be_filtered(tmp_path, browser):
    run = planted_run(tmp_path)
    scores = run.read_table("scores")
    drawn = scores["object_id"].isin(["img1-03", "img1-05"])  # one that is not selected, one that is
    run.write_table("scores", scores.assign(rank_before_verdicts=scores["rank"] + 50 * ~drawn))
    page_of(run)
    watched = Watched(browser)
    watched.page.goto((run.root / "report.html").as_uri())
    watched.page.wait_for_selector(".card")
    assert shown(watched.page) == ["horse", "bus", "bus"]
    watched.page.get_by_label("marked for precision").check()
    assert shown(watched.page) == ["bus", "car"]
    assert "judge this one: it counts for the precision" in watched.page.locator(".card").nth(1).inner_text()
    watched.page.close()
    assert watched.errors == []


@pytest.fixture(scope="module")
def browser():
    yield from launch()


@pytest.fixture
def opened(run, browser):
    page_of(run)
    watched = Watched(browser, viewport={"width": 1400, "height": 1000}, accept_downloads=True)
    watched.page.context.set_offline(True)
    watched.page.goto((run.root / "report.html").as_uri())
    watched.page.wait_for_selector(".card img")
    yield watched.page
    watched.page.close()
    assert (watched.outside, watched.errors) == ([], [])


def shown(page):
    return page.locator(".cards > .card h3 .name").all_inner_texts()


def test_cards_can_be_sorted_and_filtered(opened):
    assert shown(opened) == ["horse", "bus", "bus"]
    opened.get_by_label("selected only").uncheck()
    assert shown(opened) == ["horse", "bus", "bus", "car", "car"]
    opened.locator("select[name=sort]").select_option("common")
    assert shown(opened)[0] == "car"
    opened.locator("select[name=class]").select_option(label="bus (2)")
    assert shown(opened) == ["bus", "bus"]
    opened.locator("input[name=words]").fill("nothing of this")
    assert "No object fits." in opened.locator(".cards").inner_text()
    assert "0 shown of 5" in opened.locator(".count").inner_text()


def test_a_verdict_is_given_taken_back_remembered_and_saved(opened):
    opened.locator(".card").nth(0).get_by_role("button", name="rare", exact=True).click()
    opened.locator(".card").nth(1).press("n")
    opened.locator(".card").nth(2).press("u")
    assert "1 rare, 1 not, 1 unsure" in opened.locator(".counted").inner_text()
    opened.locator("button.undo").click()
    with opened.expect_download() as saved:
        opened.locator("button.save").click()
    rows = list(csv.DictReader(saved.value.path().read_text(encoding="utf-8").splitlines()))
    assert [list(row.values()) for row in rows] == [
        ["img2-06", "yes", "img2", "10", "20", "50", "60"], ["img1-05", "no", "img1", "10", "20", "50", "60"],
    ]  # fmt: skip
    assert list(rows[0]) == list(COLUMNS)
    assert saved.value.suggested_filename == "verdicts.csv"
    opened.wait_for_timeout(200)  # what a page stores is there for the next one a moment later
    opened.reload()
    opened.wait_for_selector(".card")
    assert "1 rare, 1 not, 0 unsure" in opened.locator(".counted").inner_text()
    opened.evaluate("localStorage.clear()")


def test_the_next_objects_are_judged_by_keys(opened):
    opened.locator("button.judge").click()
    view = opened.locator(".judge-view")
    assert "1 of 3" in view.inner_text()
    for key in "yzyn":
        opened.keyboard.press(key)
    assert "3 of 3" in view.inner_text()
    opened.keyboard.press("u")
    assert "3 objects went by" in view.inner_text()
    opened.keyboard.press("Escape")
    assert [card.get_attribute("data-verdict") for card in opened.locator(".card").all()] == ["yes", "no", "unsure"]
    opened.evaluate("localStorage.clear()")


def test_undo_takes_the_last_verdict_back_and_shows_its_card(opened):
    opened.get_by_label("selected only").uncheck()
    opened.locator(".card").nth(4).press("y")
    opened.locator("button.judge").click()
    view = opened.locator(".judge-view")
    said = view.locator("[data-word][aria-pressed=true]")
    for key in "ynu":
        opened.keyboard.press(key)
    assert "4 of 4" in view.inner_text() and said.count() == 0
    opened.keyboard.press("o")
    opened.wait_for_selector(".picture-view[open]")
    for key in ("y", "Escape"):
        opened.keyboard.press(key)
    assert said.get_attribute("data-word") == "yes"
    opened.keyboard.press("z")
    assert "4 of 4" in view.inner_text() and said.count() == 0
    opened.keyboard.press("z")
    assert "3 of 4" in view.inner_text() and said.count() == 0
    for key in "zzzz":  # what was said before the view was opened stays
        opened.keyboard.press(key)
    assert "1 of 4" in view.inner_text()
    opened.keyboard.press("Escape")
    assert [card.get_attribute("data-verdict") for card in opened.locator(".card").all()] == ["", "", "", "", "yes"]
    opened.evaluate("localStorage.clear()")


def test_the_whole_picture_opens_with_its_box(opened):
    opened.locator(".card .picture").first.click()
    opened.wait_for_selector('.picture-view[data-ready="drive a/2.jpg"]')
    corner = "c => { const p = c.getContext('2d').getImageData(10, 40, 1, 1).data; return [...p.slice(0, 3)] }"
    assert opened.locator(".whole").evaluate(corner) == [213, 94, 0]  # the box's left edge, in the colour of the rare
    opened.keyboard.press("Escape")
    opened.locator(".card .picture").nth(1).click()
    opened.wait_for_function("document.querySelector('.picture-view').textContent.includes('left out')")


def test_a_lasso_on_the_map_fills_the_gallery(opened):
    opened.get_by_label("selected only").uncheck()
    opened.locator(".map-canvas").evaluate("c => c.scrollIntoView({block: 'center'})")
    press_lasso(opened, opened.locator(".map-canvas"), (0.012, 0.012), (0.988, 0.012), (0.988, 0.988), (0.012, 0.988))
    opened.mouse.up()
    assert "5 in the lasso" in opened.locator(".only").inner_text()
    opened.get_by_role("button", name="show all").click()
    assert opened.locator(".only").inner_text() == ""


def test_a_link_leads_to_its_card_whatever_is_filtered(opened):
    opened.locator(".card").nth(1).locator("summary").click()
    opened.locator(".card").nth(1).locator("a.link-to").click()
    assert opened.url.endswith("#object-img1-05")
    assert opened.locator(".card.named").get_attribute("data-row") == "1"
    opened.evaluate("location.hash = '#object-img0-02'")  # not selected, so not shown
    opened.wait_for_selector("#object-img0-02.named")
    assert opened.evaluate("document.activeElement.id") == "object-img0-02"
    opened.goto(opened.url.replace("img0-02", "img1-03"))
    opened.reload()
    opened.wait_for_selector(".card.named")
    assert opened.locator(".card.named dl code").first.text_content() == "img1-03"


def test_more_like_this_stays_in_the_page(opened):
    opened.locator(".card").nth(0).press("m")
    assert "most like img2-06" in opened.locator(".only").inner_text()
    assert sorted(shown(opened)) == ["bus", "bus", "car", "car", "horse"]  # over all objects, selected or not
    opened.get_by_role("button", name="show all").click()
    assert shown(opened) == ["horse", "bus", "bus"]


def test_what_was_searched_for_is_in_view(opened):
    opened.set_viewport_size({"width": 600, "height": 500})
    opened.locator(".card").nth(2).scroll_into_view_if_needed()
    opened.locator(".card").nth(2).press("m")
    top = opened.locator(".gallery").evaluate("gallery => gallery.getBoundingClientRect().top")
    assert 0 <= top < 500


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(run, browser, scheme, tmp_path):
    shutil.copytree(run.root, tmp_path / "run", symlinks=True)
    told = planted_run(tmp_path / "run")
    told.write_json("tables/audit.json", AUDIT)
    told.write_json("tables/evaluation.json", EVALUATION)
    page_of(told)
    page = browser.new_page(color_scheme=scheme, reduced_motion="reduce")
    page.goto((told.root / "report.html").as_uri())
    page.wait_for_selector(".card img")
    page.evaluate("document.querySelectorAll('details').forEach(d => (d.open = true))")
    assert serious_faults(page) == []
    page.locator(".card").nth(0).press("y")
    page.locator(".card .picture").first.click()
    page.wait_for_selector(".picture-view[data-ready]")
    assert serious_faults(page) == []
    page.keyboard.press("Escape")
    page.locator("button.judge").click()
    assert serious_faults(page) == []
    page.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    run = planted_run(tmp_path_factory.mktemp("hostile") / "run", hostile=True)
    page_of(run)
    return run


def test_markup_in_names_and_captions_is_text(hostile, browser):
    watched = Watched(browser)
    watched.page.goto((hostile.root / "report.html").as_uri())
    watched.page.wait_for_selector(".card")
    document = watched.page.content()
    assert watched.page.locator("script").count() == 3
    assert watched.page.locator("img[src=x]").count() == 0 and "<b>car" not in document
    assert watched.page.locator("body").inner_text().count(HOSTILE) >= 3  # class name, reason, caption
    assert (watched.outside, watched.errors) == ([], [])


def test_a_script_that_slipped_in_would_not_run(hostile, browser):
    text = (hostile.root / "report.html").read_text(encoding="utf-8")
    text = text.replace("</main>", "<script>document.title = 'owned'</script></main>")
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    for name, content, runs in (("guarded", text, False), ("unguarded", unguarded, True)):
        path = hostile.root / f"{name}.html"
        path.write_text(content, encoding="utf-8")
        page = browser.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector(".card")
        assert (page.title() == "owned") == runs


def test_nothing_overflows_on_a_phone(run, browser):
    page_of(run)
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((run.root / "report.html").as_uri())
    page.wait_for_selector(".card")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_paper_all_chosen_cards_are_there_and_whole(run, browser, tmp_path):
    shutil.copytree(run.root, tmp_path / "run", symlinks=True)
    page = browser.new_page()
    page.goto((run.root / "report.html").as_uri())
    page.wait_for_selector(".card img")
    page.emulate_media(media="print")
    assert page.locator(".filters").is_hidden() and page.locator(".map").is_hidden()
    assert page.locator(".card").first.evaluate("c => getComputedStyle(c).breakInside") == "avoid"
    assert len(page.pdf(format="A4")) > 10_000
