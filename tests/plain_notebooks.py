"""The stage notebooks without their figures, for runs of which only tables, crops and words are looked at."""

import ast
import json
from pathlib import Path

from rarelib.pipeline.notebooks import notebooks_folder, read_notebook
from rarelib.tables import STAGES


def without_figures(folder: Path) -> Path:
    """Write the stage notebooks without the lines that draw a figure or save it, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        notebook = read_notebook(notebooks_folder() / f"{stage}.ipynb")
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["source"] = _undrawn("".join(cell["source"]))
        (folder / f"{stage}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def _undrawn(source: str) -> str:
    kept = [line for line in ast.parse(source).body if isinstance(line, ast.ImportFrom) or not _draws(line)]
    return "\n".join(ast.unparse(line) for line in kept)


def _draws(line: ast.stmt) -> bool:
    called = [call.func for call in ast.walk(line) if isinstance(call, ast.Call)]
    names = {getattr(each, "id", getattr(each, "attr", "")) for each in called}
    return "save_figure" in names or any(name.startswith("plot_") for name in names)
