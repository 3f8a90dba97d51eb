"""The report of a planted run: counts by hand, one self-contained page, markup in names and captions inert."""

import json
import re
import shutil
import subprocess

import pandas as pd
import pytest
from PIL import Image
from planted_run import HOSTILE, planted_run

from rarelib.report.results import collect_results, collect_statistics, copy_result_folders, timing_text, write_html
from rarelib.tables import STAGES

FUNNEL = {
    "listed": 6,
    "sampled": 5,
    "unreadable": 2,  # one by its header, one when it was decoded
    "objects": 7,
    "kept": 5,
    "embedded": 5,
    "outliers": 1,
    "rare_class": 2,
    "selected": 3,
    "captioned": 1,
}
AUDIT = {"available": True, "sentence": "An unseen kind would be among the first 10 with probability 71%."}
STEP = {"kind": "all", "value": 0.5, "low": 0.25, "high": 0.75, "random": None, "n": 4}
EVALUATION = {
    "available": True,
    "sentence": "Of 4 truly rare objects, 50% have a box.",
    "rule": "IoU of at least 0.5.",
    "steps": [{"step": name, **STEP} for name in ("detected", "ranked", "end_to_end")],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One planted run that several tests look at; they must leave it as it is."""
    return planted_run(tmp_path_factory.mktemp("report") / "planted run")


def page_of(run, language="en", max_objects=200):
    results = collect_results(run, language=language)
    write_html(run, results, collect_statistics(run), language=language, max_objects=max_objects)
    return (run.root / "report.html").read_text(encoding="utf-8")


def test_each_embedded_object_has_its_row(run):
    results = collect_results(run, target_classes=["Bus", "fire engine"])
    assert results["rank"].tolist() == [1, 2, 3, 4, 5]
    first = results.iloc[0].to_dict()
    assert first["object_id"] == "img2-06"
    assert first["bbox"] == [10.0, 20.0, 50.0, 60.0]
    assert first["original_path"] == "drive a/2.jpg"
    assert (first["caption"], first["caption_source"], first["kind"]) == ("a horse on the road", "model", "fire engine")
    assert first["reason"].endswith("detector says horse, caption says fire engine")
    assert first["reason_codes"] == "rare_class,far_from_all,caption_disagrees"
    assert results["selected"].tolist() == [True] * 3 + [False] * 2
    assert results["disagrees"].tolist() == [True] + [False] * 4
    assert results["event_size"].tolist() == [1, 3, 1, 1, 1]
    assert results["target_classes"].tolist() == [["fire engine"], ["Bus"], ["Bus"], [], []]


def test_the_rows_are_json(run):
    rows = collect_results(run).to_dict("records")
    run.write_json("detection_results.json", rows)
    assert run.read_json("detection_results.json") == json.loads(json.dumps(rows))


def test_the_statistics_hold_the_whole_funnel(run):
    statistics = collect_statistics(run)
    assert statistics["funnel"] == FUNNEL
    assert statistics["classes"][0] == {"class_name": "car", "objects": 4, "embedded": 2, "selected": 0}
    assert {row["class_name"]: row["selected"] for row in statistics["classes"]} == {"car": 0, "bus": 2, "horse": 1}
    assert statistics["captions"]["failures"] == {"timed out": 2}
    assert statistics["captions"]["input_tokens"] == 300
    assert statistics["left_out"] == {
        "pictures": {"empty file": 1, "cut off": 1},
        "objects": {"a common class, thinned": 2},
        "captions": {"timed out": 2},
    }
    assert list(statistics["seconds"]) == list(STAGES[:-1])
    run.write_json("statistics.json", statistics)


def test_a_skipped_stage_is_null_and_not_zero(tmp_path):
    run = planted_run(tmp_path, captions=False)
    statistics = collect_statistics(run)
    assert statistics["funnel"] == {**FUNNEL, "captioned": None}
    assert statistics["captions"] is None
    assert set(collect_results(run)["caption"]) == {""}
    assert "skipped" in page_of(run)
    assert re.search(r"06_caption_objects +not run", timing_text(run))


def test_the_times_add_up(run):
    lines = timing_text(run).splitlines()
    assert lines[1].split() == ["01_select_images", "2.50", "0.75", "0.50", "1.00", "0.25", "16.7%"]
    assert lines[-1].split() == ["15.00"]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_hardly_any_object_gives_a_whole_page(count, language, tmp_path):
    run = planted_run(tmp_path, count=count)
    page = page_of(run, language)
    assert page.endswith("</html>")
    assert f'<html lang="{language}">' in page
    assert page.count('<article class="card"') == max(count - 2, 0)
    json.dumps(collect_statistics(run), allow_nan=False)


def test_the_page_says_all_that_is_known(run):
    page = page_of(run)
    for words in (
        "planted run",
        "7 objects of 3 classes",
        "the only one of its kind",
        "a horse on the road",
        "stands for 3",
        "almost missed",
        "Detector says horse, caption says fire engine",
        "timed out",
        "What fell out",
        "a common class, thinned",
        "img2-06",
        "drive a/2.jpg",
        "0.25",  # the similarity of the nearest common object
        "2.50",
        "0" * 64,
    ):
        assert words in page, words


def test_at_most_so_many_objects_are_shown(run):
    page = page_of(run, max_objects=2)
    assert page.count('<article class="card"') == 2
    assert "2 of 3 selected objects" in page


def test_trust_is_told_where_it_was_measured(tmp_path):
    run = planted_run(tmp_path)
    assert "it is not known how far to trust" in page_of(run)
    run.write_json("tables/audit.json", AUDIT)
    run.write_json("tables/evaluation.json", EVALUATION)
    Image.new("RGB", (20, 10)).save(run.path("plots/audit.png"))
    Image.new("RGB", (20, 10)).save(run.path("plots/evaluation.png"))
    page = page_of(run)
    for words in (AUDIT["sentence"], EVALUATION["sentence"], EVALUATION["rule"], "25–75 %"):
        assert words in page
    assert page.count('<img class="plot"') == 2
    run.write_json("tables/evaluation.json", {"available": False, "sentence": "No truth table was given."})
    assert EVALUATION["sentence"] not in page_of(run)


def test_the_page_loads_nothing_and_runs_only_its_own_script(run):
    page = page_of(run)
    assert not re.search(r"""(src|href|url\(|@import|action)\s*[=(]?\s*["']?\s*(https?:|//|file:)""", page)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert page.count("<script>") == 1
    assert set(re.findall(r'src="([^"]{5})', page)) == {"data:"}


def test_twenty_objects_take_less_than_one_megabyte(tmp_path):
    run = planted_run(tmp_path)
    noise = Image.effect_noise((400, 300), 90).convert("RGB")  # a worst case; photographs are smaller
    noise.save(run.root / "cropped_objects/im/img2-06.jpg", quality=95)
    results = collect_results(run)
    results = pd.concat([results.head(1)] * 20, ignore_index=True)
    write_html(run, results, collect_statistics(run), language="en", max_objects=200)
    assert (run.root / "report.html").stat().st_size < 1_000_000


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Return a function that loads a page and gives its document after scripts ran."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("Chromium is not here (apt-get install chromium)")
    profile = tmp_path_factory.mktemp("profile")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}"]

    def load(path):
        command = [browser, *flags, "--virtual-time-budget=2000", "--dump-dom", path.resolve().as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    return load


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    run = planted_run(tmp_path_factory.mktemp("hostile") / "run", hostile=True)
    copy_result_folders(run, collect_results(run))
    page_of(run)
    return run


def test_markup_in_names_and_captions_is_text(hostile, browse):
    document = browse(hostile.root / "report.html")
    assert document.count("<script>") == 1
    assert "<img src=x" not in document.replace('"', "")
    assert "<b>car" not in document
    escaped = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")
    assert document.count(escaped) >= 3  # class name, reason, caption


def test_a_script_that_slipped_in_would_not_run(hostile, browse):
    page = (hostile.root / "report.html").read_text(encoding="utf-8")
    page = page.replace("</main>", "<script>document.title = 'owned'</script></main>")
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    for name, content, runs in (("guarded", page, False), ("unguarded", unguarded, True)):
        path = hostile.root / f"{name}.html"
        path.write_text(content, encoding="utf-8")
        assert ("<title>owned" in browse(path)) == runs


def test_the_filters_work(hostile, browse):
    page = (hostile.root / "report.html").read_text(encoding="utf-8")
    assert 'id="shown"' in page
    assert "3 of 3 shown" not in page
    assert "3 of 3 shown" in browse(hostile.root / "report.html")  # counted by the page's own script
    chosen = {'name="disagrees"': 'name="disagrees" checked', 'name="words"': 'name="words" value="BUS reason"'}
    for (old, new), hidden in zip(chosen.items(), (2, 1), strict=True):
        path = hostile.root / "chosen.html"
        path.write_text(page.replace(old, new), encoding="utf-8")
        document = browse(path)
        assert f"{3 - hidden} of 3 shown" in document
        assert len(re.findall(r'<article class="card"[^>]* hidden', document)) == hidden
