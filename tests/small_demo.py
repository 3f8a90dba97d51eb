"""A small run of the demo world, which several test modules look at."""

import io
from pathlib import Path

from rarelib.params import load_params
from rarelib.pipeline.stages import run_pipeline
from rarelib.pipeline.terminal import Terminal

PROJECT = Path(__file__).parents[1]
DEMO = PROJECT / "params" / "demo.yaml"


def run_demo(runs_dir, *, force=None, notebooks=None, **overrides):
    """Run a small demo and return its folder and what the terminal said."""
    stream = io.StringIO()
    params = load_params(DEMO, {"runs_dir": str(runs_dir), "demo_scenes": 30, **overrides})
    run = run_pipeline(params, terminal=Terminal(stream), force=force, notebooks=notebooks)
    return run, stream.getvalue()
