"""Look into pickled weights without running them: which names they would import."""

from __future__ import annotations

import pickletools
import zipfile
import zlib
from pathlib import Path

MAX_PICKLE_BYTES = 64 << 20  # the structure of a network without its tensors; a real one has under 1 MiB

# what a detector's pickle may name before the run; ultralytics' restricted unpickler decides anew for each class
KNOWN_MODULES = ("torch", "torchvision", "ultralytics", "collections", "numpy", "pathlib", "_codecs")
KNOWN_BUILTINS = ("set", "getattr", "slice", "dict", "list", "tuple", "int", "float", "bool", "object", "print")


def check_pickle(path: Path, parameter: str) -> None:
    """Check, without running it, that a .pt is a torch archive whose pickle names only known modules.

    Raises:
        ValueError: If it is no such archive, or asks for more; the message names trust_pickles.
    """
    try:
        foreign = sorted(name for name in pickled_names(path) if not _is_known(name))
    except (
        zipfile.BadZipFile,
        ValueError,
        OSError,
        IndexError,
        EOFError,
        zlib.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ValueError(
            f"The '{parameter}' parameter must be weights saved by torch. {path.name!r} is not (empty, cut off or "
            "another kind of file)."
        ) from error
    if foreign:
        raise refuse_pickle(path, parameter, foreign[0])


def refuse_pickle(path: Path, parameter: str, name: str) -> ValueError:
    """Return the error that says why a pickle is not loaded and which parameter allows it."""
    return ValueError(
        f"The '{parameter}' parameter names {path.name!r}, a pickle that asks for {name!r} and could run any code. If "
        "you trust whoever made it, set --trust_pickles true."
    )


def _is_known(name: str) -> bool:
    module, _, attribute = name.partition(".")
    return attribute in KNOWN_BUILTINS if module in ("builtins", "__builtin__") else module in KNOWN_MODULES


def pickled_names(path: Path) -> set[str]:
    """Return the names that a torch archive's pickle would import; nothing of it is run."""
    with zipfile.ZipFile(path) as archive:
        inner = next((entry for entry in archive.infolist() if entry.filename.endswith("data.pkl")), None)
        if inner is None or inner.file_size > MAX_PICKLE_BYTES:
            raise ValueError("no pickle, or one that is too large")
        opcodes = list(pickletools.genops(archive.read(inner)))
    names: set[str] = set()
    texts: list[str] = []
    for opcode, argument, _ in opcodes:
        if opcode.name == "GLOBAL":
            names.add(str(argument).replace(" ", "."))
        elif opcode.name == "STACK_GLOBAL":
            names.add(".".join(texts[-2:]))
        elif isinstance(argument, str):
            texts.append(argument)
    return names
