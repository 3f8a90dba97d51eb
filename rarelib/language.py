"""What rarelib says to people, in English and Japanese; the phrases stand in `phrases/*.yaml`."""

from __future__ import annotations

import string
import unicodedata
from functools import cache
from importlib import resources
from typing import Any

import yaml

LANGUAGES = ("en", "ja")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # seven times as fast, where it was built


def say(key: str, language: str = "en", /, **values: Any) -> str:
    """Return the phrase of this key in a language, with the values put in as `str.format` does.

    A field such as `{images:picture is|pictures are}` gives the first of its words for one, the second for all others.

    Raises:
        ValueError: If the language or the key is unknown.
    """
    if language not in LANGUAGES:
        raise ValueError(f"The language must be one of {LANGUAGES}. Got {language!r} instead.")
    if key not in phrases():
        raise ValueError(f"There is no phrase {key!r} in rarelib/phrases.")
    template = phrases()[key][language]
    return _WORDS.vformat(template, (), values) if "|" in template else template.format(**values)


def text_columns(text: str) -> int:
    """Return how wide a text is, in Latin letters: Japanese ones are two wide."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """Return the text with spaces behind it, or before it, that make it so many Latin letters wide."""
    space = " " * (columns - text_columns(text))
    return space + text if right else text + space


class _Words(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        one, chosen, more = format_spec.partition("|")
        return (one if value == 1 else more) if chosen else super().format_field(value, format_spec)


_WORDS = _Words()


@cache
def phrases() -> dict[str, dict[str, str]]:
    """Return all phrases as key -> language -> template."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted((resources.files("rarelib") / "phrases").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            found.update(yaml.load(file.read_text(encoding="utf-8"), LOADER) or {})
    return found
