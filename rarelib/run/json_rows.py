"""A JSON file of many rows, written row by row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .folder import RunFolder, plain_json
from .secrets import hide_everywhere, known_secrets


def write_json_rows(run: RunFolder, relative: str, batches: Iterable[Sequence[Mapping[str, Any]]]) -> int:
    """Write rows as `RunFolder.write_json` writes a list of them, a batch in memory at a time; return how many.

    Args:
        run: The run.
        relative: Path of the file.
        batches: JSON-able rows; NaN is not allowed.
    """
    secrets, count = known_secrets(), 0
    with run.writing(relative) as partial, partial.open("w", encoding="utf-8") as file:
        file.write("[")
        for rows in batches:
            text = _dumped(list(rows))
            if any(secret in text for secret in secrets):
                text = _dumped(hide_everywhere(json.loads(text), secrets))
            file.write(("," if count and rows else "") + text[1:-2])  # without the brackets
            count += len(rows)
        file.write("\n]" if count else "]")
    return count


def _dumped(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False, default=plain_json) if rows else "[ ]"
