"""What several test modules share."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "agg")
# threads that wait sleep: spinning, they take the processor from the other workers' tests
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

from small_demo import run_demo

from rarelib.run.folder import RunFolder

# files that take most of the processor (`--durations=0`); they begin first, so that no core waits at the end
DEAREST = (
    "test_faults.py", "test_pipeline.py", "test_ray.py", "test_run_again.py", "test_results_at_an_address.py",
    "test_grown_folder.py", "test_kept_crops.py", "test_lab.py", "test_data_on_disk.py", "test_detection.py",
    "test_bounded_tables.py", "test_pictures_anywhere.py", "test_models.py", "test_qwen2vl.py", "test_projection.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Put the dearest files first; `make test` hands files out in this order."""
    items.sort(key=lambda item: DEAREST.index(item.path.name) if item.path.name in DEAREST else len(DEAREST))


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory):
    """Copies of what lies at addresses, which are not to stay on the machine."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RARELIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory):
    """A folder for what is made once for all workers of pytest-xdist; tests must leave it as it is."""
    place = tmp_path_factory.getbasetemp()
    return place.parent if "PYTEST_XDIST_WORKER" in os.environ else place


@pytest.fixture(scope="session")
def demo(of_all_workers):
    """One finished run and what the terminal said."""
    said = of_all_workers / "demo.txt"
    with FileLock(of_all_workers / "demo.lock"):
        if not said.is_file():
            told = run_demo(of_all_workers / "runs")[1]
            said.write_text(told, encoding="utf-8")
    return RunFolder(of_all_workers / "runs" / "demo"), said.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def tiny_qwen2vl(of_all_workers):
    """The folder of a tiny Qwen2-VL, trained here."""
    from tiny_qwen2vl import build_tiny_qwen2vl

    finished = of_all_workers / "tiny-qwen2-vl.finished"
    with FileLock(of_all_workers / "tiny-qwen2-vl.lock"):
        if not finished.is_file():
            build_tiny_qwen2vl(of_all_workers / "tiny-qwen2-vl")
            finished.touch()
    return of_all_workers / "tiny-qwen2-vl"


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
