"""A finished run opened in JupyterLab, on a notebook of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from ..params import ParameterError
from ..pipeline.notebooks import in_language, notebooks_folder
from ..run.asked import asked_parameters
from ..run.folder import RunFolder, write_text
from ..tables import SCORE

NOTEBOOK = "explore.ipynb"
STOPPING = (signal.SIGINT, signal.SIGTERM)


def open_in_lab(
    run_folder: Path, options: Sequence[str] = (), *, images_folder: str = "", language: str | None = None
) -> int:
    """Start JupyterLab on a run's explore.ipynb and return its exit code when it ends.

    Args:
        run_folder: Of a run whose stages 01 to 04 are finished.
        options: For JupyterLab.
        images_folder: Of the run's pictures; "" leaves it to the run.
        language: "en" or "ja"; None takes the run's own.

    Raises:
        ParameterError: If the run has no ranking yet.
    """
    notebook = write_explorer(RunFolder(run_folder), images_folder=images_folder, language=language)
    settings = str(resources.files("rarelib.explore") / "lab")  # no news, no question about them
    path = os.pathsep.join(filter(None, [settings, os.environ.get("JUPYTER_CONFIG_PATH")]))
    command = [sys.executable, "-m", "jupyterlab", str(notebook), *options]
    with subprocess.Popen(command, env={**os.environ, "JUPYTER_CONFIG_PATH": path}) as lab, _signals_end(lab):
        return lab.wait()


@contextmanager
def _signals_end(lab: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let what would end this command end JupyterLab and its kernels instead, so that nothing outlives it."""
    previous = {each: signal.signal(each, lambda *_: lab.terminate()) for each in STOPPING}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def write_explorer(run: RunFolder, *, images_folder: str = "", language: str | None = None) -> Path:
    """Put explore.ipynb into a run's folder, its parameters set; one that is there already stays as it is.

    Raises:
        ParameterError: If the run has no ranking yet.
    """
    target = run.root / NOTEBOOK
    if not run.table_path("scores").is_file():
        raise ParameterError(f"{run.root} has no ranking yet; finish stage {SCORE} first (`rarelib run`).")
    if target.is_file() and not images_folder and language is None:
        return target
    language = language or asked_parameters(run).get("language", "en")
    source = json.loads((notebooks_folder() / NOTEBOOK).read_text(encoding="utf-8"))
    given = {"run_folder": ".", "language": language}
    if images_folder:
        given["images_folder"] = Path(images_folder).expanduser().resolve().as_posix()
    notebook = in_language(source, language)
    cells = [_with_parameters(cell, given) for cell in notebook["cells"]]
    write_text(target, json.dumps({**notebook, "cells": cells}, ensure_ascii=False, indent=1))
    return target


def _with_parameters(cell: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    if "parameters" not in cell["metadata"].get("tags", []):
        return cell
    lines = "".join(cell["source"]).splitlines()
    names = [line.partition(" = ")[0] for line in lines]
    said = [
        f"{name} = {json.dumps(given[name], ensure_ascii=False)}" if name in given else line
        for name, line in zip(names, lines, strict=True)
    ]
    return {**cell, "source": "\n".join(said)}
