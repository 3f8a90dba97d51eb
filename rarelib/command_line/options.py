"""Every parameter as an option of `rarelib run`, shown in groups by stage."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, Literal

import click

from ..params import Params, parameter_groups
from .parameters import parameter_row

GROUPS = parameter_groups()


class ParameterOption(click.Option):
    """An option that is a parameter; its text is read by params.parse_value, whatever its type."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete parameters that name one of a few words, and booleans."""
        from click.shell_completion import CompletionItem

        annotation = Params.model_fields[str(self.name)].annotation
        known = typing.get_args(annotation) if typing.get_origin(annotation) is Literal else ()
        words = ("true", "false") if annotation is bool else known
        return [CompletionItem(word) for word in words if str(word).startswith(incomplete)]


class Names(click.Choice):
    """A choice of names that are shown as they are, and may be written with _ for - as options may."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:
        """Return the name by which values are compared."""
        return str(choice).replace("_", "-")


class GroupedCommand(click.Command):
    """A command whose help shows its parameters by stage."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first, then the parameters of each stage."""
        records = {
            each.name: each.get_help_record(ctx) for each in self.get_params(ctx) if isinstance(each, click.Option)
        }
        grouped = {name for names in GROUPS.values() for name in names}
        own = [str(name) for name in records if name not in grouped]
        for title, names in {"Options": own, **GROUPS}.items():
            with formatter.section(title):
                formatter.write_dl([record for name in names if (record := records[name])])


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for each parameter."""
    for name in reversed([name for names in GROUPS.values() for name in names]):
        row, is_flag = parameter_row(name), Params.model_fields[name].annotation is bool
        said = f"{row['meaning']}  [{row['default']}]"
        alone = {"is_flag": False, "flag_value": "true"} if is_flag else {}  # `--skip_caption` alone means true
        option = click.option(f"--{name}", cls=ParameterOption, metavar=_short(row["type"]), help=said, **alone)
        function = option(function)
    return function


def _short(kind: str) -> str:
    words = kind.split(" or ")
    return "|".join(words) if len(words) > 1 else kind.split()[0].upper()
