"""Names of classes as words: any script, CamelCase, dots, underscores, hyphens, and names written without a space."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from .plurals import singular

LEVELS = re.compile(r"--|[>:]+|(?<=\S)\.(?=\S)")  # vehicle.bus.bendy, object--vehicle--car
OTHER_NAMES = re.compile(r"[/|,;、／]")  # cone/traffic cone
BRACKETS = re.compile(r"[(\[（【].*?[)\]）】]")  # says which one is meant: mouse (computer equipment)
SHORTEST, SHORTEST_JOINED = 3, 7  # letters of a word inside a joined name, and of that name: "trafficcone"
LONG_VOWEL = "ー"  # ローラ and ローラー are one word


def split_name(name: str, known: Collection[str] = (), *, parts: Collection[str] | None = None) -> list[str]:
    """Return the words of a name, lower case and in the singular, in their order.

    Args:
        name: Of a class, in any script; CamelCase, snake_case, dots, hyphens and digits part words.
        known: Words that are looked for where none of these part them: in Japanese, Chinese or Thai the longest are
            taken first, what is left between them stays together; in other scripts a name is parted in two only where
            both halves are known.
        parts: Words that may stand beside a known one within katakana or a joined name; by default the known ones.
    """
    parts = known if parts is None else parts
    return [word for run in _runs(name) for word in _words_of(run, known, parts)]


def written_words(name: str) -> list[str]:
    """Return the words of a name as they are written, in lower case, plurals kept."""
    return [*_runs(name)]


def levels_of(name: str) -> list[str]:
    """Return the levels of a name that says a path of classes, the widest first: vehicle.bus.bendy."""
    return [level for level in LEVELS.split(unicodedata.normalize("NFKC", name)) if level.strip()]


def names_in(name: str) -> list[str]:
    """Return the names that a name offers, the first one first: cone/traffic cone."""
    return [part for part in OTHER_NAMES.split(unicodedata.normalize("NFKC", name)) if part.strip()]


def without_brackets(name: str) -> tuple[str, str]:
    """Return a name without what stands in brackets, and what stood there."""
    plain = unicodedata.normalize("NFKC", name)
    return BRACKETS.sub(" ", plain), " ".join(found[1:-1] for found in BRACKETS.findall(plain))


def is_spaced(word: str) -> bool:
    """Tell whether a word is of a script that parts words by spaces."""
    return not word or _script(word[0]) in ("letter", "digit")


def _script(char: str) -> str:
    """Return what kind of letter a character is; "" for what parts words."""
    code = ord(char)
    if 0x30A1 <= code <= 0x30FF and code != 0x30FB:  # the middle dot parts words
        return "katakana"
    if 0x3041 <= code <= 0x309F:
        return "hiragana"
    if 0x3400 <= code <= 0x9FFF or code >= 0x20000 or char == "々":
        return "kanji"
    if 0x0E00 <= code <= 0x0EFF or 0x1000 <= code <= 0x109F or 0x1780 <= code <= 0x17FF:
        return "unspaced"  # Thai, Lao, Burmese, Khmer
    if char.isdigit():
        return "digit"
    return "letter" if char.isalpha() or unicodedata.category(char).startswith("M") else ""


def _runs(name: str) -> Iterator[str]:
    """Yield stretches that no space, sign or change between spaced and unspaced script parts, in lower case."""
    run, kind = "", ""
    text = unicodedata.normalize("NFKC", str(name))
    for position, char in enumerate(text):
        script = _script(char)
        now = script if script in ("", "letter", "digit") else "unspaced"
        if run and (now != kind or (now == "letter" and _is_hump(text, position))):
            yield run.casefold()
            run = ""
        run, kind = (run + char if now else ""), now
    if run:
        yield run.casefold()


def _is_hump(text: str, position: int) -> bool:
    """Tell whether a capital letter begins a word: trafficLight, HTTPServer; not the s of SUVs."""
    before, char, after = text[position - 1], text[position], text[position + 1 : position + 3]
    if not char.isupper():
        return False
    ends_plural = after[:1] == "s" and not after[1:].isalpha()
    return before.islower() or (before.isupper() and after[:1].islower() and not ends_plural)


def _words_of(run: str, known: Collection[str], parts: Collection[str]) -> list[str]:
    if not is_spaced(run):
        return list(_cut(run, known, parts))
    word = singular(run)
    if word in known or len(run) < SHORTEST_JOINED:
        return [word]
    for middle in range(len(run) - SHORTEST, SHORTEST - 1, -1):
        halves = singular(run[:middle]), singular(run[middle:])
        if all(half in known or half in parts for half in halves) and any(half in known for half in halves):
            return [*halves]
    return [word]


def _cut(run: str, known: Collection[str], parts: Collection[str]) -> Iterator[str]:
    """Yield the known words of a run, the longest first at each place, and what is left between them."""
    left = start = 0
    while start < len(run):
        ends = (end for end in range(len(run), start, -1) if _same(run[start:end], known))
        end = next((end for end in ends if _may_stand(run, start, end, left == start, parts)), None)
        if end is None:
            start += 1
            continue
        if left < start:
            yield run[left:start]
        yield _same(run[start:end], known)
        left = start = end
    if left < len(run):
        yield run[left:]


def _same(word: str, known: Collection[str]) -> str:
    """Return the known word that this one is, with or without the long vowel at its end; "" if none."""
    spellings = (word, word.removesuffix(LONG_VOWEL), word + LONG_VOWEL)
    return next((each for each in spellings if each and each in known), "")


def _may_stand(run: str, start: int, end: int, after_known: bool, parts: Collection[str]) -> bool:
    """Tell whether a word may stand there: no piece of a longer katakana word, no sign that is half of a compound."""
    before, after = _script(run[start - 1]) if start else "", _script(run[end]) if end < len(run) else ""
    first, last = _script(run[start]), _script(run[end - 1])
    if end - start == 1 and first == "kanji" and ((before == "kanji" and not after_known) or after == "kanji"):
        return False
    if end - start == 1 and first == "hiragana":
        return False
    if first == before == "katakana" and not after_known and not _covered(_katakana_before(run, start), parts):
        return False
    return not (last == after == "katakana") or _covered(_katakana_after(run, end), parts)


def _katakana_before(run: str, start: int) -> str:
    first = start
    while first and _script(run[first - 1]) == "katakana":
        first -= 1
    return run[first:start]


def _katakana_after(run: str, end: int) -> str:
    last = end
    while last < len(run) and _script(run[last]) == "katakana":
        last += 1
    return run[end:last]


def _covered(word: str, parts: Collection[str]) -> bool:
    """Tell whether a stretch is made of known words only."""
    return not word or any(_same(word[:end], parts) and _covered(word[end:], parts) for end in range(2, len(word) + 1))
