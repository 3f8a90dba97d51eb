"""What is made from models once and kept in the user's cache; a model's own folder is never written to."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..run.folder import fingerprint
from ..run.places import cache_folder
from .unreported import nothing_reported


def writable_cache() -> Path:
    """Return the cache folder, made where it is missing; where it cannot be written, a folder of this process alone."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _own_folder()
    return folder if os.access(folder, os.W_OK) else _own_folder()


def cached_export(
    source: Path,
    sha256: str,
    settings: Mapping[str, Any],
    build: Callable[[Path], dict[str, Any]],
) -> tuple[Path, dict[str, Any]]:
    """Return the export of a model, made once per content and settings, and what is known about it.

    It lies in the user's cache, never beside the model, and is whole or not there.

    Args:
        source: The model's file or folder; only its name is used.
        sha256: Of its content.
        settings: All else that changes the export.
        build: Fills an empty folder and returns what is to be known about it (JSON).
    """
    name = f"{source.stem}_openvino_{fingerprint({'sha256': sha256, **settings})}"
    place = writable_cache()
    if (place / name / "about.json").is_file():
        return place / name, json.loads((place / name / "about.json").read_text(encoding="utf-8"))
    partial = Path(tempfile.mkdtemp(prefix=f".{name[:40]}", dir=place))
    try:
        with nothing_reported():
            about = build(partial)
        (partial / "about.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        _move_whole(partial, place / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return place / name, about


@cache
def _own_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="rarelib-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _move_whole(partial: Path, final: Path) -> None:
    for file in partial.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    try:
        partial.rename(final)
    except OSError:
        if not (final / "about.json").is_file():  # else another run was quicker, with the same content
            raise
