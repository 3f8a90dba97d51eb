"""Actors on Ray that do numbered tasks by Ray Data, which starts them, feeds them and replaces those that are lost."""

from __future__ import annotations

import logging
import os
import pickle
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..parameter_files import gpu_numbers, squeeze
from .pools import ONE_GPU, Make

ANSWER_S = 10.0
EXPECTED = "The 'ray_address' parameter must be that of a running cluster."
STORE_BYTES = 256 << 20  # rows of tasks and counts travel, pictures do not
SPARE_CPUS = 2  # for what reads the tasks: a pool that takes all of them waits for ever
TRIES, PAUSE_S, END_S = 3, 5.0, 5.0
GPUS_SEEN = "CUDA_VISIBLE_DEVICES"
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no news are sent
    "RAY_TQDM": "0",  # no bars are drawn
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # what its own processes tell each other is not for a notebook
    # a busy machine may take longer than Ray's own half minute; a raylet gives its agents 15 s, which nothing changes
    "RAY_raylet_start_wait_time_s": "60",
    "RAY_gcs_server_port_wait_time_s": "60",
}


class RayPool:
    """Actors on a cluster, each with a model of its own; started for a run of tasks and ended after it."""

    def __init__(self, address: str, *, threads: int, device: str = "auto") -> None:
        """Join a cluster, or start Ray on this machine where no address is given.

        Raises:
            ValueError: If the address does not answer, Ray does not start, or there are too few CPUs or GPUs.
        """
        _check_answers(address)
        os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
        import ray

        if not ray.is_initialized():
            if address:
                _join(address)
            else:
                _start(threads + SPARE_CPUS, device)
        self._actors, self._threads, self._gpus = _fitting(ray.cluster_resources(), device)

    @property
    def size(self) -> int:
        """How many actors work at once."""
        return self._actors

    def run(self, make: Make, tasks: Iterable[tuple[int, Any]], *, limit: int | None = None) -> Iterator[Any]:
        """Do numbered tasks and yield, as they end, what the worker returned; see `pools.Pool`."""
        import ray

        rows = [{"number": number, "task": pickle.dumps(task)} for number, task in tasks]
        if not rows:
            return
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        actors = min(self._actors, len(rows), limit or len(rows))
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            _Actor,
            fn_constructor_args=(make, self._threads, self._gpus),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors),
            num_cpus=self._threads,
            num_gpus=self._gpus,
        )
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what goes wrong is raised
        for row in done.iter_rows():
            result, error = pickle.loads(row["result"])
            if error is not None:
                raise error
            yield result


class _Actor:
    """One worker: makes what does the work once, then does task after task.

    An error travels back as a result: Ray would wrap it in its own words, and try again what cannot succeed.
    """

    def __init__(self, make: Make, threads: int, gpus: int) -> None:
        os.environ.update({ONE_GPU: "1"} if gpus else {})
        self._work, self._error = _attempt(make, threads)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        pairs = zip(batch["number"], batch["task"], strict=True)
        return {"result": [self._do(int(number), task) for number, task in pairs]}

    def _do(self, number: int, task: bytes) -> bytes:
        done = (None, self._error) if self._error else _attempt(lambda: self._work(number, pickle.loads(task)))
        try:
            return pickle.dumps(done)
        except Exception as error:  # what cannot travel: the words of an error can
            return pickle.dumps((None, RuntimeError(f"{type(done[1] or error).__name__}: {done[1] or error}")))


def _attempt(function: Callable[..., Any], *given: Any) -> tuple[Any, Exception | None]:
    """Return what a function returns, and the error that it ends in."""
    try:
        return function(*given), None
    except Exception as error:  # raised again by the driver
        return None, error


def _check_answers(address: str) -> None:
    """Refuse a host and port that nobody listens at, for which Ray would wait minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # auto, which Ray looks up at once
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError as error:
        raise ValueError(f"{EXPECTED} {address!r} does not answer ({error.strerror or error}).") from error


def _join(address: str) -> None:
    import ray

    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # Ray raises this very class when nobody answers in time
        ray.shutdown()
        raise ValueError(f"{EXPECTED} {address!r} does not answer ({squeeze(error, 200)}).") from error


def _start(cpus: int, device: str) -> None:
    """Start Ray here; a machine that is too busy for it is tried again."""
    import ray

    own = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    for tries_left in reversed(range(TRIES)):
        before = _children()
        try:
            with _gpus_seen(device):
                ray.init("local", log_to_driver=False, logging_level="ERROR", **own)
            return
        except Exception as error:  # Ray raises this very class when a machine takes too long
            ray.shutdown()
            _end(_children() - before)
            if not tries_left:
                raise ValueError(
                    f"Ray did not start on this machine in {TRIES} tries ({squeeze(error, 200)}). Where the machine is "
                    f"busy, run again when it has less to do; or start Ray by hand (ray start --head --num-cpus {cpus})"
                    " and give --ray_address auto; or take --engine local."
                ) from error
        time.sleep(PAUSE_S)


@contextmanager
def _gpus_seen(device: str) -> Iterator[None]:
    """Show Ray only the GPUs that the device names by their numbers."""
    numbers, before = gpu_numbers(device), os.environ.get(GPUS_SEEN)
    if not numbers:
        yield
        return
    os.environ[GPUS_SEEN] = ",".join(map(str, numbers))
    try:
        yield
    finally:
        del os.environ[GPUS_SEEN]
        os.environ.update({} if before is None else {GPUS_SEEN: before})


def _children() -> set[Any]:
    import psutil

    return set(psutil.Process().children(recursive=True))


def _end(processes: set[Any]) -> None:
    """End what a start of Ray that failed has left behind."""
    import psutil

    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=END_S)


def _fitting(resources: dict[str, float], device: str) -> tuple[int, int, int]:
    """Return how many actors a cluster can hold, and how many CPUs and GPUs each takes.

    An actor on a CPU takes one; those on GPUs share the CPUs, so that several threads decode for each GPU.
    """
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if device.startswith("cuda") and not gpus:
        raise ValueError("The 'device' parameter asks for a GPU, but the Ray cluster has none; take auto or cpu.")
    on_gpu = device != "cpu" and gpus > 0
    actors = min(cpus - SPARE_CPUS, gpus) if on_gpu else cpus - SPARE_CPUS
    if actors < 1:
        raise ValueError(
            f"The 'engine' parameter ray needs a cluster of at least {SPARE_CPUS + 1} CPUs, so that its readers are "
            f"not starved. This one has {cpus}."
        )
    return actors, max((cpus - SPARE_CPUS) // actors, 1) if on_gpu else 1, int(on_gpu)
