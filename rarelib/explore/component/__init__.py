"""The component's own script and style, in parts that are joined: nothing is built, nothing is fetched."""

from __future__ import annotations

from functools import cache
from importlib import resources

PARTS = ("base", "state", "map_ink", "map", "card", "gallery", "toolbar", "picture", "judge", "main")


def notebook_module() -> str:
    """Return the component as an ES module with `export default { render }`, as anywidget wants it."""
    return "\n".join([*map(_script, PARTS), "export default { render };\n"])


def page_script() -> str:
    """Return the component as the script of a page that holds its data."""
    return "\n".join(map(_script, (*PARTS, "standalone")))


def component_style() -> str:
    """Return the style of the component."""
    return _asset("explore.css")


def _script(name: str) -> str:
    return _asset(f"{name}.js")


@cache
def _asset(name: str) -> str:
    return (resources.files(__name__) / name).read_text(encoding="utf-8")
