"""Names of things that crops are compared with, as what any road is full of and as what it is not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .lexicon import ORDINARY, UNUSUAL, lexicon_of
from .lists import Thing, own_list, read_things, things_of
from .splitting import levels_of, names_in, without_brackets, written_words

OFF = "off"  # only the class names of the data


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Things to compare with: `ordinary` is True, in their order, for what any road is full of."""

    things: tuple[Thing, ...]
    ordinary: np.ndarray

    def only(self, wanted: np.ndarray) -> Vocabulary:
        """Return the things where a bool array (n,) is True."""
        things = tuple(thing for thing, kept in zip(self.things, wanted, strict=True) if kept)
        return Vocabulary(things, self.ordinary[np.asarray(wanted, bool)])


def read_vocabulary(vocabulary: str = "", ordinary_classes: str = "") -> Vocabulary:
    """Return the things that crops are compared with.

    Args:
        vocabulary: Path of a user's list as in lists.read_things; "" takes the package's, "off" none.
        ordinary_classes: Path of a user's list of ordinary names; "" takes the package's. What it does not name is
            not ordinary; but a name that only the package calls ordinary makes nothing rare, and stands beside these.

    Raises:
        ValueError: If a file is not such a list.
    """
    if vocabulary == OFF:
        return Vocabulary((), np.zeros(0, bool))
    lexicon = lexicon_of(ordinary_classes)
    if vocabulary:
        things = tuple(read_things(vocabulary))
        return Vocabulary(things, np.array([lexicon.value(thing.name) == ORDINARY for thing in things], bool))
    things = (*_own_things(), *_only_listed_in(ordinary_classes))
    return Vocabulary(things, np.array([lexicon.value(thing.name) != UNUSUAL for thing in things], bool))


def spoken_name(class_name: str) -> str:
    """Return a class name as one would say it in English: "construction vehicle" for vehicle.construction.

    Names in another script are translated where the lists know them.
    """
    lexicon = lexicon_of()
    plain = without_brackets(next(iter(names_in(class_name)), class_name))[0]
    thing = lexicon.thing(class_name)
    if thing is not None and not plain.isascii():
        return thing.name
    levels = [" ".join(written_words(level)) for level in levels_of(plain)]
    if not levels:
        return class_name
    last, wider = levels[-1], levels[-2] if len(levels) > 1 else ""
    return last if not wider or lexicon.thing(last) else f"{last} {wider}"


@lru_cache(maxsize=4096)
def shown_name(class_name: str, language: str) -> str:
    """Return a class name for people: in a Japanese run that of its thing where the lists know it, else as it is."""
    if language != "ja":
        return class_name
    thing = lexicon_of().thing(class_name)
    if thing and thing.japanese:
        return thing.japanese
    return own_list("ordinary")["catch_alls"].get(" ".join(written_words(class_name)), class_name)


def _only_listed_in(ordinary_classes: str) -> tuple[Thing, ...]:
    """Return the things of a user's list that the package has no name for."""
    own = lexicon_of()
    listed = read_things(ordinary_classes) if ordinary_classes else []
    return tuple(thing for thing in listed if not any(own.thing(name) for name in thing.names))


@lru_cache(maxsize=1)
def _own_things() -> tuple[Thing, ...]:
    own = things_of({"what roads are full of": own_list("ordinary")["things"]}, "ordinary.yaml")
    return (*own, *things_of(own_list("vocabulary"), "vocabulary.yaml"))


def check_lists(vocabulary: str, ordinary_classes: str) -> None:
    """Read the lists that a user names, so that a fault shows before any work.

    Raises:
        ValueError: With the parameter and what is wrong with its file.
    """
    for name, value in (("vocabulary", vocabulary), ("ordinary_classes", ordinary_classes)):
        if value and (name, value) != ("vocabulary", OFF):
            try:
                read_things(Path(value))
            except ValueError as error:
                raise ValueError(f"The '{name}' parameter must name a list of names. {error}") from error
