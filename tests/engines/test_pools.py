import os
import pickle
import subprocess
import sys

import pytest

from rarelib.engines import ONE_GPU, choose_workers, ray_pool
from rarelib.engines.ray_pool import GPUS_SEEN, RayPool, _Actor, _fitting
from rarelib.params import ParameterError, load_params
from rarelib.pipeline.preflight import check_inputs


def test_the_local_engine_is_a_number_of_threads():
    assert choose_workers("local", threads=3) == 3


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match=r"must be one of \('local', 'ray'\). Got 'spark'"):
        choose_workers("spark", threads=1)


def test_a_missing_ray_is_said_before_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr("rarelib.engines.pools.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"install rarelib\[ray\]"):
        choose_workers("ray", threads=1)
    params = load_params(None, {"demo_scenes": 1, "engine": "ray", "runs_dir": str(tmp_path), "skip_caption": True})
    with pytest.raises(ParameterError, match=r"install rarelib\[ray\]"):
        check_inputs(params)


def test_some_cpus_are_spared_for_the_readers():
    assert _fitting({"CPU": 16.0}, "cpu") == (14, 1, 0)
    assert _fitting({"CPU": 16.0, "GPU": 4.0}, "auto") == (4, 3, 1)
    with pytest.raises(ValueError, match="at least 3 CPUs"):
        _fitting({"CPU": 2.0}, "cpu")
    with pytest.raises(ValueError, match="has none; take auto or cpu"):
        _fitting({"CPU": 8.0}, "cuda")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_said_at_once(address):
    pytest.importorskip("ray", reason="the extra rarelib[ray] is not installed")
    with pytest.raises(ValueError, match=r"must be that of a running cluster. .*127.0.0.1:1' does not answer"):
        choose_workers("ray", threads=1, ray_address=address)


class Busy:
    """Stands for Ray's start, which cannot be made slow here: it leaves a process behind and fails so many times."""

    def __init__(self, failures):
        self.failures, self.started, self.seen = failures, [], []

    def __call__(self, *args, **options):
        self.seen.append(os.environ.get(GPUS_SEEN))
        self.started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        if len(self.started) <= self.failures:
            raise Exception("The current node timed out during startup.")


@pytest.fixture
def busy(monkeypatch):
    """A machine on which Ray does not start, as often as the test says."""
    ray = pytest.importorskip("ray", reason="the extra rarelib[ray] is not installed")
    busy = Busy(0)
    monkeypatch.setattr(ray_pool, "PAUSE_S", 0.0)
    monkeypatch.setattr(ray, "init", busy)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0, "GPU": 2.0})
    yield busy
    for process in busy.started:
        process.kill()
        process.wait()


@pytest.mark.filterwarnings("ignore")
def test_ray_is_started_again_and_nothing_is_left_of_the_start_that_failed(busy):
    busy.failures = 2
    assert RayPool("", threads=2, device="cpu").size == 2
    assert [process.poll() is None for process in busy.started] == [False, False, True]


@pytest.mark.filterwarnings("ignore")
def test_a_machine_on_which_ray_never_starts_is_said_with_what_to_do(busy):
    busy.failures = 3
    told = r"not start on this machine in 3 tries \(The current node timed out.*--num-cpus 4.*--engine local"
    with pytest.raises(ValueError, match=told):
        RayPool("", threads=2)
    assert [process.poll() is None for process in busy.started] == [False] * 3


@pytest.mark.filterwarnings("ignore")
def test_ray_sees_the_gpus_that_are_asked_for(busy, monkeypatch):
    monkeypatch.setenv(GPUS_SEEN, "0,1,2,3")
    RayPool("", threads=2, device="cuda:1,3")
    RayPool("", threads=2, device="cuda")
    assert busy.seen == ["1,3", "0,1,2,3"] and os.environ[GPUS_SEEN] == "0,1,2,3"


def test_gpus_of_a_cluster_are_not_chosen_by_number():
    with pytest.raises(ValueError, match=r"must be auto, cpu or cuda with a ray_address.*Got 'cuda:0,1'"):
        choose_workers("ray", threads=1, ray_address="auto", device="cuda:0,1")


def of_actor(actor, *tasks):
    rows = {"number": list(range(len(tasks))), "task": [pickle.dumps(task) for task in tasks]}
    return [pickle.loads(result) for result in actor(rows)["result"]]


def test_an_actor_on_a_gpu_knows_that_it_sees_one_only(monkeypatch):
    monkeypatch.setenv(ONE_GPU, "")
    actor = _Actor(lambda threads: lambda number, task: (threads, number, task, os.environ[ONE_GPU]), 3, 0)
    assert of_actor(actor, "a", "b") == [((3, 0, "a", ""), None), ((3, 1, "b", ""), None)]
    actor = _Actor(lambda threads: lambda number, task: os.environ[ONE_GPU], 3, 1)
    assert of_actor(actor, "a") == [("1", None)]


def test_what_cannot_travel_is_said_in_words():
    class Odd(Exception):
        pass

    def work(number, task):
        if task:
            raise Odd("nobody knows me")
        return lambda: None

    (_, told), (_, other) = of_actor(_Actor(lambda _: work, 1, 0), True, False)
    assert str(told) == "Odd: nobody knows me" and "local object" in str(other)
    ((_, error),) = of_actor(_Actor(lambda _: 1 / 0, 1, 0), True)
    assert isinstance(error, ZeroDivisionError)
