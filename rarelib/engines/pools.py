"""The choice between threads of this process and a pool of actors on Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Protocol

ENGINES = ("local", "ray")
MISSING = (
    "The 'engine' parameter ray needs the package ray; install rarelib[ray] on every machine, or take engine local."
)


class Pool(Protocol):
    """Does tasks elsewhere; each of its workers writes what it makes."""

    def run(self, make: Callable[[int], Callable[[int, Any], int]], tasks: Iterable[tuple[int, Any]]) -> Iterator[int]:
        """Do numbered tasks and yield, as they end, what the worker returned: how many things it did.

        Args:
            make: Called once in each worker with how many threads it may use; returns what does one task. It must be
                able to travel to the worker.
            tasks: Number and content of each; a task may be done twice, where its worker was lost.
        """


Workers = int | Pool


def check_engine(engine: str) -> None:
    """Check before a run starts that what the engine needs is installed.

    Raises:
        ValueError: If it is unknown, or Ray is not installed.
    """
    if engine not in ENGINES:
        raise ValueError(f"The 'engine' parameter must be one of {ENGINES}. Got {engine!r} instead.")
    if engine == "ray" and find_spec("ray") is None:
        raise ValueError(MISSING)


def choose_workers(engine: str, *, threads: int, ray_address: str = "", device: str = "auto") -> Workers:
    """Return a number of threads for the engine local, and a pool of actors for ray.

    Args:
        engine: "local" or "ray".
        threads: Of this process.
        ray_address: Of a running cluster, such as auto or ray://head:10001; "" starts Ray on this machine.
        device: As in models.runtime.choose_runtime; where the cluster has GPUs, each actor takes one.

    Raises:
        ValueError: If the engine is unknown, Ray is not installed, or the cluster has too few CPUs.
    """
    check_engine(engine)
    if engine == "local":
        return threads
    from .ray_pool import RayPool

    return RayPool(ray_address, threads=threads, device=device)
