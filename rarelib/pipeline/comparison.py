"""Two finished runs compared: the notebook compare.ipynb, run over both and rendered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..params import ParameterError, Params
from ..run.folder import RunFolder, write_json
from ..tables import REPORT, SCORE
from .kernels import KernelRelay
from .notebooks import in_language, notebooks_folder, read_notebook
from .redaction import Redactor

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
    language = language or RunFolder(second).read_json("config.json")["parameters"]["language"]
    out.mkdir(parents=True, exist_ok=True)
    given = {name: Path(os.path.relpath(root, out)).as_posix() for name, root in (("first", first), ("second", second))}
    rendered = _execute({**given, "page": PAGE, "language": language}, out, language)
    write_json(out / NOTEBOOK, Redactor(Params()).notebook(rendered))
    return out / NOTEBOOK, out / PAGE


def _check(first: Path, second: Path) -> None:
    for root in (first, second):
        if not RunFolder(root).table_path("scores").is_file():
            raise ParameterError(f"{root} has no ranking yet; finish stage {SCORE} first (`rarelib run`).")
    if first.resolve() == second.resolve():
        raise ParameterError(f"Two different runs are needed. Got {first} twice instead.")


def _execute(values: dict[str, str], out: Path, language: str) -> dict[str, Any]:
    import nbformat
    import papermill

    node = nbformat.from_dict(in_language(read_notebook(notebooks_folder() / NOTEBOOK), language))
    running = out / f".{NOTEBOOK}"
    with KernelRelay(out, lambda pid: None) as kernels:
        try:
            papermill.execute_notebook(
                node, str(running), values, kernel_name="python3", progress_bar=False, cwd=str(out),
                km=kernels.take(REPORT), start_timeout=120, request_save_on_cell_execute=False,
            )  # fmt: skip
            return read_notebook(running)
        finally:
            running.unlink(missing_ok=True)
