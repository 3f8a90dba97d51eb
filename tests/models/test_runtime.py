import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rarelib.engines import ONE_GPU
from rarelib.models.runtime import (
    OpenVinoNetwork,
    Replicas,
    Runtime,
    TorchNetwork,
    _cpu_precision,
    _own_cores,
    choose_runtime,
    ordered_map,
    place_network,
    runtime_text,
    worker_count,
)


def test_a_cpu_takes_openvino_and_torch_is_the_reference():
    assert choose_runtime("auto", "cpu").library == "openvino"
    assert str(choose_runtime("torch", "cpu")) == "torch float32 on a CPU"
    assert str(choose_runtime("openvino_f32", "cpu")) == "OpenVINO float32 on a CPU"
    assert runtime_text("OpenVINO bfloat16 on a CPU", "ja") == "OpenVINO bfloat16（CPU）"
    assert runtime_text("OpenVINO bfloat16 on a CPU") == "OpenVINO bfloat16 on a CPU"
    assert choose_runtime("openvino", "cpu").precision in ("bf16", "f32")
    assert choose_runtime("openvino_int8", "cpu").precision == "int8"


@pytest.mark.parametrize(("capable", "precision"), [(["BF16", "FP32"], "bf16"), (["FP32", "INT8"], "f32")])
def test_no_network_is_asked_for_a_precision_that_the_cpu_lacks(monkeypatch, capable, precision):
    monkeypatch.setattr("openvino.Core.get_property", lambda *_: capable)
    _cpu_precision.cache_clear()
    assert choose_runtime("auto", "cpu").precision == precision
    assert choose_runtime("openvino_int8", "cpu").unquantized == precision
    assert choose_runtime("openvino_f32", "cpu").unquantized == "f32"
    monkeypatch.undo()
    _cpu_precision.cache_clear()


@pytest.mark.parametrize("runtime", ["onnx", "openvino_bf16", "torch_f16", "", "OpenVINO"])
def test_an_unknown_runtime_is_refused(runtime):
    with pytest.raises(ValueError, match=r"'runtime' parameter must be one of auto, torch, openvino, .*Got"):
        choose_runtime(runtime, "cpu")


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "cpu:1", "cuda:", "cuda:0,", "cuda:0, 1", "cpu,cpu"])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(ValueError, match=r"'device' parameter must be auto, cpu, cuda, cuda:N.*Got"):
        choose_runtime("auto", device)


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="asks for 'cuda:99', but torch sees"):
        choose_runtime("auto", "cuda:99")


def test_one_gpu_of_several_is_named_twice_or_not_there(monkeypatch):
    with pytest.raises(ValueError, match="must name each GPU once, but names GPU 1 twice"):
        choose_runtime("auto", "cuda:1,0,1")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(ValueError, match="asks for 'cuda:0,2', but torch sees 2 GPUs"):
        choose_runtime("auto", "cuda:0,2")
    choice = choose_runtime("auto", "cuda:1,0")
    assert choice.devices == ("cuda:1", "cuda:0") and str(choice) == "torch float16 on a GPU"
    assert choose_runtime("auto", "cuda").devices == ("cuda",) and choose_runtime("auto", "cpu").devices == ("cpu",)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)  # as in a worker of a cluster
    monkeypatch.setenv(ONE_GPU, "1")
    assert choose_runtime("auto", "cuda:0,1").devices == ("cuda",)


class Slow:
    """A network that takes a while and remembers its rows and who called it at the same time."""

    precision, batch = "f32", 16

    def __init__(self, wait_s):
        self.wait_s, self.rows, self.inside, self.peak, self.opened = wait_s, [], 0, 0, 0

    def open(self, workers):
        self.opened = workers

    def __call__(self, array):
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        time.sleep(self.wait_s)
        self.rows += array[:, 0].tolist()
        self.inside -= 1
        if -1 in array:
            raise MemoryError
        return [array * 2]


def test_each_device_takes_a_batch_at_a_time_and_order_is_kept():
    devices = [Slow(0.001), Slow(0.01)]
    network = Replicas(devices)
    network.open(5)
    batches = [np.full((2, 1), number) for number in range(40)]
    results = list(ordered_map(network, batches, workers=5))
    assert [result[0][0, 0] for result in results] == [2 * number for number in range(40)]
    done = [set(device.rows) for device in devices]
    assert done[0] | done[1] == set(range(40)) and not done[0] & done[1]
    assert done[0] and done[1]
    assert [device.peak for device in devices] == [1, 1] and [device.opened for device in devices] == [3, 3]


def test_a_device_that_fails_is_free_again():
    network = Replicas([Slow(0.0)])
    for _ in range(3):
        with pytest.raises(MemoryError):
            network(np.full((1, 1), -1))
    assert network(np.ones((1, 1)))[0].tolist() == [[2]]


