"""The ordered stages of a run: what is up to date, what runs, in which notebook; the only code that knows papermill."""

from __future__ import annotations

import ast
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..params import ParameterError, Params
from ..report.results import timing_text
from ..run.folder import RunFolder, fingerprint, write_text
from ..run.progress import LANGUAGE, PROGRESS_FILE
from ..tables import CAPTION, DETECT, EMBED, MAP, REPORT, SCORE, SELECT
from .kernels import KernelRelay
from .lock import run_lock
from .preflight import check_inputs, file_fingerprint, model_path, run_config
from .redaction import redact_notebook
from .terminal import Terminal

PACKAGE = Path(__file__).resolve().parents[1]
# what changes how a stage is computed, not what comes out; a change here reruns nothing
WITHOUT_EFFECT = {
    "run_folder",
    "parallel",
    "workers",
    "batch_size",
    "caption_concurrency",
    "caption_timeout_s",
}


class StageFailed(RuntimeError):
    """A stage's notebook stopped with an error; the message is one line."""


@dataclass(frozen=True)
class Stage:
    """One step of a run: a notebook, the stages it reads, and the parameters that name files it reads."""

    name: str
    inputs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    skipped_by: str = ""
    writes: tuple[str, ...] = ()


PIPELINE = (
    Stage(SELECT, (), ("images_folder",)),
    Stage(DETECT, (SELECT,), ("yolo_model",)),
    Stage(EMBED, (DETECT,), ("clip_model", "yolo_model")),
    Stage(SCORE, (EMBED,), ("truth", "verdicts")),
    Stage(MAP, (SCORE,), (), "skip_visualization", ("tables/map.parquet", "plots/map.png")),
    Stage(CAPTION, (SCORE,), ("caption_model", "clip_model"), "skip_caption", ("tables/captions.parquet",)),
    Stage(REPORT, (SCORE, MAP, CAPTION), ("truth",)),
)


def run_pipeline(params: Params, *, notebooks: Path | None = None, terminal: Terminal | None = None) -> RunFolder:
    """Run every stage that is not up to date and return the run's folder.

    Args:
        params: All parameters, checked here against the files and servers they name.
        notebooks: Folder of the stage notebooks; by default the project's own.
        terminal: Where progress is told.

    Raises:
        ParameterError: Before any work, when an input cannot be used.
        StageFailed: When a stage stopped with an error; earlier stages stay finished.
    """
    notebooks, terminal = notebooks or notebooks_folder(), terminal or Terminal(language=params.language)
    check_inputs(params)
    run = RunFolder(Path(params.runs_dir) / params.name)
    with run_lock(run.root) as lock:
        run.write_json("config.json", run_config(params))
        os.environ[PROGRESS_FILE] = str(run.path("stages/progress.json").resolve())
        os.environ[LANGUAGE] = params.language
        prints: dict[str, str | None] = {}
        with KernelRelay(Path.cwd(), lock.record_kernel) as kernels:
            for number, stage in enumerate(PIPELINE, 1):
                prints[stage.name] = _run_stage(
                    run, stage, params, prints, notebooks, kernels, terminal.stage(number, stage.name)
                )
            write_text(
                run.path("timing.txt"), timing_text(run, language=params.language)
            )  # now with the report's own time
    terminal.end(run.root)
    return run


def notebooks_folder() -> Path:
    """Return where the stage notebooks lie: in the project, or in the installed package."""
    project = PACKAGE.parent / "notebooks"
    return project if project.is_dir() else PACKAGE / "notebooks"


def copy_notebooks(folder: Path, language: str) -> list[Path]:
    """Write the notebooks in a language, which also becomes the default of their own `language`, into a folder.

    Raises:
        ParameterError: If one of the files is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted(notebooks_folder().glob("*.ipynb")):
        target = folder / source.name
        if target.exists():
            raise ParameterError(f"{target} is there already; give another folder, or move it away.")
        notebook = in_language(json.loads(source.read_text(encoding="utf-8")), language)
        text = json.dumps(notebook, ensure_ascii=False, indent=1)
        write_text(target, text.replace('language = \\"en\\"', f'language = \\"{language}\\"'))
        written.append(target)
    return written


def notebook_defaults(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names and values of the cell tagged `parameters`."""
    cells = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    source = "".join(cells[0]["source"])
    return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}  # type: ignore[attr-defined]


def stage_fingerprint(stage: Stage, values: Mapping[str, Any], prints: Mapping[str, str | None], params: Params) -> str:
    """Return the hash of all that makes a stage's results: its parameters, files, inputs and the library's version."""
    files = {name: file_fingerprint(model_path(params, name)) for name in stage.files if _uses(stage, name, params)}
    effective = {name: value for name, value in values.items() if name not in WITHOUT_EFFECT}
    return fingerprint([__version__, effective, files, {name: prints[name] for name in stage.inputs}])


