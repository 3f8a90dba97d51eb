"""The choice between threads of this process and a pool of actors on Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Protocol

ENGINES = ("local", "ray")
MISSING = (
    "The 'engine' parameter ray needs the package ray; install rarelib[ray] on every machine, or take engine local."
)
ONE_GPU = "RARELIB_ONE_GPU"  # set in a worker that sees a single GPU, whatever number it has on its machine
Make = Callable[[int], Callable[[int, Any], Any]]


class Pool(Protocol):
    """Does tasks elsewhere; each of its workers writes what it makes."""

    @property
    def size(self) -> int:
        """How many workers work at once."""
        ...

    def run(self, make: Make, tasks: Iterable[tuple[int, Any]], *, limit: int | None = None) -> Iterator[Any]:
        """Do numbered tasks and yield, as they end, what the worker returned, such as how many things it did.

        Args:
            make: Called once in each worker with how many threads it may use; returns what does one task. It must be
                able to travel to the worker.
            tasks: Number and content of each; a task may be done twice, where its worker was lost.
            limit: At most this many workers at once.

        Raises:
            Exception: What a worker raised, as it raised it.
        """


Workers = int | Pool


def check_engine(engine: str, *, ray_address: str = "", device: str = "auto") -> None:
    """Check before a run starts that the engine is installed, and can give the device that is asked for.

    Raises:
        ValueError: If it is unknown, Ray is not installed, or a GPU of this machine is asked for on a cluster.
    """
    if engine not in ENGINES:
        raise ValueError(f"The 'engine' parameter must be one of {ENGINES}. Got {engine!r} instead.")
    if engine == "ray" and find_spec("ray") is None:
        raise ValueError(MISSING)
    if engine == "ray" and ray_address and ":" in device:
        raise ValueError(
            "The 'device' parameter must be auto, cpu or cuda with a ray_address: the cluster gives each worker a GPU. "
            f"Got {device!r} instead."
        )


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
    check_engine(engine, ray_address=ray_address, device=device)
    if engine == "local":
        return threads
    from .ray_pool import RayPool

    return RayPool(ray_address, threads=threads, device=device)
