"""Every parameter of a run once: its type, range, default and meaning."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .parameter_files import ParameterError, gpu_numbers, names_a_folder, one_line, parse_text, read_mapping, squeeze

RARE_KEYWORDS = ("construction", "bicycle", "motorcycle", "trailer", "truck", "bulldozer", "excavator",
                 "forklift", "cement", "roller")  # fmt: skip
OUTLIER_METHODS = ("isolation_forest", "lof", "lof_per_class", "knn", "mahalanobis", "class_conditional_knn")
SELECTIONS = ("ranked", "union", "fdr")
DATASETS = ("auto", "folder", "nuscenes", "kitti", "bdd100k", "coco", "yolo", "video")

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]


class RunParams(BaseModel):
    """The run."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    name: str = Field("run", description="Folder of the run inside runs_dir; by default the parameter file's name")
    runs_dir: str = Field("runs", description="Folder that holds the runs, or an address such as s3://bucket/runs")
    language: Literal["en", "ja"] = Field("en", description="Language of titles, reasons and sentences")
    seed: Count = Field(0, description="Seed of everything random: sampling, forests, maps, the audit")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N, or several GPUs of a machine: cuda:0,1")
    runtime: Literal["auto", "torch", "openvino", "openvino_f32", "openvino_int8"] = Field(
        "auto",
        description="How models run: auto takes openvino on a CPU (bf16 where it has it) and torch on a GPU; "
        "torch on a CPU is the float32 reference",
    )
    parallel: bool = Field(True, description="Overlap decoding, inference and writing on several cores")
    workers: Positive | None = Field(None, description="Worker threads; null takes 80 % of the cores")
    engine: Literal["local", "ray"] = Field(
        "local", description="What detects, embeds and captions: threads, or actors on Ray"
    )
    ray_address: str = Field("", description="Of a Ray cluster, such as auto; empty starts Ray on this machine")
    trust_pickles: bool = Field(
        False, description="Load weights whose pickle asks for more than known layers (can run code!)"
    )

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        gpu_numbers(device)
        return device

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not names_a_folder(name):
            raise ValueError("must be a plain folder name, without '/', '\\' or other special characters")
        return name


class SelectParams(RunParams):
    """1 select: which pictures are looked at."""

    images_folder: str = Field("", description="Folder of pictures and videos, searched recursively")
    dataset: Literal[DATASETS] = Field(  # type: ignore[valid-type]
        "auto", description="Layout of images_folder: how it tells drives, cameras, conditions and labels"
    )
    cameras: list[str] = Field([], description="Only pictures of these cameras, such as CAM_FRONT; empty takes all")
    sweeps: bool = Field(False, description="Also nuScenes pictures between the key frames")
    sampling_rate: Share = Field(1.0, description="Share of the pictures that is drawn at random")
    max_images: Positive | None = Field(None, description="At most this many pictures; null takes all")
    group_pattern: str = Field(
        "auto",
        description="Regular expression whose first group names a picture's drive or scene; auto leaves it "
        "to the data set's layout, which takes sub-folders where it knows nothing better",
    )
    max_megapixels: Annotated[float, Field(gt=0)] = Field(
        200.0, description="Larger pictures are refused (decompression bombs), in million pixels"
    )
    video_fps: Annotated[float, Field(gt=0, le=1000)] = Field(
        1.0, description="Frames taken of each second of a video; each is a picture, and a video is a drive"
    )
    demo_scenes: Count = Field(0, description="Draw this many scenes of the demo world as the run's pictures")


class DetectParams(SelectParams):
    """2 detect: which boxes are kept."""

    boxes: Literal["detector", "labels"] = Field(
        "detector",
        description="Where boxes come from: the detector, or the labels of the data set, all, without a detector",
    )
    yolo_model: str = Field("yolov8x.pt", description="YOLOv8 weights: release, .pt file, OpenVINO folder, or demo")
    conf: Share = Field(0.25, description="Minimum confidence of a detected object")
    iou: Share = Field(0.45, description="Overlap at which non-maximum suppression drops the weaker box")
    max_det: Positive = Field(100, description="At most this many boxes a picture leave the detector")
    keep_crops: Literal["all", "selected"] = Field(
        "all", description="Crops kept on disk; those of objects that are not selected can be cut when they are needed"
    )
    max_objects: Positive = Field(50, description="At most this many objects a picture are cut, best first")
    imgsz: Annotated[int, Field(ge=32, le=1280)] = Field(
        640, description="Longer side of the detector's input [px], rounded up to a multiple of its stride (mostly 32)"
    )
    task_size: Positive = Field(50, description="Pictures that are detected and written as one part")
    proposals: bool = Field(
        True,
        description="Also cut boxes of things without a class (origin 'proposal'); with selection union if asked for",
    )
    max_proposals: Count = Field(10, description="At most this many proposals a picture, best first")
    proposal_imgsz: Count = Field(
        0, description="Longer side of a second, finer pass [px], such as 1280, rounded up as imgsz is; 0: none"
    )
    proposal_model: str = Field("", description="Second detector or segmenter that proposes boxes: .pt or release")
    proposal_words: list[str] = Field([], description="What a YOLO-World (proposal_model) looks for: wheelchair")
    proposal_text_model: str = Field("openai/clip-vit-base-patch32", description="CLIP that reads proposal_words")


