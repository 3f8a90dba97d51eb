"""rarelib finds, ranks and explains the rare and the strange among the objects in driving pictures.

`import rarelib as rl` in a notebook offers the names below; each is loaded when it is first used (PEP 562), so that
the import itself takes no torch and no model.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.10.0"

# name -> the room that holds it
_FACE = {
    "audit_ranking": "trust.audit",
    "detect_objects": "objects.detection",
    "embed_objects": "objects.embedding",
    "evaluate_ranking": "trust.evaluation",
    "filter_objects": "ranking.early_filter",
    "list_images": "pictures.listing",
    "load_detector": "models.detector",
    "load_embedder": "objects.embedding",
    "load_params": "params",
    "most_similar": "ranking.nearest",
    "open_run": "run.folder",
    "plot_gallery": "figures.galleries",
    "plot_map": "figures.map",
    "read_crops": "pictures.crops",
    "read_truth": "trust.evaluation",
    "run_pipeline": "pipeline.stages",
    "score_objects": "ranking.scoring",
}
__all__ = ["__version__", *_FACE]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'rarelib' has no attribute {name!r}; it offers {', '.join(_FACE)}")
    found = getattr(import_module(f".{_FACE[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
