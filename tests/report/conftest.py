"""A planted run for the tests of the report, module by module."""

import pytest
from PIL import Image
from planted_run import planted_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One planted run that several tests look at; they must leave it as it is."""
    run = planted_run(tmp_path_factory.mktemp("report") / "planted run")
    Image.effect_noise((640, 360), 60).convert("RGB").save(run.path("demo_world/images/drive a/2.jpg"))
    return run
