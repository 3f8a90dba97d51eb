"""Find model files by name, check them before a run, and tell them apart by their content."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..run.folder import find_upwards
from ..run.places import cache_folder
from .pickles import check_pickle, refuse_pickle

DEMO_FOLDER = Path(__file__).parents[1] / "demo" / "models"
DEMO_MODELS = {"yolo_model": "detector.pt", "clip_model": "clip"}
RELEASES = tuple(f"yolov8{size}.pt" for size in "nsmlx")
OTHER_RELEASES = r"(yolo|FastSAM-|rtdetr-)[\w.-]*\.pt"  # of ultralytics, for proposal_model
CLIP_ABOUT = ("config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json",
              "merges.txt")  # fmt: skip
TOKENIZER_FILES = ("tokenizer.json", "vocab.json")
CLIP_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # in order of preference; the second is a pickle
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")  # what file managers leave in folders
YOLO_FORMS = {
    "yolo_model": "a .pt file, an OpenVINO folder, the name of a release such as yolov8x.pt, or demo",
    "proposal_model": "a .pt file, the name of a release such as FastSAM-s.pt, or demo",
}
YOLO_WAYS = {
    "yolo_model": "Give the path of a .pt file or OpenVINO folder with --yolo_model, or --yolo_model demo.",
    "proposal_model": "Give the path of a .pt file with --proposal_model, or leave it out.",
}
CLIP_WAYS = "give a folder with --clip_model, or use --embedder yolo, which needs no download"


def demo_model(parameter: str) -> Path:
    """Return the demo model of "yolo_model" or "clip_model", which comes with rarelib."""
    return DEMO_FOLDER / DEMO_MODELS[parameter]


def check_yolo_model(model: str, *, trust_pickles: bool = False, parameter: str = "yolo_model") -> None:
    """Check a detector before a run starts: it is there, it is weights, and it asks for no foreign code.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a detector's weights, or would run code of its own when loaded.
    """
    path = find_yolo_model(model, parameter=parameter)
    if path is None:
        return  # a release, fetched when the stage starts
    if path.is_dir():
        openvino_file(path)
        read_class_names(path)
    elif not trust_pickles:
        check_pickle(path, parameter)


def find_yolo_model(model: str, *, parameter: str = "yolo_model") -> Path | None:
    """Return the .pt file or OpenVINO folder that a parameter names; None for a release that must be fetched.

    Raises:
        FileNotFoundError: If it is neither there nor a release that can be fetched.
        ValueError: If its suffix is not .pt.
    """
    path = demo_model("yolo_model") if model == "demo" else find_upwards(model)
    fetched = cache_folder() / "releases" / model
    is_release = model in RELEASES or (parameter != "yolo_model" and re.fullmatch(OTHER_RELEASES, model) is not None)
    if not path.exists() and is_release:
        if fetched.is_file():
            return fetched
        if not is_offline("YOLO_OFFLINE"):
            return None
    if not path.exists():
        hint = "Offline, it cannot be fetched. " if is_release else ""
        expected, ways = YOLO_FORMS[parameter], YOLO_WAYS[parameter]
        raise FileNotFoundError(f"The '{parameter}' parameter must be {expected}. {model!r} is not there. {hint}{ways}")
    if path.is_file() and path.suffix != ".pt":
        raise ValueError(f"The '{parameter}' parameter must be {YOLO_FORMS[parameter]}. Got {model!r} instead.")
    return path


def find_clip_model(model: str, *, trust_pickles: bool = False) -> Path | None:
    """Return the folder of the CLIP that clip_model names (local or in the hub's cache); None if it must be fetched.

    Raises:
        FileNotFoundError: If it is not there whole and the hub must not be asked.
        ValueError: If the folder lacks config.json or safe weights.
    """
    path = demo_model("clip_model") if model == "demo" else find_upwards(model)
    if path.is_dir():
        check_clip_folder(path, model, trust_pickles=trust_pickles)
        return path
    looks_local = model == "demo" or model.startswith((".", "/", "~")) or model.count("/") != 1
    cached, offline = None if looks_local else _hub_cached(model), is_offline("HF_HUB_OFFLINE")
    if cached is not None and (offline or _is_loadable(cached, trust_pickles=trust_pickles)):
        check_clip_folder(cached, model, trust_pickles=trust_pickles)
        return cached
    if not looks_local and not offline:
        return None
    raise FileNotFoundError(
        f"The 'clip_model' parameter must be a local folder or a model of the hub. {model!r} is not there; {CLIP_WAYS}."
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
    weights = clip_weights(path)
    if not weights:
        raise ValueError(
            "The 'clip_model' parameter must be a folder with weights. "
            f"{model!r} has no {CLIP_WEIGHTS[0]}; {CLIP_WAYS}."
        )
    if lost := [file.name for file in weights if not file.is_file()]:
        raise ValueError(f"The 'clip_model' parameter must be a whole folder. {model!r} lacks {lost[0]}; {CLIP_WAYS}.")
    if not trust_pickles and not is_safe(weights):
        raise refuse_pickle(weights[0], "clip_model", "to be unpickled")


def clip_weights(folder: Path) -> list[Path]:
    """Return the files of weights that are loaded from a CLIP's folder: one, or an index and its shards; [] for none.

    Raises:
        ValueError: If an index is not one.
    """
    for name in CLIP_WEIGHTS:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return [folder / name]
        if index.is_file():
            return [index, *(folder / name for name in _shards(index))]
    return []


def is_safe(weights: list[Path]) -> bool:
    """Tell whether these files of `clip_weights` are safetensors, so that loading them runs nothing."""
    return weights[0].name.startswith(CLIP_WEIGHTS[0])


def has_tokenizer(folder: Path) -> bool:
    """Tell whether a CLIP's folder can turn texts into tokens."""
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


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


def is_offline(variable: str) -> bool:
    """Tell whether an environment variable such as YOLO_OFFLINE or HF_HUB_OFFLINE forbids the network."""
    return os.environ.get(variable, "").lower() in ("1", "true", "yes", "on")


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, or of the names and contents of a folder's files; hidden files do not count."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return _sha256_of_files(file for file in path.iterdir() if file.is_file())


def clip_sha256(folder: Path) -> str:
    """Return the sha256 of what is loaded from a CLIP's folder: configuration, tokenizer and weights."""
    about = [folder / name for name in CLIP_ABOUT if (folder / name).is_file()]
    return _sha256_of_files([*about, *clip_weights(folder)])


def _sha256_of_files(files: Iterable[Path]) -> str:
    kept = sorted((file for file in files if not is_litter(file.name)), key=lambda file: file.name)
    lines = [f"{file.name} {sha256_of(file)}\n" for file in kept]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def is_litter(name: str) -> bool:
    """Tell whether a file is hidden or left by a file manager."""
    return name.startswith(".") or name in LITTER


def _shards(index: Path) -> list[str]:
    try:
        return sorted(
            {Path(shard).name for shard in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"The 'clip_model' parameter names a folder whose {index.name} is not an index.") from error


def _is_loadable(folder: Path, *, trust_pickles: bool) -> bool:
    weights = clip_weights(folder)
    return bool(weights) and all(file.is_file() for file in weights) and (trust_pickles or is_safe(weights))


def _hub_cached(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(model, "config.json")
    folder = Path(config).parent if isinstance(config, str) else None
    return folder if folder is not None and clip_weights(folder) else None  # a configuration alone is no model
