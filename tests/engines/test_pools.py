import pytest

from rarelib.engines import choose_workers
from rarelib.engines.ray_pool import _fitting
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