def test_a_network_on_two_devices_gives_what_it_gives_on_one(monkeypatch):
    import torch

    monkeypatch.setattr(Runtime, "devices", ("cpu", "cpu"))  # stand for two GPUs
    module = torch.nn.Linear(4, 3)
    network = place_network(module, Runtime("torch", "cpu", "f32"))
    assert isinstance(network, Replicas)
    rows = np.random.default_rng(0).normal(size=(8, 5, 4)).astype(np.float32)
    alone = TorchNetwork(module, "cpu", "f32")
    network.open(4)
    for found, batch in zip(ordered_map(network, rows, workers=4), rows, strict=True):
        np.testing.assert_allclose(found[0], alone(batch)[0], atol=1e-6)


def test_openvino_on_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr("rarelib.models.runtime._check_device", lambda device: device)
    with pytest.raises(ValueError, match="must be auto or torch on a GPU"):
        choose_runtime("openvino", "cuda")
    assert choose_runtime("auto", "cuda").precision == "f16"


def test_worker_count():
    assert worker_count(8, parallel=False) == 1
    assert worker_count(8) == 8
    assert worker_count(None) >= 1


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_keep_the_order_of_the_items(workers):
    def slow(number):
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(ordered_map(slow, range(40), workers=workers)) == [number * number for number in range(40)]


def test_only_a_few_items_wait_in_memory():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = ordered_map(lambda number: number, items(), workers=2, ahead=2)
    next(results)
    assert len(taken) <= 5
    results.close()


def test_an_error_stops_the_work():
    def fail(number):
        if number == 3:
            raise OSError("disk full")
        return number

    with pytest.raises(OSError, match="disk full"):
        list(ordered_map(fail, range(1000), workers=2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rarelib")]


@pytest.fixture(scope="module")
def doubling():
    import openvino as ov
    from openvino import opset13 as ops

    numbers = ops.parameter([-1, 3], np.float32)
    return ov.Model([ops.multiply(numbers, np.float32(2))], [numbers], "doubling")


def test_threads_share_an_openvino_network(doubling):
    network = OpenVinoNetwork(doubling, "f32")
    network.open(3)
    inputs = [np.full((2, 3), number, np.float32) for number in range(50)]
    outputs = list(ordered_map(lambda array: network(array)[0], inputs, workers=3))
    assert all((output == 2 * array).all() for output, array in zip(outputs, inputs, strict=True))


def test_a_network_may_be_opened_anew_while_threads_call_it(doubling):
    network, stop = OpenVinoNetwork(doubling, "f32"), threading.Event()

    def open_again():
        for number in range(40):
            network.open(1 + number % 2)
        stop.set()

    def call():
        while not stop.is_set():
            assert network(np.ones((1, 3), np.float32))[0].tolist() == [[2, 2, 2]]

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(open_again), pool.submit(call), pool.submit(call)]:
            done.result(60)


def test_the_callers_number_of_torch_threads_stays():
    import torch

    seen, before = [], torch.get_num_threads()

    class Counting(torch.nn.Module):
        def forward(self, rows):
            seen.append(torch.get_num_threads())
            return rows

    try:
        for own in (1, 3):
            torch.set_num_threads(own)
            network = TorchNetwork(Counting(), "cpu", "f32")
            network.open(1)
            network(np.ones((1, 3), np.float32))
            assert torch.get_num_threads() == own
        assert seen == [len(_own_cores())] * 2
    finally:
        torch.set_num_threads(before)


def test_a_network_that_was_not_opened_opens_itself(doubling):
    assert OpenVinoNetwork(doubling, "f32")(np.ones((1, 3), np.float32))[0].tolist() == [[2, 2, 2]]


class Greedy:
    """A network whose memory holds three rows."""

    def __new__(cls):
        import torch

        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.sizes = []

            def forward(self, rows):
                self.sizes.append(len(rows))
                if len(rows) > 3:
                    raise torch.OutOfMemoryError("CUDA out of memory")
                return rows * 2, rows[:, 0]

        return Module()


def test_batches_are_halved_when_memory_runs_out():
    module = Greedy()
    network = TorchNetwork(module, "cpu", "f32")
    rows = np.arange(20, dtype=np.float32).reshape(10, 2)
    doubled, first = network(rows)
    assert (doubled == rows * 2).all() and (first == rows[:, 0]).all()
    assert module.sizes == [10, 5, 2, 2, 1, 5, 2, 2, 1]
    module.sizes.clear()
    network(rows)
    assert max(module.sizes) == 2  # it does not try the large batch again


def test_one_row_that_does_not_fit_is_an_error():
    import torch

    class Full(torch.nn.Module):
        def forward(self, rows):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        TorchNetwork(Full(), "cpu", "f32")(np.zeros((4, 2), np.float32))
