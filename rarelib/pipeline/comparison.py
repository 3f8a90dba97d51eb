"""Two finished runs compared: the notebook compare.ipynb, run over both and rendered."""

from __future__ import annotations

import os
from pathlib import Path

from ..params import ParameterError
from ..run.asked import asked_parameters
from ..run.folder import RunFolder
from ..tables import SCORE
from .pages import render_notebook

NOTEBOOK = "compare.ipynb"
PAGE = "compare.html"


def compare_in_notebook(first: Path, second: Path, out: Path, *, language: str | None = None) -> tuple[Path, Path]:
    """Run compare.ipynb over two runs; it is rendered into a folder, and writes its page beside itself.

    Args:
        first: A run whose stages 01 to 04 are finished.
        second: Another one.
        out: Folder for both files; made where it is missing.
        language: "en" or "ja"; None takes the second run's own.

    Returns:
        Paths of the rendered notebook and of the page.

    Raises:
        ParameterError: If a run has no ranking yet, or both are the same.
    """
    _check(first, second)
    language = language or asked_parameters(RunFolder(second)).get("language", "en")
    out.mkdir(parents=True, exist_ok=True)
    given = {name: Path(os.path.relpath(root, out)).as_posix() for name, root in (("first", first), ("second", second))}
    render_notebook(NOTEBOOK, {**given, "page": PAGE, "language": language}, out, language)
    return out / NOTEBOOK, out / PAGE


def _check(first: Path, second: Path) -> None:
    for root in (first, second):
        if not RunFolder(root).table_path("scores").is_file():
            raise ParameterError(f"{root} has no ranking yet; finish stage {SCORE} first (`rarelib run`).")
    if first.resolve() == second.resolve():
        raise ParameterError(f"Two different runs are needed. Got {first} twice instead.")
