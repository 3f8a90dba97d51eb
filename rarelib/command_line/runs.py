"""The commands that look at runs as a whole: which there are, and the report of one."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..language import LANGUAGES, padded, say, text_columns
from ..params import ParameterError
from ..pictures.sources import is_address

RUNS = "runs"


class RunFolderType(click.ParamType):
    """A run, by its folder, by its name in runs/, or by its address, from which it is fetched."""

    name = "run"

    def __init__(self, *, pictures: bool = True) -> None:
        """Say whether a run at an address is fetched with its crops."""
        self._pictures = pictures

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the run's folder."""
        if is_address(value):
            return self._fetched(value, param, ctx)
        given = Path(value)
        found = next((path for path in (given, Path(RUNS) / given) if path.is_dir()), None)
        if found is None:
            self.fail(f"The run '{value}' does not exist; `rarelib runs` lists those in {RUNS}/.", param, ctx)
        return found

    def _fetched(self, address: str, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from ..run.overview import is_under_way
        from ..run.remote_runs import fetch_run

        try:
            root = fetch_run(address, pictures=self._pictures, busy=is_under_way)
        except (OSError, ValueError, ImportError) as error:
            self.fail(f"The run '{address}' cannot be opened: {_one_line(error)}", param, ctx)
        click.echo(f"rarelib: {address} is fetched to {root}", err=True)
        return root

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Complete the names of runs in runs/, and else folders."""
        from click.shell_completion import CompletionItem

        names = sorted(path.parent.name for path in Path(RUNS).glob("*/config.json"))
        fitting = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return fitting or [CompletionItem(incomplete, type="dir")]


class RunsDirType(click.Path):
    """A folder of runs, or its address."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the folder; an address as it is."""
        return value if is_address(value) else super().convert(value, param, ctx)


RUN_FOLDER = RunFolderType()
REPORT_OF_RUN = RunFolderType(pictures=False)


@click.command()
@click.argument("runs_dir", required=False, default=RUNS, type=RunsDirType(file_okay=False, path_type=Path))
@click.option("--language", type=click.Choice(LANGUAGES), default="en", help="Language of the table.")
def runs(runs_dir: Path | str, language: str) -> int:
    """List the runs in RUNS_DIR, the latest last.

    RUNS_DIR is runs/ by default, or an address. Each run has its date, pictures, counts and state.
    """
    from ..run.overview import list_runs

    try:
        found = list_runs(runs_dir, language=language)
    except (OSError, ValueError, ImportError) as error:
        raise ParameterError(f"The runs in {runs_dir} cannot be listed: {_one_line(error)}") from error
    click.echo(_aligned(found, language) if len(found) else say("runs.none", language, folder=runs_dir))
    return 0


@click.command("open")
@click.argument("run_folder", metavar="RUN", type=REPORT_OF_RUN)
def open_(run_folder: Path) -> int:
    """Open a run's report.html in the browser.

    Its path is printed; where there is no screen, that is all.
    """
    report = run_folder / "report.html"
    if not report.is_file():
        raise ParameterError(f"{report} is missing; finish the run first, or look into it by `rarelib explore`.")
    click.echo(report)
    if _has_screen():
        webbrowser.open(report.resolve().as_uri())
    return 0


@click.command()
@click.argument("first", metavar="RUN", type=RUN_FOLDER)
@click.argument("second", metavar="RUN", type=RUN_FOLDER)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Folder for both files; by default comparisons/ beside the second run.")  # fmt: skip
@click.option("--language", type=click.Choice(LANGUAGES), help="By default the second run's own.")
def compare(first: Path, second: Path, out: Path | None, language: str | None) -> int:
    """Compare two runs: what is common, gained, lost.

    Leaves a rendered notebook and compare.html, with the settings side by side.
    """
    from ..pipeline.comparison import compare_in_notebook

    names = f"{first.resolve().name}_{second.resolve().name}"
    for path in compare_in_notebook(first, second, out or second.parent / "comparisons" / names, language=language):
        click.echo(path)
    return 0


@click.command("audit-labels")
@click.argument("run_folder", metavar="RUN", type=RUN_FOLDER)
@click.option("--images_folder", default="", help="Of the run's pictures, where the run was given an absolute path.")
@click.option("--yolo_model", default="",
              help="A detector that knows the labels' classes by name, for cleanlab's scores beside.")  # fmt: skip
@click.option("--language", type=click.Choice(LANGUAGES), help="By default the run's own.")
def audit_labels(run_folder: Path, **options: str) -> int:
    """Audit the labels of a run that took its boxes from them.

    Such a run has boxes: labels. Leaves a rendered notebook and label_audit.csv in the run.
    """
    from ..pipeline.label_page import audit_labels_in_notebook

    for path in audit_labels_in_notebook(run_folder, **options):
        click.echo(path)
    save_by_hand(run_folder)
    return 0


def save_by_hand(root: Path) -> None:
    """Save at its address what was changed in a run that was fetched; nothing for a run of this machine.

    Raises:
        ParameterError: If it cannot be saved now.
    """
    from ..run.claim import InUse
    from ..run.remote_runs import save_back

    try:
        place = save_back(root)
    except (OSError, ValueError, InUse) as error:
        raise ParameterError(
            f"What was changed is kept in {root} and not saved at its address: {_one_line(error)} The next command "
            "that writes the run saves it."
        ) from error
    if place is not None:
        click.echo(f"rarelib: saved at {place}", err=True)


def _one_line(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()).rstrip(".") + "."


def _has_screen() -> bool:
    """Tell whether a browser would show on a screen; without, one in the terminal would take the terminal over."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))


def _aligned(table: pd.DataFrame, language: str) -> str:
    """Return a table as text, numbers to the right; Japanese letters are two columns wide."""
    numbers = [pd.api.types.is_numeric_dtype(table[name]) for name in table.columns]
    head = [say(f"runs.column_{name}", language) for name in table.columns]
    rows = [["–" if pd.isna(v) else f"{v:,}" if n else str(v) for v, n in zip(row, numbers, strict=True)]
            for row in table.itertuples(index=False)]  # fmt: skip
    widths = [max(text_columns(row[at]) for row in [head, *rows]) for at in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [padded(text, width, right=right) for text, width, right in zip(row, widths, numbers, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
