"""Where models run: OpenVINO on a CPU, torch on a GPU, torch float32 as the reference; and threads that keep order."""

from __future__ import annotations

import copy
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

import cv2
import numpy as np

from ..engines import ONE_GPU
from ..language import say
from ..parameter_files import gpu_numbers
from ..params import Params
from .unreported import import_openvino

RUNTIMES = get_args(Params.model_fields["runtime"].annotation)
CORE_SHARE = 0.8
GPU_BATCH = 16
PRECISION_NAMES = {"f32": "float32", "bf16": "bfloat16", "f16": "float16", "int8": "int8"}

RUNTIME_WORDS = ("as_exported", "cpu", "gpu")  # of what a model ran as, in the phrases

Item = TypeVar("Item")
Result = TypeVar("Result")


def runtime_text(runtime: str, language: str = "en") -> str:
    """Return what a model ran as, which tables keep in English, for people."""
    for word in RUNTIME_WORDS:
        runtime = runtime.replace(say(f"runtime.{word}"), say(f"runtime.{word}", language))
    return runtime


@dataclass(frozen=True)
class Runtime:
    """A choice of library ("openvino" or "torch"), device ("cpu", "cuda", "cuda:0,1") and precision ("bf16", …)."""

    library: str
    device: str
    precision: str

    def __str__(self) -> str:
        name = {"openvino": "OpenVINO", "torch": "torch"}[self.library]
        return f"{name} {PRECISION_NAMES[self.precision]} on {'a CPU' if self.device == 'cpu' else 'a GPU'}"

    @property
    def devices(self) -> tuple[str, ...]:
        """Each device by itself, as torch calls it."""
        numbers = gpu_numbers(self.device)
        return tuple(f"cuda:{number}" for number in numbers) or (self.device,)

    @property
    def unquantized(self) -> str:
        """The precision of a network that is never quantized: that of int8 is what this CPU takes by itself."""
        return _cpu_precision() if self.precision == "int8" else self.precision


def choose_runtime(runtime: str = "auto", device: str = "auto") -> Runtime:
    """Choose how models run, without importing torch on a machine that has no GPU.

    Args:
        runtime: "auto" (OpenVINO on a CPU, torch on a GPU), "torch", "openvino" (bfloat16 where the CPU has it),
            "openvino_f32" or "openvino_int8".
        device: "auto", "cpu", "cuda", "cuda:N", or several, such as "cuda:0,1".

    Raises:
        ValueError: If the runtime or the device is unknown or absent, or OpenVINO is asked for on a GPU.
    """
    if runtime not in RUNTIMES:
        raise ValueError(f"The 'runtime' parameter must be one of {', '.join(RUNTIMES)}. Got {runtime!r} instead.")
    device = _check_device(device)
    library = runtime.partition("_")[0] if runtime != "auto" else "openvino" if device == "cpu" else "torch"
    if library == "openvino" and device != "cpu":
        raise ValueError(f"The 'runtime' parameter must be auto or torch on a GPU. Got {runtime!r} instead.")
    if library == "torch":
        return Runtime("torch", device, "f32" if device == "cpu" else "f16")
    return Runtime("openvino", "cpu", runtime.partition("_")[2] or _cpu_precision())


def worker_count(workers: int | None, *, parallel: bool = True) -> int:
    """Return how many threads work: 1 unless parallel, else the number asked for or 80 % of the cores."""
    if not parallel:
        return 1
    return workers or max(round(len(_own_cores()) * CORE_SHARE), 1)


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int, ahead: int = 2
) -> Iterator[Result]:
    """Yield function(item) in the order of the items, worked on by threads; at most workers + ahead wait in memory."""
    if workers <= 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rarelib")
    waiting: deque[Any] = deque()
    opencv_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # pictures are read side by side: OpenCV's own threads would only get in the way
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= workers + ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        cv2.setNumThreads(opencv_threads)


