"""Every model that a run will need, found or fetched before its first stage starts, and known by its content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..params import ParameterError, Params

LEAST_IMGSZ = 32  # px; a cell of the coarsest grid


@dataclass(frozen=True)
class ModelFile:
    """A model as it lies on this machine: its file or folder, and the sha256 of what is loaded from there."""

    path: Path
    sha256: str


def resolve_models(params: Params) -> dict[str, ModelFile]:
    """Return the models that a run will need by their parameters' names; releases and hub models are fetched.

    Raises:
        ParameterError: With one line: which model is missing or cannot be used, and the ways out.
    """
    captions = "" if params.skip_caption else params.caption_source
    wanted: dict[str, Callable[[Params], ModelFile]] = {}
    if params.boxes == "detector" or params.embedder == "yolo":
        wanted["yolo_model"] = _detector
    resolvers = {"proposal_model": _proposer, "proposal_text_model": _text_model}
    wanted |= {name: resolvers[name] for name in proposing_models(params)}
    if params.embedder == "clip" or captions == "clip":
        wanted["clip_model"] = _clip
    if captions == "local":
        wanted["caption_model"] = _caption_model
    try:
        return {name: resolve(params) for name, resolve in wanted.items()}
    except (ValueError, OSError) as error:
        raise ParameterError(" ".join(str(error).split())) from error


def proposing_models(params: Params) -> tuple[str, ...]:
    """Return the parameters that name models which propose boxes beside the detector."""
    if params.boxes != "detector" or not params.proposals or not (params.proposal_model or params.proposal_words):
        return ()
    return ("proposal_model", "proposal_text_model") if params.proposal_words else ("proposal_model",)


def _detector(params: Params) -> ModelFile:
    from ..models.weights import check_yolo_model, find_yolo_model, sha256_of

    check_yolo_model(params.yolo_model, trust_pickles=params.trust_pickles)
    path = find_yolo_model(params.yolo_model)
    if path is None:
        from ..models.detector import yolo_path

        path = yolo_path(params.yolo_model)
        check_yolo_model(params.yolo_model, trust_pickles=params.trust_pickles)
    if params.proposals and params.proposal_imgsz:
        _check_finer_pass(params.proposal_imgsz, path)
    return ModelFile(path, sha256_of(path))


def _check_finer_pass(imgsz: int, path: Path) -> None:
    if imgsz < LEAST_IMGSZ:
        raise ValueError(f"The 'proposal_imgsz' parameter must be 0 or at least {LEAST_IMGSZ}. Got {imgsz} instead.")
    if path.is_dir():
        from ..models.detector import check_any_size

        check_any_size(path)


def _proposer(params: Params) -> ModelFile:
    from ..models.proposer import proposer_path
    from ..models.weights import sha256_of

    path = proposer_path(params.proposal_model, words=params.proposal_words, trust_pickles=params.trust_pickles)
    return ModelFile(path, sha256_of(path))


def _text_model(params: Params) -> ModelFile:
    from ..models.proposer import text_model_folder
    from ..models.weights import clip_sha256

    path = text_model_folder(params.proposal_text_model, trust_pickles=params.trust_pickles)
    return ModelFile(path, clip_sha256(path))


def _clip(params: Params) -> ModelFile:
    from ..models.weights import clip_sha256, find_clip_model, has_tokenizer

    path = find_clip_model(params.clip_model, trust_pickles=params.trust_pickles)
    if path is None:
        from ..models.clip import clip_folder

        path = clip_folder(params.clip_model, trust_pickles=params.trust_pickles)
    if params.caption_source == "clip" and not params.skip_caption and not has_tokenizer(path):
        raise ValueError(
            "The 'caption_source' parameter can be clip only with a CLIP that has a text tower. "
            f"{params.clip_model!r} has no tokenizer; give another --clip_model, or --skip_caption true."
        )
    return ModelFile(path, clip_sha256(path))


def _caption_model(params: Params) -> ModelFile:
    from ..models.weights import sha256_of

    path = Path(params.caption_model).expanduser()
    if not any(path.glob("*.safetensors")):
        raise ValueError(
            "The 'caption_model' parameter must be a checkpoint folder with *.safetensors for caption_source local. "
            f"{params.caption_model!r} is not; give another folder, or --skip_caption true."
        )
    return ModelFile(path, sha256_of(path))
