"""The page that audits the labels of a finished run: the notebook label_audit.ipynb, rendered into the run."""

from __future__ import annotations

from pathlib import Path

from ..params import ParameterError, Params
from ..pictures.sources import is_address
from ..run.asked import asked_parameters
from ..run.folder import RunFolder, find_upwards
from ..run.queries import Tables
from ..tables import LABEL, SCORE
from .pages import render_notebook

NOTEBOOK = "label_audit.ipynb"
TABLE = "label_audit.csv"


def audit_labels_in_notebook(
    root: Path, *, images_folder: str = "", yolo_model: str = "", language: str | None = None
) -> tuple[Path, Path]:
    """Run label_audit.ipynb over a run whose boxes come from labels.

    Args:
        root: A run whose stages 01 to 04 are finished.
        images_folder: Of its pictures, which only cleanlab's scores need; "" takes what the run says.
        yolo_model: Detector whose boxes cleanlab compares the labels with; "" leaves its scores out.
        language: "en" or "ja"; None takes the run's own.

    Returns:
        Paths of the rendered notebook and of the table of all labels.

    Raises:
        ParameterError: If the run has no ranking yet, or no labels, or a given folder or model is not there.
    """
    _check_given(images_folder, yolo_model)
    run = RunFolder(root)
    if not run.table_path("scores").is_file():
        raise ParameterError(f"{root} has no ranking yet; finish stage {SCORE} first (`rarelib run`).")
    with Tables(run, "objects") as tables:
        labels = tables.value("SELECT count(*) FROM objects WHERE origin = $label", label=LABEL)
    if not labels:
        raise ParameterError(f"No object of {root} comes from labels; run it with --boxes labels.")
    asked = asked_parameters(run)
    given = {"images_folder": images_folder or asked.get("images_folder", ""), "yolo_model": yolo_model}
    here = {name: value if is_address(value) else _absolute(value) for name, value in given.items()}
    language = language or asked.get("language", "en")
    private = Params(**{name: value for name, value in here.items() if value})
    render_notebook(NOTEBOOK, {"run_folder": ".", **here, "language": language}, root, language, private=private)
    return root / NOTEBOOK, root / TABLE


def _check_given(images_folder: str, yolo_model: str) -> None:
    """Check a folder and a model that were asked for; the name of a release may be fetched, a path may not."""
    if images_folder and not is_address(images_folder) and not Path(_absolute(images_folder)).is_dir():
        raise ParameterError(f"The option '--images_folder' must be a folder. {images_folder!r} is not there.")
    a_path = len(Path(yolo_model).parts) > 1 and not is_address(yolo_model)
    if a_path and not Path(_absolute(yolo_model)).exists():
        raise ParameterError(f"The option '--yolo_model' must be a model. {yolo_model!r} is not there.")


def _absolute(path: str) -> str:
    """Return a path as the kernel in the run's folder finds it; the name of a release stays, and demo."""
    found = find_upwards(path) if path not in ("", "demo") else None
    return path if found is None or not found.exists() else found.resolve().as_posix()
