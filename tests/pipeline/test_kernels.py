"""Kernels: what waits for one is ended, whatever a signal did to it."""

import asyncio

import pytest
from jupyter_core.utils import ensure_event_loop

from rarelib.pipeline import kernels


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
