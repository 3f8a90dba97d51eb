"""Notebooks beside the stages that are run over finished runs and rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..params import ParameterError, Params
from ..run.folder import write_json
from ..tables import REPORT
from .kernels import KernelRelay, told_of_death
from .notebooks import EXECUTION, import_papermill, in_language, notebooks_folder, read_notebook
from .redaction import Redactor


def render_notebook(
    name: str, values: dict[str, Any], out: Path, language: str, *, private: Params | None = None
) -> Path:
    """Run a notebook of the project in a folder and leave it there, rendered and without what is private.

    Args:
        name: Of its file.
        values: Its parameters; paths are relative to the folder.
        out: The folder.
        language: "en" or "ja".
        private: Parameters whose paths are not to be read in it.

    Returns:
        Path of the rendered notebook.

    Raises:
        ParameterError: If it stopped, with what it said.
    """
    papermill = import_papermill()
    import nbformat

    node = nbformat.from_dict(in_language(read_notebook(notebooks_folder() / name), language))
    running = out / f".{name}"
    with KernelRelay(out, lambda pid: None) as kernels:
        try:
            papermill.execute_notebook(
                node, str(running), values, kernel_name="python3", cwd=str(out), km=kernels.take(REPORT), **EXECUTION
            )
            write_json(out / name, Redactor(private or Params()).notebook(read_notebook(running)))
        except papermill.PapermillExecutionError as error:
            raise ParameterError(f"{name} stopped: {error.ename}: {' '.join(str(error.evalue).split())}") from error
        except RuntimeError as error:
            raise ParameterError(f"{name} stopped: {told_of_death(error)}.") from error
        finally:
            running.unlink(missing_ok=True)
    return out / name
