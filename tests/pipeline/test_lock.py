"""One run at a time in a folder."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from rarelib.params import ParameterError
from rarelib.pipeline.lock import run_lock

HOLD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from rarelib.pipeline.lock import run_lock
    with run_lock(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(60)
    """
)


@pytest.fixture
def holder(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()
        process.wait()


def test_a_second_run_is_refused_and_told_who_is_first(tmp_path, holder):
    with pytest.raises(ParameterError, match=f"is in use by process {holder.pid}, started"), run_lock(tmp_path):
        pass


def test_the_lock_does_not_outlive_a_killed_process(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with run_lock(tmp_path):
        assert json.loads((tmp_path / "stages" / "lock.json").read_text(encoding="utf-8"))["pid"] == os.getpid()
    assert not (tmp_path / "stages" / "lock.json").exists()


def test_kernels_left_behind_are_ended_but_nothing_else(tmp_path, monkeypatch):
    code = "import time; time.sleep(60)  # {}"
    kernel, other = (
        subprocess.Popen([sys.executable, "-c", code.format(of)]) for of in ("ipykernel_launcher", "a user")
    )
    about = tmp_path / "stages" / "lock.json"
    about.parent.mkdir()
    kernels = [{"pid": each.pid, "started": psutil.Process(each.pid).create_time()} for each in (kernel, other)]
    about.write_text(json.dumps({"pid": 1, "since": "", "kernels": kernels}), encoding="utf-8")
    monkeypatch.setattr("rarelib.pipeline.lock.ORPHAN_WAIT_S", 0.2)
    with run_lock(tmp_path):
        assert kernel.poll() is not None
        assert other.poll() is None
    other.kill()
    other.wait()


def test_a_kernel_of_somebody_else_that_has_the_number_of_an_old_one_is_left_alone(tmp_path, monkeypatch):
    foreign = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)  # ipykernel_launcher"])
    started = psutil.Process(foreign.pid).create_time() - 3600
    about = tmp_path / "stages" / "lock.json"
    about.parent.mkdir()
    recorded = [{"pid": foreign.pid, "started": started}]
    about.write_text(json.dumps({"pid": 1, "since": "", "kernels": recorded}), encoding="utf-8")
    monkeypatch.setattr("rarelib.pipeline.lock.ORPHAN_WAIT_S", 0.2)
    with run_lock(tmp_path) as lock:
        assert foreign.poll() is None
        lock.record_kernel(foreign.pid)
        written = json.loads(about.read_text(encoding="utf-8"))["kernels"]
        assert written == [{"pid": foreign.pid, "started": pytest.approx(started + 3600)}]
    foreign.kill()
    foreign.wait()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, ParameterError])
def test_the_lock_file_goes_however_the_run_ends(tmp_path, error):
    with pytest.raises(error), run_lock(tmp_path):
        raise error("stopped")
    assert list((tmp_path / "stages").iterdir()) == []
    with run_lock(tmp_path):
        pass


def test_a_record_that_nobody_can_read_is_passed_over(tmp_path):
    about = tmp_path / "stages" / "lock.json"
    about.parent.mkdir()
    for text in ("{", '{"pid": 1, "since": "", "kernels": [12]}', '{"pid": 1, "since": "", "kernels": [{"pid": "x"}]}'):
        about.write_text(text, encoding="utf-8")
        with run_lock(tmp_path):
            pass


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ParameterError, match="cannot be written: Not a directory"), run_lock(tmp_path / "file" / "run"):
        pass
