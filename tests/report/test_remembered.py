"""What a browser remembers of verdicts given in report.html: of one run only, and no longer than its file agrees."""

import csv
import json
import re

import pytest
from browser import Watched, launch
from planted_run import planted_run

from rarelib.report.html import write_html
from rarelib.report.results import collect_statistics

STORED_MS = 200  # what a page stores is there for the next one a moment later


@pytest.fixture(scope="module")
def browser():
    yield from launch()


@pytest.fixture
def page(browser):
    watched = Watched(browser, accept_downloads=True)
    yield watched.page
    watched.page.close()
    assert (watched.outside, watched.errors) == ([], [])


@pytest.fixture
def run(tmp_path):
    return planted_run(tmp_path / "a" / "run")


def open_report(page, run, **verdicts):
    """Write verdicts.csv, make the report anew, and open it."""
    lines = [f"{object_id.replace('_', '-')},{word}" for object_id, word in verdicts.items()]
    run.write_text("verdicts.csv", "\n".join(["object_id,rare", *lines, ""]))
    page.wait_for_timeout(STORED_MS)
    page.goto(write_html(run, collect_statistics(run)).as_uri())
    page.wait_for_selector(".card")
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def press(page, number, key, *, verdict):
    """Press a key on a card, and wait until it has the verdict."""
    page.locator(".card").nth(number).press(key)
    page.wait_for_function(f"document.querySelectorAll('.card')[{number}].dataset.verdict === '{verdict}'")


def saved(page):
    with page.expect_download() as download:
        page.locator("button.save").click()
    rows = csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines())
    return {row["object_id"].replace("-", "_"): row["rare"] for row in rows}


def name_of(run):
    text = write_html(run, collect_statistics(run)).read_text(encoding="utf-8")
    return json.loads(re.search(r'id="object-data">(.*?)</script>', text, re.DOTALL)[1])["run"]


def test_a_newer_file_wins_and_what_it_does_not_say_stays(page, run):
    open_report(page, run, img2_06="no")
    press(page, 0, "y", verdict="yes")
    press(page, 1, "u", verdict="unsure")
    open_report(page, run, img2_06="no")
    assert saved(page) == {"img2_06": "yes", "img1_05": "unsure"}
    open_report(page, run, img2_06="unsure")
    assert saved(page) == {"img2_06": "unsure", "img1_05": "unsure"}
    open_report(page, run, img2_06="no")  # the browser has let go of what the file had overruled
    assert saved(page) == {"img2_06": "no", "img1_05": "unsure"}


def test_what_went_into_the_file_is_the_files(page, run):
    open_report(page, run)
    press(page, 0, "y", verdict="yes")
    open_report(page, run, img2_06="yes")
    open_report(page, run)
    assert saved(page) == {}


def test_a_verdict_taken_back_stays_so(page, run):
    open_report(page, run, img2_06="yes")
    press(page, 0, "y", verdict="")
    open_report(page, run, img2_06="yes")
    assert saved(page) == {}


def test_what_is_not_on_the_page_is_known_from_the_file_alone(page, run):
    open_report(page, run, elsewhere="no")
    press(page, 0, "y", verdict="yes")
    page.evaluate("""const key = Object.keys(localStorage)[0];
        localStorage[key] = JSON.stringify({ ...JSON.parse(localStorage[key]), nowhere: ["yes", ""] });""")
    page.wait_for_timeout(STORED_MS)
    page.reload()
    page.wait_for_selector(".card")
    said = page.locator(".counted").inner_text()
    assert said == "Verdicts: 1 rare, 0 not, 0 unsure · and 1 on objects that are not here"
    assert saved(page) == {"img2_06": "yes", "elsewhere": "no"}


def test_runs_of_one_name_share_no_verdicts(page, run, tmp_path):
    other = planted_run(tmp_path / "b" / "run")
    objects = other.read_table("objects")
    other.write_table("objects", objects.assign(x_max=objects["x_max"] + 3))
    open_report(page, run)
    press(page, 0, "y", verdict="yes")
    open_report(page, other)
    assert saved(page) == {}
    open_report(page, run)
    assert saved(page) == {"img2_06": "yes"}


def test_the_same_run_made_again_has_its_name(run, tmp_path):
    first, objects = name_of(run), run.read_table("objects")
    run.write_table("objects", objects.iloc[::-1].reset_index(drop=True))
    scores = run.read_table("scores")
    run.write_table("scores", scores.assign(rank=scores["rank"].to_numpy()[::-1]))
    assert name_of(run) == first and first.startswith("run-")
