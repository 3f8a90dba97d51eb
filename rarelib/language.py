"""What rarelib says to people, in English and Japanese; the phrases stand in `phrases/*.yaml`."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml

LANGUAGES = ("en", "ja")


def say(key: str, language: str = "en", /, **values: Any) -> str:
    """Return the phrase of this key in a language, with the values put in by `str.format`.

    Raises:
        ValueError: If the language or the key is unknown.
    """
    if language not in LANGUAGES:
        raise ValueError(f"The language must be one of {LANGUAGES}. Got {language!r} instead.")
    if key not in phrases():
        raise ValueError(f"There is no phrase {key!r} in rarelib/phrases.")
    return phrases()[key][language].format(**values)


@cache
def phrases() -> dict[str, dict[str, str]]:
    """Return all phrases as key -> language -> template."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted((resources.files("rarelib") / "phrases").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            found.update(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    return found
