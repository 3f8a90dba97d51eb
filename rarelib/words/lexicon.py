"""What is known of names: which things they name, and whether any road is full of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from .lists import Thing, own_list, read_things, things_of
from .splitting import levels_of, names_in, split_name, without_brackets

ORDINARY, UNUSUAL, UNKNOWN = 1.0, 0.0, float("nan")
# words between two things; the first of them is what the name is about: a man in a wheelchair
BETWEEN = frozenset(("of", "on", "in", "with", "without", "at", "by", "from", "under", "over", "and", "for", "to",
                     "のある", "に乗った", "を持った", "の上の", "に載った"))  # fmt: skip
FILLING = frozenset(("a", "an", "the", "の", "other", "another", "その他の", "group"))
DESCRIBING = tuple("いのなた")  # how a Japanese word ends that only describes: 赤い車
# what follows a mishap: 転倒した人, 故障車
HAPPENED = ("", "の", "中の", "した", "する", "している", "された", "されている", "になった", "を起こした",
            "車", "者")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Known names by their words.

    Attributes:
        values: ORDINARY or UNUSUAL for each known name, as words; UNKNOWN for what the package calls ordinary and a
            user's list does not.
        things: The thing that each known name means.
        known: Single words that names are cut at.
        parts: Words that stand beside these in names written without a space.
        changes: Words that make an ordinary thing unusual.
        general: Names so general that what stands before them decides.
    """

    values: dict[tuple[str, ...], float]
    things: dict[tuple[str, ...], Thing]
    known: frozenset[str]
    parts: frozenset[str]
    changes: frozenset[tuple[str, ...]]
    general: frozenset[tuple[str, ...]]

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a name without numbers."""
        return tuple(word for word in split_name(name, self.known, parts=self.parts) if not word.isdigit())

    def thing(self, name: str) -> Thing | None:
        """Return the thing that a name means; None if it is not on the lists."""
        found = (self._thing(one) for one in names_in(name))
        return next((thing for thing in found if thing), None)

    def knows(self, name: str) -> bool:
        """Tell whether it can be said what a name means."""
        return self.thing(name) is not None or self.value(name) in (ORDINARY, UNUSUAL)

    def value(self, name: str) -> float:
        """Return ORDINARY, UNUSUAL or UNKNOWN (NaN) for a name."""
        values = (self._value(one) for one in names_in(name))
        return next((value for value in values if value == value), UNKNOWN)

    def _thing(self, name: str) -> Thing | None:
        levels = [self.words(without_brackets(level)[0]) for level in levels_of(name)]
        ways = (levels[-1], (*levels[-1], *levels[-2])) if len(levels) > 1 else tuple(levels)
        return next((self.things[words] for words in ways if words in self.things), None)

    def _value(self, name: str) -> float:
        levels = levels_of(name)
        if not levels:
            return UNKNOWN
        found = self._bracketed(levels[-1])
        if found == found or len(levels) == 1:
            return found
        nearer = self.words(without_brackets(levels[-1])[0])
        return self._of_words((*nearer, *self.words(without_brackets(levels[-2])[0])))

    def _bracketed(self, level: str) -> float:
        plain, inside = without_brackets(level)
        found = self._of_words(self.words(plain))
        return found if found == found or not inside else self._of_words(self.words(inside))

    def _of_words(self, words: tuple[str, ...]) -> float:
        if words in self.values:
            return self.values[words]
        pieces = self._pieces(words)
        seen = [self.values[piece] for piece in pieces if piece in self.values]
        changed = any(piece in self.changes for piece in pieces)
        strange_words = any(self._is_strange(piece) for piece in pieces)
        if UNUSUAL in seen or (changed and not strange_words):
            return UNUSUAL
        if changed or not pieces:
            return UNKNOWN
        about = self._about([piece for piece in pieces if piece[0] not in FILLING] or pieces)
        if about in self.general and strange_words:
            return UNKNOWN
        return self.values.get(about, UNKNOWN)

    def _is_strange(self, piece: tuple[str, ...]) -> bool:
        known = piece in self.values or piece in self.changes or piece in self.general
        return not known and piece[0] not in BETWEEN | FILLING and not piece[0].endswith(DESCRIBING)

    def _pieces(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Return known names within a name, the longest first at each place, and single words between them."""
        pieces, start = [], 0
        while start < len(words):
            ends = range(len(words), start, -1)
            whole = (end for end in ends if self._is_listed(tuple(words[start:end])))
            end = next(whole, start + 1)
            pieces.append(tuple(words[start:end]))
            start = end
        return pieces

    def _is_listed(self, words: tuple[str, ...]) -> bool:
        return words in self.values or words in self.changes

    @staticmethod
    def _about(pieces: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        """Return what a name is about: its last piece, or the one before "on", "with", …"""
        for before, between in pairwise(pieces):
            if between[0] in BETWEEN and between[0].isascii():
                return before
        return pieces[-1]


def lexicon_of(ordinary_classes: str = "") -> Lexicon:
    """Return what is known of names, with the package's list of ordinary names or a user's.

    A name of a user's list stands for its thing, by all names that the package has for it, translations among them.

    Args:
        ordinary_classes: Path of a list as in lists.read_things; "" takes the package's.

    Raises:
        ValueError: If that file is not such a list.
    """
    if not ordinary_classes:
        return _lexicon("", 0, 0)
    path = Path(ordinary_classes).expanduser()
    stat = path.stat() if path.is_file() else None
    return _lexicon(str(path), *((stat.st_mtime_ns, stat.st_size) if stat else (0, 0)))


@lru_cache(maxsize=8)
def _lexicon(path: str, *_changed: int) -> Lexicon:
    own = own_list("ordinary")
    package = things_of(own["things"], "ordinary.yaml")
    others = things_of(own_list("vocabulary"), "vocabulary.yaml")
    return _build(read_things(path) if path else package, package, others, own)


def _build(ordinary: Sequence[Thing], package: Sequence[Thing], others: Sequence[Thing], own: dict) -> Lexicon:
    names = [name for thing in (*ordinary, *package, *others) for name in thing.names]
    known = frozenset(word for name in names for word in split_name(name))
    parts = known | frozenset(own["parts"]) | frozenset(word for name in own["changes"] for word in split_name(name))

    def words(name: str) -> tuple[str, ...]:
        return tuple(split_name(name, known, parts=parts))

    by_name = _by_name((*package, *others), words)
    named = [words(name) for thing in ordinary for name in thing.names]
    meant = [by_name[name] for name in named if name in by_name]
    values = dict.fromkeys(named, ORDINARY)
    for value, listed in ((ORDINARY, meant), (UNUSUAL, others), (UNKNOWN, package)):
        values = dict.fromkeys(_by_name(listed, words), value) | values
    translated = [thing for thing in ordinary if thing.japanese]
    things = _by_name((*translated, *package, *others, *ordinary), words)
    mishaps = (mishap + ending for mishap in own["mishaps"] for ending in HAPPENED)
    changes, general = _phrases((*own["changes"], *mishaps), words), _phrases(own["general"], words)
    return Lexicon(values, things, known, parts, changes, general)


def _by_name(things: Iterable[Thing], words: Callable[[str], tuple[str, ...]]) -> dict[tuple[str, ...], Thing]:
    """Return the first thing of each name."""
    found: dict[tuple[str, ...], Thing] = {}
    for thing in things:
        for name in thing.names:
            found.setdefault(words(name), thing)
    return found


def _phrases(names: Iterable[str], words: Callable[[str], tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
    return frozenset(words(name) for name in names)
