"""What is checked before the first kernel starts, and what a run's config.json says."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..engines import check_engine
from ..models.runtime import choose_runtime
from ..models.weights import is_litter
from ..parameter_files import is_text
from ..params import ParameterError, Params
from ..pictures.listing import compile_group, has_pictures
from ..pictures.listings import files_of
from ..pictures.sources import is_address, source_of
from ..run.folder import RunFolder, file_sha256, fingerprint
from ..run.places import CACHE, working_folder
from ..run.verdict_file import read_rows
from ..words.vocabulary import check_lists
from .mirroring import check_writable
from .model_files import ModelFile
from .redaction import Redactor

VERSIONED = (
    "torch", "ultralytics-opencv-headless", "transformers", "openvino", "scikit-learn", "umap-learn", "faiss-cpu",
    "numpy", "pandas", "pyarrow", "pillow", "opencv-python-headless", "matplotlib", "openai", "papermill",
)  # fmt: skip


def check_inputs(params: Params) -> None:
    """Check the pictures, tables and servers that a run names; its models are found by `resolve_models`.

    Raises:
        ParameterError: With one line: the parameter, what it must be, what came, what to do.
    """
    _check_text(params)
    _check_pictures(params)
    _check_layout(params)
    _check_tables(params)
    _check_runs_dir(params)
    _check_verdicts(params)
    try:
        check_engine(params.engine, ray_address=params.ray_address, device=params.device)
        if params.device.startswith("cuda"):
            choose_runtime(params.runtime, params.device)
        check_lists(params.vocabulary, params.ordinary_classes)
        compile_group(params.group_pattern)
    except ValueError as error:
        raise ParameterError(str(error)) from error
    try:
        _check_captions(params)
    except (ValueError, OSError) as error:
        raise ParameterError(" ".join(str(error).split())) from error


def content_hash(value: str) -> str | None:
    """Return the sha256 of a file, or of the names, sizes and times of all files in a folder; None for no path."""
    if not value:
        return None
    if is_address(value):
        return _remote_hash(value)
    path = Path(value).expanduser()
    return sha256_at(path) if path.is_file() else _listing_hash(path)


def sha256_at(path: Path) -> str:
    """Return the sha256 of a file, which is read once as long as its time and size are the same; "" for no file."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return _sha256(path.absolute(), stat.st_mtime_ns, stat.st_size, stat.st_ino)


def run_config(params: Params, models: Mapping[str, ModelFile]) -> dict[str, Any]:
    """Return what config.json says: parameters, versions, models, commit, machine in words; nothing private."""
    parameters = Redactor(params).parameters()
    return {
        "parameters": parameters,
        "place": place_of(params.images_folder),
        "versions": {"rarelib": __version__, "python": platform.python_version(), **_versions()},
        "models": {name: {"name": parameters[name], "sha256": model.sha256} for name, model in models.items()},
        "git_commit": _git_commit(),
        "device": {"requested": params.device, "machine": platform.machine(), "cores": os.cpu_count()},
    }


def place_of(images_folder: str) -> str:
    """Return a hash of where a folder of pictures lies, by which one is told from another of the same name."""
    if not images_folder:
        return ""
    here = images_folder if is_address(images_folder) else str(Path(images_folder).expanduser().resolve())
    return fingerprint(here.rstrip("/"))


