"""Verdicts as they are given: each stands in the file at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..ranking.verdicts import read_words
from ..run.folder import whole_file

WORDS = ("yes", "no", "unsure")


class VerdictFile:
    """The verdicts.csv of a run (object_id, rare), read once and written anew with every verdict."""

    def __init__(self, path: str | Path) -> None:
        """Read what is there; a file that is missing holds no verdict.

        Raises:
            ValueError: If the file is not a table of verdicts.
        """
        self.path = Path(path)
        self.words: dict[str, str] = read_words(self.path).to_dict() if self.path.is_file() else {}

    def put(self, object_id: str, word: str) -> None:
        """Write one verdict ("yes", "no", "unsure"; "" takes it back) to the file, whole or not at all.

        Raises:
            ValueError: If it is another word.
            OSError: If the file cannot be written.
        """
        if word and word not in WORDS:
            raise ValueError(f"A verdict must be one of {', '.join(WORDS)}. Got {word[:40]!r} instead.")
        words = {key: said for key, said in self.words.items() if key != object_id}
        self.words = {**words, object_id: word} if word else words
        with whole_file(self.path) as partial:
            self.table().to_csv(partial, index=False)

    def table(self) -> pd.DataFrame:
        """Return all verdicts, the latest last."""
        return pd.DataFrame({"object_id": list(self.words), "rare": list(self.words.values())}, dtype=str)
