"""The house: rooms and the direction of their arrows, the public face, and no trace left in other libraries."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rarelib

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "rarelib"
# from the roof to the ground; a room knows only rooms of floors below its own
FLOORS = (
    ("command_line",),
    ("pipeline",),
    ("report", "export"),
    ("explore",),
    ("trust",),
    ("captions",),
    ("demo",),
    ("ranking",),
    ("objects",),
    ("datasets",),
    ("figures",),
    ("models",),
    ("run", "engines"),
    ("pictures",),
    ("addresses",),
    ("settings",),
    ("params", "tables", "language", "words"),
    ("parameter_files",),
)
FLOOR_OF = {room: number for number, floor in enumerate(reversed(FLOORS)) for room in floor}
# package -> the only room that may import it
ALONE = {
    "papermill": "pipeline",
    "nbformat": "pipeline",
    "ultralytics": "models",
    "openvino": "models",
    "openai": "captions",
    "click": "command_line",
    "av": "pictures",
    "ray": "engines",
    "duckdb": "run",
}
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 40
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in FLOOR_OF)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[tuple[str, str]]:
    """Return what a module imports: (room of rarelib or "", top package)."""
    here = ("rarelib", *path.relative_to(PACKAGE).with_suffix("").parts)
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [name.name.split(".") for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*here[: len(here) - node.level]] if node.level else []
            named = [*base, *(node.module.split(".") if node.module else [])]
            found += [named] if len(named) > 1 or not node.level else [[*named, name.name] for name in node.names]
    return [(parts[1] if parts[0] == "rarelib" and len(parts) > 1 else "", parts[0]) for parts in found]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_arrow_points_down(path):
    own = room_of(path)
    for room, _ in imports_of(path):
        if room in FLOOR_OF and room != own:
            assert FLOOR_OF[room] < FLOOR_OF[own], (
                f"{path.relative_to(PROJECT)} imports {room}, which is not below {own}"
            )


def test_every_room_has_a_floor_and_says_what_it_is_for():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms <= FLOOR_OF.keys()
    for room in rooms:
        said = ast.get_docstring(parsed(PACKAGE / room / "__init__.py"))
        assert said and len(said) > 60, room


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_some_libraries_are_known_to_one_room_only(path):
    for _, package in imports_of(path):
        assert ALONE.get(package, room_of(path)) in (room_of(path), *_trainers(path)), (path, package)


def _trainers(path: Path) -> tuple[str, ...]:
    return ("models",) if path.is_relative_to(PACKAGE / "demo" / "train") else ()  # trains what models then load


OPENING = ("open", "read_csv", "read_parquet", "to_csv", "to_parquet", "read_text", "write_text", "savefig", "imread")


@pytest.mark.parametrize("room", ["ranking", "figures"])
def test_the_ranking_opens_no_file_and_the_figures_save_none(room):
    for path in (PACKAGE / room).glob("*.py"):
        calls = [node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
        named = {getattr(call, "attr", getattr(call, "id", "")) for call in calls}
        in_memory = path.stem == "style"
        assert in_memory or named.isdisjoint(OPENING), (path.name, named & set(OPENING))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_and_functions_fit_in_the_head(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_MODULE_LINES, f"{path.name} has {len(lines)} lines"
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert code_lines(node, lines) <= MAX_FUNCTION_LINES, f"{path.name}: {node.name} is too long"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.js")), ids=lambda path: path.name)
def test_scripts_fit_in_the_head(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    """Count the lines of a function's body that are code: no docstring, no comment, no empty line."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    own = lines[body[0].lineno - 1 : function.end_lineno] if body else []
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in own)


def test_the_public_face_is_whole_and_documented():
    for name in rarelib.__all__:
        assert getattr(rarelib, name) is not None
        assert name in dir(rarelib)
        assert name == "__version__" or getattr(rarelib, name).__doc__
    with pytest.raises(AttributeError, match="it offers audit_ranking"):
        _ = rarelib.nothing


def test_importing_changes_nothing_in_other_libraries():
    code = """
import cv2, sys, warnings
from PIL import Image
before = (Image.MAX_IMAGE_PIXELS, cv2.getNumThreads(), list(warnings.filters))
import rarelib
assert not {"torch", "transformers", "matplotlib", "sklearn"} & set(sys.modules)
import matplotlib
style = dict(matplotlib.rcParams)
rarelib.list_images, rarelib.detect_objects, rarelib.score_objects, rarelib.plot_gallery, rarelib.read_truth
assert style == dict(matplotlib.rcParams)
after = (Image.MAX_IMAGE_PIXELS, cv2.getNumThreads(), list(warnings.filters))
assert before[:2] == after[:2], (before[:2], after[:2])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_import_is_a_declared_dependency_and_none_is_unused():
    command = [sys.executable, "-m", "deptry", "--no-ansi", "rarelib"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_dependency_has_a_lower_bound_and_a_pin():
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pinned = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    for one in declared:
        name, bound, _ = one.partition(">=")
        assert bound, f"{one} has no lower bound"
        assert f"\n{name}==" in pinned, f"{name} is not pinned"


def test_the_places_that_contributing_names_are_there():
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:rarelib|notebooks|tests|benchmarks)/[\w/.]*)`", text)
    assert len(named) > 12
    for place in named:
        assert (PROJECT / place).exists(), place
    for floor in FLOORS:
        for room in floor:
            assert re.search(rf"^(.* )?{room}\b", text, flags=re.MULTILINE), room
