"""Find model files by name, check them before a run, and keep what is exported from them."""

from __future__ import annotations

import hashlib
import json
import os
import pickletools
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..run.folder import find_upwards, fingerprint

DEMO_FOLDER = Path(__file__).parents[1] / "demo" / "models"
DEMO_MODELS = {"yolo_model": "detector.pt", "clip_model": "clip"}
RELEASES = tuple(f"yolov8{size}.pt" for size in "nsmlx")
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt")
CHUNK_BYTES = 1 << 20
MAX_PICKLE_BYTES = 64 << 20  # the structure of a network without its tensors; a real one has under 1 MiB

# what a detector's pickle may name before the run; ultralytics' restricted unpickler decides anew for each class
KNOWN_MODULES = ("torch", "torchvision", "ultralytics", "collections", "numpy", "pathlib", "_codecs")
KNOWN_BUILTINS = ("set", "getattr", "slice", "dict", "list", "tuple", "int", "float", "bool", "object", "print")


def demo_model(parameter: str) -> Path:
    """Return the demo model of "yolo_model" or "clip_model", which comes with rarelib."""
    return DEMO_FOLDER / DEMO_MODELS[parameter]


def check_yolo_model(model: str, *, trust_pickles: bool = False) -> None:
    """Check a detector before a run starts: it is there, it is weights, and it asks for no foreign code.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a detector's weights, or would run code of its own when loaded.
    """
    path = find_yolo_model(model)
    if path is None:
        return  # a release, fetched when the stage starts
    if path.is_dir():
        openvino_file(path)
        read_class_names(path)
    elif not trust_pickles:
        check_pickle(path, "yolo_model")


def check_clip_model(model: str, *, trust_pickles: bool = False) -> None:
    """Check a CLIP before a run starts: it is there as a folder or in the hub's cache, with safe weights.

    Raises:
        FileNotFoundError: If there is no such folder and no way to fetch it.
        ValueError: If the folder is not a CLIP in transformers' form, or holds pickles only.
    """
    find_clip_model(model, trust_pickles=trust_pickles)


def find_yolo_model(model: str) -> Path | None:
    """Return the .pt file or OpenVINO folder that yolo_model names; None for a release that must be fetched.

    Raises:
        FileNotFoundError: If it is neither there nor a release that can be fetched.
        ValueError: If its suffix is not .pt.
    """
    path = demo_model("yolo_model") if model == "demo" else find_upwards(model)
    fetched = cache_folder() / "releases" / model
    if not path.exists() and model in RELEASES:
        if fetched.is_file():
            return fetched
        if not is_offline("YOLO_OFFLINE"):
            return None
    if not path.exists():
        hint = f"Offline, it must be a local file; fetch {model} where there is network." if model in RELEASES else ""
        expected = "must be a .pt file, an OpenVINO folder, the name of a release such as yolov8x.pt, or demo"
        raise FileNotFoundError(f"The 'yolo_model' parameter {expected}. {model!r} is not there. {hint}".strip())
    if path.is_file() and path.suffix != ".pt":
        raise ValueError(f"The 'yolo_model' parameter must be a .pt file or an OpenVINO folder. Got {model!r} instead.")
    return path


def find_clip_model(model: str, *, trust_pickles: bool = False) -> Path | None:
    """Return the folder of the CLIP that clip_model names (local or in the hub's cache); None if it must be fetched.

    Raises:
        FileNotFoundError: If it is not there and the hub must not be asked.
        ValueError: If the folder lacks config.json or safe weights.
    """
    path = demo_model("clip_model") if model == "demo" else find_upwards(model)
    if path.is_dir():
        check_clip_folder(path, model, trust_pickles=trust_pickles)
        return path
    looks_local = model == "demo" or model.startswith((".", "/", "~")) or model.count("/") != 1
    cached = None if looks_local else _hub_cached(model)
    if cached is not None or (not looks_local and not is_offline("HF_HUB_OFFLINE")):
        return cached
    advice = "give a folder with config.json and model.safetensors, or use --embedder yolo, which needs no download"
    raise FileNotFoundError(
        f"The 'clip_model' parameter must be a local folder or a model of the hub. {model!r} is not there; {advice}."
    )


