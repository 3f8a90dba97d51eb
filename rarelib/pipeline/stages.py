"""The ordered stages of a run: what is up to date, what runs, in which notebook."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..params import Params
from ..pictures.listings import listed_once, told_to_kernels
from ..report.results import timing_text
from ..run.earlier import forget
from ..run.folder import RunFolder, write_json, write_text
from ..run.places import run_place, working_folder
from ..run.progress import LANGUAGE, PROGRESS_FILE
from ..tables import DETECT, TableError
from .kernels import KernelRelay, told_of_death
from .lock import run_lock
from .mirroring import OnDisk, kept_at_its_place
from .model_files import resolve_models
from .notebooks import EXECUTION, import_papermill, in_language, notebooks_folder, read_notebook
from .plan import Planned, Stage, plan_stages, stage_named, with_followers, with_sources
from .preflight import check_inputs, run_config
from .products import is_finished, mend_crops, read_marker, write_marker
from .redaction import Redactor
from .terminal import Terminal

MAX_ERROR_CHARS = 600


class StageFailed(RuntimeError):
    """A stage's notebook stopped with an error; the message is one line."""


@listed_once()
def run_pipeline(
    params: Params,
    *,
    notebooks: str | Path | None = None,
    terminal: Terminal | None = None,
    force: str | None = None,
    until: str | None = None,
) -> RunFolder:
    """Run every stage that is not up to date and return the run's folder.

    Args:
        params: Of load_params; checked here against the files, models and servers they name.
        notebooks: Folder of the stage notebooks; by default the project's own.
        terminal: Where progress is told.
        force: A stage that is done again (04_score_rarity, or 04), and with it what is made from its results.
        until: Run only what this stage is made from, and not the stage itself.

    Raises:
        ParameterError: Before any work, when an input cannot be used or a stage is unknown.
        TypeError: If the parameters are not those of load_params.
        StageFailed: When a stage stopped with an error; earlier stages stay finished.
        NotSaved: When results could not be written to the address that runs_dir names.
    """
    if not isinstance(params, Params):
        raise TypeError(f"run_pipeline needs what rl.load_params returns. Got {type(params).__name__} instead.")
    force = None if force is None else stage_named(force, "--force")
    until = None if until is None else stage_named(until, "until")
    notebooks, terminal = Path(notebooks or notebooks_folder()), terminal or Terminal(language=params.language)
    check_inputs(params)
    models = resolve_models(params)
    run = RunFolder(working_folder(params.runs_dir, params.name))
    with run_lock(run.root) as lock, kept_at_its_place(run, params, terminal) as place:
        run.write_json("config.json", run_config(params, models))
        planned = plan_stages(params, models, notebooks)
        for name in with_followers(force) if force else ():
            _start_anew(run, name)
        wanted = with_sources(until) - {until} if until else {each.stage.name for each in planned}
        with KernelRelay(Path.cwd(), lock.record_kernel, told=_told_to_kernels(run, params)) as kernels:
            runner = _Runner(run, params, kernels, place)
            for number, each in enumerate(planned, 1):
                if each.stage.name in wanted:
                    runner.run_stage(each, terminal.stage(number, each.stage.name))
        if not until:
            write_text(run.path("timing.txt"), timing_text(run, language=params.language))  # the report's time as well
        place.save(last=True)
    if not until:
        terminal.end(run.root, run_place(params.runs_dir, params.name))
    return run


@dataclass(frozen=True)
class _Runner:
    run: RunFolder
    params: Params
    kernels: KernelRelay
    place: OnDisk

    def run_stage(self, planned: Planned, terminal: Terminal) -> None:
        """Run a stage unless it is skipped or up to date."""
        name = planned.stage.name
        if planned.wanted is None:
            _forget(self.run, planned.stage)
            return terminal.skipped(planned.stage.skipped_by)
        if self._is_up_to_date(planned):
            return terminal.up_to_date()
        self.place.fetch_rest()
        _start_anew(self.run, name, keep_parts=True)
        start = time.monotonic()
        with terminal.following(self.run.path("stages/progress.json")), self.place.saving_meanwhile():
            self._execute(planned)
        if name == DETECT:
            mend_crops(self.run, self.params)  # crops of an earlier setting
        write_marker(self.run, planned, time.monotonic() - start)
        self.place.save()
        return terminal.done(time.monotonic() - start)

    def _is_up_to_date(self, planned: Planned) -> bool:
        marker = read_marker(self.run, DETECT) if planned.stage.name == DETECT else None
        if marker is not None and marker["fingerprint"] == planned.wanted:
            with suppress(TableError):  # a table that cannot be read is made again
                mend_crops(self.run, self.params)
        return is_finished(self.run, planned)

    def _execute(self, planned: Planned) -> None:
        papermill = import_papermill()
        import nbformat
        from papermill.iorw import load_notebook_node
        from papermill.parameterize import parameterize_notebook

        name = planned.stage.name
        running = self.run.path(f"stages/{name}.running.ipynb")
        node = nbformat.from_dict(in_language(planned.notebook, self.params.language))
        values = {**planned.values, "run_folder": self.run.root.absolute().as_posix()}
        # by hand, for papermill's own way warns of names that share a line; the schema has checked them all
        node = parameterize_notebook(load_notebook_node(node), values, kernel_name="python3", language="python")
        try:
            papermill.execute_notebook(
                node, str(running), kernel_name="python3", cwd=str(Path.cwd()), km=self.kernels.take(name), **EXECUTION
            )
        except papermill.PapermillExecutionError as error:
            where = self._render(name, running)
            raise StageFailed(f"Stage {name} stopped: {_reason(error)} (see {where})") from error
        except RuntimeError as error:
            raise StageFailed(f"Stage {name} stopped: {told_of_death(error)}.") from error
        finally:
            self.kernels.stop()
        self._render(name, running)

    def _render(self, name: str, running: Path) -> Path:
        rendered = self.run.path(f"{name}.ipynb")
        write_json(rendered, Redactor(self.params).notebook(read_notebook(running)))
        running.unlink()
        return rendered


def _told_to_kernels(run: RunFolder, params: Params) -> dict[str, str]:
    """Return what kernels are told by their environment: where their progress goes, in which language, what lies where.

    The environment of this process stays as it is: it is the user's, and other runs may go on in it.
    """
    progress = str(run.path("stages/progress.json").resolve())
    return {PROGRESS_FILE: progress, LANGUAGE: params.language, **told_to_kernels()}


def _start_anew(run: RunFolder, name: str, *, keep_parts: bool = False) -> None:
    """Make a stage unfinished; what it has left is written over by its next run."""
    for path in (run.marker_path(name), run.aside_path(name), run.result_path(name)):
        path.unlink(missing_ok=True)
    if not keep_parts:
        forget(run, name)
        shutil.rmtree(run.root / "stages" / f"{name}.parts", ignore_errors=True)


def _forget(run: RunFolder, stage: Stage) -> None:
    for relative in (f"{stage.name}.ipynb", *stage.writes):
        (run.root / relative).unlink(missing_ok=True)
    _start_anew(run, stage.name)


def _reason(error: Any) -> str:
    """Return what a failed notebook says, in one line that is never empty."""
    words = " ".join(str(error.evalue).split())[:MAX_ERROR_CHARS]
    if words:
        return f"{error.ename}: {words}"
    last = next((line.strip() for line in reversed(str(error.source).splitlines()) if line.strip()), "")
    return f"{error.ename} without a message, in a cell that ends in `{last[:MAX_ERROR_CHARS]}`"
