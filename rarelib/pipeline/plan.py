"""Which stages a run has, in which order, and what each one's results are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..params import ParameterError, Params
from ..pictures.sources import RemotePath, source_of
from ..run.folder import RunFolder, fingerprint
from ..run.places import working_folder
from ..tables import CAPTION, DETECT, EMBED, MAP, REPORT, SCORE, SELECT, STAGES
from .model_files import ModelFile, proposing_models
from .notebooks import notebook_defaults, read_notebook
from .preflight import content_hash

# what changes how a stage is computed, not what comes out; a change here reruns nothing
WITHOUT_EFFECT = {
    "run_folder",
    "parallel",
    "workers",
    "engine",
    "ray_address",
    "batch_size",
    "caption_concurrency",
    "caption_timeout_s",
}


@dataclass(frozen=True)
class Stage:
    """One step of a run: a notebook, the stages it reads, and the parameters that name files or models it reads."""

    name: str
    inputs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    skipped_by: str = ""
    writes: tuple[str, ...] = ()


PIPELINE = (
    Stage(SELECT, files=("images_folder",)),
    Stage(DETECT, (SELECT,), models=("yolo_model", "proposal_model", "proposal_text_model")),
    Stage(EMBED, (DETECT,), ("vocabulary", "ordinary_classes"), models=("clip_model", "yolo_model")),
    Stage(SCORE, (EMBED,), ("truth", "verdicts", "ordinary_classes")),
    Stage(MAP, (SCORE,), skipped_by="skip_visualization", writes=("tables/map.parquet", "plots/map.png")),
    Stage(
        CAPTION,
        (SCORE,),
        models=("caption_model", "clip_model"),
        skipped_by="skip_caption",
        writes=("tables/captions.parquet", "plots/captions.png"),
    ),
    Stage(REPORT, (SCORE, MAP, CAPTION), ("truth",)),
)


@dataclass(frozen=True)
class Planned:
    """A stage as a run asks for it.

    Attributes:
        stage: Which.
        notebook: Its notebook as it lies in the project.
        values: Its parameters.
        wanted: Fingerprint of all that makes its results; None when it is skipped.
        inputs: Fingerprints of the stages that it reads.
    """

    stage: Stage
    notebook: dict[str, Any]
    values: dict[str, Any]
    wanted: str | None
    inputs: dict[str, str | None]


def plan_stages(params: Params, models: Mapping[str, ModelFile], notebooks: Path) -> list[Planned]:
    """Return all stages in order, with what each one's results would be made from.

    Args:
        params: Of the run.
        models: Of `model_files.resolve_models`.
        notebooks: Folder of the stage notebooks.
    """
    planned: dict[str, Planned] = {}
    for stage in PIPELINE:
        notebook = read_notebook(notebooks / f"{stage.name}.ipynb")
        values = {name: getattr(params, name) for name in notebook_defaults(notebook) if name != "run_folder"}
        inputs = {name: planned[name].wanted for name in stage.inputs}
        skipped = stage.skipped_by and getattr(params, stage.skipped_by)
        files = {name: content_hash(_file_of(params, name)) for name in stage.files}
        used = {name: models[name].sha256 for name in stage.models if _uses(stage, name, params)}
        effective = {name: value for name, value in values.items() if name not in WITHOUT_EFFECT}
        files |= _labels_of(params) if _reads_labels(stage, params) else {}
        made_of = [__version__, effective, files, used, inputs, notebook["cells"]]
        planned[stage.name] = Planned(stage, notebook, values, None if skipped else fingerprint(made_of), inputs)
    return list(planned.values())


def stage_named(text: str, option: str) -> str:
    """Return the stage that a text names: 04_score_rarity, 04 or 4.

    Raises:
        ParameterError: If it names none; the message begins with the option that gave it.
    """
    found = [stage for stage in STAGES if stage == text or stage.startswith(text.zfill(2) + "_")]
    if not found:
        raise ParameterError(f"The option '{option}' must name one of {', '.join(STAGES)}. Got '{text[:80]}' instead.")
    return found[0]


def with_followers(name: str) -> set[str]:
    """Return a stage and all that is made from its results."""
    found = {name}
    for stage in PIPELINE:
        if found & set(stage.inputs):
            found.add(stage.name)
    return found


def with_sources(name: str) -> set[str]:
    """Return a stage and all that it is made from."""
    found = {name}
    for stage in reversed(PIPELINE):
        if stage.name in found:
            found |= set(stage.inputs)
    return found


def _reads_labels(stage: Stage, params: Params) -> bool:
    if params.demo_scenes or not params.images_folder:
        return False
    return (stage.name == DETECT and params.boxes == "labels") or (stage.name == SCORE and params.truth == "auto")


def _labels_of(params: Params) -> dict[str, str | None]:
    """Return the content of the label files near the pictures; at an address, their names, sizes and times."""
    from ..datasets.label_places import label_places
    from ..datasets.remote_labels import label_files

    place = source_of(params.images_folder)
    if isinstance(place, RemotePath):
        return {"labels": fingerprint(label_files(place, above_only=True))}
    return {f"labels {n}": content_hash(str(path)) for n, path in enumerate(label_places(place))}


def _file_of(params: Params, name: str) -> str:
    if name == "truth" and params.truth == "auto":
        return ""
    if name != "verdicts":
        return getattr(params, name)
    return str(RunFolder(working_folder(params.runs_dir, params.name)).verdicts_path(params.verdicts) or "")


def _uses(stage: Stage, name: str, params: Params) -> bool:
    if stage.name == DETECT:
        return params.boxes == "detector" and (name == "yolo_model" or name in proposing_models(params))
    if stage.name == EMBED:
        return name == ("clip_model" if params.embedder == "clip" else "yolo_model")
    if stage.name == CAPTION:
        return name == {"clip": "clip_model", "local": "caption_model"}.get(params.caption_source)
    return True
