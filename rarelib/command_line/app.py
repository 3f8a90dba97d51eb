"""The commands: run, params, check, and those that look into a finished run; exit codes as `main` says."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .. import __version__
from ..parameter_files import is_text, names_a_folder
from ..params import ParameterError, Params, load_params, parse_value
from ..pictures.files import SUFFIXES
from ..pictures.sources import is_address
from ..tables import TableError
from .exchange import export, import_
from .options import GroupedCommand, run_options
from .runs import RUN_FOLDER, audit_labels, compare, open_, runs, save_by_hand

CONTEXT = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 110,
    "token_normalize_func": lambda name: name.replace("-", "_"),  # of every command's options
}
CAPTIONED_BY = ("skip_caption", "caption_source", "caption_base_url")  # what says how captions are made
SHELLS = {"bash": "bash_source", "zsh": "zsh_source", "fish": "fish_source"}


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="rarelib")
def commands() -> None:
    """Find the rare and the strange among the objects in driving pictures.

    `rarelib run FOLDER` is the shortest way to a first result.
    """


@commands.command(cls=GroupedCommand)
@click.argument("source", required=False, metavar="[PARAMS.yaml | FOLDER]")
@click.option("--force", metavar="STAGE", help="Do this stage again, and what follows from it: 04, or 04_score_rarity.")
@run_options
def run(source: str | None, force: str | None, **values: str | None) -> int:
    """Run all stages; what is up to date is left as it is.

    PARAMS.yaml holds parameters; FOLDER is a folder of pictures, all else by default, with captions by CLIP where no
    server is named. Every parameter is also an option and wins over the file. `rarelib params` says what each means.
    """
    params = _load(source, {name: parse_value(name, text) for name, text in values.items() if text is not None})
    from ..pipeline.mirroring import NotSaved
    from ..pipeline.stages import StageFailed, run_pipeline

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        run_pipeline(params, force=force)
    except (StageFailed, NotSaved) as error:
        return _say_and_return(f"\nrarelib: {error}", 1)
    except KeyboardInterrupt:
        stopped = "\nrarelib: stopped. Finished parts are kept; the same command goes on from here."
        return _say_and_return(stopped, 130)
    except OSError as error:
        place = error.filename or "the run folder"
        return _say_and_return(f"\nrarelib: {place} cannot be written or read: {error.strerror or error}.", 1)
    return 0


@commands.command()
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of the meanings.")
@click.option("--write", type=click.Path(exists=True, path_type=Path), help="Put them into this page instead.")
def params(language: str, write: Path | None) -> int:
    """Print all parameters as Markdown tables.

    Each has its name, type, default and meaning.
    """
    from .parameters import parameter_tables

    tables = parameter_tables(language)
    if write is None:
        click.echo(tables)
    else:
        head = write.read_text(encoding="utf-8").partition("\n## ")[0]
        write.write_text(f"{head}\n{tables}", encoding="utf-8")
    return 0


@commands.command()
@click.argument("run_folder", metavar="RUN", type=RUN_FOLDER)
def check(run_folder: Path) -> int:
    """Verify that a finished run is whole.

    All ids must resolve, all files be there, all counts agree.
    """
    from ..pipeline.check import check_run

    problems = check_run(run_folder)
    fine = f"{run_folder}: all ids resolve, all files are there, all counts agree."
    click.echo("\n".join(problems) if problems else fine)
    return 1 if problems else 0


@commands.command(context_settings={"ignore_unknown_options": True})
@click.argument("run_folder", metavar="RUN", type=RUN_FOLDER)
@click.argument("lab_options", nargs=-1, type=click.UNPROCESSED)
@click.option("--images_folder", default="", help="Of the run's pictures, where the run was given an absolute path.")
@click.option("--language", type=click.Choice(["en", "ja"]), help="By default the run's own.")
def explore(run_folder: Path, lab_options: tuple[str, ...], images_folder: str, language: str | None) -> int:
    """Open a finished run in JupyterLab: look, judge, search.

    What stands behind RUN goes on to JupyterLab, such as --no-browser --port 9999.
    """
    from .lab import open_in_lab

    try:
        return open_in_lab(run_folder, lab_options, images_folder=images_folder, language=language)
    finally:  # it is ended by Ctrl-C
        save_by_hand(run_folder)


@commands.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of text and results.")
def notebooks(folder: Path, language: str) -> int:
    """Put the stage notebooks into FOLDER.

    There they are opened and changed by hand, in English or Japanese.
    """
    from ..pipeline.notebooks import copy_notebooks

    for path in copy_notebooks(folder, language):
        click.echo(path)
    return 0


@commands.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> int:
    """Print what a shell needs to complete commands and options.

    For this session: eval "$(rarelib completion bash)".
    """
    from click.shell_completion import get_completion_class

    maker = get_completion_class(shell)
    click.echo(maker(commands, {}, "rarelib", "_RARELIB_COMPLETE").source() if maker else "")
    return 0


for command in (runs, open_, compare, audit_labels, export, import_):
    commands.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 a stage or check failed, 2 wrong input, 130 stopped."""
    try:
        return commands.main(arguments, prog_name="rarelib", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        near = f" {error.ctx.get_usage()}" if error.ctx and isinstance(error, click.MissingParameter) else ""
        return _say_and_return(f"rarelib: {error.format_message()}{near}", 2)
    except (ParameterError, TableError) as error:  # a wrong option, a run whose files are missing or broken
        return _say_and_return(f"rarelib: {error}", 2)
    except OSError as error:  # a disk that is full, a folder that cannot be made
        said = f"{error.filename}: {error.strerror}" if error.filename else " ".join(str(error).split())
        return _say_and_return(f"rarelib: {said}", 2)
    except (click.Abort, KeyboardInterrupt):
        return 130


def leave(code: int) -> None:
    """End the process with an exit code."""
    if code == 130:  # an interrupt during an import may end Python as killed by a signal, whatever main returned
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run_command() -> None:
    """Run the command line and end the process: what the installed `rarelib` calls."""
    leave(main())


def _load(source: str | None, overrides: dict[str, Any]) -> Params:
    if source is None or not (is_address(source) or Path(source).is_dir()):
        return load_params(_parameter_file(source), overrides)
    name = source.rstrip("/").rpartition("/")[2] if is_address(source) else Path(source).resolve().name
    if "name" not in overrides and not names_a_folder(name):
        said = source if is_text(source) else ascii(source)
        raise ParameterError(f"A run cannot have the name of {said}; give it another by --name.")
    named = {"images_folder": source, "name": name}
    captions = _captions_at_hand(overrides)
    params = load_params(None, {**named, **captions, **overrides})
    if "name" not in overrides:
        from ..pipeline.preflight import refuse_run_of_other_pictures

        refuse_run_of_other_pictures(params)
    if captions:
        by_clip = "CLIP names what it sees (--caption_source clip)"
        done = "captions are left out (--skip_caption true)" if params.skip_caption else by_clip
        click.echo(f"rarelib: no caption server is named, so {done}.", err=True)
    return params


def _parameter_file(source: str | None) -> str | None:
    if source is not None and not Path(source).exists() and not source.endswith((".yaml", ".yml", ".json")):
        raise ParameterError(f"{source} is neither a folder of pictures nor a parameter file; it does not exist.")
    if source is not None and source.lower().endswith(SUFFIXES):
        raise ParameterError(f"{source} is a picture or a video; give the folder that holds it.")
    return source


def _captions_at_hand(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the objects of a bare folder are captioned where no server is named: by CLIP, or else not at all."""
    if overrides.keys() & set(CAPTIONED_BY) or os.environ.get("OPENAI_BASE_URL"):
        return {}
    by_clip = overrides.get("embedder", "clip") == "clip"
    return {"caption_source": "clip"} if by_clip else {"skip_caption": True}


def _say_and_return(message: str, code: int) -> int:
    click.echo(click.style(message, fg="red"), err=True)
    return code


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal must not break the clean-up
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
