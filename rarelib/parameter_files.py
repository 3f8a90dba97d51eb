"""Parameter files and flags as text, read; errors in one clear line. It knows no parameter."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

MAX_FILE_BYTES = 1_000_000


class ParameterError(ValueError):
    """A parameter that is unknown, out of range, or does not fit the others; the message is one clear line."""


def read_mapping(path: Path) -> dict[str, Any]:
    """Return what a parameter file says, by name.

    Raises:
        ParameterError: If it is no flat YAML mapping.
    """
    if path.is_dir():
        raise ParameterError(f"{path} is a folder and no parameter file; give it as images_folder.")
    if not path.is_file():
        raise ParameterError(f"Parameter file {path} is missing; params/demo.yaml is one to start from.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ParameterError(f"Parameter file {path} is larger than {MAX_FILE_BYTES:,} bytes; is it the right file?")
    try:
        text = path.read_text(encoding="utf-8")
        values, twice = yaml.safe_load(text), _named_twice(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ParameterError(f"Parameter file {path} is not YAML: {squeeze(error)}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ParameterError(f"Parameter file {path} must be a flat mapping such as 'sampling_rate: 0.2'.")
    if twice:
        raise ParameterError(f"Parameter file {path} must name each parameter once, but names '{twice}' twice.")
    return values


def _named_twice(text: str) -> str:
    """Return a name that a mapping gives twice, of which YAML readers keep the last without a word; "" for none."""
    node = yaml.compose(text, yaml.SafeLoader)
    names = [str(name.value) for name, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    return next((squeeze(name, 80) for name in names if names.count(name) > 1), "")


def parse_text(name: str, annotation: Any, text: str) -> Any:
    """Turn the text of a flag into a value of a type: text stays text, a list may be `bicycle,person`, else YAML.

    Raises:
        ParameterError: If it is not a value.
    """
    if annotation is str:
        return text
    if typing.get_origin(annotation) is list and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParameterError(f"The value of '--{name}' is not a YAML value: {squeeze(error)}") from error


def one_line(error: ValidationError) -> str:
    """Return what the schema refuses first: the parameter, what it must be, what came."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "parameters"
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    expected = expected if expected.startswith("must") else f"must be {expected}"
    return f"The '{name}' parameter {expected}. Got {squeeze(repr(first['input']))} instead.{more}"


def squeeze(text: object, limit: int = 120) -> str:
    """Return a text as one line of at most so many characters."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def gpu_numbers(device: str) -> tuple[int, ...]:
    """Return the numbers of the GPUs that a device names; none for auto, cpu and cuda.

    Raises:
        ValueError: If it is no device, or names a GPU twice.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+(,\d+)*)?", device):
        raise ValueError("must be auto, cpu, cuda, cuda:N, or several GPUs, such as cuda:0,1")
    numbers = tuple(int(number) for number in re.findall(r"\d+", device))
    twice = [number for number in numbers if numbers.count(number) > 1]
    if twice:
        raise ValueError(f"must name each GPU once, but names GPU {twice[0]} twice")
    return numbers


def names_a_folder(name: str) -> bool:
    """Tell whether a run can have this name: that of one folder, on any system."""
    marks = set('/\\:*?"<>|\n\r\t\0')
    return name not in ("", ".", "..") and not set(name) & marks and is_text(name) and len(name.encode()) <= 200


def is_text(value: str) -> bool:
    """Tell whether a file can hold this text; a name on disk that is no UTF-8 comes as one that none can hold."""
    return not any("\ud800" <= each <= "\udfff" for each in value)
