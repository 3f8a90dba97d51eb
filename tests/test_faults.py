"""Faults: kills, signals, a second run, a full disk, folders of bad pictures; nothing lost, nothing half done."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from faults import PROJECT, differences, finish_run, kill_and_finish, random_moments, start_run
from zoo import BAD, make_zoo

from rarelib.pipeline.check import check_run
from rarelib.run.folder import RunFolder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """An undisturbed run and how long it took."""
    runs = tmp_path_factory.mktemp("undisturbed")
    return runs / "demo", finish_run(runs)


def test_kills_at_any_moment_change_nothing(undisturbed, tmp_path):
    whole, seconds = undisturbed
    kill_and_finish(tmp_path, random_moments(8, seconds, seed=1))
    assert differences(whole, tmp_path / "demo") == []
    assert check_run(tmp_path / "demo") == []


@pytest.mark.soak
def test_fifty_kills_change_nothing(undisturbed, tmp_path):
    whole, seconds = undisturbed
    equal = 0
    for number, moment in enumerate(random_moments(50, seconds, seed=2)):
        runs = tmp_path / str(number)
        kill_and_finish(runs, [moment])
        equal += differences(whole, runs / "demo") == []
        shutil.rmtree(runs)
    print(f"\n{equal} of 50 runs that were killed once ended equal to an undisturbed one")
    assert equal == 50


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_signal_stops_the_run_and_its_kernels_within_seconds(sent, tmp_path):
    process = start_run(tmp_path)
    family = _wait_for_kernels(process)
    start = time.monotonic()
    process.send_signal(sent)
    _, told = process.communicate(timeout=30)
    assert time.monotonic() - start < 15
    assert process.returncode == 130
    assert b"the same command goes on from here" in told
    assert b"Traceback" not in told
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


def test_a_kernel_that_the_system_kills_is_one_clear_line(undisturbed, tmp_path):
    process = start_run(tmp_path)
    for member in _wait_for_kernels(process):
        if "ipykernel" in " ".join(member.cmdline()):
            member.kill()  # as Linux does when memory runs out
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"its kernel died, most often for want of memory" in told
    assert b"Traceback" not in told
    finish_run(tmp_path)
    assert differences(undisturbed[0], tmp_path / "demo") == []


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    first = start_run(tmp_path)
    try:
        _wait_for_kernels(first)
        second = start_run(tmp_path)
        _, told = second.communicate(timeout=60)
        assert second.returncode == 2
        assert f"is in use by process {first.pid}" in told.decode()
    finally:
        first.terminate()
        first.communicate(timeout=30)


def test_a_zoo_of_bad_pictures_stops_nothing(tmp_path):
    pictures = tmp_path / "pictures"
    expected = make_zoo(pictures)
    assert len(expected) >= 60
    finish_run(tmp_path / "runs", "--demo_scenes", "0", "--images_folder", str(pictures), "--proposals", "false",
               "--skip_visualization", "true")  # fmt: skip
    run = RunFolder(tmp_path / "runs" / "demo")
    images = run.read_table("images").set_index("path")
    late = run.read_table("unreadable").set_index("image_id")["error"]
    error = images["error"].where(images["error"] != "", images["image_id"].map(late)).fillna("")
    assert set(images.index) == set(expected)
    assert {path for path in expected if error[path]} == {path for path, kind in expected.items() if kind == BAD}
    assert str(tmp_path) not in " ".join(error)
    assert check_run(run.root) == []


def test_a_path_in_a_name_writes_nothing_outside(tmp_path):
    command = start_run(tmp_path / "runs", "--name", "../../escaped")
    _, told = command.communicate(timeout=60)
    assert command.returncode == 2
    assert b"must be a plain folder name" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_one_clear_line(tmp_path):
    tmp_path.chmod(0o500)
    command = start_run(tmp_path)
    _, told = command.communicate(timeout=60)
    tmp_path.chmod(0o700)
    assert command.returncode == 2
    assert b"cannot be written" in told


@pytest.mark.soak
@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can mount a file system")
def test_a_read_only_disk_is_one_clear_line(tmp_path):
    with _mounted(tmp_path, "ro"):
        process = start_run(tmp_path)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 2
        assert b"cannot be written" in told
        assert b"Traceback" not in told


@pytest.mark.soak
@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can mount a small file system")
@pytest.mark.parametrize("megabytes", [1, 2, 4, 8])
def test_a_full_disk_is_one_clear_message(megabytes, undisturbed, tmp_path):
    with _mounted(tmp_path, f"size={megabytes}m"):
        process = start_run(tmp_path)
        _, told = process.communicate(timeout=300)
        assert process.returncode == 1
        assert b"No space left" in told
        assert b"Traceback" not in told
        subprocess.run(["mount", "-o", "remount,size=200m", str(tmp_path)], check=True)
        finish_run(tmp_path)
        assert differences(undisturbed[0], tmp_path / "demo") == []


@pytest.mark.soak
def test_twenty_thousand_scenes_end_to_end(tmp_path):
    process = start_run(tmp_path, "--demo_scenes", "20000", "--task_size", "50", "--audit", "true")
    peak = 0
    while process.poll() is None:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        peak = max([peak, *(_resident_bytes(member) for member in family)])
        time.sleep(1)
    process.communicate()
    assert process.returncode == 0
    seconds = json.loads((tmp_path / "demo" / "statistics.json").read_text(encoding="utf-8"))["seconds"]
    print(f"\n20,000 scenes: largest process {peak / 2**30:.2f} GiB; seconds {seconds}")
    assert check_run(tmp_path / "demo") == []


@contextmanager
def _mounted(folder: Path, options: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _wait_for_kernels(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        family = psutil.Process(process.pid).children(recursive=True)
        if any("ipykernel" in " ".join(member.cmdline()) for member in family):
            time.sleep(2)
            return psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.1)
    raise AssertionError("no kernel was started within a minute")


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def test_the_project_lies_where_the_tests_think():
    assert (Path(PROJECT) / "params" / "demo.yaml").is_file()
