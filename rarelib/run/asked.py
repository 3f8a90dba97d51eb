"""What a run was asked for: the parameters in its config.json."""

from __future__ import annotations

from typing import Any

from ..tables import TableError
from .folder import RunFolder

CONFIG = "config.json"


def asked_parameters(run: RunFolder) -> dict[str, Any]:
    """Return the parameters that a run was made with, paths of its machine hidden.

    Raises:
        TableError: If config.json is missing or holds none.
    """
    config = run.read_json(CONFIG)
    parameters = config.get("parameters") if isinstance(config, dict) else None
    if not isinstance(parameters, dict):
        raise TableError(f"{run.root / CONFIG} must hold the run's parameters, as `rarelib run` writes it.")
    return parameters
