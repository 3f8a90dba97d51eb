"""All parameters as a table for people, in English and Japanese."""

from __future__ import annotations

import json
import types
import typing
from typing import Annotated, Any, Literal

from ..language import phrases, say
from ..params import Params, parameter_groups

HEADS = {"en": ("parameter", "type", "default", "meaning"), "ja": ("パラメータ", "型", "既定値", "意味")}
TYPES = {
    "en": {"str": "text", "int": "integer", "float": "number", "bool": "true or false", "list": "list", "or": " or "},
    "ja": {"str": "文字列", "int": "整数", "float": "数値", "bool": "true か false", "list": "リスト", "or": " / "},
}


def parameter_row(name: str, language: str = "en") -> dict[str, str]:
    """Return a parameter's name, type, default and meaning as texts."""
    field = Params.model_fields[name]
    meaning = phrases()[f"parameter.{name}"]["ja"] if language == "ja" else field.description or ""
    default = json.dumps(field.default, ensure_ascii=False)
    return {"name": name, "type": _type_name(field, TYPES[language]), "default": default, "meaning": meaning}


def parameter_tables(language: str = "en") -> str:
    """Return all parameters as Markdown tables, one a stage, as docs/parameters.md shows them."""
    lines: list[str] = []
    for number, (stage, names) in enumerate(parameter_groups().items()):
        title = say(f"parameter_group_{number}", language) if language != "en" else stage
        lines += [f"## {title}", "", f"| {' | '.join(HEADS[language])} |", "|---|---|---|---|"]
        for row in (parameter_row(name, language) for name in names):
            cells = [f"`{row['name']}`", row["type"], f"`{row['default']}`", row["meaning"]]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _type_name(field: Any, words: dict[str, str]) -> str:
    annotation, origin = field.annotation, typing.get_origin(field.annotation)
    if origin is Literal:
        return words["or"].join(str(value) for value in typing.get_args(annotation))
    if origin is list:
        return words["list"]
    limits = " ".join(f"{sign} {value:g}" for limit in field.metadata for sign, value in _limits(limit))
    if origin in (typing.Union, types.UnionType):
        inner = typing.get_args(annotation)[0]
        inner = typing.get_args(inner)[0] if typing.get_origin(inner) is Annotated else inner
        return f"{words[inner.__name__]}{words['or']}null"
    return f"{words[annotation.__name__]} {limits}".strip()


def _limits(limit: Any) -> list[tuple[str, float]]:
    signs = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
    return [(sign, getattr(limit, key)) for key, sign in signs if hasattr(limit, key)]
