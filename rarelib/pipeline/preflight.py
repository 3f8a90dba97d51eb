"""What is checked before the first kernel starts, and what a run's config.json says."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..params import ParameterError, Params
from .redaction import redact

CHUNK_BYTES = 1 << 20
VERSIONED = (
    "torch", "ultralytics-opencv-headless", "transformers", "openvino", "scikit-learn", "umap-learn", "faiss-cpu",
    "numpy", "pandas", "pyarrow", "pillow", "opencv-python-headless", "matplotlib", "openai", "papermill",
)  # fmt: skip
FILES = ("images_folder", "yolo_model", "clip_model", "truth", "verdicts", "caption_model")


def check_inputs(params: Params) -> None:
    """Check everything that a run names, so that nothing fails an hour later.

    Raises:
        ParameterError: With one line: the parameter, what it must be, what came, what to do.
    """
    _check_pictures(params)
    _check_tables(params)
    try:
        _check_models(params)
        _check_captions(params)
    except (ValueError, OSError) as error:
        raise ParameterError(str(error)) from error


def model_path(params: Params, name: str) -> Path | None:
    """Return the local file or folder that a parameter names, or None for a release or hub name."""
    value = getattr(params, name)
    if name in ("yolo_model", "clip_model") and value == "demo":
        from ..models.weights import demo_model

        return demo_model(name)
    path = Path(value).expanduser()
    return path if value and path.exists() else None


def file_fingerprint(path: Path | None) -> str | None:
    """Return the sha256 of a file, or of the names, sizes and times of all files in a folder; None for no file."""
    if path is None:
        return None
    if path.is_file():
        return _file_sha256(path, path.stat().st_mtime_ns)
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            stat = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - 300,000 files: text is quicker than Path
            digest.update(
                f"{folder[len(str(path)) :]}/{name} {stat.st_size} {stat.st_mtime_ns}\n".encode(
                    "utf-8", "surrogateescape"
                )
            )
    return digest.hexdigest()


def run_config(params: Params) -> dict[str, Any]:
    """Return what config.json says: parameters, versions, models, commit, machine in words; nothing private."""
    models = {name: _about_model(params, name) for name in ("yolo_model", "clip_model")}
    parameters = {
        name: redact(value, params) if isinstance(value, str) else value for name, value in params.model_dump().items()
    }
    return {
        "parameters": parameters,
        "versions": {"rarelib": __version__, "python": platform.python_version(), **_versions()},
        "models": models,
        "git_commit": _git_commit(),
        "device": {"requested": params.device, "machine": platform.machine(), "cores": os.cpu_count()},
    }


def _check_pictures(params: Params) -> None:
    if params.demo_scenes:
        if params.images_folder:
            raise ParameterError("The 'images_folder' parameter must be empty when demo_scenes draws the pictures.")
        return
    from ..pictures.listing import has_pictures

    folder = Path(params.images_folder).expanduser()
    if not params.images_folder:
        raise ParameterError(
            "The 'images_folder' parameter must name a folder of pictures; give --images_folder FOLDER."
        )
    if not folder.is_dir():
        raise ParameterError(f"The 'images_folder' parameter must be a folder. {params.images_folder!r} is not there.")
    if not has_pictures(folder):
        raise ParameterError(
            f"The 'images_folder' parameter must hold pictures (jpg, png, …). {params.images_folder!r} has none."
        )


def _check_tables(params: Params) -> None:
    for name in ("truth", "verdicts"):
        value = getattr(params, name)
        if value and not Path(value).expanduser().is_file():
            raise ParameterError(f"The '{name}' parameter must be a table (csv or parquet). {value!r} is not there.")


def _check_models(params: Params) -> None:
    from ..models.weights import check_clip_model, check_yolo_model

    check_yolo_model(params.yolo_model, trust_pickles=params.trust_pickles)
    if params.embedder == "clip" or (params.caption_source == "clip" and not params.skip_caption):
        check_clip_model(params.clip_model, trust_pickles=params.trust_pickles)


def _check_captions(params: Params) -> None:
    if params.skip_caption:
        return
    from ..captions import check_caption_source

    check_caption_source(
        params.caption_source,
        base_url=params.caption_base_url,
        model=params.caption_model,
        phrases=params.caption_phrases,
    )


def _about_model(params: Params, name: str) -> dict[str, Any]:
    path = model_path(params, name)
    weights = path / "model.safetensors" if path is not None and (path / "model.safetensors").is_file() else path
    return {"name": redact(getattr(params, name), params), "sha256": file_fingerprint(weights)}


def _versions() -> dict[str, str]:
    found = {}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def _git_commit() -> str:
    project = Path(__file__).resolve().parents[2]
    if not (project / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


@cache
def _file_sha256(path: Path, _modified_ns: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
