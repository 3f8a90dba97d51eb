"""Scratch runs of notebooks opened by hand, made in a process of their own."""

import threading

import pytest

from rarelib.pipeline import by_hand


def test_what_fails_with_many_words_is_told_in_its_last_line(tmp_path, monkeypatch):
    monkeypatch.setattr(by_hand, "MAKE", "import sys; sys.exit('a warning of many words\\n' * 20_000 + 'no room left')")
    said: list[str] = []

    def make() -> None:
        with pytest.raises(RuntimeError) as caught:
            by_hand._make_elsewhere(tmp_path, "02_detect_objects", "en")
        said.append(str(caught.value))

    making = threading.Thread(target=make, daemon=True)
    making.start()
    making.join(60)  # a pipe that nobody reads is full after 64 kB
    assert said == ["The scratch run could not be made: no room left"]
