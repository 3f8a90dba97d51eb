"""The stage notebooks as files: where they lie, their parameters, their language."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ..params import ParameterError
from ..run.folder import write_text

PACKAGE = Path(__file__).resolve().parents[1]
GRAMMAR = "rfc3987_syntax"
# for papermill; by itself it gives up where the outputs of a cell come 4 s after the cell is done, as on a busy machine
EXECUTION = {"progress_bar": False, "request_save_on_cell_execute": False, "start_timeout": 120, "iopub_timeout": 600}


def import_papermill() -> Any:
    """Return the module papermill, imported without a grammar that would take more than a second to build.

    jsonschema, which checks notebooks, builds it at its import, for a format (IRI) that their schema does not have; it
    does without where the grammar is not there.
    """
    if "jsonschema" in sys.modules or GRAMMAR in sys.modules:
        return import_module("papermill")
    sys.modules[GRAMMAR] = None  # type: ignore[assignment] # its import fails as if it were not there
    try:
        return import_module("papermill")
    finally:
        del sys.modules[GRAMMAR]


def notebooks_folder() -> Path:
    """Return where the stage notebooks lie: in the project, or in the installed package."""
    project = PACKAGE.parent / "notebooks"
    return project if project.is_dir() else PACKAGE / "notebooks"


def demo_parameters() -> Path:
    """Return the parameter file of the demo: in the project, or in the installed package."""
    project = PACKAGE.parent / "params" / "demo.yaml"
    return project if project.is_file() else PACKAGE / "notebooks" / "demo.yaml"


def copy_notebooks(folder: Path, language: str) -> list[Path]:
    """Write the notebooks in a language, which also becomes the default of their own `language`, into a folder.

    Raises:
        ParameterError: If one of the files is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = {folder / source.name: source for source in sorted(notebooks_folder().glob("*.ipynb"))}
    for target in targets:
        if target.exists():
            raise ParameterError(f"{target} is there already; give another folder, or move it away.")
    for target, source in targets.items():
        notebook = in_language(read_notebook(source), language)
        text = json.dumps(notebook, ensure_ascii=False, indent=1)
        write_text(target, text.replace('language = \\"en\\"', f'language = \\"{language}\\"'))
    return list(targets)


def read_notebook(path: Path) -> dict[str, Any]:
    """Read a notebook's JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def notebook_defaults(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names and values of the cell tagged `parameters`."""
    cells = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    source = "".join(cells[0]["source"])
    return dict(pair for line in ast.parse(source).body for pair in _assigned(line.targets[0], line.value))  # type: ignore[attr-defined]


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, Any]]:
    """Yield names with their values; several may share a line, as in `runtime, device = "auto", "auto"`."""
    if isinstance(target, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=True):  # type: ignore[attr-defined]
            yield from _assigned(one, its)
    else:
        yield target.id, ast.literal_eval(value)  # type: ignore[attr-defined]


def in_language(notebook: dict[str, Any], language: str) -> dict[str, Any]:
    """Return the notebook with its text cells in a language; translations stand in the cells' metadata."""
    cells = [{**cell, "source": cell["metadata"].get(language, cell["source"])} for cell in notebook["cells"]]
    kept = [{**cell, "metadata": {k: v for k, v in cell["metadata"].items() if k != "ja"}} for cell in cells]
    return {**notebook, "cells": kept}