class EmbedParams(DetectParams):
    """3 embed: which boxes get a vector, and from what."""

    embedder: Literal["clip", "yolo"] = Field(
        "clip", description="What makes the vectors: CLIP or the detector's own features"
    )
    clip_model: str = Field("openai/clip-vit-base-patch32", description="CLIP by hub name or folder, or demo")
    batch_size: Positive = Field(32, description="Crops embedded at once; halved when memory runs out")
    early_filter: bool = Field(True, description="Embed potentially rare objects and thinned common ones only")
    potential_rare_keywords: list[str] = Field([*RARE_KEYWORDS], description="A class whose name contains one is kept")
    rare_class_share: Share = Field(0.02, description="Ranked or fdr: a class under this share of boxes may be rare")
    potential_rare_share: Share = Field(
        0.3,
        description="With selection union: random others join while the potentially rare are under this share",
    )
    diversity_objects: Count = Field(100, description="With selection union: how many random others join")
    common_per_class: Positive = Field(
        2000, description="With selection ranked or fdr: at most this many objects of each common class are embedded"
    )
    vocabulary: str = Field(
        "",
        description="File of names of things that CLIP compares crops with (text or YAML); "
        "empty takes the package's, off only the class names",
    )
    ordinary_classes: str = Field(
        "", description="File of names of what roads are full of (text or YAML); empty takes the package's"
    )


class ScoreParams(EmbedParams):
    """4 score: what is rare, how much is shown, how it is measured."""

    selection: Literal[SELECTIONS] = Field(  # type: ignore[valid-type]
        "ranked",
        description="ranked: the best of the fused ranking; union: outliers or rare-class candidates, the plain "
        "recipe; fdr: as many of the ranking as keep the share of common ones among them below fdr_level",
    )
    fdr_level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.2, description="With selection fdr: share of the selected objects that may be common"
    )
    outlier_methods: list[Literal[OUTLIER_METHODS]] = Field(  # type: ignore[valid-type]
        list(OUTLIER_METHODS), min_length=1, description="Outlier methods whose scores are computed and shown"
    )
    contamination: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.1, description="Share marked as outliers; with selection union by each of IsolationForest and LOF, joined"
    )
    n_neighbors: Positive = Field(20, description="Neighbours of LOF and of the nearest-neighbour scores")
    rare_class_top_share: Share = Field(0.3, description="Share of the objects that are rare-class candidates")
    rare_class_min: Count = Field(50, description="At least this many rare-class candidates")
    selection_share: Share = Field(0.05, description="With selection ranked: share of the objects that is selected")
    selection_min: Count = Field(50, description="With selection ranked: at least this many are selected")
    proposal_share: Share = Field(
        0.5, description="Most proposals in any beginning of the page, rounded up, while detected objects are left"
    )
    max_per_group: Positive | None = Field(
        None, description="With selection ranked or fdr: at most this many selected objects of one drive or scene"
    )
    duplicate_similarity: Share = Field(
        0.95, description="Cosine from which two objects count as the same event; stricter where all objects look alike"
    )
    memory_gb: Annotated[float, Field(ge=0.1)] = Field(
        8.0,
        description="Memory that scoring plans with [GB]: vectors beyond an eighth of it stay on disk and are compared "
        "by coarser indexes, which take a quarter of it at most; report, check and exports join tables in a quarter",
    )
    audit: bool = Field(True, description="Measure how early an unseen kind would have been shown")
    truth: str = Field(
        "auto",
        description="What the ranking is measured with: a table of true objects (csv, parquet) or a file of labels "
        "(json: COCO, CODA, SearchAD); auto takes the data set's own labels where it has some; empty takes none",
    )
    rare_categories: list[str] = Field(
        [],
        description="Labelled categories that count as rare in the truth, by words of their names; "
        "empty takes what the data set's layout or its labels say",
    )
    verdicts: str = Field(
        "auto",
        description="Your verdicts (csv: object_id, rare) to re-rank with; auto takes the run's own verdicts.csv, "
        "which the explorer writes, where there is one; empty takes none",
    )


