"""Whether two names mean the same thing, or one a kind of the other: by things and what a name is about."""

from __future__ import annotations

from .lexicon import BETWEEN, lexicon_of
from .splitting import split_name
from .vocabulary import spoken_name


def is_same_thing(one: str, other: str) -> bool:
    """Tell whether two names mean one thing, in whatever language the lists know them."""
    things = [lexicon_of().thing(name) for name in (one, other)]
    return things[0] == things[1] if all(things) else _words(one) == _words(other)


def is_kind_of(one: str, other: str) -> bool:
    """Tell whether two names mean one thing, or either a kind of the other: a fire truck is a truck.

    A name is about its last words, before "on", "with" and the like; that two names share others tells nothing:
    traffic light, traffic sign.
    """
    if is_same_thing(one, other):
        return True
    wide, narrow = sorted((_about(one), _about(other)), key=len)
    return bool(wide) and narrow[-len(wide) :] == wide


def _about(name: str) -> list[str]:
    words = _words(name)
    ends = (place for place, word in enumerate(words) if place and word in BETWEEN)
    return words[: next(ends, len(words))]


def _words(name: str) -> list[str]:
    """Return the words of a name in English where the lists know it; numbers tell names apart that they do not."""
    lexicon = lexicon_of()
    return [*split_name(spoken_name(name), lexicon.known, parts=lexicon.parts)]