def is_finished(run: RunFolder, stage: str, wanted: str) -> bool:
    """Tell whether a stage's marker has this fingerprint, and its rendered notebook and its tables are there."""
    try:
        marker = json.loads(run.marker_path(stage).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    files = [f"{stage}.ipynb", *marker.get("files", {})]
    return marker.get("fingerprint") == wanted and all((run.root / name).is_file() for name in files)


def _run_stage(
    run: RunFolder,
    stage: Stage,
    params: Params,
    prints: Mapping[str, str | None],
    notebooks: Path,
    kernels: KernelRelay,
    terminal: Terminal,
) -> str | None:
    if stage.skipped_by and getattr(params, stage.skipped_by):
        _forget(run, stage)
        return terminal.skipped(stage.skipped_by)
    notebook = json.loads((notebooks / f"{stage.name}.ipynb").read_text(encoding="utf-8"))
    values = {name: getattr(params, name) for name in notebook_defaults(notebook) if name != "run_folder"}
    wanted = fingerprint([stage_fingerprint(stage, values, prints, params), notebook["cells"]])
    if is_finished(run, stage.name, wanted):
        terminal.up_to_date()
        return wanted
    run.marker_path(stage.name).unlink(missing_ok=True)
    run.result_path(stage.name).unlink(missing_ok=True)
    start = time.monotonic()
    with terminal.following(run.path("stages/progress.json")):
        _execute(run, stage.name, notebook, {**values, "run_folder": run.root.as_posix()}, params, kernels)
    inputs = {name: prints[name] for name in stage.inputs}
    _write_marker(run, stage.name, wanted, inputs, time.monotonic() - start)
    terminal.done(time.monotonic() - start)
    return wanted


def _execute(
    run: RunFolder,
    name: str,
    notebook: dict[str, Any],
    values: dict[str, Any],
    params: Params,
    kernels: KernelRelay,
) -> None:
    import nbformat
    import papermill

    running = run.path(f"stages/{name}.running.ipynb")
    node = nbformat.from_dict(in_language(notebook, params.language))
    try:
        papermill.execute_notebook(
            node, str(running), values, kernel_name="python3", progress_bar=False, cwd=str(Path.cwd()),
            km=kernels.take(name), start_timeout=120, request_save_on_cell_execute=False,
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        _render(run, name, running, params)
        where = run.root / f"{name}.ipynb"
        raise StageFailed(
            f"Stage {name} stopped: {error.ename}: {' '.join(str(error.evalue).split())[:600]} (see {where})"
        ) from error
    except RuntimeError as error:  # of nbclient and jupyter_client: the kernel died, or never answered
        raise StageFailed(f"Stage {name} stopped: its kernel died, most often for want of memory ({error}).") from error
    finally:
        kernels.stop()
    _render(run, name, running, params)


def in_language(notebook: dict[str, Any], language: str) -> dict[str, Any]:
    """Return the notebook with its text cells in a language; translations stand in the cells' metadata."""
    cells = [{**cell, "source": cell["metadata"].get(language, cell["source"])} for cell in notebook["cells"]]
    kept = [{**cell, "metadata": {k: v for k, v in cell["metadata"].items() if k != "ja"}} for cell in cells]
    return {**notebook, "cells": kept}


def _render(run: RunFolder, name: str, running: Path, params: Params) -> None:
    write_text(running, redact_notebook(running.read_text(encoding="utf-8"), params))
    running.replace(run.root / f"{name}.ipynb")


def _write_marker(run: RunFolder, stage: str, wanted: str, inputs: Mapping[str, str | None], seconds: float) -> None:
    result = run.read_json(f"stages/{stage}.result.json")
    inside = result["seconds"]["total"]
    timing = {
        **result["seconds"],
        "total": round(seconds, 3),
        "start_up": round(max(seconds - inside, 0.0), 3),
    }
    versions = run.read_json("config.json")["versions"]
    files = {path.relative_to(run.root).as_posix(): file_fingerprint(path) for path in run.table_files(stage)}
    marker = {"fingerprint": wanted, "inputs": inputs, "files": files, "counts": result["counts"], "seconds": timing}
    run.write_json(f"stages/{stage}.json", {**marker, "versions": versions})
    run.result_path(stage).unlink()


def _forget(run: RunFolder, stage: Stage) -> None:
    for relative in (f"{stage.name}.ipynb", f"stages/{stage.name}.json", *stage.writes):
        (run.root / relative).unlink(missing_ok=True)
    shutil.rmtree(run.root / "stages" / f"{stage.name}.parts", ignore_errors=True)


def _uses(stage: Stage, name: str, params: Params) -> bool:
    if stage.name == EMBED:
        return name == ("clip_model" if params.embedder == "clip" else "yolo_model")
    if stage.name == CAPTION:
        return name == {"clip": "clip_model", "local": "caption_model"}.get(params.caption_source)
    return bool(getattr(params, name))