class MapParams(ScoreParams):
    """5 map: the vectors in two dimensions."""

    skip_visualization: bool = Field(False, description="Leave the map out")
    map_method: Literal["tsne", "umap"] = Field("tsne", description="How vectors are laid out in two dimensions")
    map_max_points: Positive = Field(5000, description="At most this many objects on the map; the selected come first")


class CaptionParams(MapParams):
    """6 caption: objects in words."""

    skip_caption: bool = Field(False, description="Leave the captions out")
    caption_source: Literal["api", "clip", "local"] = Field(
        "api",
        description="api: an OpenAI-compatible server; clip: nearest phrase; local: a model folder in this process",
    )
    caption_base_url: str = Field("", description="Address of the server; empty takes OPENAI_BASE_URL")
    caption_model: str = Field("Qwen/Qwen2-VL-2B-Instruct", description="Model name at the server, or folder for local")
    caption_phrases: list[str] = Field([], description="Phrases that caption_source clip chooses from")
    caption_concurrency: Annotated[int, Field(ge=1, le=1024)] = Field(16, description="Requests in flight at once")
    caption_timeout_s: Annotated[float, Field(gt=0)] = Field(60.0, description="Longest wait for one answer [s]")
    caption_retries: Annotated[int, Field(ge=0, le=20)] = Field(4, description="Tries again after a failed call")
    caption_max_objects: Count = Field(1000, description="At most this many objects are captioned, rarest first")
    caption_max_side: Annotated[int, Field(ge=28, le=4096)] = Field(
        448, description="Longer side of a sent picture [px]"
    )
    caption_margin: Annotated[float, Field(ge=0, le=2)] = Field(
        0.15, description="Context around the box, as share of its sides"
    )
    caption_scene: bool = Field(False, description="Send the whole picture with the object marked as well")
    caption_doubt: bool = Field(True, description="Ask once more where caption and detector class disagree")


class ReportParams(CaptionParams):
    """7 report: what is left for people."""

    target_classes: list[str] = Field([], description="Classes whose crops are also copied to targets/<class>/")
    report_max_objects: Positive = Field(200, description="At most this many objects in the gallery of report.html")


class Params(ReportParams):
    """The parameters of one run, flat; every stage takes its share of them by name."""

    @model_validator(mode="before")
    @classmethod
    def _no_proposals_in_the_plain_recipe(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {"proposals": False, **values} if values.get("selection") == "union" else values


def parameter_groups() -> dict[str, list[str]]:
    """Return the names of the parameters by the stage that they belong to, in order."""
    stages = [each for each in reversed(Params.__mro__) if issubclass(each, RunParams) and each is not Params]
    return {str(stage.__doc__).rstrip("."): [*inspect.get_annotations(stage)] for stage in stages}


def load_params(path: str | Path | None = None, overrides: Mapping[str, Any] | None = None) -> Params:
    """Read a parameter file and put the overrides over it.

    Args:
        path: YAML file with a flat mapping; None takes the defaults.
        overrides: Values that win over the file, by parameter name; paths may be of pathlib.

    Raises:
        ParameterError: With one line that names the parameter, what it must be, and what came.
    """
    if isinstance(path, Mapping):
        raise ParameterError("Parameters without a file are given as load_params(None, {'images_folder': …}).")
    if not isinstance(overrides, Mapping | None):
        raise ParameterError(f"The overrides must be a mapping of parameters. Got {type(overrides).__name__} instead.")
    values = read_mapping(Path(path)) if path is not None else {}
    if path is not None:
        values.setdefault("name", Path(path).stem)
    given = overrides or {}
    values.update(
        {name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in given.items()}
    )
    for name in values:
        if name not in Params.model_fields:
            near = difflib.get_close_matches(str(name), Params.model_fields, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else " See `python -m rarelib params`."
            raise ParameterError(f"Unknown parameter '{squeeze(name, 80)}'.{hint}")
    try:
        return Params(**values)
    except ValidationError as error:
        raise ParameterError(one_line(error)) from error


def parse_value(name: str, text: str) -> Any:
    """Turn the text of a flag into a parameter's value, as parse_text does; unknown parameters stay text.

    Raises:
        ParameterError: If it is not a value.
    """
    field = Params.model_fields.get(name)
    return text if field is None else parse_text(name, field.annotation, text)
