"""Read large JSON files record by record: tables of data sets reach gigabytes, a run needs a few fields of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

CHUNK = 1 << 20  # characters read at once
SPACE = re.compile(r"[\s,:]*")  # between values; the files are machine-made, so nothing is gained by being strict


class LabelError(ValueError):
    """A label file that is not what its layout promises; the message names it."""


class OtherForm(LabelError):
    """A label file that is JSON and holds something else where records are looked for."""


def read_records(path: Path, key: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the objects of an array one by one: the file's own, or the one under a key of its top-level object.

    Args:
        path: JSON file.
        key: Top-level key whose array is read; None takes a file that is an array itself.

    Raises:
        LabelError: If the file is not JSON or has no such array.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        scanner = _Scanner(file, path)
        if key is None:
            yield from scanner.elements()
            return
        for name in scanner.each_key():
            if name == key:
                yield from scanner.elements()
                return
            scanner.skip()
    raise LabelError(f"The label file {path.name} must have an array '{key}'.")


def top_level_keys(path: Path) -> list[str]:
    """Return the keys of a JSON file's top-level object as far as its beginning shows them; [] for anything else."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(CHUNK)
    depth, keys = 0, []
    for match in re.finditer(r'"((?:[^"\\]|\\.)*)"(\s*:)?|[{}\[\]]', head):
        token = match.group()
        if token[0] in "{[":
            if not keys and depth == 0 and token != "{":
                return []
            depth += 1
        elif token[0] in "}]":
            depth -= 1
        elif depth == 1 and match.group(2):
            keys.append(match.group(1))
    return keys


def all_keys(path: Path) -> Iterator[str]:
    """Yield the keys of a JSON file's top-level object, for which all is read; none for anything else.

    Raises:
        LabelError: If the file is not JSON.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        scanner = _Scanner(file, path)
        for name in scanner.each_key() if scanner.peek() == "{" else ():
            yield name
            scanner.skip()


class _Scanner:
    """A window on a JSON text that moves forward value by value."""

    def __init__(self, file: IO[str], path: Path) -> None:
        self.file, self.path = file, path
        self.text, self.at = "", 0
        self.decode = json.JSONDecoder().raw_decode

    def peek(self) -> str:
        """Return the next character that is not between values, "" at the end."""
        while True:
            self.at = SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                return ""

    def value(self) -> Any:
        """Return the next value."""
        self.peek()
        while True:
            try:
                found, end = self.decode(self.text, self.at)
            except ValueError as error:
                if not self._more():
                    raise LabelError(f"The label file {self.path.name} is not JSON: {error}.") from error
                continue
            if end < len(self.text) or not self._more():  # a number may go on in what is not read yet
                self.at = end
                return found

    def elements(self) -> Iterator[dict[str, Any]]:
        """Yield the values of the array that comes next."""
        if self.peek() != "[":
            raise OtherForm(f"The label file {self.path.name} must hold an array there. Got {self.peek()!r} instead.")
        self.at += 1
        while (character := self.peek()) != "]":
            if not character:
                raise LabelError(f"The label file {self.path.name} is cut off.")
            yield self.value()
        self.at += 1

    def each_key(self) -> Iterator[str]:
        """Yield the keys of the object that comes next; each value must be taken before the next key."""
        if self.peek() != "{":
            raise LabelError(f"The label file {self.path.name} must be an object. Got {self.peek()!r} instead.")
        self.at += 1
        while self.peek() not in ("}", ""):
            yield self.value()
        self.at += 1

    def skip(self) -> None:
        """Go past the next value, an array element by element."""
        if self.peek() == "[":
            for _ in self.elements():
                pass
        else:
            self.value()

    def _more(self) -> bool:
        piece = self.file.read(max(CHUNK, len(self.text) - self.at))  # doubles: no value is decoded often
        self.text, self.at = self.text[self.at :] + piece, 0
        return bool(piece)
