"""Kill a run at random moments and compare its end with an undisturbed run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from rarelib.run.folder import RunFolder
from rarelib.tables import TABLES

PROJECT = Path(__file__).parents[1]


def start_run(runs_dir: Path, *flags: str) -> subprocess.Popen[bytes]:
    """Start a small demo run in a process of its own; without its audit, which no table holds."""
    command = [sys.executable, "-m", "rarelib", "run", str(PROJECT / "params" / "demo.yaml")]
    options = ["--runs_dir", str(runs_dir), "--demo_scenes", "24", "--task_size", "5", "--audit", "false", *flags]
    return subprocess.Popen(
        command + options, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def finish_run(runs_dir: Path, *flags: str) -> float:
    """Run to the end and return the seconds that it took."""
    start = time.monotonic()
    process = start_run(runs_dir, *flags)
    _, told = process.communicate(timeout=600)
    assert process.returncode == 0, told.decode()
    return time.monotonic() - start


def kill_and_finish(runs_dir: Path, seconds: list[float], *flags: str) -> None:
    """Kill a run after each of these times, going on every time, then let it finish."""
    for wait_s in seconds:
        process = start_run(runs_dir, *flags)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    finish_run(runs_dir, *flags)


def random_moments(n_kills: int, whole_s: float, *, seed: int) -> list[float]:
    """Return moments spread over a whole run, in random order."""
    generator = random.Random(seed)
    moments = [whole_s * (kill + generator.random()) / n_kills for kill in range(n_kills)]
    generator.shuffle(moments)
    return moments


def differences(one: Path, other: Path) -> list[str]:
    """Return how two runs' tables, vectors and crops differ; timings are left out."""
    first, second = RunFolder(one), RunFolder(other)
    found = []
    for table in TABLES:
        left, right = (run.read_table(table).drop(columns="seconds", errors="ignore") for run in (first, second))
        try:
            pd.testing.assert_frame_equal(left, right, check_exact=True)
        except AssertionError as error:
            found.append(f"{table}: {' '.join(str(error).split())[:200]}")
    if not np.array_equal(first.read_vectors()[0], second.read_vectors()[0]):
        found.append("embeddings.npy")
    for folder in ("cropped_objects", "final_outliers", "inliers"):
        contents = [
            {p.relative_to(run.root): p.read_bytes() for p in (run.root / folder).rglob("*.jpg")}
            for run in (first, second)
        ]
        if contents[0] != contents[1]:
            found.append(folder)
    return found


def processes_of(runs_dir: Path) -> list[psutil.Process]:
    """Return the live processes that work on runs in this folder, or are kernels of this interpreter's user."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if process.info["status"] != psutil.STATUS_ZOMBIE and str(runs_dir) in line:
            found.append(process)
    return found
