"""The file that holds every answer as it comes, so that no crop is paid for twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, TextIO

from pydantic import BaseModel, ValidationError

from ..run.secrets import hide_secrets, known_secrets
from .answers import CaptionAnswer, without_secrets


class Record(BaseModel):
    """One line of the journal: an answer with what made it, or a failure with its text."""

    key: str  # hash of the crop and of everything else that makes the question
    crop: str  # sha256 of the crop file, in short
    model: str
    prompt_version: str
    language: str
    round: Literal["first", "doubt"]
    answer: CaptionAnswer | None
    error: str = ""
    text: str = ""  # what the model wrote, where it could not be used
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


class Journal:
    """Records by key, one JSON line each; failures are written too, but do not count as answers."""

    def __init__(self, path: Path) -> None:
        """Read the answers that are there; lines that cannot be read (a kill while writing) are passed over."""
        self.path = path
        self.answered: dict[str, Record] = {record.key: record for record in _read(path) if record.answer}
        self.succeeded = self.failed = 0  # records that were added
        self._file: TextIO | None = None

    def __enter__(self) -> Journal:
        """Open for appending, on a line of its own even after a torn one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = _is_torn(self.path)
        self._file = self.path.open("a", encoding="utf-8")
        if torn:
            self._file.write("\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, record: Record) -> Record:
        """Append a record without the secrets of the environment, flush it, and return it as it was written."""
        secrets = known_secrets()
        texts = {name: hide_secrets(getattr(record, name), secrets) for name in ("error", "text")}
        answer = record.answer and without_secrets(record.answer, secrets)
        clean = record.model_copy(update={**texts, "answer": answer})
        self._append(clean)
        self.succeeded += clean.answer is not None
        self.failed += clean.answer is None
        return clean

    def absorb(self, folder: Path) -> None:
        """Take up the journals that workers have left in a folder, and delete it; known answers stay single."""
        for path in sorted(folder.glob("*.jsonl")):
            for record in _read(path):
                if record.key not in self.answered:
                    self._append(record)
        shutil.rmtree(folder, ignore_errors=True)

    def _append(self, record: Record) -> None:
        assert self._file is not None, "a journal is written inside its with block"
        self._file.write(record.model_dump_json() + "\n")
        self._file.flush()
        if record.answer is not None:
            self.answered[record.key] = record


def _is_torn(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


def _read(path: Path) -> Iterator[Record]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield Record.model_validate_json(line)
            except ValidationError:
                continue
