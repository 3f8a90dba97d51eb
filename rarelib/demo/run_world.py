"""The demo world inside a run's folder: drawn once, drawn again only when it was asked for differently."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from .. import __version__
from ..run.folder import write_text


def draw_run_world(run_root: Path, *, n_scenes: int, seed: int, workers: int | None = None) -> None:
    """Draw `n_scenes` pictures and their truth into `demo_world/` of the run; nothing for 0 scenes.

    Args:
        run_root: The run's folder.
        n_scenes: How many pictures.
        seed: Seed of the world.
        workers: Processes that draw; None takes all cores.
    """
    folder = run_root / "demo_world"
    wanted = {"n_scenes": n_scenes, "seed": seed, "version": __version__}
    if (_drawn(folder) == wanted and _is_whole(folder, n_scenes)) or (not n_scenes and not folder.exists()):
        return
    shutil.rmtree(folder, ignore_errors=True)
    if n_scenes:
        from .draw.world import save_world

        save_world(folder, n_scenes=n_scenes, seed=seed, workers=workers)
        write_text(folder / "world.json", json.dumps(wanted))


def _is_whole(folder: Path, n_scenes: int) -> bool:
    pictures = sum(len(names) for _, _, names in os.walk(folder / "images"))
    return pictures >= n_scenes and (folder / "truth.parquet").is_file()


def _drawn(folder: Path) -> dict[str, int | str] | None:
    try:
        return json.loads((folder / "world.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
