"""A stage's notebook that is opened by hand: on the run that it names, else on a scratch run made on the spot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ..params import ParameterError, Params, load_params
from ..run.folder import RunFolder, open_run
from ..run.progress import LANGUAGE
from .notebooks import demo_parameters, notebooks_folder
from .plan import PIPELINE, with_sources

SCRATCH = "../runs/scratch"  # what the stage notebooks name by default
SCRATCH_SCENES = 12
MAKE = "import sys; from rarelib.pipeline.by_hand import make_scratch; make_scratch(*sys.argv[1:])"


def open_stage(stage: str, given: MutableMapping[str, Any]) -> RunFolder:
    """Open the run that a stage's notebook works on.

    Where the notebook names none, that is `runs/scratch`: what the stage reads is made there first, from a few scenes
    of the demo world, and parameters that were left as they are become those of the demo, since the scratch run must
    work without any download. A sentence says so.

    Args:
        stage: Of the notebook.
        given: The notebook's variables, `globals()`.

    Raises:
        ParameterError: If somebody's own run lies where the scratch run should.
        RuntimeError: If an earlier stage failed.
    """
    os.environ.setdefault(LANGUAGE, given["language"])  # of the bars that show progress
    if given["run_folder"] != SCRATCH:
        return open_run(given["run_folder"], stage=stage)
    root, language = _scratch_folder(), given["language"]
    made = _missing_sources(RunFolder(root), stage)
    if made or not (root / "config.json").is_file():
        _make_elsewhere(root, stage, language)
    changed = _of_the_demo(given, _scratch_parameters(root, language))
    given.update(changed)
    _tell(root, changed, language)
    return open_run(root, stage=stage)


def make_scratch(root: str, stage: str, language: str) -> None:
    """Run what a stage is made from, in the scratch run."""
    from .stages import run_pipeline

    run_pipeline(_scratch_parameters(Path(root), language), until=stage)


def _scratch_folder() -> Path:
    """Return runs/scratch of the project that the notebook lies in, else of the folder beside the notebook's."""
    project = notebooks_folder().parent
    root = project / "runs" if Path.cwd().is_relative_to(project) else Path("../runs")
    if _is_foreign(root / "scratch"):
        raise ParameterError(
            f"{root / 'scratch'} is a run of yours; name the run to work on in run_folder, or move this one away."
        )
    return root / "scratch"


def _is_foreign(root: Path) -> bool:
    try:
        parameters = json.loads((root / "config.json").read_text(encoding="utf-8"))["parameters"]
    except FileNotFoundError:
        return root.is_dir() and any(root.iterdir())
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return (parameters.get("name"), parameters.get("demo_scenes")) != ("scratch", SCRATCH_SCENES)


def _scratch_parameters(root: Path, language: str) -> Params:
    place = {"name": root.name, "runs_dir": str(root.parent), "demo_scenes": SCRATCH_SCENES, "language": language}
    return load_params(demo_parameters(), place)


def _of_the_demo(given: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """Return the demo's values of the notebook's parameters that were left at their defaults."""
    left = (name for name, field in Params.model_fields.items() if name in given and given[name] == field.default)
    return {name: getattr(params, name) for name in left if getattr(params, name) != given[name]}


def _missing_sources(run: RunFolder, stage: str) -> list[str]:
    """Return the stages that this one is made from and that were run neither by the pipeline nor by hand."""
    sources = with_sources(stage) - {stage}
    names = [each.name for each in PIPELINE if each.name in sources]
    return [name for name in names if not (run.marker_path(name).is_file() or run.result_path(name).is_file())]


def _make_elsewhere(root: Path, stage: str, language: str) -> None:
    """Run `make_scratch` in a process of its own: a kernel's event loop cannot wait for other kernels."""
    command = [sys.executable, "-c", MAKE, str(root), stage, language]
    with tempfile.TemporaryFile() as errors:  # a pipe that nobody reads meanwhile would be full some time
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
    if process.returncode:
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "no message")
        raise RuntimeError(f"The scratch run could not be made: {last}")


def _tell(root: Path, changed: dict[str, Any], language: str) -> None:
    from ..figures.notebook import show

    shown = ", ".join(sorted(changed))
    show("scratch_sentence", language, folder=os.path.relpath(root), scenes=SCRATCH_SCENES, changed=shown)
