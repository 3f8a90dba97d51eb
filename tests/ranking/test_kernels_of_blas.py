"""No number decides by digits in which machines differ: the numeric tests under the kernels of several CPUs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NEEDS = {"Haswell": {"avx2", "fma"}, "Zen": {"avx2", "fma"}, "SkylakeX": {"avx512f", "avx512dq", "avx512bw"}}
NUMERIC = ("test_whitening.py", "test_outliers.py", "test_events.py", "test_tracks.py")
SKIPPED = "not isolation_forest and not however_many and not in_lists and not many_objects and not few_or_equal"
SCRIPT = """
import sys
import numpy
import pytest
import threadpoolctl
used = [found.get("architecture", "").lower() for found in threadpoolctl.threadpool_info()]
if sys.argv[1].lower() not in used:
    sys.exit(f"BLAS took {used}")
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-k", sys.argv[2], *sys.argv[3:]]))
"""


@pytest.fixture(scope="module")
def finished():
    """What came of each kernel's tests: all run at once, each on one thread."""
    here = Path(__file__).parent
    running = {}
    for kernel in filter(has_instructions, NEEDS):
        environment = {**os.environ, "OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", SCRIPT, kernel, SKIPPED, *(str(here / name) for name in NUMERIC)]
        running[kernel] = subprocess.Popen(command, env=environment, cwd=here.parents[1], text=True,
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    return {kernel: (process.communicate()[0], process.returncode) for kernel, process in running.items()}


@pytest.mark.parametrize("kernel", NEEDS)
def test_numeric_tests_pass_whatever_the_kernel(finished, kernel):
    if kernel not in finished:
        pytest.skip(f"this CPU lacks what the kernel {kernel} of OpenBLAS needs: {', '.join(sorted(NEEDS[kernel]))}")
    said, code = finished[kernel]
    if "BLAS took" in said:
        pytest.skip(f"the BLAS of this numpy does not choose kernels by name: {said.strip()}")
    assert code == 0, said[-3000:]


def has_instructions(kernel):
    """Tell whether this CPU has the instructions that a kernel needs."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8").split("flags", 1)[-1].split("\n", 1)[0] if info.is_file() else ""
    return NEEDS[kernel] <= set(flags.split())
