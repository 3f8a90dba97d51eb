"""The script behind docs/scale.md: sums by hand, and the tables of the documents are what it prints."""

import importlib.util
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("scale_costs", PROJECT / "benchmarks" / "scale_costs.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["scale_costs"] = module
    spec.loader.exec_module(module)
    return module


def test_the_sums_are_those_by_hand(script):
    figures = script.Figures(
        images_per_s=10, crops_per_s=100, measured_cores=2, machine_cores=4, embedded_per_picture=2, task_s=0,
        objects_per_picture=5, crop_kb=10, dim=250, score_s_per_million=360, within_hours=10,
    )  # fmt: skip
    cost = script.cost_of(7_200_000, figures)
    assert cost.detect_h == pytest.approx(100) and cost.embed_h == pytest.approx(20)
    assert cost.score_h == pytest.approx(1.44) and cost.machines == 12 and cost.slowest == "detection"
    assert cost.crops_gb == pytest.approx(360) and cost.vectors_gb == pytest.approx(14.4)


def test_ten_times_the_pictures_cost_ten_times_as_much(script):
    few, many = (script.cost_of(pictures, script.Figures()) for pictures in (10**6, 10**7))
    assert many.embed_h == pytest.approx(10 * few.embed_h) and many.vectors_gb == pytest.approx(10 * few.vectors_gb)


@pytest.mark.parametrize("document", ["scale.md", "scale.ja.md"])
def test_the_documents_show_what_the_script_prints(script, document):
    text = (PROJECT / "docs" / document).read_text(encoding="utf-8")
    for line in script.table_lines(script.Figures()):
        if line[2:3].isdigit():
            assert line in text
