"""The notebooks as they lie in git: clean, thin, in two languages."""

import ast
import importlib
import inspect
import itertools
import json
import statistics
from pathlib import Path

import pytest

from rarelib.language import phrases
from rarelib.pipeline.notebooks import notebook_defaults
from rarelib.report.html import DRAWN_HERE
from rarelib.tables import STAGES

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
LIBRARY_ONLY = (ast.FunctionDef, ast.ClassDef, ast.While, ast.Try, ast.For, ast.If, ast.Lambda)


def cells(notebook, kind):
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


def lines(cell):
    return [line for line in "".join(cell["source"]).splitlines() if line.strip()]


def test_there_is_one_notebook_a_stage_and_two_to_look_by_hand():
    assert [notebook.stem for notebook in NOTEBOOKS] == [*STAGES, "compare", "explore", "label_audit"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_it_is_stored_clean(self, notebook):
        content = json.loads(notebook.read_text(encoding="utf-8"))
        assert content["metadata"]["kernelspec"]["name"] == "python3"
        assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(notebook, "code"))

    def test_cells_are_short(self, notebook):
        lengths = [len(lines(cell)) for cell in cells(notebook, "code")]
        assert max(lengths) <= 20
        assert statistics.median(lengths) <= 6

    def test_logic_is_in_the_library(self, notebook):
        for cell in cells(notebook, "code"):
            found = [
                type(node) for node in ast.walk(ast.parse("".join(cell["source"]))) if isinstance(node, LIBRARY_ONLY)
            ]
            assert found == []

    def test_every_code_cell_has_its_text_in_both_languages(self, notebook):
        texts, codes = cells(notebook, "markdown"), cells(notebook, "code")
        assert len(texts) >= len(codes)
        assert all(cell["metadata"]["ja"] for cell in texts)

    def test_text_states_method_and_no_results(self, notebook):
        numbers = [
            word
            for cell in cells(notebook, "markdown")[1:]
            for word in "".join(cell["source"]).split()
            if word.isdigit()
        ]
        assert numbers == []

    def test_parameters_are_tagged(self, notebook):
        tagged = [cell for cell in cells(notebook, "code") if "parameters" in cell["metadata"].get("tags", [])]
        assert len(tagged) == 1


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem in STAGES], ids=lambda path: path.stem)
def test_every_figure_says_how_to_read_it(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for before, cell in itertools.pairwise(cells):
        if "run.save_figure" in "".join(cell["source"]) and path.stem != "07_report":
            assert "How to read it:" in "".join(before["source"]), "".join(cell["source"])
            assert "読み方:" in before["metadata"]["ja"]


def imported(notebook):
    """Return what a notebook imports from rarelib: name -> the thing itself."""
    trees = [ast.parse("".join(cell["source"])) for cell in cells(notebook, "code")]
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    pairs = [(node.module, name.name) for node in found for name in node.names if node.module.startswith("rarelib")]
    return {name: getattr(importlib.import_module(module), name) for module, name in pairs}


def asked(notebook):
    """Return the names of a notebook's parameters."""
    return set(notebook_defaults(json.loads(notebook.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_parameter_reaches_every_function_that_takes_one_of_its_name(notebook):
    known, names = imported(notebook), asked(notebook)
    trees = [ast.parse("".join(cell["source"])) for cell in cells(notebook, "code")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in (call for call in calls if getattr(call.func, "id", "") in known):
        spread = any(keyword.arg is None for keyword in call.keywords)
        takes = list(inspect.signature(known[call.func.id]).parameters)
        given = {*takes[: len(call.args)], *(keyword.arg for keyword in call.keywords)}
        assert spread or names & set(takes) <= given, (ast.unparse(call), names & set(takes) - given)


@pytest.mark.parametrize("notebook", [path for path in NOTEBOOKS if path.stem in STAGES], ids=lambda path: path.stem)
def test_every_figure_that_the_report_shows_has_a_title_in_both_languages(notebook):
    trees = [ast.parse("".join(cell["source"])) for cell in cells(notebook, "code")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    saved = {call.args[1].value for call in calls if getattr(call.func, "attr", "") == "save_figure"}
    assert {name for name in saved - {*DRAWN_HERE} if f"report.plot.{name}" not in phrases()} == set()
