"""What several test modules share."""

import os
import shutil
from pathlib import Path

import pytest

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "agg")

from small_demo import run_demo


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory):
    """Copies of what lies at addresses, which are not to stay on the machine."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RARELIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """One finished run and what the terminal said; tests must leave it as it is."""
    return run_demo(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def copied_demo(demo, tmp_path):
    """A folder of runs with a copy of the finished run, which a test may change."""
    shutil.copytree(demo[0].root, tmp_path / "demo", symlinks=True)
    return tmp_path


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real pictures and a real detector, which lie outside the project."""
    folder = Path(os.environ.get("RARELIB_SHARED", Path(__file__).parents[1] / ".." / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("the shared pictures and models are not here (RARELIB_SHARED or ../shared)")
    return folder.resolve()