def check_clip_folder(path: Path, model: str, *, trust_pickles: bool = False) -> None:
    """Check that a folder holds a configuration and weights that are safe to load.

    Raises:
        ValueError: If not; the message names trust_pickles where that would help.
    """
    if not (path / "config.json").is_file():
        raise ValueError(
            f"The 'clip_model' parameter must be a folder in transformers' form. {model!r} has no config.json."
        )
    if any(path.glob("*.safetensors")):
        return
    pickles = sorted(file for file in path.iterdir() if file.suffix in PICKLE_SUFFIXES)
    if not pickles:
        raise ValueError(f"The 'clip_model' parameter must be a folder with weights. {model!r} has no *.safetensors.")
    if not trust_pickles:
        raise refuse_pickle(pickles[0], "clip_model", "to be unpickled")


def is_local_folder(model: str) -> bool:
    """Tell whether clip_model names a folder of the user's (or the demo's), not a model of the hub."""
    return model == "demo" or find_upwards(model).is_dir()


def openvino_file(folder: Path) -> Path:
    """Return the one .xml of an OpenVINO folder.

    Raises:
        ValueError: If it does not hold exactly one .xml with its .bin beside it.
    """
    found = sorted(folder.glob("*.xml"))
    if len(found) != 1 or not found[0].with_suffix(".bin").is_file():
        raise ValueError(
            f"The 'yolo_model' parameter must be a folder with one .xml and its .bin. {folder.name!r} is not."
        )
    return found[0]


def read_class_names(folder: Path) -> list[str]:
    """Return the class names from the metadata.yaml of an ultralytics export.

    Raises:
        ValueError: If they are not there.
    """
    import yaml

    try:
        metadata = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
        return [str(name) for _, name in sorted(metadata["names"].items())]
    except (OSError, ValueError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"The 'yolo_model' parameter must be a folder whose metadata.yaml has names. {folder.name!r} is not."
        ) from error


def check_pickle(path: Path, parameter: str) -> None:
    """Check, without running it, that a .pt is a torch archive whose pickle names only known modules.

    Raises:
        ValueError: If it is no such archive, or asks for more; the message names trust_pickles.
    """
    try:
        foreign = sorted(name for name in _pickled_names(path) if not _is_known(name))
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


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, or of the files of a folder in order of their names."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file()):
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Return the user's folder for what can be made again: ~/.cache/rarelib, or in XDG_CACHE_HOME."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "rarelib"


def cached_export(
    source: Path,
    sha256: str,
    settings: Mapping[str, Any],
    build: Callable[[Path], dict[str, Any]],
    *,
    beside: bool = True,
) -> tuple[Path, dict[str, Any]]:
    """Return the export of a model, made once per content and settings, and what is known about it.

    It lies beside the model, or in the user's cache where that folder cannot be written, and is whole or not there.

    Args:
        source: The model's file or folder.
        sha256: Of its content.
        settings: All else that changes the export.
        build: Fills an empty folder and returns what is to be known about it (JSON).
        beside: Whether the model's own folder is a place for it.
    """
    name = f"{source.stem}_openvino_{fingerprint({'sha256': sha256, **settings})}"
    places = [source.parent, cache_folder()] if beside else [cache_folder()]
    for place in places:
        if (place / name / "about.json").is_file():
            return place / name, json.loads((place / name / "about.json").read_text(encoding="utf-8"))
    place = next((place for place in places if os.access(place, os.W_OK)), cache_folder())
    place.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{name[:40]}", dir=place))
    try:
        about = build(partial)
        (partial / "about.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        _move_whole(partial, place / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return place / name, about


def is_offline(variable: str) -> bool:
    """Tell whether an environment variable such as YOLO_OFFLINE or HF_HUB_OFFLINE forbids the network."""
    return os.environ.get(variable, "").lower() in ("1", "true", "yes", "on")


def _move_whole(partial: Path, final: Path) -> None:
    for file in partial.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    try:
        partial.rename(final)
    except OSError:
        if not (final / "about.json").is_file():  # else another run was quicker, with the same content
            raise


def _hub_cached(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(model, "config.json")
    return Path(config).parent if isinstance(config, str) else None


def _is_known(name: str) -> bool:
    module, _, attribute = name.partition(".")
    return attribute in KNOWN_BUILTINS if module in ("builtins", "__builtin__") else module in KNOWN_MODULES


def _pickled_names(path: Path) -> set[str]:
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