class OpenVinoNetwork:
    """A compiled OpenVINO model; each thread that calls it has its own request, each request its own cores."""

    batch = 1

    def __init__(self, model: str | Path | Any, precision: str) -> None:
        """Take an .xml file or a model; int8 models carry their precision inside, the rest of them runs in float32."""
        self.model, self.precision = model, precision
        self._opened: tuple[Any, threading.local] | None = None  # compiled, and the request of each thread
        self._workers = 0

    def open(self, workers: int = 1) -> None:
        """Compile for this many threads that call at once; one caller gets all the cores."""
        ov = import_openvino()

        if workers == self._workers:
            return
        cores = len(_own_cores())
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision == "bf16" else "f32",
            "NUM_STREAMS": min(workers, cores),
            "INFERENCE_NUM_THREADS": cores if workers == 1 else min(workers, cores),
        }
        model = ov.Core().read_model(self.model) if isinstance(self.model, str | Path) else self.model
        compiled = ov.compile_model(model, "CPU", settings)
        # the first array that OpenVINO takes must not come from two threads at once: they would wait for each other
        ov.Tensor(np.zeros(1, np.uint8), shared_memory=True)
        self._opened, self._workers = (compiled, threading.local()), workers

    def __call__(self, array: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for one input array; copies, so that they outlive the next call."""
        if self._opened is None:
            self.open()
        compiled, local = self._opened  # type: ignore[misc]  # taken once: another thread may open it anew meanwhile
        if not hasattr(local, "request"):
            local.request = compiled.create_infer_request()
        local.request.infer([array], share_inputs=True)
        return [tensor.data.copy() for tensor in local.request.output_tensors]


class TorchNetwork:
    """A torch module behind the same call: arrays in, arrays out; batches are halved when memory runs out."""

    def __init__(self, module: Any, device: str, precision: str) -> None:
        """Move the module to its device; on a GPU in half precision and channels-last."""
        import torch

        self.precision = precision
        self.device, self.batch = torch.device(device), 1 if device == "cpu" else GPU_BATCH
        self._limit, self._lock = 1 << 30, threading.Lock()
        self._threads = len(_own_cores())
        self.module = module.eval().to(self.device)
        if self.device.type == "cuda":
            self.module = self.module.half().to(memory_format=torch.channels_last)

    def open(self, workers: int = 1) -> None:
        """Share the cores among threads that call at once."""
        self._threads = max(len(_own_cores()) // workers, 1)

    def __call__(self, array: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for one batch, cut into smaller ones where memory asks for it."""
        size = self._limit  # read once: it may shrink while the parts run
        parts = [self._run(array[start : start + size]) for start in range(0, len(array), size)]
        return parts[0] if len(parts) == 1 else [np.concatenate(columns) for columns in zip(*parts, strict=True)]

    def _run(self, array: np.ndarray) -> list[np.ndarray]:
        import torch

        alone = self._lock if self.device.type == "cuda" else _torch_threads(self._threads)
        try:
            with torch.inference_mode(), alone:
                outputs = self.module(torch.from_numpy(np.ascontiguousarray(array)).to(self.device))
                outputs = outputs if isinstance(outputs, tuple) else (outputs,)
                return [output.to("cpu", torch.float32).numpy() for output in outputs]
        except (torch.OutOfMemoryError, MemoryError):
            if len(array) <= 1:
                raise
        self._limit = max(min(self._limit, len(array) // 2), 1)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return self(array)


class Replicas:
    """The same network on several devices; each call goes to one that is free, so that threads keep all of them busy.

    Which device does a batch changes nothing but the last bits; whoever calls in order keeps the order of results.
    """

    def __init__(self, networks: Sequence[TorchNetwork]) -> None:
        """Take one network a device."""
        self._networks, self._free = list(networks), queue.SimpleQueue()
        self.precision, self.batch = networks[0].precision, networks[0].batch
        for network in networks:
            self._free.put(network)

    def open(self, workers: int = 1) -> None:
        """Share threads that call at once among the devices."""
        for network in self._networks:
            network.open(-(-workers // len(self._networks)))

    def __call__(self, array: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for one batch."""
        network = self._free.get()
        try:
            return network(array)
        finally:
            self._free.put(network)


def place_network(module: Any, choice: Runtime) -> TorchNetwork | Replicas:
    """Return a torch module on the device of a choice, or a copy of it on each of several."""
    if len(choice.devices) == 1:
        return TorchNetwork(module, choice.devices[0], choice.precision)
    copies = [copy.deepcopy(module) for _ in choice.devices]
    return Replicas([TorchNetwork(*each, choice.precision) for each in zip(copies, choice.devices, strict=True)])


def _check_device(device: str) -> str:
    if device == "cpu" or (device == "auto" and not _may_have_gpu()):
        return "cpu"
    try:
        numbers = gpu_numbers(device)
    except ValueError as error:
        raise ValueError(f"The 'device' parameter {error}. Got {device!r} instead.") from error
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if count else "cpu"
    if os.environ.get(ONE_GPU):
        device, numbers = "cuda", ()
    if max(numbers, default=0) >= count:
        raise ValueError(f"The 'device' parameter asks for {device!r}, but torch sees {count} GPUs; take auto or cpu.")
    return device


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many cores in the calling thread, and leave that thread's own setting as it was."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _may_have_gpu() -> bool:
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists() or os.name == "nt"


@cache
def _cpu_precision() -> str:
    ov = import_openvino()

    return "bf16" if "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def _own_cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
