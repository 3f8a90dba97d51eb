"""Kernels: what waits for one is ended, whatever a signal did to it."""

import asyncio
import os
from contextvars import Context
from pathlib import Path

import psutil
import pytest
from jupyter_core.utils import ensure_event_loop

from rarelib.pipeline import kernels
from rarelib.tables import STAGES


def test_tasks_end_though_a_signal_met_one_of_them():
    loop = ensure_event_loop()

    async def meet_a_signal():
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    async def work():
        await asyncio.gather(asyncio.ensure_future(meet_a_signal()), asyncio.sleep(60))

    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(work())
    assert asyncio.all_tasks(loop)
    kernels._cancel_waiting()
    assert not asyncio.all_tasks(loop)


def test_tasks_of_whoever_calls_go_on():
    """In a notebook the caller's loop runs, and what nbclient waits for is in a loop of its own."""

    async def call():
        beside = asyncio.ensure_future(asyncio.sleep(0.01, "done"))
        with kernels.KernelRelay(Path(), on_start=lambda pid: None) as relay:
            relay.take(STAGES[-1]).client()
            relay.stop()
        return await beside

    assert Context().run(asyncio.run, call()) == "done"  # as in a process where no loop was asked for before


def test_a_task_whose_turn_a_signal_took_away_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(kernels, "CANCEL_S", 0.05)
    loop = ensure_event_loop()
    answer = loop.create_future()

    async def wait_for_answer():
        await answer

    waiting = loop.create_task(wait_for_answer())
    loop.run_until_complete(asyncio.sleep(0))
    answer.set_result(None)
    turn = loop._ready.popleft()  # as when a signal comes between taking the turn and giving it
    kernels._cancel_waiting()
    assert not waiting.done()
    turn._run()
    loop.run_until_complete(asyncio.wait([waiting]))
    assert waiting.cancelled()


def test_what_a_kernel_is_told_stands_in_its_environment_only():
    before = dict(os.environ)
    with kernels.KernelRelay(Path(), lambda pid: None, told={"RARELIB_PROGRESS_FILE": "here.json"}) as relay:
        manager = relay.take(STAGES[-1])
        seen = psutil.Process(manager.provisioner.pid).environ()
        assert dict(os.environ) == before
    assert seen["RARELIB_PROGRESS_FILE"] == "here.json" and seen["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("can_be_written", [True, False])
def test_a_kernel_is_of_this_python_and_leaves_nothing_at_home(tmp_path, monkeypatch, can_be_written):
    home, other = tmp_path / "home", tmp_path / "other" / "kernels" / "python3"
    temporary = tmp_path / ("t" * 100)  # longer than the path of a socket may be
    home.mkdir() if can_be_written else home.touch()  # nothing can be made in a file, not even by root
    temporary.mkdir()
    other.mkdir(parents=True)
    (other / "kernel.json").write_text(
        '{"argv": ["false"], "display_name": "of another project", "language": "python"}'
    )
    for name in ("IPYTHONDIR", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": home, "JUPYTER_PATH": other.parents[1], "TMPDIR": temporary}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("tempfile.tempdir", None)
    with kernels.KernelRelay(Path(), lambda pid: None) as relay:
        client = relay.take(STAGES[-1]).blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        made = client.execute_interactive("import tempfile; assert tempfile.mkdtemp()", timeout=60)
        assert made["content"]["status"] == "ok"
        client.stop_channels()
    assert not (home / ".ipython").exists() and not list(temporary.iterdir())