def refuse_run_of_other_pictures(params: Params) -> None:
    """Refuse a run whose folder holds what was found in another folder of pictures, which it would write over.

    Raises:
        ParameterError: If that is so; a run from before this was written down is let through.
    """
    try:
        config = RunFolder(working_folder(params.runs_dir, params.name)).read_json("config.json")
        place, folder = config["place"], config["parameters"]["images_folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if place != place_of(params.images_folder):
        raise ParameterError(
            f"The run '{params.name}' is of another folder of pictures ({folder or 'the demo world'}); give this one a "
            f"name of its own by --name, or --name '{params.name}' to write over that run."
        )


def _check_text(params: Params) -> None:
    for name, value in params.model_dump().items():
        if isinstance(value, str) and not is_text(value):
            raise ParameterError(
                f"The '{name}' parameter must be valid UTF-8, as notebooks keep it. Got {value!r} instead; where it is "
                "a path, give it another name, or a link to it."
            )


def _check_runs_dir(params: Params) -> None:
    if not is_address(params.runs_dir):
        return
    check_writable(params)
    if params.engine == "ray" and params.ray_address and not os.environ.get(CACHE):
        raise ParameterError(
            "The 'runs_dir' parameter can be an address with a Ray cluster only where its workers write into a folder "
            f"that all its machines share: name one by the environment variable {CACHE}."
        )


def _check_pictures(params: Params) -> None:
    if params.demo_scenes:
        if params.images_folder:
            raise ParameterError("The 'images_folder' parameter must be empty when demo_scenes draws the pictures.")
        return
    if not params.images_folder:
        raise ParameterError(
            "The 'images_folder' parameter must name a folder of pictures; give --images_folder FOLDER."
        )
    if is_address(params.images_folder):
        return _check_address(params.images_folder)
    folder = Path(params.images_folder).expanduser()
    if not folder.is_dir():
        raise ParameterError(f"The 'images_folder' parameter must be a folder. {params.images_folder!r} is not there.")
    if not has_pictures(folder):
        raise ParameterError(
            f"The 'images_folder' parameter must hold pictures or videos (jpg, png, mp4, …). "
            f"{params.images_folder!r} has none."
        )


def _check_layout(params: Params) -> None:
    """Check that the folder has the labels, the layout and the cameras that are asked for."""
    if params.demo_scenes:
        return _check_demo_world(params)
    of_labels = params.boxes == "labels"
    if not (of_labels or params.cameras or params.dataset not in ("auto", "folder")):
        return
    from ..datasets.recognition import check_asked
    from ..objects.labelled import labelled_layout
    from ..pictures.files import find_pictures

    address = is_address(params.images_folder)
    folder = source_of(params.images_folder if address else Path(params.images_folder).expanduser())
    paths = (found.path for found in find_pictures(folder))
    try:
        if of_labels:
            paths = sorted(paths)
            labelled_layout(folder, paths, dataset=params.dataset)
        check_asked(folder, paths, dataset=params.dataset, cameras=params.cameras)
    except (ValueError, OSError) as error:
        raise ParameterError(" ".join(str(error).split())) from error


def _check_demo_world(params: Params) -> None:
    wrong = [
        ("boxes", "detector", "has no labels") if params.boxes == "labels" else (),
        ("dataset", "auto or folder", "is a plain folder") if params.dataset not in ("auto", "folder") else (),
        ("cameras", "empty", "tells no cameras") if params.cameras else (),
    ]
    for name, must, why in filter(None, wrong):
        raise ParameterError(f"The '{name}' parameter must be {must} for the demo world, which {why}.")


def _check_address(address: str) -> None:
    try:
        found = has_pictures(source_of(address))
    except (ValueError, OSError, ImportError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ParameterError(f"The 'images_folder' parameter: {' '.join(said.split())}") from error
    if not found:
        raise ParameterError(
            f"The 'images_folder' parameter must hold pictures or videos (jpg, png, mp4, …). "
            f"{address!r} has none, or is not there."
        )


def _check_tables(params: Params) -> None:
    for name in ("truth", "verdicts"):
        value = getattr(params, name)
        if value not in ("", "auto") and not Path(value).expanduser().is_file():
            forms = "csv, parquet, or json of labels" if name == "truth" else "csv or parquet"
            raise ParameterError(f"The '{name}' parameter must be a table ({forms}). {value!r} is not there.")


def _check_verdicts(params: Params) -> None:
    """Check the columns and the words of the verdicts, a user's or the run's own; what they fit is known later."""
    path = RunFolder(working_folder(params.runs_dir, params.name)).verdicts_path(params.verdicts)
    try:
        if path is not None:
            read_rows(path)
    except (ValueError, OSError) as error:
        raise ParameterError(" ".join(str(error).split())) from error


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
def _sha256(path: Path, *_changed: int) -> str:
    return file_sha256(path)


def _remote_hash(address: str) -> str:
    files = sorted(f"{path} {size} {modified}\n" for path, size, modified in files_of(source_of(address)))
    return hashlib.sha256("".join(files).encode("utf-8", "surrogatepass")).hexdigest()


def _listing_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(name for name in files if not is_litter(name)):
            stat = os.lstat(os.path.join(place, name))  # noqa: PTH118 - 300,000 files: text is quicker than Path
            line = f"{place[len(str(folder)) :]}/{name} {stat.st_size} {stat.st_mtime_ns}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
