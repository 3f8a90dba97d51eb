"""What makes rendered notebooks and reports safe to share: no path of the machine, no user name, no key."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..params import Params
from ..pictures.sources import is_address
from ..run.places import copies_folder, working_folder
from ..run.secrets import SHOWN, hide_secrets, known_secrets

LEAST = 4  # shorter names are everywhere
# a whole word also begins after a colour code of a terminal, whose last letter is "m", and after an escape in a repr
BEFORE, AFTER = r"(?:(?<!\w)|(?<=\\[nrt])|(?P<colour>\x1b\[[0-9;]*m))", r"(?!\w)"
OWN_FOLDER = re.compile(r"^run_folder = .*$", flags=re.MULTILINE)


class Redactor:
    """Replaces in texts of a run what belongs to its machine: folders, keys, names of user and host."""

    def __init__(self, params: Params) -> None:
        """Look once at the parameters, the environment and the machine."""
        self._params = params
        self._secrets = known_secrets(params.caption_base_url)
        self._folders = _replacer(_folders(params))
        self._names = _replacer(_names())

    def text(self, text: str) -> str:
        """Return a text that people read without anything private."""
        return self._names(self._folders(hide_secrets(text, self._secrets)))

    def value(self, value: Any) -> Any:
        """Return a parameter's value without anything private; relative paths stay, so that a notebook runs again."""
        if not isinstance(value, str):
            return value
        clean = hide_secrets(self._folders(value), self._secrets)
        return self._names(clean) if "://" in clean or Path(value).is_absolute() else clean

    def parameters(self) -> dict[str, Any]:
        """Return all parameters of the run without anything private."""
        return {name: self.value(value) for name, value in self._params.model_dump().items()}

    def notebook(self, notebook: Mapping[str, Any]) -> dict[str, Any]:
        """Return an executed notebook without anything private: its outputs and what papermill put into it.

        What has a meaning for Jupyter stays: names of fields, types, pictures, and the code as it lies in the project.
        Its run_folder becomes ".", so that it finds its own run wherever that is moved to.
        """
        cells = [self._cell(cell) for cell in notebook["cells"]]
        metadata = dict(notebook["metadata"])
        if "papermill" in metadata:
            given = {name: self.value(value) for name, value in metadata["papermill"].get("parameters", {}).items()}
            said = self._everywhere(metadata["papermill"])
            metadata["papermill"] = {**said, "parameters": given, "input_path": "", "output_path": ""}
            if "run_folder" in given:
                given["run_folder"] = "."
        return {**notebook, "cells": cells, "metadata": metadata}

    def _cell(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        clean = dict(cell)
        if "injected-parameters" in cell["metadata"].get("tags", []):
            source = OWN_FOLDER.sub('run_folder = "."', "".join(cell["source"]))
            clean["source"] = "".join(self._assignment(line) for line in source.splitlines(keepends=True))
        if "outputs" in cell:
            clean["outputs"] = [self._output(output) for output in cell["outputs"]]
        return clean

    def _assignment(self, line: str) -> str:
        name, sign, value = line.partition(" = ")
        if not sign:
            return line
        clean = hide_secrets(self._folders(value), self._secrets)
        clean = f'"{SHOWN}"\n' if clean == SHOWN else clean
        return name + sign + (self._names(clean) if "://" in clean else clean)

    def _output(self, output: Mapping[str, Any]) -> dict[str, Any]:
        said = {
            name: self._everywhere(output[name]) for name in ("text", "ename", "evalue", "traceback") & output.keys()
        }
        data = {
            kind: content if kind.startswith("image/") and kind != "image/svg+xml" else self._everywhere(content)
            for kind, content in output.get("data", {}).items()
        }
        return {**output, **said, **({"data": data} if "data" in output else {})}

    def _everywhere(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self._everywhere(item) for name, item in value.items()}
        return [self._everywhere(item) for item in value] if isinstance(value, list) else value


def _folders(params: Params) -> dict[str, str]:
    """Return the absolute folders of this machine and what is shown for each, the longest first."""
    shown = {
        sys.prefix: "<python>",
        sys.base_prefix: "<python>",
        str(Path(__file__).resolve().parents[2]): "<rarelib>",
        str(Path.cwd()): ".",
        str(Path.home()): "~",
        **{value: Path(value).name for value in params.model_dump().values() if isinstance(value, str)},
        params.images_folder: "<images_folder>",
        str(Path(params.runs_dir).absolute()): Path(params.runs_dir).name or "runs",
        params.runs_dir: Path(params.runs_dir).name or "runs",
        str(copies_folder().absolute()): "<cache>",
        **({str(working_folder(params.runs_dir, "").absolute()): "runs"} if is_address(params.runs_dir) else {}),
    }
    resolved = {os.path.realpath(folder): text for folder, text in shown.items() if Path(folder).is_absolute()}
    absolute = {folder: text for folder, text in {**resolved, **shown}.items() if Path(folder).is_absolute()}
    return {folder: absolute[folder] for folder in sorted(absolute, key=len, reverse=True) if len(folder) >= LEAST}


def _names() -> dict[str, str]:
    host, home = socket.gethostname().removeprefix("localhost"), Path.home().name
    return {**({f"/{home}/": "/<user>/"} if home else {}), **({host: "<host>"} if len(host) >= LEAST else {})}


def _replacer(shown: Mapping[str, str]) -> Callable[[str], str]:
    """Return what replaces whole words, in one pass, the first of those that fit."""
    if not shown:
        return lambda text: text
    words = [re.escape(word) + ("" if word.endswith("/") else AFTER) for word in shown]
    pattern = re.compile(BEFORE + "(?P<word>" + "|".join(words) + ")")
    return lambda text: pattern.sub(lambda found: (found["colour"] or "") + shown[found["word"]], text)
