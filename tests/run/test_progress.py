"""Progress: counts, rate, remaining time, the file for the terminal."""

import io
import json

from rarelib.pipeline.terminal import Terminal
from rarelib.run.progress import PROGRESS_FILE, Progress, progress_line, track


def test_tracking_writes_the_last_state(tmp_path, monkeypatch):
    monkeypatch.setenv(PROGRESS_FILE, str(tmp_path / "progress.json"))
    assert list(track(range(5), "images")) == [0, 1, 2, 3, 4]
    state = json.loads((tmp_path / "progress.json").read_text(encoding="utf-8"))
    assert (state["done"], state["total"], state["unit"]) == (5, 5, "images")


def test_what_was_done_before_does_not_count_in_the_rate():
    progress = Progress(100, "crops", done=90)
    assert progress.state()["rate"] == 0
    assert progress.state()["remaining_s"] == -1


def test_the_line_has_rate_and_remaining_time():
    state = {"done": 1200, "total": 4000, "unit": "images", "rate": 36.24, "remaining_s": 77.3}
    assert progress_line(state) == "1,200/4,000 images · 36.2/s · 1:17 left"
    assert progress_line({**state, "done": 1, "total": 1}).startswith("1/1 image ·")
    assert progress_line({**state, "remaining_s": 3725.0}).endswith("1:02:05 left")
    assert progress_line({**state, "rate": 0, "remaining_s": -1.0}) == "1,200/4,000 images"


def test_progress_is_told_in_japanese(tmp_path):
    state = {"done": 1200, "total": 4000, "unit": "images", "rate": 36.24, "remaining_s": 77.3}
    assert progress_line(state, "ja") == "画像 1,200/4,000 · 毎秒 36.2 · 残り 1:17"
    stream = io.StringIO()
    stage = Terminal(stream, language="ja").stage(2, "02_detect_objects")
    with stage.following(tmp_path / "progress.json"):
        (tmp_path / "progress.json").write_text('{"done": 3, "total": 3, "unit": "images"}', encoding="utf-8")
    stage.done(1.25)
    Terminal(stream, language="ja").end(tmp_path)
    assert "完了 1.2 秒 · 画像 3" in stream.getvalue() and "結果は" in stream.getvalue()


def test_the_terminal_has_one_line_a_stage(tmp_path):
    stream = io.StringIO()
    terminal = Terminal(stream)
    stage = terminal.stage(2, "02_detect_objects")
    with stage.following(tmp_path / "progress.json"):
        (tmp_path / "progress.json").write_text('{"done": 3, "total": 3, "unit": "images"}', encoding="utf-8")
    stage.done(1.25)
    terminal.stage(5, "05_map_objects").skipped("skip_visualization")
    terminal.stage(6, "06_caption_objects").up_to_date()
    assert stream.getvalue().splitlines() == [
        "[2/7] 02_detect_objects    done in 1.2 s · 3 images",
        "[5/7] 05_map_objects       skipped (skip_visualization: true)",
        "[6/7] 06_caption_objects   up to date",
    ]
