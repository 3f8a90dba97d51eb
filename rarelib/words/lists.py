"""Lists of names of things as files: the package's own, and those that a user puts in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 5_000_000
MAX_NAMES = 100_000
FORM = "a text file with one name a line, or a YAML file with a list of names or names with their translations"


@dataclass(frozen=True)
class Thing:
    """A thing: its English name (or the user's own), its Japanese name ("" if unknown), further names, its group."""

    name: str
    japanese: str = ""
    also: tuple[str, ...] = ()
    group: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return all its names."""
        return tuple(name for name in (self.name, self.japanese, *self.also) if name)

    def shown(self, language: str) -> str:
        """Return its name in a language; the first where that is unknown."""
        return self.japanese if language == "ja" and self.japanese else self.name


@cache
def own_list(name: str) -> dict[str, Any]:
    """Return a list of the package as its file says it: "ordinary" or "vocabulary"."""
    text = (resources.files("rarelib.words") / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def read_things(path: str | Path) -> list[Thing]:
    """Read a user's list of things.

    Args:
        path: Text with one name a line (# begins a comment), or YAML: a list of names, a mapping from names to their
            Japanese, or groups of either; under the key `things` where there are other keys too.

    Raises:
        ValueError: With one line that says what is wrong with the file.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"The list of names {str(path)!r} is not there; it must be {FORM}.")
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"The list of names {file.name} is larger than {MAX_BYTES:,} bytes; is it the right file?")
    try:
        text = file.read_text(encoding="utf-8-sig")
        plain = file.suffix.lower() not in (".yaml", ".yml")
        content = _lines(text) if plain else yaml.safe_load(text)
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"The list of names {file.name} cannot be read: {' '.join(str(error).split())}.") from error
    if isinstance(content, dict) and "things" in content:
        content = content["things"]
    things = things_of(content, file.name)
    if not 0 < len(things) <= MAX_NAMES:
        raise ValueError(f"The list of names {file.name} must hold 1 to {MAX_NAMES:,} names. Got {len(things):,}.")
    return things


def things_of(content: Any, where: str) -> list[Thing]:
    """Return the things of a list, a mapping, or groups of these, each name once.

    Raises:
        ValueError: If something in it is not a name; `where` is said first.
    """
    found: dict[str, Thing] = {}
    for thing in _walk(content, where):
        found.setdefault(thing.name, thing)
    return list(found.values())


def _lines(text: str) -> list[str]:
    return [name for line in text.splitlines() if (name := line.split("#")[0].strip())]


def _walk(content: Any, where: str, group: str = "") -> list[Thing]:
    if isinstance(content, list):
        return [Thing(_name(each, where), group=group) for each in content]
    if not isinstance(content, Mapping):
        raise ValueError(f"The list of names {where} must be {FORM}. Got {type(content).__name__}.")
    things = []
    for key, value in content.items():
        if isinstance(value, list) or (isinstance(value, Mapping) and not set(value) <= {"ja", "also"}):
            things += _walk(value, where, str(key))  # a group, whose key is no name of a thing
        else:
            things.append(replace(_thing(_name(key, where), value, where), group=group))
    return things


def _thing(name: str, about: Any, where: str) -> Thing:
    if isinstance(about, Mapping):
        also = about.get("also") or []
        if not isinstance(also, list):
            raise ValueError(f"The list of names {where}: 'also' of {name!r} must be a list. Got {also!r}.")
        japanese = about.get("ja") or ""
        return Thing(name, japanese and _name(japanese, where), tuple(_name(each, where) for each in also))
    return Thing(name, _name(about, where) if about not in (None, "") else "")


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or "\n" in value:
        raise ValueError(
            f"The list of names {where} holds {str(value)[:60]!r}, which is not a name; quote it, or mend."
        )
    return value.strip()
