"""The commands that bring a run's objects to other tools and their verdicts back."""

from __future__ import annotations

from pathlib import Path

import click

from ..export import FORMATS, TOOLS, WHAT
from ..params import ParameterError
from .options import Names
from .runs import RUN_FOLDER, save_by_hand


@click.command()
@click.argument("run_folder", metavar="RUN", type=RUN_FOLDER)
@click.option("--to", type=Names(FORMATS), help="Form of the tool.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder.")
@click.option("--what", type=click.Choice(WHAT), default="selection", show_default=True,
              help="What is shown as rare, what is judged rare, or all that is ranked.")  # fmt: skip
@click.option("--pictures", type=click.Choice(["link", "copy", "reference"]),
              help="How pictures join: by default csv refers to them, all others link; copy them for supervision, "
                   "whose COCO reader refuses links to pictures outside of the folder.")  # fmt: skip
@click.option("--images_folder", help="Folder of the pictures, where the run names it by an absolute path.")
@click.option("--verdicts", type=click.Path(exists=True, dir_okay=False), help="CSV; by default RUN/verdicts.csv.")
@click.option("--frames", is_flag=True, help="Write the frames to take instead, and up to as many others at random.")
@click.option("--per_drive", type=click.IntRange(min=1), default=10, show_default=True,
              help="With --frames: at most this many of one drive.")  # fmt: skip
@click.option("--seed", type=int, default=0, help="With --frames: of the draw.")
def export(
    run_folder: Path, to: str | None, out: Path, what: str, frames: bool, per_drive: int, seed: int, **options: str
) -> int:
    """Write a run's objects in the form of another tool."""
    from ..export.writing import check_new, export_frames, export_run
    from ..run.folder import RunFolder

    run, verdicts = RunFolder(run_folder), options.pop("verdicts")
    if to is None and not frames:
        raise ParameterError(f"The option '--to' must be one of {', '.join(FORMATS)}; or give --frames.")
    try:
        check_new(out)
        if to is not None:
            written = export_run(run, out, to=to, what=what, verdicts=verdicts, **options)
            click.echo(f"{len(written.objects):,} objects in {len(written.images):,} pictures: {out}")
        if frames:
            listed = export_frames(
                run, out, what=what, per_drive=per_drive, seed=seed, verdicts=verdicts,
                images_folder=options["images_folder"],
            )  # fmt: skip
            click.echo(f"{(listed['kind'] == 'rare').sum():,} frames and {(listed['kind'] == 'control').sum():,} to "
                       f"compare with: {out / 'frames.csv'}")  # fmt: skip
    except ValueError as error:
        raise ParameterError(str(error)) from error
    return 0


@click.command("import")
@click.argument("run_folder", metavar="RUN", type=RUN_FOLDER)
@click.option("--from", "source", required=True, type=Names(TOOLS), help="Tool that FILE comes from.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(run_folder: Path, source: str, file: Path) -> int:
    """Bring verdicts back that were given in another tool.

    They are added to RUN/verdicts.csv.
    """
    from ..export.verdicts import import_verdicts
    from ..run.folder import RunFolder

    try:
        said = import_verdicts(RunFolder(run_folder), file, source=source)
    except ValueError as error:
        raise ParameterError(str(error)) from error
    verdicts = run_folder / "verdicts.csv"
    click.echo(f"{said['rare']:,} rare, {said['common']:,} common; rank with them by --verdicts {verdicts}")
    if said["unknown"]:
        click.echo(f"{said['unknown']:,} verdicts are on objects of another run.")
    save_by_hand(run_folder)
    return 0
