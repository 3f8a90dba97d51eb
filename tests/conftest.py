"""What several test modules share."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real pictures and a real detector, which lie outside the project."""
    folder = Path(os.environ.get("RARELIB_SHARED", Path(__file__).parents[1] / ".." / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("the shared pictures and models are not here (RARELIB_SHARED or ../shared)")
    return folder.resolve()
