"""Actors on Ray that do numbered tasks by Ray Data, which starts them, feeds them and replaces those that are lost."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

ANSWER_S = 10.0
EXPECTED = "The 'ray_address' parameter must be that of a running cluster."
STORE_BYTES = 256 << 20  # rows of tasks and counts travel, pictures do not
SPARE_CPUS = 2  # for what reads the tasks: a pool that takes all of them waits for ever
# no news are sent, and no bars are drawn
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TQDM": "0"}


class RayPool:
    """Actors on a cluster, each with a model of its own; started for a run of tasks and ended after it."""

    def __init__(self, address: str, *, threads: int, device: str = "auto") -> None:
        """Join a cluster, or start Ray on this machine where no address is given.

        Raises:
            ValueError: If the address does not answer, or there are too few CPUs or GPUs.
        """
        _check_answers(address)
        os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
        import ray

        if not ray.is_initialized():
            _join(address, cpus=threads + SPARE_CPUS)
        self._actors, self._threads, self._gpus = _fitting(ray.cluster_resources(), device)

    @property
    def size(self) -> int:
        """How many actors work at once."""
        return self._actors

    def run(self, make: Callable[[int], Callable[[int, Any], int]], tasks: Iterable[tuple[int, Any]]) -> Iterator[int]:
        """Do numbered tasks and yield, as they end, what the worker returned; see `pools.Pool`."""
        import ray

        rows = [{"number": number, "task": pickle.dumps(task)} for number, task in tasks]
        if not rows:
            return
        ray.data.DataContext.get_current().enable_progress_bars = False
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            _Actor,
            fn_constructor_args=(make, self._threads),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(self._actors, len(rows))),
            num_cpus=self._threads,
            num_gpus=self._gpus,
        )
        for row in done.iter_rows():
            yield int(row["count"])


class _Actor:
    """One worker: makes what does the work once, then does task after task."""

    def __init__(self, make: Callable[[int], Callable[[int, Any], int]], threads: int) -> None:
        self._work = make(threads)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        pairs = zip(batch["number"], batch["task"], strict=True)
        return {"count": [self._work(int(number), pickle.loads(task)) for number, task in pairs]}


def _check_answers(address: str) -> None:
    """Refuse a host and port that nobody listens at, for which Ray would wait minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # auto, which Ray looks up at once
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError as error:
        raise ValueError(f"{EXPECTED} {address!r} does not answer ({error.strerror or error}).") from error


def _join(address: str, *, cpus: int) -> None:
    """Join a cluster, or start Ray here; a busy machine is tried twice, as Ray itself waits half a minute only."""
    import ray

    own = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    started = {} if address else own
    for tries_left in (0,) if address else (1, 0):
        try:
            ray.init(address or "local", log_to_driver=False, logging_level="ERROR", **started)
            return
        except Exception as error:  # Ray raises this very class when a machine takes too long
            ray.shutdown()
            said = " ".join(str(error).split())[:200]
            if address:
                raise ValueError(f"{EXPECTED} {address!r} does not answer ({said}).") from error
            if not tries_left:
                raise ValueError(f"Ray does not start on this machine: {said}; take engine local.") from error


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
